"""Marks that a process finds when it starts."""

from decimal import Decimal

import pytest
from tests.account_books import Process
from tests.core.pretrade.told import START_US

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.instrument import Mark
from tidegate.outbound.redis.marks import RedisMarks

pytestmark = pytest.mark.servers


def marks_of(process: Process) -> RedisMarks:
    return RedisMarks(process.link, process.market)


async def test_marks_that_were_saved_are_loaded_by_a_process_that_starts(pair: list[Process]) -> None:
    """RE-110: of each symbol the latest, with its time; only those that have moved are saved again."""
    one, other = pair
    saved = marks_of(one)
    one.market.marks["BTCUSDT"] = Mark(Decimal("50000.10"), START_US)
    one.market.marks["ETHUSDT"] = Mark(None, START_US)
    assert await saved.save() == 2
    one.market.marks["BTCUSDT"] = Mark(Decimal(50_001), START_US + 1)
    assert await saved.save() == 1
    assert await saved.save() == 0
    assert await marks_of(other).load() == 2
    assert dict(other.market.marks) == dict(one.market.marks)


async def test_mark_that_is_held_gives_way_only_to_a_later_one(pair: list[Process]) -> None:
    """RE-110: what the topic has told meanwhile stands; what was loaded is not saved again."""
    one, other = pair
    one.market.marks.update({symbol: Mark(Decimal(5), START_US) for symbol in ("A", "B", "C")})
    await marks_of(one).save()
    other.market.marks.update({"A": Mark(Decimal(6), START_US), "B": Mark(Decimal(6), START_US - 1)})
    loading = marks_of(other)
    assert await loading.load() == 2
    assert [mark.price for mark in other.market.marks.values()] == [6, 5, 5]
    assert await loading.save() == 1


async def test_marks_that_cannot_be_read_are_a_dependency_that_failed(pair: list[Process]) -> None:
    """RE-105: nothing of them is put in place."""
    await pair[0].link.command("HSET", "tidegate:marks", "A", b"\x01\xff")
    with pytest.raises(DependencyFailed):
        await marks_of(pair[0]).load()
    assert not pair[0].market.marks
