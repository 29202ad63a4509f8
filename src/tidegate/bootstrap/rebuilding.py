"""Wires how the account book comes to be whole: told everything again in memory, in Redis by following its life."""

import asyncio
from typing import Final, Protocol

from tidegate.bootstrap.books import Books, SharedParts
from tidegate.bootstrap.processing import Memory, Processing
from tidegate.bootstrap.surroundings import Jobs, Surroundings
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.snapshot import Market
from tidegate.inbound.events.marks import MarkProcessor
from tidegate.inbound.events.processors import SettingAside
from tidegate.inbound.jobs.adopt import AdoptJob
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.outbound.redis.account_book import RedisAccountBook
from tidegate.usecases.pretrade.adoption import Adoption, Standing
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.ingest import Counts
from tidegate.usecases.pretrade.rebuild import Rebuild, Stage
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.restore_flow import restore_flow
from tidegate.usecases.pretrade.shared_flows import SharedFlows
from tidegate.usecases.pretrade.shared_rebuild import Building, BuiltAnew, NeverLost, SharedRebuild
from tidegate.wire.topics import INSTRUMENT_TOPICS, topic_name

WHOLE_S_MAX: Final = 60.0
"""How long a start waits for a shared book to be whole before it gives up, and is started again by whoever runs it."""


class Rebuilding(Protocol):
    """Makes the book whole at the start, and keeps it so."""

    async def make_whole(self) -> None:
        """Return when orders may be decided on the book.

        Raises:
            DependencyFailed: something did not answer; nothing is ready.
        """

    def jobs(self) -> Jobs:
        """Start what keeps the book whole."""


class AloneInMemory:
    """``Rebuilding`` of a book that this process keeps in memory: everything is told again at the start."""

    def __init__(self, around: Surroundings, memory: Memory, *, processing: Processing, marks: MarkProcessor) -> None:
        self._around = around
        self._memory = memory
        self._processing = processing
        self._marks = marks

    async def make_whole(self) -> None:
        around, memory = self._around, self._memory
        rebuild = Rebuild(
            around.bus.source, around.stores.archive, book=memory.book, replica=memory.replica, clock=around.clock
        )
        marks = Stage(self._marks.topics, around.writers.before(self._marks.process))
        await rebuild.run([*_account_stages(around, self._processing), marks])
        settings = memory.replica.configuration.settings
        await restore_flow(around.stores.archive, memory.flow, clock=around.clock, settings=settings)

    def jobs(self) -> Jobs:
        return []


class SharedWithOthers:
    """``Rebuilding`` of a book in Redis: each process follows the life that counts, and one builds the next."""

    def __init__(self, around: Surroundings, memory: Memory, *, shared: SharedParts, aside: SettingAside) -> None:
        self._around = around
        self._memory = memory
        self._shared = shared
        self._aside = aside
        never_lost = NeverLost(shared.lives, shared.mirror, around.bus.source, around.stores.archive)
        self._rebuild = SharedRebuild(
            never_lost,
            make_building=self._building,
            clock=around.clock,
            settings=lambda: memory.replica.configuration.settings,
        )
        self._log = around.teller("account book")
        self.job = AdoptJob(Adoption(shared.lives, shared.book, replica=memory.replica, rebuild=self._build))

    async def make_whole(self) -> None:
        backoff = Backoff()
        try:
            async with asyncio.timeout(WHOLE_S_MAX):
                while not self._memory.replica.rebuilt:
                    try:
                        if await self.job.adoption.step() is Standing.WAITS:
                            await backoff.wait()
                    except DependencyFailed as trouble:
                        self._log(f"is not whole: {trouble}")
                        await backoff.wait()
        except TimeoutError:
            raise DependencyFailed("account book", f"was not whole within {WHOLE_S_MAX:.0f} s") from None

    def jobs(self) -> Jobs:
        return [asyncio.create_task(self.job.run(), name="follow the account book")]

    async def _build(self) -> BuiltAnew:
        built = await self._rebuild.run()
        self._log(
            f"life {built.life.epoch} was built: {built.users} users from the mirror, {built.records} records told "
            f"again, {built.reservations} reservations and {built.windows} windows from the journal"
        )
        return built

    def _building(self) -> Building:
        """Make a book for one rebuild alone, with market and windows of its own."""
        memory, around = self._memory, self._around
        replica = Replica(Market(), memory.replica.configuration)
        replica.profiles = memory.replica.profiles
        flows = SharedFlows(FlowWindows(), lambda: memory.replica.configuration.settings)
        book = RedisAccountBook(self._shared.link, replica.market, flows=flows, clock=around.clock)
        own = Memory(replica, book, memory.flow, memory.keeper)
        processing = Processing(around, own, aside=self._aside.anew(), counts=Counts(), heard=None)
        return Building(book, flows, replica.market, _account_stages(around, processing))


def rebuilding_of(
    around: Surroundings, memory: Memory, *, books: Books, processing: Processing, marks: MarkProcessor
) -> Rebuilding:
    """Give what makes this book whole."""
    if books.shared is None:
        return AloneInMemory(around, memory, processing=processing, marks=marks)
    return SharedWithOthers(around, memory, shared=books.shared, aside=processing.aside)


def _account_stages(around: Surroundings, processing: Processing) -> list[Stage]:
    """Give what is told again of accounts: the instruments, whole, and then everything that needs them."""
    suffix, processors = around.settings.topics.suffix, processing.processors
    instruments = tuple(topic_name(topic, environment=suffix) for topic in sorted(INSTRUMENT_TOPICS))
    others = tuple(topic for topic in processors.topics if topic not in instruments)
    retell = around.writers.before(processors.retell)
    return [Stage(instruments, retell, whole=True), Stage(others, retell)]
