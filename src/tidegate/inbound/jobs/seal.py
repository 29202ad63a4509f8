"""Seals what was decided into the audit chain, every few seconds; one runner at a time."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.ports.audit_chain import AuditChain, ChainMoved
from tidegate.usecases.audit.seal import Sealer


@dataclass(frozen=True, slots=True)
class SealPace:
    """A round every ``every_s`` seconds. After each batch the sealer pauses ``rest`` times as long as it took, but at
    least ``pause_s`` seconds, so that what has piled up never takes the loop away from orders.
    """

    every_s: float = 2.0
    pause_s: float = 0.02
    rest: int = 4


@dataclass(slots=True)
class SealJob:
    """Runs the sealer while this process holds the claim. ``sealed`` counts rows by partition; ``trouble`` is why the
    last round ended early. ``monotonic_s`` is a clock that is never set.
    """

    sealer: Sealer
    chain: AuditChain
    pace: SealPace = field(default_factory=SealPace)
    sealed: Counter[str] = field(default_factory=Counter)
    trouble: DependencyFailed | None = None
    monotonic_s: Callable[[], float] = time.monotonic
    _whole_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._whole_s = self.monotonic_s()

    @property
    def age_s(self) -> float:
        """Give the seconds since a round ended whole; one that another process has the claim to is whole."""
        return self.monotonic_s() - self._whole_s

    async def round(self) -> None:
        """Seal all there is to seal now, if this process is the sealer.

        Raises:
            DependencyFailed: the store did not answer; the next round goes on.
        """
        if not await self.chain.claim():
            return
        loop = asyncio.get_running_loop()
        for partition in self.sealer.partitions():
            begun_s = loop.time()
            while count := await self.sealer.seal(partition):
                self.sealed[partition] += count
                await asyncio.sleep(max(self.pace.pause_s, self.pace.rest * (loop.time() - begun_s)))
                begun_s = loop.time()

    async def run(self) -> None:
        """Seal until cancelled, then give the claim up."""
        backoff = Backoff()
        try:
            while True:
                try:
                    await self.round()
                    self.trouble = None
                    self._whole_s = self.monotonic_s()
                    backoff.reset()
                except ChainMoved:
                    # a claim that was lost without our knowing: whoever has it seals on
                    await backoff.wait()
                except DependencyFailed as trouble:
                    self.trouble = trouble
                    await backoff.wait()
                await asyncio.sleep(self.pace.every_s)
        finally:
            await self.chain.close()
