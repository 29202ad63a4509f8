"""Sealing and verifying over the memory twins."""

from dataclasses import replace

import pytest
from tests.usecases.audit.keys import SetClock, ToyKey

from tidegate.core.kernel.audit_chain import AuditedRow, ChainEntry, SignedHead
from tidegate.outbound.memory.audit_chain import MemoryAuditChain, MemoryAuditedRows
from tidegate.ports.audit_chain import ChainMoved
from tidegate.usecases.audit.seal import NothingToCut, Sealer, SealingTerms
from tidegate.usecases.audit.verify import FAULTS_TOLD_MAX, PartitionReport, Verifier

S = 1_000_000
START_US = 1_767_225_600 * S
TERMS = SealingTerms(settle_us=30 * S, batch_max=4, idle_head_us=60 * S)


class World:
    """Rows, a chain, a clock, a sealer and a verifier."""

    def __init__(self) -> None:
        self.rows: list[AuditedRow] = []
        self.chain = MemoryAuditChain()
        self.clock = SetClock(START_US)
        self.audited = MemoryAuditedRows({"p": lambda: self.rows})
        self.sealer = Sealer(self.chain, self.audited, signer=ToyKey(), clock=self.clock, terms=TERMS)

    def add(self, *seconds: int) -> None:
        """Add a row for each second after the start."""
        self.rows += [
            AuditedRow(START_US + second * S, f"{len(self.rows) + place:04d}", {"second": str(second)})
            for place, second in enumerate(seconds)
        ]

    async def seal_all(self, at_s: int) -> int:
        """Seal all there is at a second after the start."""
        self.clock.now = START_US + at_s * S
        total = 0
        while count := await self.sealer.seal("p"):
            total += count
        return total

    async def verified(self, *pinned: SignedHead, key: ToyKey | None = None) -> PartitionReport:
        return await Verifier(self.chain, self.audited, keys=key or ToyKey(), batch=2).verify("p", pinned=pinned)


async def test_row_is_sealed_once_it_has_settled_and_only_once() -> None:
    """AS-608: A row is sealed when it is older than the settling time, once, and rows in the order of their time."""
    world = World()
    world.add(5, 1, 3)
    assert await world.seal_all(30) == 0
    assert await world.seal_all(33) == 2
    assert await world.seal_all(33) == 0
    assert await world.seal_all(40) == 1
    assert [entry.row_id for entry in world.chain.entries_of["p"]] == ["0001", "0002", "0000"]
    report = await world.verified()
    assert (report.whole, report.verified_rows, report.pending_rows) == (True, 3, 0)


async def test_rows_of_one_moment_are_all_sealed_though_a_batch_ends_among_them() -> None:
    """AS-608: Nine rows of the same microsecond, four a batch, get nine entries."""
    world = World()
    world.add(*[1] * 9)
    assert await world.seal_all(60) == 9
    assert len({entry.row_id for entry in world.chain.entries_of["p"]}) == 9
    assert (await world.verified()).whole


async def test_head_is_signed_with_each_batch_and_while_nothing_happens() -> None:
    """AS-609: Each batch has its head, and without rows a head a minute covers the time that has passed."""
    world = World()
    world.add(1, 2, 3, 4, 5)
    await world.seal_all(40)
    assert [signed.head.sequence for signed in world.chain.heads_of["p"]] == [4, 5]
    await world.seal_all(60)
    assert len(world.chain.heads_of["p"]) == 2
    await world.seal_all(101)
    assert [signed.head.covered_to for signed in world.chain.heads_of["p"]][2] == START_US + 71 * S
    world.add(50)
    assert await world.seal_all(200) == 0
    assert [fault.kind for fault in (await world.verified()).faults] == ["ROW_INSERTED"]


async def test_of_two_sealers_one_writes_and_the_other_is_told() -> None:
    """AS-610: Two sealers that go on from the same place write one chain."""
    world = World()
    world.add(1, 2)
    world.clock.now = START_US + 60 * S
    tip = await world.chain.tip("p")
    await world.sealer.seal("p")
    frozen = MemoryAuditChain()
    frozen.entries_of, frozen.heads_of = world.chain.entries_of, world.chain.heads_of

    async def stale(_partition: str) -> object:
        return tip

    frozen.tip = stale  # type: ignore[method-assign, assignment] # it has read before the other wrote
    other = Sealer(frozen, world.audited, signer=ToyKey(), clock=world.clock, terms=TERMS)
    with pytest.raises(ChainMoved):
        await other.seal("p")
    assert len(world.chain.entries_of["p"]) == 2
    assert (await world.verified()).whole


