"""Contract of ``AuditChain`` and ``AuditedRows``."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.ports.audit_stores import PARTITION, AuditStores, an_id, memory_audit, postgres_audit
from tests.ports.builders import NOW_US
from tests.postgres import fresh_pool
from tests.usecases.audit.keys import ToyKey

from tidegate.core.kernel.audit_chain import (
    AFTER_ALL_IDS,
    BEFORE_ALL,
    AuditedRow,
    ChainEntry,
    ChainHead,
    ChainTip,
    HeadKind,
    SignedHead,
    chained,
    next_head,
)
from tidegate.ports.audit_chain import ChainMoved

EVER = 2**62


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def audit(request: pytest.FixtureRequest) -> AsyncIterator[AuditStores]:
    """Empty stores of one implementation."""
    if request.param == "memory":
        yield memory_audit()
        return
    async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
        stores = postgres_audit(pool)
        try:
            yield stores
        finally:
            await stores.chain.close()


def some_entries(tip: ChainTip, *positions: int) -> list[ChainEntry]:
    rows = [AuditedRow(position, an_id(position), {"n": str(position)}) for position in positions]
    return chained(PARTITION, tip, rows=rows)


def a_head(tip: ChainTip, last: ChainEntry | None, *, covered_to: int) -> SignedHead:
    return ToyKey().sign(next_head(PARTITION, tip, last=last, covered_to=covered_to, made_us=NOW_US))


async def test_rows_come_in_the_order_of_time_and_id_page_by_page(audit: AuditStores) -> None:
    """AS-620: Rows come by their time and then by their id, each once, up to the position that is asked for."""
    for position, number in ((2, 1), (1, 9), (1, 3), (3, 2), (1, 4)):
        await audit.add(NOW_US + position, an_id(number))
    found: list[str] = []
    after = (BEFORE_ALL, AFTER_ALL_IDS)
    while page := await audit.rows.rows(PARTITION, after=after, until=NOW_US + 2, limit=2):
        found += [row.row_id for row in page]
        after = page[-1].place
    assert found == [an_id(number) for number in (3, 4, 9, 1)]
    rest = await audit.rows.rows(PARTITION, after=(NOW_US + 1, AFTER_ALL_IDS), until=EVER, limit=9)
    assert [(row.position, row.row_id) for row in rest] == [(NOW_US + 2, an_id(1)), (NOW_US + 3, an_id(2))]
    assert PARTITION in audit.rows.partitions()


async def test_position_is_settled_when_it_is_older_than_the_settling_time(audit: AuditStores) -> None:
    """AS-620: With nobody writing, everything older than the settling time has settled."""
    assert await audit.rows.settled(PARTITION, now_us=NOW_US, settle_us=30) == NOW_US - 30


async def test_empty_chain_has_the_empty_tip(audit: AuditStores) -> None:
    """AS-621: A partition without a head goes on from nothing."""
    assert await audit.chain.tip(PARTITION) == ChainTip()
    assert await audit.chain.last_cut(PARTITION) is None
    assert await audit.chain.entry_at(PARTITION, EVER) is None
    assert await audit.chain.entries(PARTITION, after=0, limit=9) == []
    assert await audit.chain.heads(PARTITION, after=0, limit=9) == []


async def test_what_was_appended_is_read_back_whole(audit: AuditStores) -> None:
    """AS-621: Entries and heads come back as they were, page by page, and the tip goes on from them."""
    first = some_entries(ChainTip(), 1, 2, 2_000_000_000_000_000)
    head = a_head(ChainTip(), first[-1], covered_to=7)
    await audit.chain.append(PARTITION, first, heads=[head])
    tip = await audit.chain.tip(PARTITION)
    assert tip == ChainTip(3, first[-1].place, first[-1].entry_hash, 1, 7, NOW_US)
    idle = a_head(tip, None, covered_to=9)
    await audit.chain.append(PARTITION, [], heads=[idle])
    assert await audit.chain.tip(PARTITION) == replace(tip, heads=2, covered_to=9)
    assert await audit.chain.entries(PARTITION, after=1, limit=1) == [first[1]]
    assert await audit.chain.entries(PARTITION, after=0, limit=9) == first
    assert await audit.chain.heads(PARTITION, after=0, limit=9) == [head, idle]
    assert await audit.chain.heads(PARTITION, after=1, limit=9) == [idle]
    assert await audit.chain.entries("other", after=0, limit=9) == []


async def test_second_append_of_the_same_place_writes_nothing(audit: AuditStores) -> None:
    """AS-610: Whoever goes on from where somebody else has gone on is refused, whole."""
    first = some_entries(ChainTip(), 1, 2)
    await audit.chain.append(PARTITION, first, heads=[a_head(ChainTip(), first[-1], covered_to=2)])
    other = some_entries(ChainTip(), 5, 6, 7)
    with pytest.raises(ChainMoved):
        await audit.chain.append(PARTITION, other, heads=[a_head(ChainTip(), other[-1], covered_to=9)])
    with pytest.raises(ChainMoved):
        await audit.chain.append(PARTITION, [], heads=[a_head(ChainTip(), None, covered_to=9)])
    assert await audit.chain.entries(PARTITION, after=0, limit=9) == first
    assert len(await audit.chain.heads(PARTITION, after=0, limit=9)) == 1


async def test_entry_at_a_position_is_the_last_up_to_it(audit: AuditStores) -> None:
    """AS-612: A cut finds the last entry of a row that is not younger than it."""
    entries = some_entries(ChainTip(), 10, 20, 20, 30, 50)
    await audit.chain.append(PARTITION, entries, heads=[a_head(ChainTip(), entries[-1], covered_to=50)])
    expected = {9: None, 10: 0, 19: 0, 20: 2, 29: 2, 30: 3, 49: 3, 50: 4, 99: 4}
    for position, place in expected.items():
        found = await audit.chain.entry_at(PARTITION, position)
        assert found == (None if place is None else entries[place])


async def test_last_cut_is_found_among_seals(audit: AuditStores) -> None:
    """AS-612: The last cut is found whatever was signed since; the tip stays that of the last seal."""
    entries = some_entries(ChainTip(), 1, 2, 3)
    await audit.chain.append(PARTITION, entries, heads=[a_head(ChainTip(), entries[-1], covered_to=3)])
    tip = await audit.chain.tip(PARTITION)
    cut = ToyKey().sign(
        ChainHead(PARTITION, 2, HeadKind.CUT, 1, 1, entries[0].entry_hash, NOW_US, "after ten years \u00e9")
    )
    await audit.chain.append(PARTITION, [], heads=[cut, a_head(replace(tip, heads=2), None, covered_to=4)])
    assert await audit.chain.last_cut(PARTITION) == cut
    assert await audit.chain.tip(PARTITION) == replace(tip, heads=3, covered_to=4)


async def test_claim_is_kept_until_it_is_given_up(audit: AuditStores) -> None:
    """AS-610: The sealer that has the claim has it again when it asks again."""
    assert await audit.chain.claim()
    assert await audit.chain.claim()
    await audit.chain.close()
    assert await audit.chain.claim()
