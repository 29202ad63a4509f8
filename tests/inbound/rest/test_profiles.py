"""/v1/risk-profiles."""

from decimal import Decimal

import pytest
from tests.inbound.rest.admin import BY, NOW_US, OTHER_USER, USER, Admin, a_profile, errors_of

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.ports.stored import VersionMoved

PATH = f"/v1/risk-profiles/{USER}"


def test_a_profile_is_read_with_money_as_text_and_its_etag(admin: Admin) -> None:
    """PT-802, PT-810, PT-811: the document, whole."""
    answer = admin.client.get(PATH)
    assert answer.headers["etag"] == '"1"'
    assert answer.json() == {
        "id": 1,
        "user_id": USER,
        "kyc_level": "L2",
        "exposure_limit_usdt": "1000000",
        "frozen": False,
        "risk_score": "12.5",
        "max_leverage": "50",
        "last_margin_call": None,
        "last_event_id": None,
        "last_event_ts": None,
        "repeat_throttle_rearmed_at": None,
        "version": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


def test_a_user_id_in_capitals_is_the_same_user(admin: Admin) -> None:
    """A UUID is a value, not a spelling."""
    assert admin.client.get(PATH.upper().replace("/V1/RISK-PROFILES", "/v1/risk-profiles")).json()["user_id"] == USER


async def test_a_patch_changes_what_it_names_and_nothing_else(admin: Admin) -> None:
    """PT-802, PT-810: the next version, with actor and time, and the new ETag."""
    body = {"frozen": True, "exposure_limit_usdt": "250000.50", "rearm_repeat_throttle": True}
    answer = admin.client.patch(PATH, json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    document = answer.json()
    assert (document["frozen"], document["exposure_limit_usdt"], document["kyc_level"]) == (True, "250000.5", "L2")
    assert document["repeat_throttle_rearmed_at"] == "2026-01-01T00:00:00Z"
    stored = await admin.profiles.get(USER)
    assert stored.row.profile.exposure_limit_usdt == Decimal("250000.5")
    assert stored.row.repeat_rearmed_us == NOW_US


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        (None, 428),
        ('"1"', 200),
        ("*", 200),
        ('"7", "1"', 200),
        ('"2"', 412),
        ('"0"', 412),
        ('W/"1"', 412),
        ("1", 412),
        ("", 412),
        ('"nonsense"', 412),
    ],
)
def test_a_change_must_name_the_version_it_saw(admin: Admin, if_match: str | None, status: int) -> None:
    """PT-810: 428 without If-Match, 412 when it names another version, with the current ETag."""
    headers = {} if if_match is None else {"If-Match": if_match}
    answer = admin.client.patch(PATH, json={"frozen": True}, headers=headers)
    assert answer.status_code == status
    if status == 412:
        assert answer.headers["etag"] == '"1"'
    assert admin.client.get(PATH).json()["frozen"] is (status == 200)


def test_of_two_changes_that_saw_the_same_version_one_is_lost_openly(admin: Admin) -> None:
    """PT-810: the second is told, and nothing of the first is overwritten."""
    first = admin.client.patch(PATH, json={"max_leverage": "10"}, headers={"If-Match": '"1"'})
    second = admin.client.patch(PATH, json={"max_leverage": "20"}, headers={"If-Match": '"1"'})
    assert (first.status_code, second.status_code) == (200, 412)
    assert admin.client.get(PATH).json()["max_leverage"] == "10"


