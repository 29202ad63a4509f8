"""Several processes on one shared book that can be lost, and everything that is never lost, on the memory twins.

A process may be killed at any of its steps (``Fuse``); what it held in memory is gone then, its claims end, and its
partitions go to others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.core.pretrade.event_world import SYMBOLS
from tests.core.pretrade.told import START_US, an_instrument
from tests.usecases.pretrade.builders import HandClock, a_configuration

from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.changes import AccountChange, StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.outbound.memory.book_mirror import LivesKept, MemoryBookLives, MemoryBookMirror
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.decisions import MemoryDecisionArchive, MemoryDecisionJournal
from tidegate.outbound.memory.event_bus import MemoryEventBus
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.outbound.memory.shared_book import MemorySharedBook, SharedContent
from tidegate.ports.account_book import FlowKept
from tidegate.ports.book_mirror import Places
from tidegate.ports.event_bus import BusRecord, OutgoingEvent, Place
from tidegate.ports.shared_book import BookRow
from tidegate.usecases.pretrade.adoption import Adoption
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.mirroring import Mirroring, mirrored_floor
from tidegate.usecases.pretrade.rebuild import Stage
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.shared_flows import SharedFlows
from tidegate.usecases.pretrade.shared_rebuild import Building, BuiltAnew, NeverLost, SharedRebuild

TOPICS = feeds.ACCOUNT_TOPICS
PLACES: tuple[Place, ...] = tuple((topic, 0) for topic in TOPICS)


Happens = Callable[[], Awaitable[None]]


class Killed(Exception):
    """The process is gone in the middle of what it did."""


@dataclass
class Fuse:
    """Kills its process at the step that it counts down to; ``None``: never."""

    left: int | None = None

    def burn(self) -> None:
        """Take a step."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


class MortalBook(MemorySharedBook):
    """A process's way to the book, at each step of which it may be killed; ``before_put`` happens when it puts rows."""

    def __init__(self, content: SharedContent, fuse: Fuse, *, before_put: Happens | None = None) -> None:
        super().__init__(content)
        self._fuse = fuse
        self._before_put = before_put

    async def begin(self, epoch: int, *, instance: str) -> None:
        self._fuse.burn()
        await super().begin(epoch, instance=instance)

    async def put(self, rows: Sequence[BookRow]) -> None:
        self._fuse.burn()
        if self._before_put is not None:
            await self._before_put()
        await super().put(rows)

    async def put_flows(self, flows: Mapping[str, FlowKept]) -> None:
        self._fuse.burn()
        await super().put_flows(flows)

    async def publish(self, epoch: int) -> None:
        self._fuse.burn()
        await super().publish(epoch)
        self._fuse.burn()

    async def export(self, user_ids: Sequence[str]) -> Sequence[BookRow]:
        self._fuse.burn()
        return await super().export(user_ids)

    async def apply(self, change: StateChange) -> Applied:
        self._fuse.burn()
        return await super().apply(change)


class MortalMirror:
    """A process's way to the mirror, as above; ``meanwhile`` happens once before something is saved."""

    def __init__(self, mirror: MemoryBookMirror, fuse: Fuse) -> None:
        self._mirror = mirror
        self._fuse = fuse
        self.meanwhile: Happens | None = None

    async def save(self, epoch: int, rows: Sequence[BookRow], *, places: Places) -> None:
        self._fuse.burn()
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        await self._mirror.save(epoch, rows, places=places)
        self._fuse.burn()

    def rows(self, *, page: int = 2_000) -> AsyncIterator[Sequence[BookRow]]:
        return self._mirror.rows(page=1)

    async def places(self) -> Places:
        return await self._mirror.places()


