"""Contract of ``DecisionJournal``."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from tests.ports.builders import (
    DAY_US,
    DECISION_TOPIC,
    MARGIN_CALL,
    NOW_US,
    OTHER_USER,
    SECOND_US,
    USER,
    a_profile,
    a_record,
    a_refusal,
    an_order,
    by,
)
from tests.ports.stores import Stores

from tidegate.core.pretrade.reasons import RejectReason
from tidegate.ports.decision_journal import DecisionRecord, RememberedAnswer

COOLDOWN_US = 3_600 * SECOND_US
WITH_MARGIN_CALL = (DECISION_TOPIC, MARGIN_CALL)


async def record(stores: Stores, *batch: DecisionRecord) -> Mapping[int, RememberedAnswer]:
    """Write one batch."""
    return await stores.journal.record(batch, margin_call_cooldown_us=COOLDOWN_US)


async def announced(stores: Stores) -> list[tuple[str, ...]]:
    """Give what waits in the outbox, in order."""
    pending = await stores.new_outbox().pending(1_000)
    return [announcement.record.announces for announcement in pending]


async def test_journal_keeps_a_batch_whole_and_in_order(stores: Stores) -> None:
    """PL-304: what was recorded can be read again to the last field, with its announcements in the batch's order."""
    batch = [a_record(an_order("o-1")), a_refusal(an_order("o-2")), a_record(an_order("o-3", user_id=OTHER_USER))]
    assert await record(stores, *batch) == {}
    for written in batch:
        assert await stores.archive.get(written.answer.decision_id) == written
    pending = await stores.new_outbox().pending(10)
    assert [announcement.record for announcement in pending] == batch


async def test_journal_empty_batch_writes_nothing(stores: Stores) -> None:
    """A batch of nothing is no fault."""
    assert await record(stores) == {}
    assert await announced(stores) == []


async def test_journal_repeated_order_gets_the_answer_that_stands(stores: Stores) -> None:
    """PT-103: the second record of an order is left out of its batch, and the first answer is given back for it."""
    first = a_record(an_order("o-1"))
    await record(stores, first)
    second, other = a_record(an_order("o-1"), at_us=NOW_US + 1), a_record(an_order("o-2"), at_us=NOW_US + 1)
    assert await record(stores, second, other) == {0: RememberedAnswer(first.fingerprint, first.answer)}
    assert await stores.archive.get(second.answer.decision_id) is None
    assert await stores.archive.get(other.answer.decision_id) == other
    assert len(await announced(stores)) == 2


async def test_journal_same_order_id_of_another_user_is_another_order(stores: Stores) -> None:
    """PT-103: an order is known by its user and its id."""
    assert await record(stores, a_record(an_order(user_id=USER)), a_record(an_order(user_id=OTHER_USER))) == {}


async def test_journal_same_order_from_five_at_once_is_answered_once(stores: Stores) -> None:
    """PT-103: whoever records an order first decides it for all; the others are given that answer."""
    rivals = [a_record(an_order("o-1"), at_us=NOW_US + place) for place in range(5)]
    outcomes = await asyncio.gather(*(record(stores, rival) for rival in rivals))
    winners = [rival for rival, outcome in zip(rivals, outcomes, strict=True) if not outcome]
    assert len(winners) == 1
    standing = RememberedAnswer(winners[0].fingerprint, winners[0].answer)
    assert [outcome for outcome in outcomes if outcome] == [{0: standing}] * 4
    assert len(await announced(stores)) == 1


async def test_journal_batches_that_overlap_crosswise_both_end(stores: Stores) -> None:
    """PL-304: batches that name the same orders in opposite order do not wait for each other for ever."""
    names = [f"o-{number}" for number in range(40)]

    async def write(order_ids: Sequence[str]) -> int:
        return len(await record(stores, *(a_record(an_order(name)) for name in order_ids)))

    refused = await asyncio.wait_for(asyncio.gather(write(names), write(names[::-1])), 5)
    assert sum(refused) == len(names)


@pytest.mark.parametrize(("later_us", "stands"), [(DAY_US - 1, True), (DAY_US, True), (DAY_US + 1, False)])
async def test_journal_answer_stands_for_24_hours(stores: Stores, later_us: int, stands: bool) -> None:
    """PT-103: an answer stands for 24 h, the last moment included; then the order is decided anew."""
    await record(stores, a_record())
    again = a_record(at_us=NOW_US + later_us)
    assert bool(await record(stores, again)) is stands
    remembered = await stores.journal.remembered(USER, "o-1", since_us=NOW_US + later_us - DAY_US)
    assert remembered is not None
    assert (remembered.answer == again.answer) is not stands


async def test_journal_refusal_that_time_heals_is_not_remembered(stores: Stores) -> None:
    """PT-105: a refusal for stale data is written, and its order is decided anew."""
    stale = replace(a_refusal(reason=RejectReason.STALE_DATA), remembered=False)
    assert await record(stores, stale) == {}
    assert await stores.journal.remembered(USER, "o-1", since_us=0) is None
    assert await record(stores, a_record(at_us=NOW_US + 1)) == {}


async def test_journal_refusal_that_time_heals_gives_way_to_an_answer_that_stands(stores: Stores) -> None:
    """PT-103: where another replica has answered the order meanwhile, its answer is given, in the same batch too."""
    stale = replace(a_refusal(reason=RejectReason.STALE_DATA), remembered=False)
    answered = a_record()
    before = replace(a_refusal(reason=RejectReason.STALE_DATA), remembered=False)
    assert await record(stores, before, answered, stale) == {2: RememberedAnswer(answered.fingerprint, answered.answer)}
    again = replace(a_refusal(reason=RejectReason.STALE_DATA), remembered=False)
    assert await record(stores, again) == {0: RememberedAnswer(answered.fingerprint, answered.answer)}
    assert await stores.archive.get(again.answer.decision_id) is None


