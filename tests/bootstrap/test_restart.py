"""A service on the database that an earlier one has left behind."""

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.core.pretrade.told import an_order as a_told_order
from tests.core.pretrade.told import balance_set, reported
from tests.inbound.events.records import change_record, mark_record

from tidegate.bootstrap.accounts import Accounts
from tidegate.bootstrap.buses import open_bus
from tidegate.bootstrap.gate import GatePart
from tidegate.bootstrap.parts import open_parts
from tidegate.bootstrap.relays import Relays
from tidegate.bootstrap.service import Seeds, Service
from tidegate.bootstrap.stores import open_stores
from tidegate.bootstrap.surroundings import Surroundings
from tidegate.core.pretrade.changes import EngineEventType
from tidegate.core.pretrade.order import Order, OrderType, Side
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.inbound.events.writers import KnownWriters
from tidegate.inbound.scenario.reader import read_scenario
from tidegate.outbound.memory.writer_schemas import MemorySchemas
from tidegate.outbound.postgres.event_bus import PostgresEventBus
from tidegate.ports.outbox import Backlog
from tidegate.settings import DataArea, GateArea, Settings
from tidegate.wire.topics import ACCOUNT_TOPICS, INSTRUMENT_TOPICS, topic_name

pytestmark = pytest.mark.servers

ROOT = Path(__file__).resolve().parents[2]
USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
WINDOW_MS = 3_600_000


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Settings with every flow check on, and a data folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-restart-"))
    gate = GateArea(mark_age_ms_max=86_400_000, duplicate_window_ms=WINDOW_MS, repeat_max=2, repeat_window_ms=WINDOW_MS)
    yield Settings(data=DataArea(dir=folder), gate=gate)
    shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Started:
    """The parts of a service that these tests look at."""

    around: Surroundings
    gate: GatePart
    accounts: Accounts
    relays: Relays


@asynccontextmanager
async def a_service(
    settings: Settings, *, seed: Scenario | None = None, schemas: Mapping[int, Mapping[str, Any]] | None = None
) -> AsyncIterator[Started]:
    """Run the gate and its feeds, without the ways in; ``schemas`` is what a registry holds."""
    async with open_stores(settings, guest=False) as stores, open_bus(settings, stores) as bus:
        around = Surroundings(settings, stores, bus=bus)
        around.writers = KnownWriters(around.codec, MemorySchemas(schemas))
        async with open_parts(around, settings.gate.limits()) as parts:
            await Service(around, parts, rest_url="").load(Seeds(scenario=seed))
            parts.start()
            assert parts.gate is not None
            assert parts.accounts is not None
            assert parts.relays is not None
            try:
                yield Started(around, parts.gate, parts.accounts, parts.relays)
            finally:
                await parts.stop()


def a_seed() -> Scenario:
    """The market and the user of the first example."""
    return read_scenario((ROOT / "docs/examples/first-order.json").read_bytes(), order_required=False)


