"""/v1/thresholds."""

from typing import Any

import pytest
from tests.inbound.rest.admin import PROBLEM, errors_of
from tests.inbound.rest.desk.desk_api import UNKNOWN_ID, DeskApi, ranges

THRESHOLDS = "/v1/thresholds"
WHOLE = {"score_from": 0, "score_to": 1000, "decision": "APPROVED", "scope": {}}


def put(desk: DeskApi, *cuts: int, scope: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    answer = desk.call("PUT", THRESHOLDS, json={"scope": scope or {}, "ranges": ranges(*cuts)})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def listed(desk: DeskApi) -> list[tuple[int, int]]:
    items = desk.call("GET", f"{THRESHOLDS}?limit=200").json()["items"]
    return [(item["score_from"], item["score_to"]) for item in items]


def test_all_ranges_of_a_scope_are_put_in_one_call(desk: DeskApi) -> None:
    """AS-208, AS-218: the rows come back whole; the ETag is the version of all thresholds, as the listing gives it."""
    answer = desk.call("PUT", THRESHOLDS, json={"scope": {"country": ["LI", "CH"]}, "ranges": ranges(299, 699)})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    first = answer.json()["items"][0]
    assert {key: first[key] for key in ("score_from", "score_to", "decision", "scope", "is_active", "version")} == {
        "score_from": 0,
        "score_to": 299,
        "decision": "APPROVED",
        "scope": {"country": ["CH", "LI"]},
        "is_active": True,
        "version": 1,
    }
    assert desk.call("GET", f"{THRESHOLDS}/{first['id']}").json() == first
    listing = desk.call("GET", THRESHOLDS)
    assert (listing.json()["items"], listing.headers["etag"]) == (answer.json()["items"], '"1"')


def test_ranges_put_again_replace_those_of_the_scope_alone(desk: DeskApi) -> None:
    """AS-208: what stands as it is wanted keeps its id; an empty list takes all away; other scopes stay."""
    put(desk, 500, scope={"country": ["CH"]})
    before = put(desk, 299, 699)
    after = put(desk, 299)
    assert after[0] == before[0]
    assert listed(desk) == [(0, 500), (501, 1000), (0, 299), (300, 1000)]
    answer = desk.call("PUT", THRESHOLDS, json={"scope": {}, "ranges": []})
    assert (answer.status_code, answer.json()) == (200, {"items": []})
    assert listed(desk) == [(0, 500), (501, 1000)]


UNSOUND: dict[str, tuple[list[dict[str, Any]], set[tuple[str, str]]]] = {
    "gap inside": (
        [
            {"score_from": 0, "score_to": 299, "decision": "APPROVED"},
            {"score_from": 301, "score_to": 1000, "decision": "REJECTED"},
        ],
        {("/ranges/1", "gap")},
    ),
    "gaps at both ends": ([{"score_from": 1, "score_to": 999, "decision": "APPROVED"}], {("/ranges/0", "gap")}),
    "overlap": (
        [
            {"score_from": 0, "score_to": 300, "decision": "APPROVED"},
            {"score_from": 300, "score_to": 1000, "decision": "REJECTED"},
        ],
        {("/ranges/1", "overlap")},
    ),
    "beyond": (
        [{"score_from": 0, "score_to": 1001, "decision": "APPROVED"}],
        {("/ranges/0/score_to", "less_than_equal")},
    ),
    "below": (
        [{"score_from": -1, "score_to": 1000, "decision": "APPROVED"}],
        {("/ranges/0/score_from", "greater_than_equal")},
    ),
    "upside down": (
        [{"score_from": 6, "score_to": 5, "decision": "APPROVED"}],
        {("/ranges/0/score_to", "range_upside_down")},
    ),
    "no decision": (
        [{"score_from": 0, "score_to": 1000, "decision": "LUCK"}],
        {("/ranges/0/decision", "enum")},
    ),
    "in parts": (
        [{"score_from": 0.5, "score_to": 1000, "decision": "APPROVED"}],
        {("/ranges/0/score_from", "int_type")},
    ),
    "with a scope of its own": ([WHOLE], {("/ranges/0/scope", "unknown_field")}),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_ranges_that_do_not_cover_every_score_once_are_422(desk: DeskApi, name: str) -> None:
    """AS-206, AS-218: the pointer leads to the range; what stood stays."""
    put(desk, 500)
    wrong, errors = UNSOUND[name]
    answer = desk.call("PUT", THRESHOLDS, json={"scope": {}, "ranges": wrong})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert errors_of(answer.json()) == errors
    assert listed(desk) == [(0, 500), (501, 1000)]


def test_scopes_that_can_meet_are_422(desk: DeskApi) -> None:
    """AS-207: equally many keys that one request can match are refused; the words name both scopes."""
    put(desk, scope={"country": ["CH"]})
    answer = desk.call("PUT", THRESHOLDS, json={"scope": {"product_type": ["LOAN"]}, "ranges": ranges()})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/scope", "unsound")
    assert "country CH" in error["detail"]
    assert "product_type LOAN" in error["detail"]
    put(desk, scope={"country": ["AT"]})
    put(desk, scope={"country": ["CH"], "product_type": ["LOAN"]})
    answer = desk.call("POST", THRESHOLDS, json={**WHOLE, "scope": {"source_system": ["crm"]}})
    assert (answer.status_code, errors_of(answer.json())) == (422, {("", "unsound")})


def test_a_threshold_is_created_changed_and_deleted(desk: DeskApi) -> None:
    """AS-218: 201, 200, 200, 204; each change is a version with an ETag."""
    answer = desk.call("POST", THRESHOLDS, json=WHOLE)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    path = answer.headers["location"]
    assert desk.call("GET", path).json() == answer.json()
    changed = desk.call("PUT", path, json={**WHOLE, "decision": "MANUAL_REVIEW"})
    assert (changed.json(), changed.headers["etag"]) == (
        {**answer.json(), "decision": "MANUAL_REVIEW", "version": 2},
        '"2"',
    )
    off = desk.call("PATCH", f"{path}/status", json={"is_active": False})
    assert (off.json()["is_active"], off.json()["version"]) == (False, 3)
    assert desk.call("DELETE", path).status_code == 204
    assert desk.call("GET", path).status_code == 404


def test_a_change_that_would_leave_a_gap_is_refused(desk: DeskApi) -> None:
    """AS-206, AS-218: 422 where the body is to blame, 409 where only what stands is."""
    low, _, _ = put(desk, 299, 699)
    path = f"{THRESHOLDS}/{low['id']}"
    draft = {"score_from": 0, "score_to": 200, "decision": "APPROVED", "scope": {}}
    answer = desk.call("PUT", path, json=draft)
    assert (answer.status_code, errors_of(answer.json())) == (422, {("", "unsound")})
    answer = desk.call("POST", THRESHOLDS, json=draft)
    assert (answer.status_code, errors_of(answer.json())) == (422, {("", "unsound")})
    answer = desk.call("PATCH", f"{path}/status", json={"is_active": False})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    answer = desk.call("DELETE", path)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert desk.call("GET", path).json() == low


def test_if_match_of_thresholds_is_honoured_and_not_required(desk: DeskApi) -> None:
    """AS-214: one row by its version, a scope by the version of all thresholds."""
    (row,) = put(desk)
    path = f"{THRESHOLDS}/{row['id']}"
    body = {"scope": {}, "ranges": ranges(500)}
    for method, where, sent in (
        ("PUT", path, {**WHOLE, "decision": "REJECTED"}),
        ("PATCH", f"{path}/status", {"is_active": True}),
        ("DELETE", path, None),
        ("PUT", THRESHOLDS, body),
    ):
        answer = desk.call(method, where, json=sent, If_Match='"7"')
        assert (answer.status_code, answer.headers["etag"]) == (412, '"1"')
    assert desk.call("PUT", path, json={**WHOLE, "decision": "REJECTED"}, If_Match='"1"').status_code == 200
    assert desk.call("PUT", THRESHOLDS, json=body, If_Match='"1"').status_code == 412
    assert desk.call("PUT", THRESHOLDS, json=body, If_Match='"2"').headers["etag"] == '"3"'


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [("GET", "", None), ("PUT", "", WHOLE), ("PATCH", "/status", {"is_active": True}), ("DELETE", "", None)],
)
def test_a_threshold_that_is_not_there_is_404(desk: DeskApi, method: str, suffix: str, body: object) -> None:
    """AS-218: an unknown id is 404, a text that is no UUID is 422."""
    assert desk.call(method, f"{THRESHOLDS}/{UNKNOWN_ID}{suffix}", json=body).status_code == 404
    assert desk.call(method, f"{THRESHOLDS}/x{suffix}", json=body).status_code == 422


@pytest.mark.parametrize("field", ["score_from", "score_to", "decision", "scope"])
def test_a_threshold_needs_every_field(desk: DeskApi, field: str) -> None:
    """AS-218: what is missing is named."""
    body = dict(WHOLE)
    del body[field]
    answer = desk.call("POST", THRESHOLDS, json=body)
    assert (answer.status_code, errors_of(answer.json())) == (422, {(f"/{field}", "missing")})


def test_thresholds_are_listed_by_their_filters(desk: DeskApi) -> None:
    """AS-210: is_active and the four fields of a scope, page by page."""
    put(desk, 500, scope={"country": ["CH"]})
    put(desk, 500, scope={"country": ["CH"], "product_type": ["LOAN"]})
    desk.made(THRESHOLDS, {**WHOLE, "is_active": False})

    def count(query: str) -> int:
        return len(desk.call("GET", f"{THRESHOLDS}?{query}").json()["items"])

    counted = [count(query) for query in ("", "is_active=true", "country=CH", "product_type=LOAN", "source_system=x")]
    assert counted == [5, 4, 4, 2, 0]
    page = desk.call("GET", f"{THRESHOLDS}?limit=3").json()
    rest = desk.call("GET", f"{THRESHOLDS}?limit=3&cursor={page['next_cursor']}").json()
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (3, 2, None)
