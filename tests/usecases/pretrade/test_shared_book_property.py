"""Whatever is lost, killed or moved: the shared book, rebuilt, is what the news and the answers say (RE-158)."""

from dataclasses import replace
from random import Random

import pytest
from tests.conftest import FULL
from tests.core.pretrade.event_world import Truth, World, interleaved
from tests.core.pretrade.told import ACCOUNT, SECOND_US, USER, a_reservation, an_instrument
from tests.ports.builders import OTHER_USER, a_record
from tests.ports.builders import an_order as an_asked_order
from tests.usecases.pretrade.shared_world import PLACES, Killed, Process, Shared, of_user

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.changes import AccountChange
from tidegate.core.pretrade.state import UserState
from tidegate.ports.account_book import Held, ReserveRequest
from tidegate.usecases.pretrade.adoption import Standing

USERS = (USER, OTHER_USER, *(f"00000000-0000-4000-8000-00000000000{place}" for place in range(6)))
SEEDS = 1_000 if FULL else 60
STEPS = 200


class Cluster:
    """Processes that do everything at random, and what was told to callers meanwhile."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.shared = Shared()
        self.processes = [Process(self.shared) for _ in range(3)]
        self.asked: dict[str, str] = {}
        self.told: dict[str, str] = {}
        """Orders whose approval was told, and their users."""
        self.losses = 0

    async def share_out(self) -> None:
        """Give every partition to some process."""
        owners = {place: self.random.choice(self.processes) for place in PLACES}
        for process in self.processes:
            await process.assign([place for place, owner in owners.items() if owner is process])

    async def step(self) -> None:
        """Let one process do one thing, or something happen to the servers or to a process."""
        place = self.random.randrange(len(self.processes))
        process = self.processes[place]
        chance = self.random.random()
        if chance < 0.03:
            self.lose()
        elif chance < 0.06:
            await self.share_out()
        elif chance < 0.08:
            await self.replace_process(place)
        else:
            process.fuse.left = self.random.randrange(12) if self.random.random() < 0.06 else None
            try:
                await self.random.choice([self.look, self.look, self.consume, self.consume, self.save, self.approve])(
                    process
                )
            except DependencyFailed:
                pass
            except Killed:
                await self.replace_process(place)
            process.fuse.left = None

    def lose(self) -> None:
        """Lose the book, or its servers."""
        self.losses += 1
        if self.random.random() < 0.7:
            self.shared.content.lose()
        else:
            self.shared.content.replace_servers(f"servers {self.losses}")

    async def replace_process(self, place: int) -> None:
        """A process dies, and another one is started in its place."""
        self.processes[place].die()
        self.processes[place] = Process(self.shared)
        await self.share_out()

    def another(self, process: Process) -> Process:
        """Give some other process."""
        return self.random.choice([other for other in self.processes if other is not process])

    async def look(self, process: Process) -> None:
        """See whether the book is whole; build it anew when it is not."""
        await process.adoption.step()

    async def consume(self, process: Process) -> None:
        """Apply some news."""
        if process.read:
            await process.consume(self.random.choice(list(process.read)), limit=self.random.randint(1, 9))

    async def save(self, process: Process) -> None:
        """Write behind; what is on its way to the mirror may be overtaken by a loss and all that follows it."""

        async def meanwhile() -> None:
            self.lose()
            other = self.another(process)
            await self.look(other)
            for _ in range(self.random.randint(0, 9)):
                await self.random.choice([self.look, self.consume])(other)
            await other.mirroring.save()

        process.mirror.meanwhile = meanwhile if self.random.random() < 0.1 else None
        try:
            await process.mirroring.save()
        finally:
            process.mirror.meanwhile = None

    async def approve(self, process: Process) -> None:
        """What the gate does with an approval, and anything may happen between reserving and recording."""
        user_id, order_id = self.random.choice(USERS), f"r-{len(self.asked)}"
        self.asked[order_id] = user_id
        epoch, now_us = process.book.epoch, self.shared.clock.now_us()
        state = (await process.book.snapshot([user_id], now_us=now_us))[user_id]
        reservation = a_reservation(order_id, expires_at_us=now_us + 3_600 * SECOND_US)
        state.hold(ACCOUNT, reservation, instrument=an_instrument(reservation.symbol))
        held = Held(ACCOUNT, reservation, an_instrument(reservation.symbol))
        assert not await process.book.reserve([ReserveRequest(user_id, state.version, (held,))])
        if self.random.random() < 0.2:
            self.lose()
            await self.look(self.another(process))
        record = replace(a_record(an_asked_order(order_id, user_id=user_id), at_us=now_us), reservation=reservation)
        await self.shared.journal.record([record], margin_call_cooldown_us=0, book_epoch=epoch)
        self.told[order_id] = user_id

    async def settle(self) -> None:
        """Let everything come to rest: the book whole, all news applied."""
        await self.share_out()
        for process in (*self.processes, *self.processes):
            while await process.adoption.step() not in {Standing.HELD, Standing.ADOPTED}:
                pass
            assert process.replica.rebuilt
        for process in self.processes:
            for place in process.read:
                while await process.consume(place, limit=50):
                    pass


def truth_in(state: UserState) -> Truth:
    """What the book says of the account."""
    account = state.account(ACCOUNT)
    positions = [side for book in account.symbols.values() for side in (book.both, book.long, book.short) if side]
    orders = {order_id: replace(order, at_us=None) for order_id, order in account.open_orders.items()}
    rows = {(held.symbol, held.position_side): held for held in positions}
    return Truth(account.balances or {}, rows, orders)


def merged(random: Random, parts: list[list[AccountChange]]) -> list[AccountChange]:
    """Everything once, each part in its order."""
    whole: list[AccountChange] = []
    while any(parts):
        whole.append(random.choice([part for part in parts if part]).pop(0))
    return whole


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_shared_book_after_any_losses_is_what_was_told(seed: int) -> None:
    """RE-158: state equals the news in order, and every reservation whose approval was told is held."""
    random = Random(seed)
    cluster, worlds = Cluster(random), {user_id: World(random) for user_id in USERS}
    for world in worlds.values():
        world.live(9)
    delivered = merged(random, [of_user(user_id, interleaved(world)) for user_id, world in worlds.items()])
    await cluster.share_out()
    for _ in range(STEPS):
        if delivered and random.random() < 0.5:
            await cluster.shared.tell(delivered.pop(0))
        await cluster.step()
    await cluster.shared.tell(*delivered)
    await cluster.settle()
    assert cluster.losses
    for user_id, world in worlds.items():
        states = await cluster.processes[0].book.snapshot([user_id], now_us=cluster.shared.clock.now_us())
        state = states[user_id]
        assert state.gap_reason(ACCOUNT) == ""
        assert truth_in(state) == world.truth()
        held = set(state.account(ACCOUNT).reservations)
        assert held >= {order_id for order_id, of in cluster.told.items() if of == user_id}
        assert held <= {order_id for order_id, of in cluster.asked.items() if of == user_id}
