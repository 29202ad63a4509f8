"""/v1/rules."""

from typing import Any

import pytest
from tests.inbound.rest.admin import NOW_US, PROBLEM, errors_of
from tests.inbound.rest.desk.desk_api import DEBT_RATIO, UNKNOWN_ID, DeskApi, a_list, a_request, a_rule, naming

from tidegate.core.kernel.readings import instant_text

RULES = "/v1/rules"


def test_a_rule_is_created_at_version_1_and_read_where_it_says(desk: DeskApi) -> None:
    """AS-211: 201 with Location and ETag; is_active is true by default; the document is the rule with who and when."""
    body = a_rule(scope={"country": ["LI", "CH", "CH"], "product_type": ["LOAN"]})
    answer = desk.call("POST", RULES, json=body)
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    made = answer.json()
    assert answer.headers["location"] == f"{RULES}/{made['id']}"
    assert desk.call("GET", answer.headers["location"]).json() == made
    assert made == {
        **body,
        "scope": {"country": ["CH", "LI"], "product_type": ["LOAN"]},
        "id": made["id"],
        "is_active": True,
        "version": 1,
        "created_at": instant_text(NOW_US),
        "updated_at": instant_text(NOW_US),
        "changed_by": "ada",
    }


def test_the_source_s_preset_is_a_rule(desk: DeskApi) -> None:
    """AS-211: parameters alone (a banned countries list) are kept as they were sent."""
    preset = {"type": "country_in", "countries": ["IR", "KP"], "outcome": "REJECTED"}
    assert desk.made(RULES, a_rule(logic_config=preset))["logic_config"] == preset