def an_order(order_id: str, *, quantity: str, price: str = "50000") -> Order:
    """An order to buy."""
    return Order(USER, "main", order_id, "BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal(quantity), Decimal(price))


def known_of(service: Started, order: Order) -> FlowFacts:
    """What the flow checks of an order would read now."""
    settings = service.accounts.memory.replica.configuration.settings
    return service.accounts.memory.flow.facts(order, now_us=time.time_ns() // 1_000, settings=settings, rearmed_us=None)


async def test_flow_windows_of_a_service_are_after_a_restart_what_they_were_before(settings: Settings) -> None:
    """PT-527, PT-342, PT-344, PT-718: notional, refusals, orders of the minute, equal orders and equal fills."""
    bought, refused = an_order("o-1", quantity="0.01"), an_order("o-2", quantity="90")
    now_us = time.time_ns() // 1_000
    told = a_told_order("e-1", quantity="0.02", filled="0.01", price="50000")
    fill = reported(1, told, event=EngineEventType.FILLED)
    fill = replace(fill, last_fill_quantity=Decimal("0.01"), stamp=replace(fill.stamp, at_us=now_us // 1_000 * 1_000))
    async with a_service(settings, seed=a_seed()) as first:
        assert (await first.gate.ask(bought, False)).decision is Decision.APPROVED
        assert (await first.gate.ask(refused, False)).decision is Decision.REJECTED
        await first.accounts.publish([change_record(fill)])
        await first.accounts.settled()
        before = known_of(first, replace(bought, order_id="o-3")), known_of(first, an_order("o-4", quantity="0.02"))
    assert before[0].notional_24h == 500
    assert before[0].equal_order_at_us is not None
    assert (before[0].orders_last_minute, before[0].rejects_last_hour, before[1].equal_fills) == (2, 1, 1)
    async with a_service(settings) as second:
        after = known_of(second, replace(bought, order_id="o-3")), known_of(second, an_order("o-4", quantity="0.02"))
        answer = await second.gate.ask(replace(bought, order_id="o-3"), False)
    assert after == before
    assert answer.reject_reason is RejectReason.DUPLICATE_ORDER


async def test_service_is_rebuilt_from_records_that_name_schemas_of_a_registry(settings: Settings) -> None:
    """RE-258, PT-718: what is told again after a start has its schemas fetched as what is told for the first time."""
    topic = "wallet.balance_changed.v1"
    _, record = change_record(balance_set(1, total="777"))
    async with a_service(settings, seed=a_seed()) as first:
        schema = first.around.codec.catalogue[topic].current.parsed
        first.around.codec.use_registry_id(topic, 7)
        told = {**record, "sequence": time.time_ns() // 1_000_000 + 60_000, "event_ts": time.time_ns() // 1_000_000}
        await first.accounts.publish([(topic, told)])
        await first.accounts.settled()
        before = await balances_of(first)
    async with a_service(settings, schemas={7: schema}) as second:
        after, set_aside = await balances_of(second), second.accounts.feeds.aside.count
    assert (after, set_aside) == (before, 0)
    assert "777" in {str(total) for total in before.values()}


async def balances_of(service: Started) -> dict[str, Decimal]:
    """What the user of the first example has."""
    states = await service.accounts.memory.book.snapshot([USER], now_us=time.time_ns() // 1_000)
    balances = states[USER].account("main").balances
    return {asset: balance.total for asset, balance in (balances or {}).items()}


class LaterClock:
    """A clock that is two days ahead."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000 + 2 * 86_400_000_000


async def test_service_is_rebuilt_from_what_retention_has_left(settings: Settings) -> None:
    """PT-718: one mark a symbol is enough to begin with, and what the book is rebuilt from is never deleted."""
    marks = topic_name("md.mark.v1", environment=settings.topics.suffix)
    state = [topic_name(topic, environment=settings.topics.suffix) for topic in (*ACCOUNT_TOPICS, *INSTRUMENT_TOPICS)]
    async with a_service(settings, seed=a_seed()) as first:
        now_ms = time.time_ns() // 1_000_000
        told = [mark_record(now_ms + number, price=f"5000{number}", at_ms=now_ms) for number in range(10)]
        await first.accounts.publish([("md.mark.v1", record) for record in told])
        await first.accounts.settled()
        bus = first.around.stores.bus
        before = [await count_of(bus, topic) for topic in (marks, *state)]
        await replace(first.relays.retention, clock=LaterClock()).round()
        after = [await count_of(bus, topic) for topic in (marks, *state)]
    assert before[0] == 11
    assert after == [1, *before[1:]]
    async with a_service(settings) as second:
        assert second.accounts.memory.replica.market.marks["BTCUSDT"].price == 50_009
        assert (await second.gate.ask(an_order("o-1", quantity="0.01"), False)).decision is Decision.APPROVED


async def test_service_tells_how_far_its_relay_is_behind(settings: Settings) -> None:
    """PT-715, PL-311: what waits to be announced, and for how long, is on the page of figures; here nothing does."""
    async with a_service(settings, seed=a_seed()) as service:
        await service.gate.ask(an_order("o-1", quantity="0.01"), False)
        relay = service.relays.of_gate
        relay.backlog = Backlog(7, time.time_ns() // 1_000 - 3_000_000)
        behind = figures_of(service)
        relay.backlog = Backlog(0, None)
        level = figures_of(service)
    assert behind["tidegate_relay_backlog"] == 7
    assert 3 <= behind["tidegate_relay_oldest_seconds"] < 60
    assert (level["tidegate_relay_backlog"], level["tidegate_relay_oldest_seconds"]) == (0, 0)


async def count_of(bus: PostgresEventBus, topic: str) -> int:
    """Give how many records a topic has."""
    return sum([len(records) async for records in bus.replay([topic])])


def figures_of(service: Started) -> dict[str, float]:
    """Give the figures without labels by their names."""
    lines = [line for line in service.around.figures.rendered()[0].decode().splitlines() if not set("#{") & set(line)]
    return {name: float(value) for name, value in (line.split(" ") for line in lines)}
