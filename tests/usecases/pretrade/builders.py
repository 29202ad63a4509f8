"""A gate over the memory twins, and orders that state only what a test is about."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from tidegate.core.pretrade.account import Balance, Profile
from tidegate.core.pretrade.changes import BalancesReplaced
from tidegate.core.pretrade.dynamic_rules import build_rules
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel, Mark
from tidegate.core.pretrade.loading import build_ladders
from tidegate.core.pretrade.order import Order, OrderType, Side
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import GateConfiguration, Market
from tidegate.core.pretrade.tiers import MarginTier
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.decisions import MemoryDecisionJournal
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.ports.account_book import AccountBook
from tidegate.ports.configuration import ProfileRow
from tidegate.ports.decision_journal import DecisionJournal
from tidegate.usecases.pretrade.deciding import Decider
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.gate import Gate, GateLimits
from tidegate.usecases.pretrade.recording import Durability, Recorder
from tidegate.usecases.pretrade.replica import Replica

USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
NOW_US = 1_767_225_600_000_000

PERPETUAL = Instrument(
    "BTCUSDT",
    Kind.LINEAR,
    "BTC",
    "USDT",
    "TRADING",
    Decimal("0.1"),
    Decimal("0.001"),
    Decimal("0.05"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(1000),
    price_band_pct=Decimal(10),
    leverage_max=Decimal(125),
    leverage_default=Decimal(10),
)


class HandClock:
    """A clock that stands where it is put."""

    def __init__(self, now_us: int = NOW_US) -> None:
        self.at_us = now_us

    def now_us(self) -> int:
        """Give where it stands."""
        return self.at_us


class CountedIds:
    """Ids in order."""

    def __init__(self) -> None:
        self.given = 0

    def new(self) -> str:
        """Give the next id."""
        self.given += 1
        return f"00000000-0000-4000-8000-{self.given:012d}"


def an_order(order_id: str = "o-1", **fields: object) -> Order:
    """Build a small limit buy at the mark; ``fields`` say what the test is about."""
    plain = Order(USER, "main", order_id, "BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal("0.1"), Decimal(50000))
    return replace(plain, **fields)  # type: ignore[arg-type]  # fields by name, as a test states them


@dataclass(slots=True)
class GateUnderTest:
    """The gate and what it stands on."""

    gate: Gate
    book: AccountBook
    journal: DecisionJournal
    recorder: Recorder
    replica: Replica
    clock: HandClock
    alarms: list[Exception]

    async def reserved(self, user_id: str = USER) -> dict[str, Decimal]:
        """Give the quantity of each reservation of the user's main account."""
        states = await self.book.snapshot([user_id], now_us=self.clock.now_us())
        account = states[user_id].accounts.get("main")
        held = {} if account is None else account.reservations
        return {order_id: reservation.quantity for order_id, reservation in held.items()}


async def a_funded_user(book: AccountBook, replica: Replica, *, user_id: str, total: Decimal) -> None:
    """Let a user have a profile and a balance."""
    stamp = EventStamp(f"funds of {user_id}", "wallet.balance_changed.v1", 1, NOW_US)
    await book.apply(BalancesReplaced(user_id, "main", stamp, (Balance("USDT", total, Decimal(0)),)))
    profile = Profile(user_id, KycLevel.L2, Decimal(10_000_000), False, Decimal(0), Decimal(50))
    replica.profiles[user_id] = ProfileRow(profile)


def a_configuration(settings: GateSettings) -> GateConfiguration:
    """Build a configuration with one default ladder and no rules."""
    ladders, default = build_ladders([MarginTier(None, 1, Decimal(50_000_000), Decimal("0.4"), Decimal(125))])
    return GateConfiguration(settings, build_rules(()), ladders, default)


@asynccontextmanager
async def a_gate(  # tidy: allow-parameters - each test names the one or two that it is about
    *,
    total: Decimal = Decimal(10_000),
    journal: DecisionJournal | None = None,
    durability: Durability = Durability.JOURNAL,
    limits: GateLimits | None = None,
    settings: GateSettings | None = None,
    make_book: Callable[[Market], Awaitable[AccountBook]] | None = None,
) -> AsyncIterator[GateUnderTest]:
    """Run a gate with one funded user at a fresh mark."""
    clock, market, alarms = HandClock(), Market(), list[Exception]()
    market.put_instrument(PERPETUAL)
    market.marks["BTCUSDT"] = Mark(Decimal(50000), NOW_US)
    replica = Replica(market, a_configuration(settings or GateSettings()))
    replica.confirmed_at_us = NOW_US
    replica.see_account_feed(NOW_US)
    book = MemoryAccountBook(market) if make_book is None else await make_book(market)
    await a_funded_user(book, replica, user_id=USER, total=total)
    chosen = journal or MemoryDecisionJournal(MemoryProfiles(MemoryConfigurationAreas()))
    decider = Decider(replica, FlowWindows(), ids=CountedIds(), alarm=alarms.append)
    recorder = Recorder(
        chosen,
        book,
        durability=durability,
        settings=lambda: replica.configuration.settings,
        take_back=decider.take_back,
    )
    gate = Gate(book=book, decider=decider, recorder=recorder, clock=clock, limits=limits or GateLimits())
    tasks = [asyncio.create_task(gate.run()), asyncio.create_task(recorder.run())]
    try:
        yield GateUnderTest(gate, book, chosen, recorder, replica, clock, alarms)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
