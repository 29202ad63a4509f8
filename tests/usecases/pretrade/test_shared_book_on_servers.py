"""The shared book in a real Redis, mirrored in a real PostgreSQL: lost at any moment, it is rebuilt whole."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
from tests import account_books
from tests.conftest import FULL
from tests.core.pretrade.event_world import SYMBOLS, World, interleaved
from tests.core.pretrade.told import ACCOUNT, SECOND_US, START_US, USER, a_reservation, an_instrument
from tests.ports.builders import OTHER_USER, a_record, an_order
from tests.postgres import fresh_pool, postgres_server
from tests.usecases.pretrade.builders import HandClock, a_configuration
from tests.usecases.pretrade.shared_world import PLACES, TOPICS, of_user
from tests.usecases.pretrade.test_shared_book_property import merged, truth_in

from services.redis import Redis
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.changes import AccountChange
from tidegate.outbound.memory.event_bus import MemoryEventBus
from tidegate.outbound.postgres.book_mirror import PostgresBookLives, PostgresBookMirror
from tidegate.outbound.postgres.decision_archive import PostgresDecisionArchive
from tidegate.outbound.postgres.decision_journal import PostgresDecisionJournal
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.redis.account_book import RedisAccountBook
from tidegate.ports.account_book import Held, ReserveRequest
from tidegate.ports.event_bus import BusRecord, OutgoingEvent, Place
from tidegate.usecases.pretrade.adoption import Adoption, Standing
from tidegate.usecases.pretrade.mirroring import Mirroring, mirrored_floor
from tidegate.usecases.pretrade.rebuild import Stage
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.shared_flows import SharedFlows
from tidegate.usecases.pretrade.shared_rebuild import Building, NeverLost, SharedRebuild

__all__ = ["postgres_server"]

pytestmark = pytest.mark.servers

USERS = (USER, OTHER_USER)
SEEDS = 100 if FULL else 4
STEPS = 80


class House:
    """One bus, one database, one Redis."""

    def __init__(self, pool: PostgresPool, url: str) -> None:
        self.pool = pool
        self.url = url
        self.bus = MemoryEventBus()
        self.journal = PostgresDecisionJournal(pool)
        self.told: list[AccountChange] = []
        self.committed: dict[Place, int] = {}

    async def tell(self, *changes: AccountChange) -> None:
        for change in changes:
            self.told.append(change)
            value = str(len(self.told) - 1).encode()
            await self.bus.publish([OutgoingEvent(change.stamp.topic, change.user_id, value, change.stamp.event_id)])

    def news_in(self, records: Sequence[BusRecord]) -> list[AccountChange]:
        return [self.told[int(record.value)] for record in records]


class Replicated:
    """One replica on the house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.kept = account_books.a_process(house.url)
        self.book = self.kept.book
        for symbol in SYMBOLS:
            self.kept.market.put_instrument(an_instrument(symbol))
        self.replica = Replica(self.kept.market, a_configuration(account_books.SETTINGS))
        self.lives, self.mirror = PostgresBookLives(house.pool), PostgresBookMirror(house.pool)
        self.mirroring = Mirroring(self.book, self.mirror)
        never_lost = NeverLost(self.lives, self.mirror, house.bus, PostgresDecisionArchive(house.pool))
        rebuild = SharedRebuild(
            never_lost,
            make_building=self._building,
            clock=HandClock(START_US),
            settings=lambda: account_books.SETTINGS,
        )
        self.adoption = Adoption(self.lives, self.book, replica=self.replica, rebuild=rebuild.run)
        self.read: dict[Place, int] = {}

    def _building(self) -> Building:
        """A book made for one rebuild alone, on the same market and windows."""
        flows = SharedFlows(self.kept.flow, lambda: account_books.SETTINGS)
        book = RedisAccountBook(self.kept.link, self.kept.market, flows=flows, clock=HandClock(START_US))

        async def retell(records: Sequence[BusRecord]) -> None:
            await book.apply_all(self.house.news_in(records))

        return Building(book, flows, self.kept.market, [Stage(TOPICS, retell)])

    async def assign(self, places: Sequence[Place]) -> None:
        floors = await mirrored_floor(self.mirror, places)
        self.read = {place: min(self.house.committed.get(place, 0), floors[place]) for place in places}

    async def consume(self, place: Place, *, limit: int) -> int:
        since = {place: self.read[place]}
        pages = [page async for page in self.house.bus.replay([place[0]], since=since)]
        records = [record for page in pages for record in page][:limit]
        await self.book.apply_all(self.house.news_in(records))
        if records:
            self.read[place] = self.house.committed[place] = records[-1].offset + 1
            self.mirroring.committed({place: self.read[place]})
        return len(records)

    async def approve(self, user_id: str, order_id: str) -> bool:
        """What the gate does with an approval; tell whether it was told."""
        epoch = self.book.epoch
        state = (await self.book.snapshot([user_id], now_us=START_US))[user_id]
        version = state.version
        reservation = a_reservation(order_id, expires_at_us=START_US + 60 * SECOND_US)
        state.hold(ACCOUNT, reservation, instrument=an_instrument(reservation.symbol))
        held = Held(ACCOUNT, reservation, an_instrument(reservation.symbol))
        if await self.book.reserve([ReserveRequest(user_id, version, (held,))]):
            return False
        record = replace(a_record(an_order(order_id, user_id=user_id), at_us=START_US), reservation=reservation)
        await self.house.journal.record([record], margin_call_cooldown_us=0, book_epoch=epoch)
        return True

    async def close(self) -> None:
        await self.lives.release()
        await self.book.close()
        await self.kept.link.close()


