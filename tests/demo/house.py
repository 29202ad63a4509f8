"""The demo's world on the real gate, processors and admin API over the memory twins: no servers, a clock by hand."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from rich.console import Console
from tests.inbound.events.desk import Desk, Durable
from tests.inbound.events.records import ENVIRONMENT
from tests.inbound.rest.admin import Admin
from tests.usecases.pretrade.builders import CountedIds

from tidegate.core.pretrade.settings import GateSettings
from tidegate.demo.floor import Floor, Told
from tidegate.demo.gateway import CallFailed
from tidegate.demo.ladders import Listing, load_listings
from tidegate.demo.market import Market, Tape, dice_for, invented_tape
from tidegate.demo.opening import Pace
from tidegate.demo.play import Performance
from tidegate.demo.presentation import Presentation
from tidegate.demo.telling import Event, Teller
from tidegate.demo.world import GATE_OVERRIDES, HALT_ORDER, RULES, ladder_bodies
from tidegate.inbound.grpc.wire_order import OrderWire
from tidegate.inbound.shared.order_fields import MalformedOrder
from tidegate.ports.event_bus import BusRecord
from tidegate.settings import GateArea
from tidegate.usecases.pretrade.configuration import empty_configuration
from tidegate.usecases.pretrade.deciding import Decider
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.gate import Gate, GateLimits
from tidegate.usecases.pretrade.max_quantity import max_quantity
from tidegate.usecases.pretrade.recording import Durability, Recorder
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.topics import MARK_TOPIC, record_key, topic_name


def demo_limits() -> GateSettings:
    """The limits with which the demo starts the service."""
    return GateArea.model_validate(dict(GATE_OVERRIDES)).limits()


class AdminOfficer:
    """``Officer`` through the real admin API, called in this process."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    async def prepare(self, listings: Mapping[str, Listing]) -> int:
        bodies = [("/v1/margin-tiers", body) for _, body in ladder_bodies(listings)]
        bodies += [("/v1/risk-rules", dict(rule)) for rule in RULES]
        statuses = [self._admin.client.post(path, json=body).status_code for path, body in bodies]
        statuses.append(self._admin.client.put("/v1/trading-state", json=dict(HALT_ORDER)).status_code)
        assert set(statuses[:-1]) == {201}
        assert statuses[-1] == 200
        return len(statuses)


@dataclass
class House:
    """``Gateway``, bus and clock of one floor. The clock moves when the demo pauses, and a little with every call."""

    desk: Desk
    gate: Gate
    decider: Decider
    wire: OrderWire = field(default_factory=OrderWire)
    published: list[Event] = field(default_factory=list)
    _arrived: int = 0

    async def check(self, request: pb.PreTradeCheckRequest) -> pb.PreTradeCheckResponse:
        try:
            order = self.wire.order(request)
        except MalformedOrder as malformed:
            fields = [fault.field for fault in malformed.faults]
            raise CallFailed("INVALID_ARGUMENT", str(malformed), fields=fields) from None
        self.desk.clock.now += 1_000
        self.desk.replica.see_account_feed(self.desk.clock.now)
        self.desk.replica.confirmed_at_us = self.desk.clock.now
        answer = await self.gate.ask(order, dry_run=request.dry_run)
        return self.wire.response(answer, trace_id=order.trace_id)

    async def stream(self, requests: Sequence[pb.PreTradeCheckRequest]) -> Sequence[pb.PreTradeCheckResponse]:
        return [await self.check(request) for request in requests]

    async def most(self, order: pb.PreTradeCheckRequest) -> pb.MaxOrderQuantityResponse:
        asked, now_us = self.wire.order(order, quantity="1"), self.desk.clock.now
        states = await self.desk.book.snapshot([asked.user_id], now_us=now_us)
        state = states[asked.user_id]
        return self.wire.max_quantity(max_quantity(asked, self.decider.snapshot(asked, state, now_us=now_us)))

    async def publish(self, events: Sequence[Event]) -> None:
        self.published += events

    async def settled(self) -> None:
        await self.desk.keeper.confirm()
        fresh, self._arrived = self.published[self._arrived :], len(self.published)
        records = [self._record(place, event) for place, event in enumerate(fresh)]
        marks = [record for record in records if record.topic.startswith(MARK_TOPIC)]
        await self.desk.processors.process([record for record in records if record not in marks])
        await self.desk.marks.process(marks)
        assert not self.desk.alarms
        assert not self.desk.aside.count

    def _record(self, place: int, event: Event) -> BusRecord:
        topic, record = event
        key = record_key(topic, record).decode()
        full = topic_name(topic, environment=ENVIRONMENT)
        return BusRecord(full, 0, self._arrived + place, key, self.desk.codec.encode(topic, record))

    async def pause(self, seconds: float) -> None:
        self.desk.clock.now += round(seconds * 1_000_000)
        await asyncio.sleep(0)

    def now_ms(self) -> int:
        return self.desk.clock.now // 1_000


@dataclass
class Stage:
    """A performance that can begin."""

    house: House
    floor: Floor
    performance: Performance
    officer: AdminOfficer
    screen: io.StringIO


@contextmanager
def an_admin(durable: Durable) -> Iterator[Admin]:
    """The admin API on the stores of a process."""
    admin = Admin(
        profiles=durable.profiles, rules=durable.rules, tiers=durable.tiers, trading_states=durable.trading_states
    )
    with admin.client:
        yield admin


@asynccontextmanager
async def a_stage(
    tape: Tape | None = None, *, seed: int = 7, speed: float = 1.0, limits: GateSettings | None = None
) -> AsyncIterator[Stage]:
    """A stage whose gate runs."""
    desk = Desk()
    desk.replica.configuration = empty_configuration(limits or demo_limits())
    decider = Decider(desk.replica, FlowWindows(), ids=CountedIds(), alarm=desk.alarms.append)
    recorder = Recorder(
        desk.durable.journal,
        desk.book,
        durability=Durability.JOURNAL,
        settings=lambda: desk.replica.configuration.settings,
        take_back=decider.take_back,
    )
    gate = Gate(book=desk.book, decider=decider, recorder=recorder, clock=desk.clock, limits=GateLimits())
    house = House(desk, gate, decider)
    screen, played = io.StringIO(), tape or invented_tape()
    market = Market(load_listings(), played, dice=dice_for(seed, "market"))
    teller = Teller(house.now_ms, dice=dice_for(seed, "events"))
    show = Presentation(Console(file=screen))
    floor = Floor(house, Told(house.publish, house.settled), market=market, teller=teller, show=show)
    performance = Performance(floor, played, pace=Pace(speed, house.now_ms, house.pause), seed=seed)
    running = asyncio.create_task(gate.run())
    try:
        with an_admin(desk.durable) as admin:
            yield Stage(house, floor, performance, AdminOfficer(admin), screen)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def shortened(tape: Tape, ticks: int) -> Tape:
    """The first ticks of a tape."""
    return replace(tape, ticks=tape.ticks[:ticks])
