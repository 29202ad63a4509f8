"""Contract of ``DecisionArchive``."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ports.builders import NOW_US, OTHER_USER, SECOND_US, USER, a_record, a_refusal, an_order
from tests.ports.stores import Stores

from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.ports.decision_journal import DecisionFilter, DecisionRecord, FlowTotal
from tidegate.ports.paging import PageRequest, UnreadableCursor, write_cursor

EVERYTHING = DecisionFilter()


async def written(stores: Stores, *records: DecisionRecord) -> None:
    """Write decisions in one batch."""
    await stores.journal.record(records, margin_call_cooldown_us=0)


async def order_ids(stores: Stores, wanted: DecisionFilter) -> str:
    """Give the ids of the orders whose decisions match, newest first."""
    page = await stores.archive.page(PageRequest(), wanted)
    return "".join(record.order.order_id for record in page.items)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EVERYTHING, "dcba"),
        (DecisionFilter(user_id=USER), "dba"),
        (DecisionFilter(user_id=USER.upper()), "dba"),
        (DecisionFilter(user_id="no-uuid"), ""),
        (DecisionFilter(symbol="ETHUSDT"), "b"),
        (DecisionFilter(symbol="ethusdt"), ""),
        (DecisionFilter(decision=Decision.REJECTED), "dc"),
        (DecisionFilter(reason=RejectReason.STALE_DATA), "d"),
        (DecisionFilter(from_us=NOW_US + 1), "dcb"),
        (DecisionFilter(to_us=NOW_US + 2), "ba"),
        (DecisionFilter(user_id=USER, from_us=NOW_US + 1, to_us=NOW_US + 3), "b"),
        (DecisionFilter(user_id=OTHER_USER, decision=Decision.APPROVED), ""),
    ],
)
async def test_archive_filters(stores: Stores, wanted: DecisionFilter, expected: str) -> None:
    """PT-806: user, symbol, decision, reason and time [from, to) narrow the list; it is newest first."""
    await written(
        stores,
        a_record(an_order("a"), at_us=NOW_US),
        a_record(an_order("b", symbol="ETHUSDT"), at_us=NOW_US + 1),
        a_refusal(an_order("c", user_id=OTHER_USER), at_us=NOW_US + 2),
        a_refusal(an_order("d"), at_us=NOW_US + 3, reason=RejectReason.STALE_DATA),
    )
    assert await order_ids(stores, wanted) == expected


async def test_archive_pages_hold_each_decision_once_while_others_are_written(stores: Stores) -> None:
    """PT-809: pages go on where the last one ended, decisions of the same moment and new ones notwithstanding."""
    old = [a_record(an_order(f"o-{number}"), at_us=NOW_US + number // 3) for number in range(10)]
    await written(stores, *old)
    seen: list[str] = []
    cursor = None
    for turn in range(10):
        page = await stores.archive.page(PageRequest(3, cursor), EVERYTHING)
        seen += [record.answer.decision_id for record in page.items]
        await written(stores, a_record(an_order(f"new-{turn}"), at_us=NOW_US + SECOND_US + turn))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 10
    assert set(seen) == {record.answer.decision_id for record in old}


async def test_archive_page_that_is_just_full_is_the_last(stores: Stores) -> None:
    """PT-809: no cursor leads to an empty page."""
    await written(stores, a_record(an_order("a")), a_record(an_order("b")))
    assert (await stores.archive.page(PageRequest(2), EVERYTHING)).next_cursor is None
    assert (await stores.archive.page(PageRequest(1), EVERYTHING)).next_cursor is not None


@pytest.mark.parametrize("cursor", ["", "zzz", "%", write_cursor("rules", after=1), write_cursor("decisions", after=1)])
async def test_archive_refuses_a_cursor_of_another_making(stores: Stores, cursor: str) -> None:
    """PT-809: a cursor that no page of this list gave is refused."""
    with pytest.raises(UnreadableCursor):
        await stores.archive.page(PageRequest(2, cursor), EVERYTHING)


@pytest.mark.parametrize("decision_id", ["", "nothing", "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"])
async def test_archive_unknown_decision_is_none(stores: Stores, decision_id: str) -> None:
    """PT-806: an id that no decision has is no error of the store."""
    assert await stores.archive.get(decision_id) is None


async def test_archive_live_reservations_are_those_that_have_not_expired(stores: Stores) -> None:
    """PT-718: the book is rebuilt from the approvals whose reservation still lives, oldest first."""
    late = a_record(an_order("late"), at_us=NOW_US + 2)
    early = a_record(an_order("early"), at_us=NOW_US + 1)
    await written(
        stores, late, early, a_refusal(an_order("refused")), a_record(an_order("gone"), at_us=NOW_US - SECOND_US)
    )
    assert early.reservation is not None
    live = await stores.archive.live_reservations(NOW_US + 29 * SECOND_US + 500_000)
    assert [record.order.order_id for record in live] == ["early", "late"]
    live = await stores.archive.live_reservations(early.reservation.expires_at_us)
    assert [record.order.order_id for record in live] == ["late"]


async def test_archive_flow_since_gives_what_was_decided_from_then_on(stores: Stores) -> None:
    """PT-718: the flow windows are rebuilt from every decision at or after a moment, oldest first."""
    records = [a_refusal(an_order(name), at_us=NOW_US + place) for place, name in enumerate("abc")]
    await written(stores, *reversed(records))
    assert await stores.archive.flow_since(NOW_US + 1) == records[1:]


async def test_archive_flow_since_ends_before_a_moment_and_leaves_out_what_was_withdrawn(stores: Stores) -> None:
    """PT-718: a decision that never reached its caller is none of the user's flow."""
    records = [a_refusal(an_order(name), at_us=NOW_US + place) for place, name in enumerate("abcd")]
    await written(stores, *records)
    await stores.journal.withdraw([records[1].answer.decision_id])
    assert await stores.archive.flow_since(NOW_US, until_us=NOW_US + 3) == [records[0], records[2]]