@asynccontextmanager
async def replicas(postgres: EmbeddedPostgres, redis: Redis) -> AsyncIterator[list[Replicated]]:
    """Three replicas on a house in which nothing has happened."""
    async with fresh_pool(postgres) as pool:
        house = House(pool, redis.url)
        running = [Replicated(house) for _ in range(3)]
        await running[0].kept.link.command("FLUSHALL")
        try:
            yield running
        finally:
            for one in running:
                await one.close()


async def share_out(random: Random, running: Sequence[Replicated]) -> None:
    owners = {place: random.choice(running) for place in PLACES}
    for one in running:
        await one.assign([place for place, owner in owners.items() if owner is one])


async def settle(random: Random, running: Sequence[Replicated]) -> None:
    """Let all adopt the life that counts and apply all news."""
    await share_out(random, running)
    for one in (*running, *running):
        while await one.adoption.step() not in {Standing.HELD, Standing.ADOPTED}:
            pass
    for one in running:
        for place in one.read:
            while await one.consume(place, limit=50):
                pass


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_shared_book_on_servers_after_any_losses_is_what_was_told(
    seed: int, postgres_server: EmbeddedPostgres, redis_server: Redis
) -> None:
    """RE-158: as on the twins, with the real book, its mirror and the journal; every replica sees the same."""
    random = Random(seed)
    worlds: Mapping[str, World] = {user_id: World(random) for user_id in USERS}
    for world in worlds.values():
        world.live(20)
    news = merged(random, [of_user(user_id, interleaved(world)) for user_id, world in worlds.items()])
    told: dict[str, str] = {}
    async with replicas(postgres_server, redis_server) as running:
        house = running[0].house
        await share_out(random, running)
        for step in range(STEPS):
            await house.tell(*news[:1])
            del news[:1]
            one, user_id = random.choice(running), random.choice(USERS)
            try:
                chance = random.random()
                if chance < 0.06:
                    await one.kept.link.command("FLUSHALL")
                elif chance < 0.1:
                    await share_out(random, running)
                elif chance < 0.3:
                    await one.mirroring.save()
                elif chance < 0.5:
                    await one.adoption.step()
                elif chance < 0.65 and await one.approve(user_id, f"r-{step}"):
                    told[f"r-{step}"] = user_id
                elif one.read:
                    await one.consume(random.choice(list(one.read)), limit=random.randint(1, 9))
            except DependencyFailed:
                continue
        await house.tell(*news)
        await settle(random, running)
        for user_id, world in worlds.items():
            for one in running:
                state = (await one.book.snapshot([user_id], now_us=START_US))[user_id]
                assert state.gap_reason(ACCOUNT) == ""
                assert truth_in(state) == world.truth()
                held = set(state.account(ACCOUNT).reservations)
                assert held >= {order_id for order_id, of in told.items() if of == user_id}


async def test_shared_book_on_a_redis_that_was_restarted_empty_is_rebuilt(postgres_server: EmbeddedPostgres) -> None:
    """RE-159: a server that was killed comes back with another run id and nothing in it."""
    random = Random(7)
    world = World(random)
    world.live(30)
    news = interleaved(world)
    with Redis.start() as redis:
        async with replicas(postgres_server, redis) as running:
            house = running[0].house
            await settle(random, running)
            assert await running[0].approve(USER, "r-1")
            await house.tell(*news[:20])
            await settle(random, running)
            await running[0].mirroring.save()
            await house.tell(*news[20:])
            redis.kill()
            with pytest.raises(DependencyFailed):
                await running[1].adoption.step()
            redis.restart()
            await settle(random, running)
            state = (await running[2].book.snapshot([USER], now_us=START_US))[USER]
            assert truth_in(state) == world.truth()
            assert set(state.account(ACCOUNT).reservations) == {"r-1"}
            assert running[0].book.epoch == 2
