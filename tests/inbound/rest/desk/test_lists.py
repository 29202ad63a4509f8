"""/v1/lists."""

from typing import Any

import pytest
from tests.inbound.rest.admin import errors_of
from tests.inbound.rest.desk.desk_api import UNKNOWN_ID, DeskApi, a_list, a_rule, naming

LISTS = "/v1/lists"


def test_a_list_is_created_replaced_switched_and_deleted(desk: DeskApi) -> None:
    """AS-219: 201 with Location and ETag, then 200, 200, 204; each change is a version."""
    answer = desk.call("POST", LISTS, json=a_list())
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    path, made = answer.headers["location"], answer.json()
    assert desk.call("GET", path).json() == made
    assert {key: made[key] for key in ("name", "entries", "is_active", "version", "changed_by")} == {
        "name": "high_risk",
        "entries": ["IR", "KP"],
        "is_active": True,
        "version": 1,
        "changed_by": "ada",
    }
    replaced = desk.call("PUT", path, json=a_list("renamed", entries=[], is_active=False))
    assert replaced.json() == {**made, "name": "renamed", "entries": [], "is_active": False, "version": 2}
    on = desk.call("PATCH", f"{path}/status", json={"is_active": True})
    assert (on.json()["is_active"], on.headers["etag"]) == (True, '"3"')
    assert desk.call("DELETE", path).status_code == 204
    assert desk.call("GET", path).status_code == 404


def test_entries_come_back_as_they_were_sent(desk: DeskApi) -> None:
    """AS-219: texts, numbers digit by digit and booleans, in their order."""
    body = '{"name": "mixed", "entries": ["a", 1.50, 123456789012345678901234567890.5, true, "1.5", false]}'
    answer = desk.client.post(LISTS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    assert '"entries": ["a", 1.50, 123456789012345678901234567890.5, true, "1.5", false]' in answer.text


BAD: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "name empty": ({"name": ""}, {("/name", "identifier")}),
    "name missing": ({"name": None}, {("/name", "string_type")}),
    "entries a text": ({"entries": "IR"}, {("/entries", "list_type")}),
    "entries that are none": (
        {"entries": ["IR", None, [], {}, "x" * 4_097]},
        {
            ("/entries/1", "bad_entry"),
            ("/entries/2", "bad_entry"),
            ("/entries/3", "bad_entry"),
            ("/entries/4", "text_too_long"),
        },
    ),
    "unknown": ({"colour": "red"}, {("/colour", "unknown_field")}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_list_that_is_not_right_is_422_at_every_fault(desk: DeskApi, name: str) -> None:
    """AS-219: pointers lead to the entry, in POST and PUT; nothing is stored."""
    changes, errors = BAD[name]
    standing = desk.made(LISTS, a_list("standing"))
    for answer in (
        desk.call("POST", LISTS, json=a_list(**changes) if "name" not in changes else {**a_list(), **changes}),
        desk.call("PUT", f"{LISTS}/{standing['id']}", json={**a_list(), **changes}),
    ):
        assert (answer.status_code, errors_of(answer.json())) == (422, errors)
    assert desk.call("GET", LISTS).json()["items"] == [standing]


def test_a_name_in_use_is_409(desk: DeskApi) -> None:
    """AS-203, AS-219: for POST and for PUT."""
    desk.made(LISTS, a_list("one"))
    two = desk.made(LISTS, a_list("two"))
    for answer in (
        desk.call("POST", LISTS, json=a_list("two")),
        desk.call("PUT", f"{LISTS}/{two['id']}", json=a_list("one")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_a_list_that_an_active_rule_names_stays(desk: DeskApi) -> None:
    """AS-209: deletion, switching off and renaming are 409 and name the rule; new entries are taken."""
    managed = desk.made(LISTS, a_list())
    path = f"{LISTS}/{managed['id']}"
    rule = desk.made("/v1/rules", a_rule("HOLDER", logic_config=naming("high_risk")))
    for answer in (
        desk.call("DELETE", path),
        desk.call("PATCH", f"{path}/status", json={"is_active": False}),
        desk.call("PUT", path, json=a_list("renamed")),
        desk.call("PUT", path, json=a_list(is_active=False)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "HOLDER" in answer.json()["detail"]
    assert desk.call("PUT", path, json=a_list(entries=["SY"])).status_code == 200
    assert desk.call("DELETE", f"/v1/rules/{rule['id']}").status_code == 204
    assert desk.call("DELETE", path).status_code == 204


def test_if_match_of_lists_is_honoured_and_not_required(desk: DeskApi) -> None:
    """AS-214: another version is 412 with the current ETag."""
    path = f"{LISTS}/{desk.made(LISTS, a_list())['id']}"
    for method, where, body in (
        ("PUT", path, a_list()),
        ("PATCH", f"{path}/status", {"is_active": False}),
        ("DELETE", path, None),
    ):
        answer = desk.call(method, where, json=body, If_Match='"2"')
        assert (answer.status_code, answer.headers["etag"]) == (412, '"1"')
    assert desk.call("DELETE", path, If_Match='"1"').status_code == 204


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [("GET", "", None), ("PUT", "", a_list()), ("PATCH", "/status", {"is_active": True}), ("DELETE", "", None)],
)
def test_a_list_that_is_not_there_is_404(desk: DeskApi, method: str, suffix: str, body: object) -> None:
    """AS-219: an unknown id is 404, a text that is no UUID is 422."""
    assert desk.call(method, f"{LISTS}/{UNKNOWN_ID}{suffix}", json=body).status_code == 404
    assert desk.call(method, f"{LISTS}/x{suffix}", json=body).status_code == 422


def test_lists_are_listed_by_their_filters(desk: DeskApi) -> None:
    """AS-210: by activity and name, page by page."""
    for name, is_active in (("a", True), ("b", False), ("c", True)):
        desk.made(LISTS, a_list(name, is_active=is_active))

    def names(query: str) -> str:
        return "".join(item["name"] for item in desk.call("GET", f"{LISTS}?{query}").json()["items"])

    assert [names(query) for query in ("", "is_active=true", "name=b", "limit=1")] == ["abc", "ac", "b", "a"]
