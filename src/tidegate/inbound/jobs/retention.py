"""Deletes what nothing reads any more, once a minute, in small batches with pauses: the gate's writes come first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from tidegate.inbound.jobs.batch_job import BatchJob, BatchPace
from tidegate.ports.clock import Clock
from tidegate.ports.retention import Retention

ANSWERS_KEPT_US: Final = (24 * 3_600 + 60) * 1_000_000
"""An answer stands for 24 h; a minute more is for orders that are being decided meanwhile."""

RECEIPTS_KEPT_US: Final = 7 * 86_400 * 1_000_000
"""Receipts of user.* events; a repeat that comes later still is known as outdated by its sequence."""

PACE: Final = BatchPace(every_s=60.0, batch_max=1_000)


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What is kept: topics by their full names, times in microseconds.

    Of ``mark_topic`` only the latest record of each symbol, once ``mark_group`` has passed it and it is older than
    ``marks_kept_us`` (up to then a mark may count, whatever comes after it). Of ``out_topics`` what is younger than
    ``out_kept_us``. Other topics are kept whole: the book is rebuilt from them.
    """

    mark_topic: str
    mark_group: str
    marks_kept_us: int
    out_topics: tuple[str, ...]
    out_kept_us: int


@dataclass(slots=True)
class RetentionJob(BatchJob):
    """Runs the plan; ``done`` counts what was deleted."""

    retention: Retention
    plan: RetentionPlan
    clock: Clock
    pace: BatchPace = field(default=PACE, kw_only=True)
    _compacted_to: int = 0

    async def round(self) -> None:
        """Delete all there is to delete now.

        Raises:
            DependencyFailed: the store did not answer; the next round goes on.
        """
        retention, plan, now_us, limit = self.retention, self.plan, self.clock.now_us(), self.pace.batch_max
        await self.drain("answers", lambda: retention.forget_answers(before_us=now_us - ANSWERS_KEPT_US, limit=limit))
        await self.drain(
            "receipts", lambda: retention.forget_receipts(before_us=now_us - RECEIPTS_KEPT_US, limit=limit)
        )
        await self._compact(now_us - plan.marks_kept_us)
        for topic in plan.out_topics:
            await self.drain("sent", _forget(retention, topic, before_us=now_us - plan.out_kept_us, limit=limit))

    async def _compact(self, before_us: int) -> None:
        """Go on where the last round has ended; a new process begins at the first record."""
        reached: int | None = self._compacted_to
        while reached is not None:
            self._compacted_to = reached
            compacted = await self.retention.compact(
                self.plan.mark_topic,
                self.plan.mark_group,
                start=reached,
                before_us=before_us,
                limit=self.pace.batch_max,
            )
            self.done["marks"] += compacted.deleted
            reached = compacted.reached
            await asyncio.sleep(self.pace.pause_s)


def _forget(retention: Retention, topic: str, *, before_us: int, limit: int) -> Callable[[], Awaitable[int]]:
    return lambda: retention.forget_records(topic, before_us=before_us, limit=limit)
