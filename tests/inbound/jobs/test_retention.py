"""The job that deletes: what goes, what stays, and what happens when the store does not answer."""

import asyncio
import time
from dataclasses import dataclass, field, replace

import pytest
from tests.buses import everything
from tests.inbound.events.desk import Desk, SetClock
from tests.ports.builders import USER, a_profile, a_record, a_stamp, an_order, by

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.batch_job import BatchPace
from tidegate.inbound.jobs.retention import (
    ANSWERS_KEPT_US,
    RECEIPTS_KEPT_US,
    RetentionJob,
    RetentionPlan,
)
from tidegate.outbound.memory.retention import MemoryRetention
from tidegate.ports.configuration import Applied, ProfileChange
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.ports.retention import Compacted, Retention

MARKS, SENT, STATE = "md.mark.v1.test", "risk.violation.v1.test", "position.updated.v1.test"
MINUTE_US = 60_000_000
DAY_US = 1_440 * MINUTE_US
PLAN = RetentionPlan(MARKS, "marks", marks_kept_us=MINUTE_US, out_topics=(SENT,), out_kept_us=7 * DAY_US)
PACE = BatchPace(every_s=0.001, batch_max=3, pause_s=0)


def a_job(desk: Desk, clock: SetClock, *, retention: Retention | None = None) -> RetentionJob:
    durable = desk.durable
    chosen = retention or MemoryRetention(durable.journal, durable.bus, profiles=durable.profiles)
    return RetentionJob(chosen, PLAN, clock, pace=PACE)


async def published(desk: Desk, topic: str, *, count: int) -> None:
    """As many records, of two keys in turn, and the mark group at the end of them."""
    events = [OutgoingEvent(topic, "AB"[number % 2], b"%d" % number, event_id=str(number)) for number in range(count)]
    await desk.durable.bus.publish(events)
    await desk.durable.bus.commit("marks", {(topic, 0): count})


async def kept(desk: Desk, topic: str) -> list[bytes]:
    return [record.value for record in await everything(desk.durable.bus, [topic])]


@pytest.mark.parametrize(
    ("later_us", "marks", "sent"),
    [(0, 10, 10), (2 * MINUTE_US, 2, 10), (7 * DAY_US - MINUTE_US, 2, 10), (8 * DAY_US, 2, 0)],
)
async def test_round_deletes_what_is_too_old_and_no_state(later_us: int, marks: int, sent: int) -> None:
    """PT-718: of marks the latest of each symbol stays, what was sent stays for days, the book's topics stay whole."""
    desk = Desk()
    for topic in (MARKS, SENT, STATE):
        await published(desk, topic, count=10)
    job = a_job(desk, SetClock(time.time_ns() // 1_000 + later_us))
    await job.round()
    assert [len(await kept(desk, topic)) for topic in (MARKS, SENT, STATE)] == [marks, sent, 10]
    assert (await kept(desk, MARKS))[-2:] == [b"8", b"9"]
    assert (job.done["marks"], job.done["sent"]) == (10 - marks, 10 - sent)


async def test_round_goes_on_with_the_marks_that_came_since_the_last_one() -> None:
    """PT-718: a job that runs for days keeps one mark a symbol."""
    desk = Desk()
    job = a_job(desk, SetClock(time.time_ns() // 1_000 + DAY_US))
    for count in (10, 20, 30):
        await published(desk, MARKS, count=10)
        await desk.durable.bus.commit("marks", {(MARKS, 0): count})
        await job.round()
        assert await kept(desk, MARKS) == [b"8", b"9"]
    assert job.done["marks"] == 28


@pytest.mark.parametrize(("later_us", "stands"), [(ANSWERS_KEPT_US, True), (ANSWERS_KEPT_US + 1, False)])
async def test_round_forgets_answers_that_stand_no_longer(later_us: int, stands: bool) -> None:
    """PT-103: an answer stands for 24 h and is forgotten soon after, however many there are."""
    desk, record = Desk(), a_record()
    records = [a_record(an_order(f"o-{number}")) for number in range(10)]
    await desk.durable.journal.record(records, margin_call_cooldown_us=0)
    await a_job(desk, SetClock(record.answer.evaluated_at_us + later_us)).round()
    known = [await desk.durable.journal.remembered(USER, f"o-{number}", since_us=0) for number in range(10)]
    assert [answer is not None for answer in known] == [stands] * 10


@pytest.mark.parametrize(
    ("later_us", "expected"), [(RECEIPTS_KEPT_US, Applied.REPEATED), (RECEIPTS_KEPT_US + 1, Applied.OUTDATED)]
)
async def test_round_forgets_receipts_of_events_long_past(later_us: int, expected: Applied) -> None:
    """PT-705: receipts are bounded, and what comes again changes nothing either way."""
    desk, stamp, freeze = Desk(), a_stamp(1), ProfileChange(frozen=True)
    await desk.durable.profiles.put(a_profile(), by=by())
    await desk.durable.profiles.apply(USER, freeze, stamp=stamp, created=None)
    await a_job(desk, SetClock(stamp.at_us + later_us)).round()
    again = await desk.durable.profiles.apply(USER, freeze, stamp=replace(stamp), created=None)
    assert again is expected


@dataclass
class Failing:
    """A store that does not answer at first."""

    failures: int
    asked: int = 0
    rounds: int = 0
    recovered: asyncio.Event = field(default_factory=asyncio.Event)

    def _answer(self) -> int:
        self.asked += 1
        if self.asked <= self.failures:
            raise DependencyFailed("postgres", "away")
        return 0

    async def forget_answers(self, *, before_us: int, limit: int) -> int:
        return self._answer()

    async def forget_receipts(self, *, before_us: int, limit: int) -> int:
        return self._answer()

    async def forget_records(self, topic: str, *, before_us: int, limit: int) -> int:
        self.rounds += 1
        if self.rounds == 2:
            self.recovered.set()
        return self._answer()

    async def compact(self, topic: str, group: str, *, start: int, before_us: int, limit: int) -> Compacted:
        return Compacted(self._answer(), None)


async def test_run_goes_on_after_the_store_was_away() -> None:
    """PL-308: a round that fails is not the end of the job, and tells its trouble while it lasts."""
    store = Failing(failures=2)
    job = a_job(Desk(), SetClock(), retention=store)
    with pytest.raises(DependencyFailed):
        await job.round()
    running = asyncio.create_task(job.run())
    await asyncio.wait_for(store.recovered.wait(), 10)
    assert (job.trouble, running.done()) == (None, False)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