@dataclass
class Shared:
    """What outlives each process; of it the book alone can be lost."""

    clock: HandClock = field(default_factory=lambda: HandClock(START_US))
    lives: LivesKept = field(default_factory=LivesKept)
    bus: MemoryEventBus = field(default_factory=MemoryEventBus)
    committed: dict[Place, int] = field(default_factory=dict)
    told: list[AccountChange] = field(default_factory=list)
    settings: GateSettings = field(default_factory=GateSettings)

    def __post_init__(self) -> None:
        market = Market()
        for symbol in SYMBOLS:
            market.put_instrument(an_instrument(symbol))
        self.mirror = MemoryBookMirror(self.lives)
        self.journal = MemoryDecisionJournal(MemoryProfiles(MemoryConfigurationAreas()), self.lives)
        self.archive = MemoryDecisionArchive(self.journal)
        self.flow = FlowWindows()
        self.content = SharedContent(market, SharedFlows(self.flow, lambda: self.settings))

    async def tell(self, *changes: AccountChange) -> None:
        """Put news on the bus; a record holds where the news is kept."""
        for change in changes:
            self.told.append(change)
            value = str(len(self.told) - 1).encode()
            await self.bus.publish([OutgoingEvent(change.stamp.topic, change.user_id, value, change.stamp.event_id)])


class Process:
    """One replica: its book, its mirroring, its partitions and how far it has read them."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.fuse = Fuse()
        self.book = MortalBook(shared.content, self.fuse)
        self.mirror = MortalMirror(shared.mirror, self.fuse)
        self.mirroring = Mirroring(self.book, self.mirror)
        self.replica = Replica(shared.content.market, a_configuration(GateSettings()))
        self.lives = MemoryBookLives(shared.lives)
        self.adoption = Adoption(self.lives, self.book, replica=self.replica, rebuild=self.build)
        self.read: dict[Place, int] = {}
        self.built = 0
        self.whole = False
        self.before_put: Happens | None = None

    async def build(self) -> BuiltAnew:
        """Build the next life; ``whole``: everything is told from its beginning."""
        shared = self.shared
        never_lost = NeverLost(self.lives, self.mirror, shared.bus, shared.archive)
        rebuild = SharedRebuild(
            never_lost, make_building=self._building, clock=shared.clock, settings=lambda: shared.settings
        )
        built = await rebuild.run()
        self.built += 1
        return built

    def _building(self) -> Building:
        content, book = self.shared.content, MortalBook(self.shared.content, self.fuse, before_put=self.before_put)

        async def retell(records: Sequence[BusRecord]) -> None:
            await book.apply_all([self.shared.told[int(record.value)] for record in records])

        return Building(
            book,
            content.flows,
            content.market,
            [Stage(topics, retell, whole=self.whole) for topics in (TOPICS[:2], TOPICS[2:])],
        )

    async def assign(self, places: Sequence[Place]) -> None:
        """Take over partitions: from the committed place, or where the mirror is, whichever is less."""
        floors = await mirrored_floor(self.mirror, places)
        self.read = {place: min(self.shared.committed.get(place, 0), floors[place]) for place in places}

    async def consume(self, place: Place, *, limit: int) -> int:
        """Apply the next records of a partition and commit the place behind them."""
        start = self.read[place]
        pages = [page async for page in self.shared.bus.replay([place[0]], since={place: start})]
        records = [record for page in pages for record in page][:limit]
        await self.book.apply_all([self.shared.told[int(record.value)] for record in records])
        if records:
            self.read[place] = self.shared.committed[place] = records[-1].offset + 1
            self.mirroring.committed({place: self.read[place]})
        return len(records)

    def die(self) -> None:
        """End without a word: the store notices that its connections are gone."""
        if self.shared.lives.builder is self.lives:
            self.shared.lives.builder = None


def of_user(user_id: str, changes: Sequence[AccountChange]) -> list[AccountChange]:
    """Let news be of another user."""
    return [replace(change, user_id=user_id) for change in changes]


async def until(holds: Callable[[], bool]) -> None:
    """Let loops go on until something holds, five seconds at most."""
    async with asyncio.timeout(5):
        while True:
            if holds():
                return
            await asyncio.sleep(0)
