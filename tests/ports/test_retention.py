"""Contract of ``Retention``."""

import time

import asyncpg
import pytest
from tests.buses import everything
from tests.ports.builders import (
    DAY_US,
    NOW_US,
    OTHER_USER,
    SECOND_US,
    USER,
    a_profile,
    a_record,
    a_refusal,
    a_stamp,
    an_order,
    by,
)
from tests.ports.stores import Stores, postgres_stores
from tests.postgres import fresh_pool

from tidegate.core.pretrade.reasons import RejectReason
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.retention import RETENTION_LOCK
from tidegate.ports.configuration import Applied, ProfileChange
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.ports.retention import Compacted

MARKS = "md.mark.v1.dev"
SENT = "risk.violation.v1.dev"
STATE = "position.updated.v1.dev"
GROUP = "marks"
MANY = 1_000


def soon_us() -> int:
    """A moment after everything that a test has published."""
    return time.time_ns() // 1_000 + 3_600 * SECOND_US


async def published(stores: Stores, topic: str, *named: str) -> None:
    """Publish records one by one: the key, then the value."""
    for name in named:
        key, _, value = name.partition("=")
        await stores.bus.publish([OutgoingEvent(topic, key, value.encode(), event_id=name)])


async def kept(stores: Stores, topic: str) -> list[str]:
    """Give what lies on a topic, in order."""
    return [f"{record.key}={record.value.decode()}" for record in await everything(stores.bus, [topic])]


async def test_answers_before_a_moment_are_forgotten_and_their_decisions_stay(stores: Stores) -> None:
    """PT-103: an answer stands for 24 h; then its row goes, the oldest first, and the archive keeps the decision."""
    records = [a_record(an_order(name), at_us=NOW_US + place) for place, name in enumerate("abcd")]
    await stores.journal.record(records, margin_call_cooldown_us=0)
    assert await stores.retention.forget_answers(before_us=NOW_US + 3, limit=2) == 2
    standing = [await stores.journal.remembered(USER, name, since_us=0) is not None for name in "abcd"]
    assert standing == [False, False, True, True]
    assert await stores.retention.forget_answers(before_us=NOW_US + 3, limit=2) == 1
    assert await stores.retention.forget_answers(before_us=NOW_US + 3, limit=2) == 0
    assert await stores.journal.remembered(USER, "d", since_us=0) is not None
    assert [await stores.archive.get(record.answer.decision_id) for record in records] == records


async def test_order_whose_answer_was_forgotten_is_decided_anew(stores: Stores) -> None:
    """PT-103: nothing stands in the way of a new answer, and that one stands."""
    await stores.journal.record([a_record(at_us=NOW_US - DAY_US - 1)], margin_call_cooldown_us=0)
    await stores.retention.forget_answers(before_us=NOW_US - DAY_US, limit=MANY)
    anew = a_refusal(at_us=NOW_US, reason=RejectReason.LIQUIDATION_RISK)
    assert await stores.journal.record([anew], margin_call_cooldown_us=0) == {}
    standing = await stores.journal.remembered(USER, "o-1", since_us=0)
    assert standing is not None
    assert standing.answer == anew.answer


async def test_event_whose_receipt_was_forgotten_changes_nothing_when_it_comes_again(stores: Stores) -> None:
    """PT-705: receipts are kept for a while, sequences for good."""
    freeze = ProfileChange(frozen=True)
    for user in (USER, OTHER_USER):
        await stores.profiles.put(a_profile(user), by=by())
    old, young = a_stamp(1), a_stamp(2)
    await stores.profiles.apply(USER, freeze, stamp=old, created=None)
    await stores.profiles.apply(USER, ProfileChange(frozen=False), stamp=young, created=None)
    other = a_stamp(1, at_us=old.at_us - 1)
    await stores.profiles.apply(OTHER_USER, freeze, stamp=other, created=None)
    assert await stores.retention.forget_receipts(before_us=young.at_us, limit=1) == 1
    assert await stores.retention.forget_receipts(before_us=young.at_us, limit=MANY) == 1
    assert await stores.retention.forget_receipts(before_us=young.at_us, limit=MANY) == 0
    again = [
        await stores.profiles.apply(user, freeze, stamp=stamp, created=None)
        for user, stamp in ((USER, old), (USER, young), (OTHER_USER, other))
    ]
    assert again == [Applied.OUTDATED, Applied.REPEATED, Applied.OUTDATED]
    assert not (await stores.profiles.get(USER)).row.profile.frozen


async def test_records_before_a_moment_are_deleted_from_their_topic_alone(stores: Stores) -> None:
    """PT-718: the oldest go first, places go on as if they were there, and no other topic loses a record."""
    await published(stores, SENT, "u=1", "u=2", "u=3")
    await published(stores, STATE, "u=1")
    assert await stores.retention.forget_records(SENT, before_us=0, limit=MANY) == 0
    assert await stores.retention.forget_records(SENT, before_us=soon_us(), limit=2) == 2
    assert await kept(stores, SENT) == ["u=3"]
    assert await stores.retention.forget_records(SENT, before_us=soon_us(), limit=2) == 1
    await published(stores, SENT, "u=4")
    batch = await stores.bus.read("anyone", [SENT], limit=9, now_us=NOW_US)
    assert [record.offset for record in batch.records] == [3]
    assert await kept(stores, STATE) == ["u=1"]


