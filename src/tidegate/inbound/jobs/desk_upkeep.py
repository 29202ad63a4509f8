"""Tidies the desk's tables: evaluations that a dead process left behind, keys and notes that nothing reads again."""

from dataclasses import dataclass, field
from typing import Final

from tidegate.inbound.jobs.batch_job import BatchJob, BatchPace
from tidegate.ports.clock import Clock
from tidegate.ports.risk_assessments import AssessmentUpkeep, ClaimTerms

GRACE_US: Final = 30_000_000
"""An evaluation that nobody asks for again may take this much longer than ``in_progress_timeout`` before it is failed:
it may still be completed.
"""

PACE: Final = BatchPace(every_s=10.0, batch_max=500)


@dataclass(slots=True)
class DeskUpkeepJob(BatchJob):
    """Runs the upkeep; several processes may at once."""

    upkeep: AssessmentUpkeep
    terms: ClaimTerms
    clock: Clock
    pace: BatchPace = field(default=PACE, kw_only=True)

    async def round(self) -> None:
        """Do all there is to do now.

        Raises:
            DependencyFailed: the store did not answer; the next round goes on.
        """
        upkeep, terms, now_us, limit = self.upkeep, self.terms, self.clock.now_us(), self.pace.batch_max
        abandoned_us = now_us - terms.in_progress_timeout_us - GRACE_US
        window_us = now_us - terms.duplicate_window_us
        await self.drain("abandoned", lambda: upkeep.fail_abandoned(before_us=abandoned_us, now_us=now_us, limit=limit))
        await self.drain("keys", lambda: upkeep.forget_keys(before_us=window_us, limit=limit))
        await self.drain("rule uses", lambda: upkeep.forget_rule_uses(before_us=window_us, limit=limit))