def test_numbers_of_a_rule_come_back_digit_by_digit(desk: DeskApi) -> None:
    """AS-202: numbers in a condition never pass through float, and keys keep their order."""
    logic = '{"params": {"b": 1.10, "a": 123456789012345678901234567890.000000001}, "when": {"field": "context_data.x", "op": "gt", "value": {"param": "b"}}}'  # noqa: E501 - one JSON text
    body = f'{{"rule_code": "R", "category": "FRAUD", "weight": 1e2, "logic_config": {logic}, "scope": {{}}}}'
    answer = desk.client.post(RULES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text
    assert logic in answer.text
    assert answer.json()["weight"] == 100


BAD: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "code empty": ({"rule_code": ""}, {("/rule_code", "identifier")}),
    "code too long": ({"rule_code": "x" * 129}, {("/rule_code", "identifier")}),
    "code reserved": ({"rule_code": "NO_THRESHOLD"}, {("/rule_code", "reserved_code")}),
    "category": ({"category": "LUCK"}, {("/category", "enum")}),
    "weight above": ({"weight": 1001}, {("/weight", "less_than_equal")}),
    "weight below": ({"weight": -1001}, {("/weight", "greater_than_equal")}),
    "weight in parts": ({"weight": 1.5}, {("/weight", "int_type")}),
    "weight a text": ({"weight": "5"}, {("/weight", "int_type")}),
    "weight a boolean": ({"weight": True}, {("/weight", "int_type")}),
    "logic a list": ({"logic_config": []}, {("/logic_config", "dict_type")}),
    "logic of nothing": ({"logic_config": {}}, {("/logic_config", "ambiguous_logic")}),
    "logic of both": ({"logic_config": {**DEBT_RATIO, "type": "country_in"}}, {("/logic_config", "ambiguous_logic")}),
    "preset unknown": ({"logic_config": {"type": "luck"}}, {("/logic_config/type", "unknown_preset")}),
    "list unknown": (
        {"logic_config": naming("nowhere")},
        {("/logic_config/when/all/0", "unknown_list")},
    ),
    "preset list unknown": (
        {"logic_config": {"type": "country_in", "countries": {"list": "nowhere"}}},
        {("/logic_config/countries", "unknown_list")},
    ),
    "op misfit": (
        {"logic_config": {"when": {"all": [{"field": "country", "op": "gt", "value": "5"}]}}},
        {("/logic_config/when/all/0", "op_misfit")},
    ),
    "regex": (
        {"logic_config": {"when": {"not": {"field": "country", "op": "matches", "value": "("}}}},
        {("/logic_config/when/not", "bad_regex")},
    ),
    "provider misnamed": (
        {"logic_config": {**DEBT_RATIO, "providers": ["not a name"]}},
        {("/logic_config/providers/0", "bad_provider_name")},
    ),
    "on_unknown": (
        {"logic_config": {**DEBT_RATIO, "on_unknown": "shrug"}},
        {("/logic_config/on_unknown", "bad_choice")},
    ),
    "outcome": ({"logic_config": {**DEBT_RATIO, "outcome": "APPROVED"}}, {("/logic_config/outcome", "bad_choice")}),
    "scope a list": ({"scope": []}, {("/scope", "object_type")}),
    "scope key": ({"scope": {"city": ["Bern"]}}, {("/scope/city", "unknown_field")}),
    "scope of nothing": ({"scope": {"country": []}}, {("/scope/country", "too_short")}),
    "scope null": ({"scope": {"country": None}}, {("/scope/country", "null_refused")}),
    "scope a text": ({"scope": {"country": "CH"}}, {("/scope/country", "list_type")}),
    "scope country": ({"scope": {"country": ["CH", "ch"]}}, {("/scope/country/1", "string_pattern_mismatch")}),
    "scope value empty": ({"scope": {"product_type": [""]}}, {("/scope/product_type/0", "string_too_short")}),
    "scope value too long": ({"scope": {"product_type": ["x" * 257]}}, {("/scope/product_type/0", "string_too_long")}),
    "is_active": ({"is_active": "yes"}, {("/is_active", "bool_type")}),
    "id given": ({"id": UNKNOWN_ID}, {("/id", "unknown_field")}),
    "everything at once": (
        {
            "rule_code": "",
            "weight": 2000,
            "scope": {"city": ["Bern"]},
            "logic_config": {
                "when": {"all": [{"field": "luck", "op": "eq", "value": "x"}, {"any": []}]},
                "on_unknown": "shrug",
                "extra": 1,
            },
        },
        {
            ("/rule_code", "identifier"),
            ("/weight", "less_than_equal"),
            ("/scope/city", "unknown_field"),
            ("/logic_config/when/all/0", "unknown_field"),
            ("/logic_config/when/all/1", "empty_group"),
            ("/logic_config/on_unknown", "bad_choice"),
            ("/logic_config/extra", "unknown_key"),
        },
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("way", ["create", "replace", "validate", "test"])
def test_a_rule_that_is_not_right_is_422_at_every_fault(desk: DeskApi, name: str, way: str) -> None:
    """AS-212, AS-216, AS-217, AS-209: pointers lead into the body, to the leaf; nothing is stored, whichever way."""
    changes, errors = BAD[name]
    body = a_rule(**changes)
    standing = desk.made(RULES, a_rule("STANDING"))
    if way == "create":
        answer = desk.call("POST", RULES, json=body)
    elif way == "replace":
        answer = desk.call("PUT", f"{RULES}/{standing['id']}", json=body)
    elif way == "validate":
        answer = desk.call("POST", f"{RULES}/validate", json=body)
    else:
        answer = desk.call("POST", f"{RULES}/test", json={"rule": body, "samples": [{"request": a_request()}]})
        errors = {(f"/rule{pointer}", code) for pointer, code in errors}
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert errors_of(answer.json()) == errors
    assert [item["rule_code"] for item in desk.call("GET", RULES).json()["items"]] == ["STANDING"]


@pytest.mark.parametrize("field", ["rule_code", "category", "weight", "logic_config", "scope"])
def test_a_rule_needs_every_field_that_the_source_names(desk: DeskApi, field: str) -> None:
    """AS-212: rule_code, category, weight, logic_config and scope are required, in PUT too."""
    body = a_rule()
    del body[field]
    rule = desk.made(RULES, a_rule())
    for answer in (desk.call("POST", RULES, json=body), desk.call("PUT", f"{RULES}/{rule['id']}", json=body)):
        assert answer.status_code == 422
        assert errors_of(answer.json()) == {(f"/{field}", "missing")}


def test_a_code_in_use_is_409(desk: DeskApi) -> None:
    """AS-212, AS-203: the collision is a problem document, for POST and for PUT; its own code is no collision."""
    desk.made(RULES, a_rule("ONE"))
    two = desk.made(RULES, a_rule("TWO", is_active=False))
    for answer in (
        desk.call("POST", RULES, json=a_rule("TWO")),
        desk.call("PUT", f"{RULES}/{two['id']}", json=a_rule("ONE")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "is in use" in answer.json()["detail"]
    assert desk.call("PUT", f"{RULES}/{two['id']}", json=a_rule("TWO", weight=1)).status_code == 200


def test_a_replacement_is_whole(desk: DeskApi) -> None:
    """AS-211: PUT replaces all fields, defaults where they are left out, and keeps the id."""
    rule = desk.made(RULES, a_rule(is_active=False, scope={"country": ["CH"]}))
    answer = desk.call("PUT", f"{RULES}/{rule['id']}", json=a_rule("OTHER", weight=-5, category="FRAUD"))
    assert answer.headers["etag"] == '"2"'
    replaced = answer.json()
    changed = {"rule_code": "OTHER", "weight": -5, "category": "FRAUD", "scope": {}, "is_active": True, "version": 2}
    assert replaced == {**rule, **changed}


def test_a_rule_is_switched_and_nothing_else_of_it_changes(desk: DeskApi) -> None:
    """AS-211: PATCH /status takes is_active alone."""
    rule = desk.made(RULES, a_rule())
    path = f"{RULES}/{rule['id']}/status"
    assert desk.call("PATCH", path, json={"is_active": False}).json() == {**rule, "is_active": False, "version": 2}
    assert desk.call("PATCH", path, json={"is_active": True}).json() == {**rule, "version": 3}
    for wrong, error in (
        ({}, ("/is_active", "missing")),
        ({"is_active": 1}, ("/is_active", "bool_type")),
        ({"is_active": None}, ("/is_active", "bool_type")),
        ({"is_active": True, "weight": 5}, ("/weight", "unknown_field")),
    ):
        answer = desk.call("PATCH", path, json=wrong)
        assert (answer.status_code, errors_of(answer.json())) == (422, {error})


def test_a_rule_whose_list_is_gone_is_not_switched_on(desk: DeskApi) -> None:
    """AS-209: while a rule rests its list may go; it cannot be woken then."""
    managed = desk.made("/v1/lists", a_list())
    rule = desk.made(RULES, a_rule(logic_config=naming("high_risk")))
    path = f"{RULES}/{rule['id']}/status"
    assert desk.call("PATCH", path, json={"is_active": False}).status_code == 200
    assert desk.call("DELETE", f"/v1/lists/{managed['id']}").status_code == 204
    answer = desk.call("PATCH", path, json={"is_active": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_a_rule_is_deleted_once(desk: DeskApi) -> None:
    """AS-211: 204 without a body, then 404."""
    path = f"{RULES}/{desk.made(RULES, a_rule())['id']}"
    answer = desk.call("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert desk.call("GET", path).status_code == 404
    assert desk.call("DELETE", path).status_code == 404


def test_a_rule_that_an_assessment_rests_on_is_not_deleted(desk: DeskApi) -> None:
    """AS-215: 409 while it is referenced, 204 afterwards."""
    rule = desk.made(RULES, a_rule())
    path = f"{RULES}/{rule['id']}"
    desk.references.used.add(rule["id"])
    answer = desk.call("DELETE", path)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert desk.call("GET", path).status_code == 200
    desk.references.used.clear()
    assert desk.call("DELETE", path).status_code == 204


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("GET", "", None),
        ("PUT", "", a_rule()),
        ("PATCH", "/status", {"is_active": True}),
        ("DELETE", "", None),
    ],
)
def test_a_rule_that_is_not_there_is_404(desk: DeskApi, method: str, suffix: str, body: object) -> None:
    """AS-211: an unknown id is 404, a text that is no UUID is 422; both as problem documents."""
    answer = desk.call(method, f"{RULES}/{UNKNOWN_ID}{suffix}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    answer = desk.call(method, f"{RULES}/7{suffix}", json=body)
    assert answer.status_code == 422
    assert errors_of(answer.json()) == {("/rule_id", "uuid")}


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [("PUT", "", a_rule(weight=7)), ("PATCH", "/status", {"is_active": False}), ("DELETE", "", None)],
)
def test_if_match_is_honoured_and_not_required(desk: DeskApi, method: str, suffix: str, body: object) -> None:
    """AS-214: another version is 412 with the current ETag; the current one, ``*`` and none at all pass."""
    for sent, status in (('"7"', 412), ('W/"1"', 412), ('"1"', 0), ('"5", "1"', 0), ("*", 0), (None, 0)):
        path = f"{RULES}/{desk.made(RULES, a_rule(f'R{sent}'))['id']}"
        answer = desk.call(method, path + suffix, json=body, **({} if sent is None else {"If_Match": sent}))
        if status:
            assert (answer.status_code, answer.headers["etag"]) == (412, '"1"')
            assert desk.call("GET", path).json()["version"] == 1
        else:
            assert answer.status_code in {200, 204}, sent
            desk.call("DELETE", path)


def test_rules_are_listed_by_their_filters(desk: DeskApi) -> None:
    """AS-210: category, is_active and the four fields of a scope, which must name the value; all of them together."""
    desk.made(RULES, a_rule("A", scope={"country": ["CH", "LI"], "product_type": ["LOAN"]}))
    desk.made(RULES, a_rule("B", scope={"country": ["CH"]}, is_active=False))
    desk.made(RULES, a_rule("C", category="FRAUD"))
    desk.made(RULES, a_rule("D", scope={"risk_category": ["RETAIL"], "source_system": ["crm"]}))

    def codes(query: str) -> str:
        return "".join(item["rule_code"] for item in desk.call("GET", f"{RULES}?{query}").json()["items"])

    assert codes("") == "ABCD"
    assert codes("category=FRAUD") == "C"
    assert codes("is_active=false") == "B"
    assert codes("country=CH") == "AB"
    assert codes("country=CH&is_active=true") == "A"
    assert codes("product_type=LOAN&country=LI") == "A"
    assert codes("risk_category=RETAIL") == "D"
    assert codes("source_system=crm&category=CREDIT") == "D"


def test_rules_are_listed_page_by_page(desk: DeskApi) -> None:
    """AS-210: limit 1 to 200, next_cursor null on the last page."""
    for number in range(5):
        desk.made(RULES, a_rule(f"R{number}"))
    seen, query = [], "limit=2"
    last: object = ""
    for _ in range(3):
        page = desk.call("GET", f"{RULES}?{query}").json()
        seen += [item["rule_code"] for item in page["items"]]
        last = page["next_cursor"]
        query = f"limit=2&cursor={last}"
    assert (seen, last) == ([f"R{number}" for number in range(5)], None)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=x", "/limit"),
        ("cursor=abc", "/cursor"),
        ("category=LUCK", "/category"),
        ("is_active=yes", "/is_active"),
        ("country=ch", "/country"),
        ("product_type=", "/product_type"),
        ("colour=red", "/colour"),
        ("country=CH&country=LI", "/country"),
    ],
)
def test_a_query_that_is_not_right_is_422(desk: DeskApi, query: str, pointer: str) -> None:
    """AS-210: unknown filters and values are refused, never passed over."""
    answer = desk.call("GET", f"{RULES}?{query}")
    assert answer.status_code == 422
    assert [(error["pointer"], error["in"]) for error in answer.json()["errors"]] == [(pointer, "query")]