def test_a_change_between_reading_and_writing_is_412(admin: Admin) -> None:
    """PT-810: the store has the last word on the version."""

    class Moving:
        def __init__(self) -> None:
            self.get = admin.profiles.get

        async def change(self, *_args: object, **_kwargs: object) -> None:
            raise VersionMoved(9)

    answer = Admin(profiles=Moving()).client.patch(PATH, json={"frozen": True}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (412, '"9"')


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("exposure_limit_usdt", 1000, "decimal_text_type"),
        ("exposure_limit_usdt", 0.25, "decimal_text_type"),
        ("exposure_limit_usdt", "1e3", "decimal_text"),
        ("exposure_limit_usdt", "+1", "decimal_text"),
        ("exposure_limit_usdt", "01", "decimal_text"),
        ("exposure_limit_usdt", "", "decimal_text"),
        ("exposure_limit_usdt", " 1", "decimal_text"),
        ("exposure_limit_usdt", "NaN", "decimal_text"),
        ("exposure_limit_usdt", "٣", "decimal_text"),
        ("exposure_limit_usdt", "-0.1", "greater_than_equal"),
        ("exposure_limit_usdt", "1" + "0" * 22, "decimal_digits"),
        ("exposure_limit_usdt", "0.123456789", "decimal_digits"),
        ("exposure_limit_usdt", None, "null_refused"),
        ("risk_score", "1000000", "decimal_digits"),
        ("risk_score", "1.00001", "decimal_digits"),
        ("max_leverage", "0.99", "greater_than_equal"),
        ("frozen", 1, "bool_type"),
        ("frozen", "true", "bool_type"),
        ("frozen", None, "null_refused"),
        ("kyc_level", "l1", "enum"),
        ("kyc_level", 1, "enum"),
        ("user_id", OTHER_USER, "unknown_field"),
        ("version", 5, "unknown_field"),
    ],
)
def test_a_field_that_is_not_right_is_named(admin: Admin, field: str, value: object, code: str) -> None:
    """PT-811: money is text, limits are said, unknown fields are refused, nothing is coerced or rounded."""
    answer = admin.client.patch(PATH, json={field: value}, headers={"If-Match": '"1"'})
    assert answer.status_code == 422
    assert errors_of(answer.json()) == {(f"/{field}", code)}


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("exposure_limit_usdt", "9" * 22 + "." + "9" * 8, "9" * 22 + "." + "9" * 8),
        ("exposure_limit_usdt", "0", "0"),
        ("exposure_limit_usdt", "-0", "0"),
        ("risk_score", "999999.9999", "999999.9999"),
        ("max_leverage", "1", "1"),
        ("max_leverage", "1.50", "1.5"),
    ],
)
def test_a_value_at_its_bound_passes_and_comes_back_exactly(admin: Admin, field: str, value: str, shown: str) -> None:
    """PT-811: no digit is lost on the way in or out."""
    answer = admin.client.patch(PATH, json={field: value}, headers={"If-Match": '"1"'})
    assert answer.json()[field] == shown


def test_a_patch_of_nothing_is_422(admin: Admin) -> None:
    """A change that changes nothing is a mistake."""
    answer = admin.client.patch(PATH, json={}, headers={"If-Match": '"1"'})
    assert errors_of(answer.json()) == {("", "nothing_to_change")}


async def test_pages_walk_through_all_profiles_once_and_filters_hold_across_them(admin: Admin) -> None:
    """PT-809: limit and cursor, with filters, give every match once and in order."""
    for number in range(10, 35):
        level = KycLevel.L1 if number % 2 else KycLevel.L2
        await admin.profiles.put(a_profile(f"7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c{number}", kyc_level=level), by=BY)
    seen: list[int] = []
    cursor: str | None = None
    while True:
        params = {"limit": "5", "kyc_level": "L1", "frozen": "false"} | ({"cursor": cursor} if cursor else {})
        page = admin.client.get("/v1/risk-profiles", params=params).json()
        assert len(page["items"]) <= 5
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == 12
    assert seen == sorted(set(seen))


async def test_limits_of_1_and_200_pass(admin: Admin) -> None:
    """PT-809: both bounds pass."""
    await admin.profiles.put(a_profile(OTHER_USER), by=BY)
    assert len(admin.client.get("/v1/risk-profiles?limit=1").json()["items"]) == 1
    assert len(admin.client.get("/v1/risk-profiles?limit=200").json()["items"]) == 2
