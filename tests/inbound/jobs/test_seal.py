"""The job that seals: it goes on after trouble, and gives its claim up when it ends."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.usecases.audit.keys import SetClock, ToyKey

from tidegate.core.kernel.audit_chain import AuditedRow, ChainEntry, ChainTip, SignedHead
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.seal import SealJob, SealPace
from tidegate.outbound.memory.audit_chain import MemoryAuditChain, MemoryAuditedRows
from tidegate.ports.audit_chain import ChainMoved
from tidegate.usecases.audit.seal import Sealer, SealingTerms

ROWS = [AuditedRow(number, f"{number}", {}) for number in range(5)]
PACE = SealPace(every_s=0.001, pause_s=0)


class ShakyChain(MemoryAuditChain):
    """A chain whose store does not answer for a while, whose claim can be somebody else's."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []
        self.mine = True
        self.closed = False
        self.claimed = asyncio.Event()
        """Set at each claim."""
        self.complete = asyncio.Event()
        """Set in the round after the one that has sealed all."""

    async def claim(self) -> bool:
        self.claimed.set()
        if sum(map(len, self.entries_of.values())) == len(ROWS) + 1:
            self.complete.set()
        return self.mine

    async def close(self) -> None:
        self.closed = True

    async def tip(self, partition: str) -> ChainTip:
        if self.failures:
            raise self.failures.pop(0)
        return await super().tip(partition)

    async def append(self, partition: str, entries: Sequence[ChainEntry], *, heads: Sequence[SignedHead]) -> None:
        assert self.mine, "only the sealer that has the claim appends"
        await super().append(partition, entries, heads=heads)


def a_job(chain: ShakyChain, rows: list[AuditedRow]) -> SealJob:
    audited = MemoryAuditedRows({"one": lambda: rows, "two": lambda: rows[:1]})
    terms = SealingTerms(settle_us=0, batch_max=2)
    return SealJob(Sealer(chain, audited, signer=ToyKey(), clock=SetClock(1_000), terms=terms), chain, PACE)


async def test_round_seals_every_partition_to_its_end() -> None:
    """AS-608: One round seals all there is, batch after batch."""
    job = a_job(ShakyChain(), ROWS)
    await job.round()
    assert job.sealed == {"one": 5, "two": 1}


async def test_round_without_the_claim_seals_nothing() -> None:
    """AS-610: Another process is the sealer."""
    chain = ShakyChain()
    chain.mine = False
    job = a_job(chain, ROWS)
    await job.round()
    assert not job.sealed


@pytest.mark.parametrize("failure", [DependencyFailed("postgres", "away"), ChainMoved("by another")])
async def test_job_goes_on_after_trouble_and_gives_its_claim_up(failure: Exception) -> None:
    """AS-628: A store that does not answer, or a claim that was lost, is waited out."""
    chain = ShakyChain()
    chain.failures = [failure, failure]
    job = a_job(chain, ROWS)
    running = asyncio.create_task(job.run())
    async with asyncio.timeout(10):
        await chain.complete.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (job.trouble, chain.closed) == (None, True)


async def test_age_of_sealing_grows_while_rounds_do_not_end_whole() -> None:
    """RE-372: how long no round has ended whole is told; one that another process has the claim to is whole."""
    chain, now_s, pace = ShakyChain(), [100.0], SealPace(every_s=0)
    job = SealJob(a_job(chain, ROWS).sealer, chain, pace, monotonic_s=lambda: now_s[0])
    chain.mine = False
    now_s[0] = 160.0
    assert job.age_s == 60
    chain.claimed.clear()
    rounds = asyncio.create_task(job.run())
    async with asyncio.timeout(10):
        for _ in range(2):  # at the second claim the first round has ended
            await chain.claimed.wait()
            chain.claimed.clear()
    assert job.age_s == 0
    chain.mine, chain.failures = True, [DependencyFailed("postgres", "away")] * 3
    now_s[0] = 190.0
    async with asyncio.timeout(10):
        while not job.trouble:
            await chain.claimed.wait()
            chain.claimed.clear()
    assert job.age_s == 30
    rounds.cancel()
    await asyncio.gather(rounds, return_exceptions=True)