async def compacted(stores: Stores, *, limit: int, start: int = 0) -> tuple[int, int]:
    """Compact to the end in batches; give how many records went and from where the next round begins."""
    deleted, reached = 0, start
    while True:
        done = await stores.retention.compact(MARKS, GROUP, start=reached, before_us=soon_us(), limit=limit)
        deleted += done.deleted
        if done.reached is None:
            return deleted, reached
        reached = done.reached


@pytest.mark.parametrize("limit", [1, 2, 3, MANY])
async def test_compaction_keeps_the_latest_record_of_each_key_whatever_the_batches(stores: Stores, limit: int) -> None:
    """PT-718: a restart tells one mark a symbol again, and no batch is so small that it does not come to its end."""
    await published(stores, MARKS, "A=1", "B=1", "A=2", "C=1", "A=3", "B=2", "A=4")
    await published(stores, STATE, "A=1", "A=2")
    await stores.bus.commit(GROUP, {(MARKS, 0): 7})
    assert await compacted(stores, limit=limit) == (4, 7)
    assert await kept(stores, MARKS) == ["C=1", "B=2", "A=4"]
    assert await kept(stores, STATE) == ["A=1", "A=2"]
    await published(stores, MARKS, "C=2", "D=1")
    await stores.bus.commit(GROUP, {(MARKS, 0): 9})
    assert await compacted(stores, limit=limit, start=7) == (1, 9)
    assert await kept(stores, MARKS) == ["B=2", "A=4", "C=2", "D=1"]
    assert await compacted(stores, limit=limit) == (0, 9)


async def test_compaction_leaves_what_the_group_has_not_passed(stores: Stores) -> None:
    """PT-704: a record that was not applied yet is neither deleted nor a reason to delete another."""
    await published(stores, MARKS, "A=1", "A=2", "A=3", "A=4")
    assert await compacted(stores, limit=MANY) == (0, 0)
    await stores.bus.commit("another", {(MARKS, 0): 4})
    assert await compacted(stores, limit=MANY) == (0, 0)
    await stores.bus.commit(GROUP, {(MARKS, 0): 2})
    assert await compacted(stores, limit=MANY) == (1, 2)
    assert await kept(stores, MARKS) == ["A=2", "A=3", "A=4"]


async def test_compaction_leaves_what_is_young(stores: Stores) -> None:
    """PT-718: while a mark may still be fresh, none of its symbol is given up."""
    await published(stores, MARKS, "A=1", "A=2")
    await stores.bus.commit(GROUP, {(MARKS, 0): 2})
    assert await stores.retention.compact(MARKS, GROUP, start=0, before_us=0, limit=MANY) == Compacted(0, None)
    assert await kept(stores, MARKS) == ["A=1", "A=2"]


@pytest.mark.servers
async def test_retention_deletes_nothing_while_another_process_does(postgres_server: EmbeddedPostgres) -> None:
    """PL-308: two processes on one database do not delete side by side; the second does not wait either."""
    async with fresh_pool(postgres_server) as pool:
        stores = postgres_stores(pool)
        await stores.journal.record([a_record(at_us=NOW_US)], margin_call_cooldown_us=0)
        await published(stores, SENT, "u=1")
        await published(stores, MARKS, "A=1", "A=2")
        await stores.bus.commit(GROUP, {(MARKS, 0): 2})
        other = await pool.own_connection()
        await other.execute("SELECT pg_advisory_lock($1)", RETENTION_LOCK)
        retention = stores.retention
        assert await retention.forget_answers(before_us=soon_us(), limit=MANY) == 0
        assert await retention.forget_records(SENT, before_us=soon_us(), limit=MANY) == 0
        assert await compacted(stores, limit=MANY) == (0, 0)
        await other.execute("SELECT pg_advisory_unlock($1)", RETENTION_LOCK)
        await other.close()
        assert await retention.forget_answers(before_us=soon_us(), limit=MANY) == 1
        assert await retention.forget_records(SENT, before_us=soon_us(), limit=MANY) == 1
        assert await compacted(stores, limit=MANY) == (1, 2)


@pytest.mark.servers
async def test_retention_passes_over_an_answer_that_is_being_replaced(postgres_server: EmbeddedPostgres) -> None:
    """PL-308: deleting waits for nobody, so that nobody waits for what it has locked already."""
    async with fresh_pool(postgres_server) as pool:
        stores = postgres_stores(pool)
        records = [a_record(an_order(name), at_us=NOW_US) for name in "ab"]
        await stores.journal.record(records, margin_call_cooldown_us=0)
        holder: asyncpg.Connection[asyncpg.Record] = await pool.own_connection()
        async with holder.transaction():
            await holder.execute("SELECT FROM order_answers WHERE order_id = 'a' FOR UPDATE")
            assert await stores.retention.forget_answers(before_us=soon_us(), limit=MANY) == 1
        assert await stores.retention.forget_answers(before_us=soon_us(), limit=MANY) == 1
        await holder.close()