def counting(record: DecisionRecord, notional: str | None) -> DecisionRecord:
    """Let a decision add this much to the notional of its user."""
    before = record.evidence.flow.notional_24h
    assert before is not None
    after = None if notional is None else before + Decimal(notional)
    return replace(record, metrics=replace(record.metrics, notional_24h=after))


async def test_archive_flow_totals_are_of_each_user_and_step(stores: Stores) -> None:
    """PT-527: what passed adds its notional, exactly, what was refused is counted, what is not known adds nothing."""
    exact = "0.00000000000000000001"
    await written(
        stores,
        counting(a_record(an_order("a"), at_us=NOW_US + 2 * SECOND_US), "7.5"),
        counting(a_record(an_order("b"), at_us=NOW_US), "12.25"),
        counting(a_refusal(an_order("c"), at_us=NOW_US + 1), "1000"),
        counting(a_record(an_order("d"), at_us=NOW_US + SECOND_US - 1), exact),
        counting(a_record(an_order("e"), at_us=NOW_US + 1), None),
        counting(a_refusal(an_order("f", user_id=OTHER_USER), at_us=NOW_US + SECOND_US), None),
    )
    assert await stores.archive.flow_totals(since_us=NOW_US, step_us=SECOND_US) == [
        FlowTotal(USER, NOW_US, Decimal("12.25") + Decimal(exact), rejects=1),
        FlowTotal(OTHER_USER, NOW_US + SECOND_US, Decimal(0), rejects=1),
        FlowTotal(USER, NOW_US + 2 * SECOND_US, Decimal("7.5"), rejects=0),
    ]


async def test_archive_flow_totals_keep_to_their_bounds_and_leave_out_what_was_withdrawn(stores: Stores) -> None:
    """PT-527: [since, until) as it is asked for, though a step is cut by it."""
    records = [counting(a_record(an_order(name), at_us=NOW_US + place), "1") for place, name in enumerate("abcde")]
    await written(stores, *records)
    await stores.journal.withdraw([records[2].answer.decision_id])
    found = await stores.archive.flow_totals(since_us=NOW_US + 1, until_us=NOW_US + 4, step_us=SECOND_US)
    assert found == [FlowTotal(USER, NOW_US, Decimal(2), rejects=0)]
    assert await stores.archive.flow_totals(since_us=NOW_US + 5, step_us=SECOND_US) == []


async def test_archive_decision_without_announcement_is_kept(stores: Stores) -> None:
    """PT-806: what is announced to nobody is in the archive all the same, and nothing waits for the relay."""
    silent = replace(a_record(), announces=())
    await written(stores, silent)
    assert await stores.archive.get(silent.answer.decision_id) == silent
    assert await stores.new_outbox().pending(1) == []
