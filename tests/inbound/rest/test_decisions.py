"""/v1/decisions."""

import pytest
from tests.inbound.rest.admin import NOW_US, OTHER_USER, USER, Admin, a_decision, an_order

from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.verdict import Verdict
from tidegate.inbound.rest.replays import replay_by
from tidegate.ports.stored import NotStored
from tidegate.usecases.pretrade.replay import Replayed

FIRST = "4f9c2a64-52b1-4d0e-9a3e-1f2f3a4b5c6d"


async def _more(admin: Admin, count: int) -> None:
    for number in range(count):
        order = an_order(
            order_id=f"more-{number}",
            user_id=OTHER_USER if number % 2 else USER,
            symbol="ETHUSDT" if number % 3 else "BTCUSDT",
        )
        record = a_decision(
            f"00000000-0000-0000-0000-{number:012d}",
            order=order,
            decision=Decision.APPROVED,
            at_us=NOW_US + (number + 1) * 1_000_000,
        )
        await admin.journal.record([record], margin_call_cooldown_us=0)


async def test_decisions_are_listed_newest_first_page_by_page(admin: Admin) -> None:
    """PT-806, PT-809: every decision once, in order, whatever the size of a page."""
    await _more(admin, 10)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        page = admin.client.get("/v1/decisions", params=params).json()
        seen += [item["decision_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [*(f"00000000-0000-0000-0000-{number:012d}" for number in reversed(range(10))), FIRST]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"user_id={OTHER_USER}", 5),
        (f"user_id={OTHER_USER.upper()}", 5),
        ("symbol=BTCUSDT", 5),
        ("symbol=btcusdt", 0),
        ("decision=REJECTED", 1),
        ("reason=INSUFFICIENT_MARGIN", 1),
        ("reason=USER_FROZEN", 0),
        ("from=2026-01-01T00:00:10Z", 1),
        ("to=2026-01-01T00:00:01Z", 1),
        ("from=2026-01-01T00:00:01Z&to=2026-01-01T00:00:03Z", 2),
        ("from=2026-01-01T01:00:01%2B01:00&to=2026-01-01T00:00:03Z", 2),
        (f"user_id={USER}&symbol=ETHUSDT&decision=APPROVED", 3),
    ],
)
async def test_decisions_are_filtered_by_user_symbol_decision_reason_and_time(
    admin: Admin, query: str, count: int
) -> None:
    """PT-806: filters add up; from is inclusive, to is not."""
    await _more(admin, 10)
    assert len(admin.client.get(f"/v1/decisions?{query}").json()["items"]) == count


def test_a_decision_is_read_with_its_evidence_as_plain_values(admin: Admin) -> None:
    """PT-806, PL-309, PT-811: order, violations, all metrics as shown and the evidence, decimals as text."""
    document = admin.client.get(f"/v1/decisions/{FIRST}").json()
    assert document["decision_id"] == FIRST
    assert document["evaluated_at"] == "2026-01-01T00:00:00Z"
    assert (document["decision"], document["reject_reason"]) == ("REJECTED", "INSUFFICIENT_MARGIN")
    assert document["order"]["quantity"] == "0.05"
    assert document["order"]["stop_price"] is None
    assert document["violations"][0]["limit"] == "100"
    assert document["metrics"]["required_initial_margin"] == "251.25000001"
    assert document["metrics"]["fee"] is None
    assert document["reservation"] is None
    evidence = document["evidence"]
    assert evidence["now_us"] == NOW_US
    assert evidence["marks"] == {"BTCUSDT": {"price": "50000.1", "at_us": NOW_US}}
    assert evidence["accounts"][0]["balances"] == [{"asset": "USDT", "total": "10000", "locked": "0"}]
    assert evidence["profile"]["kyc_level"] == "L2"
    assert evidence["settings"]["kyc_max_leverage"] == {"L0": "1", "L1": "20", "L2": "125"}
    assert evidence["versions"] == {"rules": 3, "tiers": 2}


async def test_an_approval_shows_what_it_reserved(admin: Admin) -> None:
    """PT-806: the reservation belongs to the decision."""
    await _more(admin, 1)
    document = admin.client.get("/v1/decisions/00000000-0000-0000-0000-000000000000").json()
    assert document["reservation"]["price"] == "50000"
    assert document["reservation_expires_at"] == "2026-01-01T00:00:31Z"
    assert document["reject_reason"] is None


def test_a_decision_is_replayed(admin: Admin) -> None:
    """PT-807: decided again from its evidence, side by side with what was recorded."""
    answer = admin.client.post(f"/v1/decisions/{FIRST.upper()}/replay")
    assert answer.status_code == 200
    document = answer.json()
    assert (document["decision_id"], document["identical"], document["differences"]) == (FIRST, True, [])
    assert document["recorded"] == document["replayed"]
    assert document["recorded"]["decision"] == "REJECTED"


def test_a_replay_of_nothing_is_404(admin: Admin) -> None:
    """PT-807: there must be a decision."""
    answer = admin.client.post(f"/v1/decisions/{USER}/replay")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_replay_that_came_out_otherwise_shows_both_in_the_same_words() -> None:
    """PT-807: what was recorded and what came out again, and which fields differ."""
    record = a_decision()
    verdict = Verdict(
        Decision.APPROVED, None, "", violations=(), rule_hits=(), metrics=Metrics(), liquidation_risk=False
    )

    async def replayer(decision_id: str) -> Replayed | None:
        return Replayed(record, verdict, ("decision", "violations")) if decision_id == FIRST else None

    client = Admin(replay=replay_by(replayer)).client
    document = client.post(f"/v1/decisions/{FIRST}/replay").json()
    assert (document["identical"], document["differences"]) == (False, ["decision", "violations"])
    assert document["recorded"].keys() == document["replayed"].keys()
    assert (document["recorded"]["decision"], document["replayed"]["decision"]) == ("REJECTED", "APPROVED")
    assert document["recorded"]["metrics"]["order_notional"] == "2500"
    assert client.post(f"/v1/decisions/{USER}/replay").status_code == 404


def test_a_replay_whose_configuration_is_gone_is_409() -> None:
    """PT-807: the decision is there, what it was made on is not."""

    async def replayer(_decision_id: str) -> Replayed | None:
        raise NotStored

    answer = Admin(replay=replay_by(replayer)).client.post(f"/v1/decisions/{FIRST}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
