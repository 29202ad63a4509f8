"""Tidies the desk's tables: evaluations that a dead process left behind, keys and notes that nothing reads again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.clock import Clock
from tidegate.ports.risk_assessments import AssessmentUpkeep, ClaimTerms

GRACE_US: Final = 30_000_000
"""An evaluation that nobody asks for again may take this much longer than ``in_progress_timeout`` before it is failed:
it may still be completed.
"""


@dataclass(frozen=True, slots=True)
class UpkeepPace:
    """A round every ``every_s`` seconds; ``batch_max`` rows at once, then a pause of ``pause_s`` seconds."""

    every_s: float = 10.0
    batch_max: int = 500
    pause_s: float = 0.02


@dataclass(slots=True)
class DeskUpkeepJob:
    """Runs the upkeep; several processes may at once. ``done`` counts by what it was; ``trouble`` is why the last round
    ended early.
    """

    upkeep: AssessmentUpkeep
    terms: ClaimTerms
    clock: Clock
    pace: UpkeepPace = field(default_factory=UpkeepPace)
    done: Counter[str] = field(default_factory=Counter)
    trouble: DependencyFailed | None = None

    async def round(self) -> None:
        """Do all there is to do now.

        Raises:
            DependencyFailed: the store did not answer; the next round goes on.
        """
        upkeep, terms, now_us, limit = self.upkeep, self.terms, self.clock.now_us(), self.pace.batch_max
        abandoned_us = now_us - terms.in_progress_timeout_us - GRACE_US
        window_us = now_us - terms.duplicate_window_us
        await self._drain(
            "abandoned", lambda: upkeep.fail_abandoned(before_us=abandoned_us, now_us=now_us, limit=limit)
        )
        await self._drain("keys", lambda: upkeep.forget_keys(before_us=window_us, limit=limit))
        await self._drain("rule uses", lambda: upkeep.forget_rule_uses(before_us=window_us, limit=limit))

    async def run(self) -> None:
        """Run rounds until cancelled."""
        while True:
            try:
                await self.round()
                self.trouble = None
            except DependencyFailed as trouble:
                self.trouble = trouble
            await asyncio.sleep(self.pace.every_s)

    async def _drain(self, what: str, batch: Callable[[], Awaitable[int]]) -> None:
        """Work batch after batch until one is not full."""
        count = self.pace.batch_max
        while count >= self.pace.batch_max:
            count = await batch()
            self.done[what] += count
            await asyncio.sleep(self.pace.pause_s)
