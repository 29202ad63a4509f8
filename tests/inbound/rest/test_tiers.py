"""/v1/margin-tiers."""

from typing import Any

import pytest
from tests.inbound.rest.admin import Admin, errors_of


def _tier(number: int, cap: str, *, pct: str, **more: object) -> dict[str, object]:
    return {"symbol": "BTCUSDT", "tier": number, "max_notional": cap, "maintenance_margin_pct": pct, **more}


LADDER = [
    _tier(1, "50000", pct="0.4", max_leverage="125"),
    _tier(2, "250000", pct="0.5", max_leverage="100"),
    _tier(3, "1000000", pct="1", max_leverage="50"),
]


def _ladder(admin: Admin) -> list[dict[str, Any]]:
    answer = admin.client.post("/v1/margin-tiers", json={"tiers": LADDER})
    assert answer.status_code == 201, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_a_ladder_is_created_at_once(admin: Admin) -> None:
    """PT-802: all tiers of a new ladder in one request, in one transaction."""
    items = _ladder(admin)
    assert [(item["tier"], item["max_notional"], item["version"]) for item in items] == [
        (1, "50000", 1),
        (2, "250000", 1),
        (3, "1000000", 1),
    ]
    assert admin.client.get("/v1/margin-tiers?symbol=BTCUSDT").json()["items"] == items


def test_a_ladder_also_grows_tier_by_tier(admin: Admin) -> None:
    """PT-802: one tier a request, 201 with its place and ETag, each write leaving a sound ladder."""
    for tier in LADDER:
        answer = admin.client.post("/v1/margin-tiers", json=tier)
        assert answer.status_code == 201
        assert answer.headers["etag"] == '"1"'
        assert admin.client.get(answer.headers["location"]).json() == answer.json()


def test_a_tier_without_symbol_is_the_default_ladders(admin: Admin) -> None:
    """The default ladder has no symbol, and a filter of its own."""
    default = {"tier": 1, "max_notional": "1000", "maintenance_margin_pct": "0"}
    assert admin.client.post("/v1/margin-tiers", json=default).json()["symbol"] is None
    _ladder(admin)
    listed = admin.client.get("/v1/margin-tiers?default_only=true").json()["items"]
    assert [item["symbol"] for item in listed] == [None]


@pytest.mark.parametrize(
    "tiers",
    [
        [LADDER[1]],
        [LADDER[0], LADDER[2]],
        [LADDER[0], {**LADDER[1], "max_notional": "50000"}],
        [LADDER[0], {**LADDER[1], "maintenance_margin_pct": "0.39"}],
        [LADDER[0], {**LADDER[1], "max_leverage": "126"}],
        [LADDER[0], LADDER[0]],
    ],
    ids=["starts at 2", "a hole", "cap does not rise", "percentage falls", "leverage rises", "twins"],
)
def test_a_ladder_that_would_be_unsound_is_422_and_changes_nothing(admin: Admin, tiers: list[object]) -> None:
    """PT-811: the words name the tier; no tier of the request is kept."""
    answer = admin.client.post("/v1/margin-tiers", json={"tiers": tiers})
    assert answer.status_code == 422
    assert errors_of(answer.json()) == {("", "unsound")}
    assert admin.client.get("/v1/margin-tiers").json()["items"] == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/tier", "missing"), ("/max_notional", "missing"), ("/maintenance_margin_pct", "missing")}),
        ({**LADDER[0], "max_notional": 50000}, {("/max_notional", "decimal_text_type")}),
        ({**LADDER[0], "max_notional": "0"}, {("/max_notional", "greater_than")}),
        ({**LADDER[0], "maintenance_margin_pct": "100"}, {("/maintenance_margin_pct", "less_than")}),
        ({**LADDER[0], "maintenance_margin_pct": "-0.1"}, {("/maintenance_margin_pct", "greater_than_equal")}),
        ({**LADDER[0], "max_leverage": "0.5"}, {("/max_leverage", "greater_than_equal")}),
        ({**LADDER[0], "tier": 0}, {("/tier", "greater_than_equal")}),
        ({**LADDER[0], "tier": 201}, {("/tier", "less_than_equal")}),
        ({**LADDER[0], "tier": "1"}, {("/tier", "int_type")}),
        ({**LADDER[0], "tier": True}, {("/tier", "int_type")}),
        ({**LADDER[0], "tier": 1.5}, {("/tier", "int_type")}),
        ({**LADDER[0], "floor": "0"}, {("/floor", "unknown_field")}),
        ({"tiers": []}, {("/tiers", "too_short")}),
        ({"tiers": LADDER, "symbol": "BTCUSDT"}, {("/symbol", "unknown_field")}),
        (
            {"tiers": [LADDER[0], {**LADDER[1], "max_notional": 1, "x": 1}]},
            {("/tiers/1/max_notional", "decimal_text_type"), ("/tiers/1/x", "unknown_field")},
        ),
        ([LADDER[0]], {("", "object_type")}),
    ],
)
def test_a_tier_that_is_not_right_is_422_at_its_fields(
    admin: Admin, body: object, errors: set[tuple[str, str]]
) -> None:
    """PT-811: pointers lead into the tier, or into the list of a ladder."""
    answer = admin.client.post("/v1/margin-tiers", json=body)
    assert answer.status_code == 422
    assert errors_of(answer.json()) == errors


