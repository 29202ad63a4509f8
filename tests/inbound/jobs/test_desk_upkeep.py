"""The desk's upkeep: rounds of small batches, over the memory twin."""

import asyncio

from tests.ports.assessment_stores import NOW_US, TERMS, S, a_claim, memory_assessments

from tidegate.core.assessment.risk_assessment import AssessmentStatus
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.batch_job import BatchPace
from tidegate.inbound.jobs.desk_upkeep import GRACE_US, DeskUpkeepJob
from tidegate.ports.risk_assessments import AssessmentUpkeep, IdempotencyKey

ABANDONED_US = NOW_US + TERMS.in_progress_timeout_us + GRACE_US


class StandingClock:
    """A clock that is set by hand."""

    def __init__(self, us: int) -> None:
        self.us = us

    def now_us(self) -> int:
        return self.us


class AwayOnce:
    """An upkeep that does not answer the first time."""

    def __init__(self, upkeep: AssessmentUpkeep) -> None:
        self._upkeep = upkeep
        self.asked = self.rounds = 0
        self.answered = asyncio.Event()

    async def fail_abandoned(self, *, before_us: int, now_us: int, limit: int) -> int:
        self.asked += 1
        if self.asked == 1:
            raise DependencyFailed("postgres", "away")
        return await self._upkeep.fail_abandoned(before_us=before_us, now_us=now_us, limit=limit)

    async def forget_keys(self, *, before_us: int, limit: int) -> int:
        return await self._upkeep.forget_keys(before_us=before_us, limit=limit)

    async def forget_rule_uses(self, *, before_us: int, limit: int) -> int:
        self.rounds += 1
        if self.rounds == 2:
            self.answered.set()
        return await self._upkeep.forget_rule_uses(before_us=before_us, limit=limit)


async def test_round_fails_what_was_abandoned_batch_after_batch() -> None:
    """AS-350, AS-351: everything past its time, however many batches that takes, and nothing before it."""
    kept = memory_assessments()
    for number in range(1, 6):
        await kept.claimed(a_claim(number, request_hash=f"h{number}", at_us=NOW_US if number < 5 else NOW_US + S))
    pace = BatchPace(every_s=0, batch_max=2, pause_s=0)
    job = DeskUpkeepJob(kept.upkeep, TERMS, StandingClock(ABANDONED_US - 1), pace=pace)
    await job.round()
    assert job.done["abandoned"] == 0
    job.clock = StandingClock(ABANDONED_US)
    await job.round()
    assert job.done["abandoned"] == 4
    rows = [await kept.archive.get(a_claim(number).assessment_id) for number in range(1, 6)]
    assert [row.status for row in rows if row is not None] == [AssessmentStatus.FAILED] * 4 + [
        AssessmentStatus.IN_PROGRESS
    ]


async def test_round_forgets_keys_after_the_duplicate_window() -> None:
    """AS-350: a key is kept for the window, not for ever."""
    kept = memory_assessments()
    await kept.claimed(a_claim(1), key=IdempotencyKey("sub", "key"))
    for age_us, forgotten in ((TERMS.duplicate_window_us - 1, 0), (TERMS.duplicate_window_us, 1)):
        job = DeskUpkeepJob(kept.upkeep, TERMS, StandingClock(NOW_US + age_us))
        await job.round()
        assert job.done["keys"] == forgotten


async def test_run_goes_on_after_trouble() -> None:
    """AS-351: a store that was away is asked again in the next round."""
    away = AwayOnce(memory_assessments().upkeep)
    job = DeskUpkeepJob(away, TERMS, StandingClock(NOW_US), pace=BatchPace(every_s=0, batch_max=500, pause_s=0))
    running = asyncio.create_task(job.run())
    async with asyncio.timeout(5):
        await away.answered.wait()
    running.cancel()
    assert away.asked >= 2
    assert job.trouble is None
