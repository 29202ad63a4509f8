"""/v1/risk-rules."""

import json
from typing import Any

import pytest
from tests.inbound.rest.admin import Admin, errors_of

from tidegate.core.pretrade.dynamic_rules import build_rules

RULE = {"name": "big", "action": "WARN", "metric": "order_notional", "operator": "GT", "threshold": "250000"}


def _create(admin: Admin, **changes: object) -> Any:  # noqa: ANN401 - a JSON document
    answer = admin.client.post("/v1/risk-rules", json={**RULE, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_rule_is_created_at_version_1_and_read_where_it_says(admin: Admin) -> None:
    """PT-802, PT-810: 201 with Location and ETag, defaults filled in; the gate can compile what was stored."""
    answer = admin.client.post("/v1/risk-rules", json=RULE)
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    read = admin.client.get(answer.headers["location"])
    assert read.json() == answer.json()
    assert {name: read.json()[name] for name in ("severity", "active", "shadow", "kyc_level", "condition")} == {
        "severity": "MEDIUM",
        "active": True,
        "shadow": False,
        "kyc_level": None,
        "condition": None,
    }
    _, stored = await admin.rules.load()
    assert [rule.name for rule in build_rules(stored).rules] == ["big"]


@pytest.mark.parametrize(
    ("operator", "threshold"),
    [
        ("GTE", "0.5"),
        ("NE", "-1"),
        ("IN", ["1"]),
        ("NOT_IN", [str(number) for number in range(1_000)]),
        ("BETWEEN", ["0.1", "0.1"]),
    ],
)
def test_a_threshold_comes_back_as_it_was_given(admin: Admin, operator: str, threshold: object) -> None:
    """PT-811: one number or a list of them, as text, exactly; bounds pass."""
    assert _create(admin, operator=operator, threshold=threshold)["threshold"] == threshold


def test_a_condition_comes_back_digit_by_digit(admin: Admin) -> None:
    """RU-105: numbers in a condition never pass through float."""
    condition = '{"all": [{"field": "leverage", "op": "gte", "value": 10.10}, {"field": "price", "op": "lt", "value": 123456789012345678901234567890.000000001}]}'  # noqa: E501 - one JSON text
    body = f'{{"name": "c", "action": "REJECT", "condition": {condition}}}'
    answer = admin.client.post("/v1/risk-rules", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    assert '"value": 10.10' in answer.text
    assert "123456789012345678901234567890.000000001" in answer.text


BAD: dict[str, tuple[dict[str, object], set[tuple[str, str]]]] = {
    "no form": (
        {"metric": None, "operator": None, "threshold": None},
        {("/metric", "missing"), ("/operator", "missing"), ("/threshold", "missing")},
    ),
    "half a form": ({"threshold": None}, {("/threshold", "missing")}),
    "both forms": (
        {"condition": {"field": "price", "op": "gt", "value": "1"}},
        {("/metric", "not_with_condition"), ("/operator", "not_with_condition"), ("/threshold", "not_with_condition")},
    ),
    "unknown metric": ({"metric": "luck"}, {("/metric", "unknown_metric")}),
    "unknown operator": ({"operator": "gt"}, {("/operator", "enum")}),
    "a list for one": ({"threshold": ["1"]}, {("/threshold", "threshold_form")}),
    "one for a list": ({"operator": "IN"}, {("/threshold", "threshold_form")}),
    "an empty list": ({"operator": "IN", "threshold": []}, {("/threshold", "bad_list")}),
    "too long a list": ({"operator": "IN", "threshold": ["1"] * 1_001}, {("/threshold", "bad_list")}),
    "a range of three": ({"operator": "BETWEEN", "threshold": ["1", "2", "3"]}, {("/threshold", "bad_range")}),
    "a range upside down": ({"operator": "BETWEEN", "threshold": ["2", "1"]}, {("/threshold", "bad_range")}),
    "a number": ({"threshold": 5}, {("/threshold", "decimal_text_type")}),
    "a list with a number": ({"operator": "IN", "threshold": ["1", 2]}, {("/threshold", "decimal_text_type")}),
    "an exponent": ({"threshold": "1e5"}, {("/threshold", "decimal_text")}),
    "39 digits": ({"threshold": "1" * 39}, {("/threshold", "decimal_text")}),
    "null name": ({"name": None}, {("/name", "string_type")}),
    "rule_id given": ({"id": 1}, {("/id", "unknown_field")}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_rule_that_is_not_right_is_422_at_its_fields(admin: Admin, name: str) -> None:
    """PT-811: what a rule compares is checked when it is saved."""
    changes, errors = BAD[name]
    answer = admin.client.post("/v1/risk-rules", json={**RULE, **changes})
    assert answer.status_code == 422
    assert errors_of(answer.json()) == errors


@pytest.mark.parametrize(
    ("condition", "errors"),
    [
        ({"field": "luck", "op": "gt", "value": "1"}, {("/condition", "unknown_field")}),
        (
            {"any": [{"not": {"field": "price", "op": "matches", "value": "x"}}]},
            {("/condition/any/0/not", "op_misfit")},
        ),
        ({"field": "symbol", "op": "matches", "value": "("}, {("/condition", "bad_regex")}),
        ({"all": []}, {("/condition", "empty_group")}),
        ({"cel": "leverage > 5"}, {("/condition", "cel_not_allowed")}),
        (
            {"all": [{"field": "a/b", "op": "eq", "value": "1"}, {"field": "price", "op": "gt"}]},
            {("/condition/all/0", "unknown_field"), ("/condition/all/1", "missing_key")},
        ),
    ],
)
def test_a_condition_that_is_not_right_is_422_at_its_leaf(
    admin: Admin, condition: object, errors: set[tuple[str, str]]
) -> None:
    """RU-301, RU-112: the pointer leads to the leaf, and the words say what would be right."""
    answer = admin.client.post("/v1/risk-rules", json={"name": "c", "action": "WARN", "condition": condition})
    assert answer.status_code == 422
    assert errors_of(answer.json()) == errors


def test_a_name_in_use_is_409(admin: Admin) -> None:
    """PT-811: the collision is told as a problem document, and nothing is stored."""
    _create(admin)
    answer = admin.client.post("/v1/risk-rules", json={**RULE, "threshold": "1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert len(admin.client.get("/v1/risk-rules").json()["items"]) == 1


def test_a_patch_makes_a_new_version_and_keeps_the_rest(admin: Admin) -> None:
    """PT-802, PT-810: fields that are not named stay; null takes a narrowing away."""
    path = f"/v1/risk-rules/{_create(admin, symbol='BTCUSDT', kyc_level='L1')['id']}"
    answer = admin.client.patch(path, json={"shadow": True, "kyc_level": None}, headers={"If-Match": '"1"'})
    assert answer.headers["etag"] == '"2"'
    patched = answer.json()
    assert (patched["shadow"], patched["kyc_level"], patched["symbol"], patched["threshold"]) == (
        True,
        None,
        "BTCUSDT",
        "250000",
    )
    assert admin.client.patch(path, json={"shadow": False}, headers={"If-Match": '"1"'}).status_code == 412
    assert admin.client.patch(path, json={"shadow": False}).status_code == 428


def test_a_patch_is_judged_with_what_stays(admin: Admin) -> None:
    """The rule as it would be is checked: an operator that does not fit the threshold that stays is refused."""
    path = f"/v1/risk-rules/{_create(admin)['id']}"
    answer = admin.client.patch(path, json={"operator": "IN"}, headers={"If-Match": "*"})
    assert errors_of(answer.json()) == {("/threshold", "threshold_form")}
    both = {"operator": "IN", "threshold": ["1", "2"]}
    assert admin.client.patch(path, json=both, headers={"If-Match": "*"}).json()["threshold"] == ["1", "2"]


def test_a_rule_changes_its_form_when_the_other_is_set_to_null(admin: Admin) -> None:
    """From a metric to a condition and back, each in one change."""
    path = f"/v1/risk-rules/{_create(admin)['id']}"
    condition = {"field": "leverage", "op": "gt", "value": "20"}
    refused = admin.client.patch(path, json={"condition": condition}, headers={"If-Match": "*"})
    assert refused.status_code == 422
    change = {"condition": condition, "metric": None, "operator": None, "threshold": None}
    changed = admin.client.patch(path, json=change, headers={"If-Match": "*"}).json()
    assert (changed["condition"], changed["metric"], changed["threshold"]) == (condition, None, None)
    back = {"condition": None, "metric": "leverage", "operator": "LTE", "threshold": "5"}
    assert admin.client.patch(path, json=back, headers={"If-Match": "*"}).json()["condition"] is None


def test_a_patch_names_field_faults_and_leaf_faults_together(admin: Admin) -> None:
    """PT-811: every bad field of a change, too."""
    path = f"/v1/risk-rules/{_create(admin)['id']}"
    body = {"name": None, "active": None, "condition": {"not": {"field": "luck", "op": "exists"}}}
    answer = admin.client.patch(path, json=body, headers={"If-Match": "*"})
    assert errors_of(answer.json()) == {
        ("/name", "null_refused"),
        ("/active", "null_refused"),
        ("/condition/not", "unknown_field"),
    }


def test_rules_are_listed_by_what_narrows_them(admin: Admin) -> None:
    """PT-809: filters by active, symbol and level, and a cursor that goes on where the page ended."""
    for number in range(6):
        _create(admin, name=f"r{number}", symbol="BTCUSDT" if number % 2 else None, active=number < 4)
    listed = admin.client.get("/v1/risk-rules?symbol=BTCUSDT&active=true&limit=1").json()
    assert [item["name"] for item in listed["items"]] == ["r1"]
    rest = admin.client.get(
        "/v1/risk-rules", params={"symbol": "BTCUSDT", "active": "true", "cursor": listed["next_cursor"]}
    ).json()
    assert [item["name"] for item in rest["items"]] == ["r3"]
    assert rest["next_cursor"] is None
    assert json.loads(admin.client.get("/v1/risk-rules?kyc_level=L2").text)["items"] == []