def test_a_whole_number_with_a_point_is_a_whole_number(admin: Admin) -> None:
    """JSON Schema's integer takes 1.0."""
    text = '{"symbol": "A", "tier": 1.0, "max_notional": "5", "maintenance_margin_pct": "1"}'
    answer = admin.client.post("/v1/margin-tiers", content=text, headers={"Content-Type": "application/json"})
    assert answer.json()["tier"] == 1


def test_a_patch_keeps_the_ladder_sound_or_is_422(admin: Admin) -> None:
    """PT-802, PT-810: a change within the ladder's rules makes a version, any other changes nothing."""
    path = f"/v1/margin-tiers/{_ladder(admin)[1]['id']}"
    unsound = admin.client.patch(path, json={"maintenance_margin_pct": "1.1"}, headers={"If-Match": '"1"'})
    assert (unsound.status_code, errors_of(unsound.json())) == (422, {("", "unsound")})
    hole = admin.client.patch(path, json={"active": False}, headers={"If-Match": '"1"'})
    assert hole.status_code == 422
    sound = admin.client.patch(path, json={"maintenance_margin_pct": "0.6"}, headers={"If-Match": '"1"'})
    assert (sound.headers["etag"], sound.json()["maintenance_margin_pct"]) == ('"2"', "0.6")
    assert admin.client.patch(path, json={"active": True}, headers={"If-Match": '"1"'}).status_code == 412
    assert admin.client.patch(path, json={"active": True}).status_code == 428


def test_a_leverage_cap_is_lifted_by_null_where_the_ladder_allows_it(admin: Admin) -> None:
    """Null sets no cap; on an upper tier that would rise above the lower one's."""
    first, second, _ = _ladder(admin)
    upper = admin.client.patch(
        f"/v1/margin-tiers/{second['id']}", json={"max_leverage": None}, headers={"If-Match": "*"}
    )
    assert upper.status_code == 422
    lower = admin.client.patch(
        f"/v1/margin-tiers/{first['id']}", json={"max_leverage": None}, headers={"If-Match": "*"}
    )
    assert lower.json()["max_leverage"] is None


def test_a_tier_does_not_move_to_another_symbol(admin: Admin) -> None:
    """The symbol is no field of a change."""
    path = f"/v1/margin-tiers/{_ladder(admin)[0]['id']}"
    answer = admin.client.patch(path, json={"symbol": "ETHUSDT"}, headers={"If-Match": "*"})
    assert errors_of(answer.json()) == {("/symbol", "unknown_field")}