async def test_journal_contradiction_is_written_beside_the_answer_that_stands(stores: Stores) -> None:
    """PT-104: the refusal of an order id with other content is kept, and the first answer stands on."""
    first = a_record()
    await record(stores, first)
    refusal = replace(a_refusal(reason=RejectReason.DUPLICATE_ORDER), contradicts=True)
    assert await record(stores, refusal) == {}
    assert await stores.archive.get(refusal.answer.decision_id) == refusal
    assert await stores.journal.remembered(USER, "o-1", since_us=0) == RememberedAnswer(first.fingerprint, first.answer)


async def test_journal_withdrawn_answer_stands_no_longer(stores: Stores) -> None:
    """PT-107: an answer that never reached its caller makes way for a new one; the decision stays to be read and holds
    no reservation.
    """
    first = a_record()
    await record(stores, first)
    await stores.journal.withdraw([first.answer.decision_id])
    assert await stores.journal.remembered(USER, "o-1", since_us=0) is None
    assert await stores.archive.get(first.answer.decision_id) == first
    assert await stores.archive.live_reservations(NOW_US) == []
    second = a_record(at_us=NOW_US + 1)
    assert await record(stores, second) == {}
    await stores.journal.withdraw([first.answer.decision_id])
    remembered = await stores.journal.remembered(USER, "o-1", since_us=0)
    assert remembered is not None
    assert remembered.answer == second.answer


async def test_journal_remembered_asks_no_further_back_than_told(stores: Stores) -> None:
    """PT-103: an answer given at the asked moment counts, one given before it does not."""
    await record(stores, a_record())
    assert await stores.journal.remembered(USER, "o-1", since_us=NOW_US) is not None
    assert await stores.journal.remembered(USER, "o-1", since_us=NOW_US + 1) is None
    assert await stores.journal.remembered(USER, "o-2", since_us=0) is None


@pytest.mark.parametrize(
    ("later_us", "called"), [(0, False), (COOLDOWN_US - 1, False), (COOLDOWN_US, True), (COOLDOWN_US + 1, True)]
)
async def test_journal_margin_call_waits_for_its_cooldown(stores: Stores, later_us: int, called: bool) -> None:
    """PT-713: a user gets one margin call a cool-down; the rest of what a decision announces is kept."""
    await stores.profiles.put(a_profile(), by=by())
    await record(stores, a_record(an_order("o-1"), announces=WITH_MARGIN_CALL))
    again = a_record(an_order("o-2"), at_us=NOW_US + later_us, announces=WITH_MARGIN_CALL)
    await record(stores, again)
    expected = WITH_MARGIN_CALL if called else (DECISION_TOPIC,)
    assert await announced(stores) == [WITH_MARGIN_CALL, expected]
    kept = await stores.archive.get(again.answer.decision_id)
    assert kept is not None
    assert kept.announces == expected
    last = (await stores.profiles.get(USER)).row.last_margin_call_us
    assert last == (again.answer.evaluated_at_us if called else NOW_US)


async def test_journal_margin_calls_of_one_batch_are_one_a_user(stores: Stores) -> None:
    """PT-713: of the decisions of one batch the first one calls; another user has a call of its own."""
    await stores.profiles.put(a_profile(USER), by=by())
    await stores.profiles.put(a_profile(OTHER_USER), by=by())
    orders = [an_order("a"), an_order("b"), an_order("c", user_id=OTHER_USER)]
    await record(stores, *(a_record(order, announces=WITH_MARGIN_CALL) for order in orders))
    assert await announced(stores) == [WITH_MARGIN_CALL, (DECISION_TOPIC,), WITH_MARGIN_CALL]


async def test_journal_margin_calls_recorded_at_once_are_one(stores: Stores) -> None:
    """PT-713: the cool-down is kept in the same transaction, so concurrent batches agree on one call."""
    await stores.profiles.put(a_profile(), by=by())
    batches = [a_record(an_order(f"o-{place}"), announces=WITH_MARGIN_CALL) for place in range(5)]
    await asyncio.gather(*(record(stores, batch) for batch in batches))
    assert sorted(map(len, await announced(stores))) == [1, 1, 1, 1, 2]


async def test_journal_margin_call_of_a_repeated_order_is_not_made(stores: Stores) -> None:
    """PT-713: a record that is left out because an answer stands calls nobody."""
    await stores.profiles.put(a_profile(), by=by())
    await record(stores, a_record())
    await record(stores, a_record(at_us=NOW_US + 1, announces=WITH_MARGIN_CALL))
    assert (await stores.profiles.get(USER)).row.last_margin_call_us is None


async def test_journal_margin_call_moves_no_version(stores: Stores) -> None:
    """PT-713: remembering a margin call is no change of configuration: no officer's ETag moves."""
    stored = await stores.profiles.put(a_profile(), by=by())
    versions = await stores.watch.versions()
    await record(stores, a_record(announces=WITH_MARGIN_CALL))
    assert (await stores.profiles.get(USER)).version == stored.version
    assert await stores.watch.versions() == versions


async def test_journal_margin_call_without_profile_is_dropped(stores: Stores) -> None:
    """PT-713: where no cool-down can be kept nobody is called; the decision is written all the same."""
    await record(stores, a_record(announces=WITH_MARGIN_CALL))
    assert await announced(stores) == [(DECISION_TOPIC,)]
