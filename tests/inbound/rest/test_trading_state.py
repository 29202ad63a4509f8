"""/v1/trading-state: the kill switch."""

import pytest
from tests.inbound.rest.admin import USER, Admin, errors_of

PATH = "/v1/trading-state"


def test_nothing_set_is_active_everywhere(admin: Admin) -> None:
    """PT-805: what was never set is ACTIVE."""
    assert admin.client.get(PATH).json() == {"version": 0, "global_state": "ACTIVE", "items": []}


@pytest.mark.parametrize(
    ("body", "scope", "key"),
    [
        ({"state": "HALTED", "reason": "engine is down"}, "GLOBAL", None),
        ({"scope": "GLOBAL", "key": None, "state": "REDUCING", "reason": "r"}, "GLOBAL", None),
        ({"scope": "SYMBOL", "key": "BTCUSDT", "state": "HALTED", "reason": "index"}, "SYMBOL", "BTCUSDT"),
        ({"scope": "USER", "key": USER.upper(), "state": "HALTED", "reason": "case 7"}, "USER", USER),
    ],
)
def test_a_state_is_set_with_who_when_and_why(
    admin: Admin, body: dict[str, object], scope: str, key: str | None
) -> None:
    """PT-805: the put answers what holds, and the list shows it; no If-Match is needed."""
    answer = admin.client.put(PATH, json=body)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    expected = {
        "scope": scope,
        "key": key,
        "state": body["state"],
        "reason": body["reason"],
        "actor": "ada",
        "at": "2026-01-01T00:00:00Z",
    }
    assert answer.json() == expected
    listed = admin.client.get(PATH).json()
    assert listed["items"] == [expected]
    assert listed["global_state"] == (body["state"] if scope == "GLOBAL" else "ACTIVE")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"state": "HALTED"}, {("/reason", "missing")}),
        ({"state": "HALTED", "reason": ""}, {("/reason", "string_too_short")}),
        ({"state": "HALTED", "reason": " \t"}, {("/reason", "string_pattern_mismatch")}),
        ({"state": "HALTED", "reason": "x" * 501}, {("/reason", "string_too_long")}),
        ({"state": "HALTED", "reason": None}, {("/reason", "string_type")}),
        ({"state": "OFF", "reason": "r"}, {("/state", "enum")}),
        ({"reason": "r"}, {("/state", "missing")}),
        ({"scope": "SYMBOL", "state": "HALTED", "reason": "r"}, {("", "key_misfit")}),
        ({"scope": "GLOBAL", "key": "BTCUSDT", "state": "HALTED", "reason": "r"}, {("", "key_misfit")}),
        ({"scope": "USER", "key": "me", "state": "HALTED", "reason": "r"}, {("/key", "uuid")}),
        ({"scope": "SYMBOL", "key": "", "state": "HALTED", "reason": "r"}, {("/key", "identifier")}),
        ({"state": "HALTED", "reason": "r", "actor": "eve"}, {("/actor", "unknown_field")}),
    ],
)
def test_a_change_that_is_not_right_is_422_and_changes_nothing(
    admin: Admin, body: dict[str, object], errors: set[tuple[str, str]]
) -> None:
    """PT-805, PT-811: no state without a reason; the actor is the token's, never the body's."""
    answer = admin.client.put(PATH, json=body)
    assert answer.status_code == 422
    assert errors_of(answer.json()) == errors
    assert admin.client.get(PATH).json()["version"] == 0


@pytest.mark.parametrize(("if_match", "status"), [('"1"', 200), ("*", 200), ('"0"', 412), ("1", 412)])
def test_if_match_is_honoured_when_it_is_sent(admin: Admin, if_match: str, status: int) -> None:
    """PT-810: a put that names a version it saw does not overwrite a later one."""
    admin.client.put(PATH, json={"state": "REDUCING", "reason": "r"})
    answer = admin.client.put(PATH, json={"state": "ACTIVE", "reason": "r"}, headers={"If-Match": if_match})
    assert answer.status_code == status
    assert admin.client.get(PATH).json()["version"] == (2 if status == 200 else 1)
