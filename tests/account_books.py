"""Account books for tests, each with what stands around it: the memory twin, and processes that share one Redis."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.core.pretrade.told import START_US, USER, an_instrument

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.outbound.redis.account_book import RedisAccountBook
from tidegate.outbound.redis.link import Call, RedisLink, Reply
from tidegate.ports.account_book import AccountBook
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.shared_flows import SharedFlows

EPOCH = 1
SETTINGS = GateSettings(duplicate_window_ms=5_000, repeat_max=3, repeat_window_ms=60_000)


@dataclass(frozen=True)
class StandingClock:
    """A clock that stands where every test begins."""

    def now_us(self) -> int:
        return START_US


@dataclass(frozen=True)
class Kept:
    """A book and the market that it takes its instruments from."""

    book: AccountBook
    market: Market

    async def state(self, user_id: str = USER, *, now_us: int = START_US) -> UserState:
        return (await self.book.snapshot([user_id], now_us=now_us))[user_id]


@dataclass(frozen=True)
class Process(Kept):
    """A process that shares a book in Redis, with its own market, windows and connection."""

    book: RedisAccountBook
    flow: FlowWindows
    link: RedisLink


def memory_book(*instruments: Instrument) -> Kept:
    """An empty book of one process."""
    market = Market()
    for instrument in instruments or [an_instrument()]:
        market.put_instrument(instrument)
    return Kept(MemoryAccountBook(market), market)


def a_process(url: str, *, timeout_ms: int = 2_000, users_max: int = 1_000) -> Process:
    """A process that has not adopted any life yet; the machine of the tests may be slow."""
    market, flow, link = Market(), FlowWindows(), RedisLink(url, timeout_ms=timeout_ms)
    flows = SharedFlows(flow, lambda: SETTINGS)
    book = RedisAccountBook(link, market, flows=flows, clock=StandingClock(), users_max=users_max)
    return Process(book, market, flow, link)


async def begin_life(processes: Sequence[Process], *instruments: Instrument, epoch: int = EPOCH) -> None:
    """Let the first process begin a life of the book and publish it, and the others adopt it."""
    first = processes[0].book
    instance = await first.instance()
    await first.begin(epoch, instance=instance)
    for instrument in instruments or [an_instrument()]:
        await first.recount(instrument)
    await first.publish(epoch)
    for process in processes[1:]:
        await process.book.adopt(epoch, instance=instance)


@asynccontextmanager
async def sharing(url: str, count: int = 1, *, users_max: int = 1_000) -> AsyncIterator[list[Process]]:
    """Some processes on one book that holds nothing but an instrument."""
    processes = [a_process(url, users_max=users_max) for _ in range(count)]
    try:
        await processes[0].link.command("FLUSHALL")
        await begin_life(processes)
        yield processes
    finally:
        for process in processes:
            await process.book.close()
            await process.link.close()


class HeldBack:
    """A connection whose next reply waits until it is let through; what was asked has been done by then, or,
    ``unsent``, has not been sent yet.
    """

    def __init__(self, process: Process, *, unsent: bool = False) -> None:
        self._unsent = unsent
        self._evaluate = process.link.evaluate
        self.done, self.through = asyncio.Event(), asyncio.Event()
        process.link.evaluate = self.evaluate  # type: ignore[method-assign]  # the way in between
        self._process = process

    async def evaluate(self, calls: Sequence[Call]) -> list[Reply | DependencyFailed]:
        self._process.link.evaluate = self._evaluate  # type: ignore[method-assign]  # only once
        replies = [] if self._unsent else await self._evaluate(calls)
        self.done.set()
        await self.through.wait()
        return await self._evaluate(calls) if self._unsent else replies