async def test_verifying_while_rows_are_sealed_finds_no_fault() -> None:
    """AS-611: What is sealed after a check has begun belongs to the next one."""
    world = World()
    world.add(*range(1, 9))
    await world.seal_all(40)
    reads = 0
    plain = world.chain.entries

    async def entries(partition: str, *, after: int, limit: int) -> list[ChainEntry]:
        nonlocal reads
        reads += 1
        found = list(await plain(partition, after=after, limit=limit))
        if reads == 2:
            world.add(11, 12)
            await world.seal_all(70)
        return found

    world.chain.entries = entries  # type: ignore[method-assign] # seals between two reads
    report = await world.verified()
    assert reads > 2
    assert report.whole
    assert (await world.verified()).verified_rows == 10


async def test_key_of_somebody_else_verifies_nothing() -> None:
    """AS-606: With another key than that of the sealer every head is a fault."""
    world = World()
    world.add(1)
    await world.seal_all(60)
    assert (await world.verified(key=ToyKey(b"other"))).fault_count == 1


async def test_kept_head_finds_a_tail_that_was_cut_off_and_sealed_anew() -> None:
    """AS-607: Rows, entries and heads cut off together, and sealed over, are found by a head that was kept."""
    world = World()
    world.add(1, 2, 3)
    await world.seal_all(33)
    kept = world.chain.heads_of["p"][-1]
    world.rows.pop()
    world.chain.entries_of["p"].clear()
    world.chain.heads_of["p"].clear()
    await world.seal_all(200)
    assert (await world.verified()).whole
    report = await world.verified(kept)
    assert [fault.kind for fault in report.faults][:1] == ["TAIL_MISSING"]
    forged = replace(kept, head=replace(kept.head, sequence=2))
    assert (await world.verified(forged)).faults[0].kind == "HEAD_CHANGED"


async def test_cut_lets_old_rows_and_entries_go_and_no_others() -> None:
    """AS-612: Behind a signed cut rows and entries may be gone, the rest verifies, and the report says so."""
    world = World()
    world.add(*range(1, 8))
    await world.seal_all(60)
    kept = world.chain.heads_of["p"][-1]
    assert await world.sealer.cut("p", until=START_US + 3 * S, note="ten years") == 3
    assert (await world.verified(kept)).whole
    del world.rows[:3]
    del world.chain.entries_of["p"][:3]
    report = await world.verified(kept)
    assert (report.whole, report.verified_rows) == (True, 4)
    assert report.cut is not None
    assert (report.cut.note, report.cut.covered_to) == ("ten years", START_US + 3 * S)
    world.add(40)
    assert await world.seal_all(100) == 1
    assert (await world.verified()).whole
    del world.rows[0]
    assert [fault.kind for fault in (await world.verified()).faults] == ["ROW_MISSING"]


async def test_rows_deleted_without_a_cut_are_found() -> None:
    """AS-612: Retention without a signed cut is what it looks like."""
    world = World()
    world.add(1, 2, 3)
    await world.seal_all(60)
    del world.rows[:1]
    del world.chain.entries_of["p"][:1]
    assert [fault.kind for fault in (await world.verified()).faults] == ["ENTRY_MISSING", "ENTRY_CHANGED"]


async def test_forged_cut_excuses_nothing() -> None:
    """AS-612: A cut that was signed with another key is a fault, and so is what is missing behind it."""
    world = World()
    world.add(1, 2, 3)
    await world.seal_all(60)
    forger = Sealer(world.chain, world.audited, signer=ToyKey(b"other"), clock=world.clock, terms=TERMS)
    await forger.cut("p", until=START_US + 2 * S, note="")
    del world.rows[:2]
    found = [fault.kind.value for fault in (await world.verified()).faults]
    assert found.count("HEAD_CHANGED") == 3  # told where cuts are looked for, and both heads in their turn
    assert found.count("ROW_MISSING") == 2


async def test_cut_of_nothing_is_refused() -> None:
    """AS-612: A cut before the first row, and one that has been made, are refused."""
    world = World()
    with pytest.raises(NothingToCut):
        await world.sealer.cut("p", until=START_US, note="")
    world.add(1, 2)
    await world.seal_all(60)
    await world.sealer.cut("p", until=START_US + S, note="")
    with pytest.raises(NothingToCut):
        await world.sealer.cut("p", until=START_US + S, note="")


async def test_report_counts_all_faults_and_tells_the_first() -> None:
    """AS-611: However much is wrong, the report stays short and counts it all."""
    world = World()
    world.add(*range(250))
    await world.seal_all(400)
    world.rows = [replace(row, columns={}) for row in world.rows]
    report = await world.verified()
    assert (report.fault_count, len(report.faults)) == (250, FAULTS_TOLD_MAX)
    assert report.faults[0].sequence == 1
