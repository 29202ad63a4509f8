"""What must exist before the first order: settings, instruments, people with their limits and holdings, rules.

All of it is data. Profiles, instruments and holdings are told as events; ladders, rules and the kill switch are
written through the admin REST API, as an officer would.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import Balance, MarginMode, Position, Profile
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.order import PositionSide
from tidegate.demo.ladders import Listing
from tidegate.demo.market import Market
from tidegate.demo.telling import Event, Teller, profile_fields
from tidegate.usecases.pretrade.told_rows import balance_row, instrument_fields, position_row

ORDERS_PER_SECOND_MAX: Final = 10
OPEN_ORDERS_MAX: Final = 8

GATE_OVERRIDES: Final[Mapping[str, object]] = {
    "orders_per_second_max": ORDERS_PER_SECOND_MAX,
    "open_orders_max": OPEN_ORDERS_MAX,
    "duplicate_window_ms": 3_000,
    "margin_call_ratio": "0.7",
}
"""Settings of the area ``gate`` that make the limits on the flow bite; all others are the defaults."""

HALTED: Final = "LTCUSDT"
STUCK: Final = "DOGEUSDT"
"""Its feed broke an hour ago: the only mark of it is that old."""

SETTLING: Final = "EOSUSDT"

STUCK_MS: Final = 3_600_000
"""How long ago the stuck feed gave its last mark."""

HALT_ORDER: Final[Mapping[str, str]] = {
    "scope": "SYMBOL",
    "key": HALTED,
    "state": "HALTED",
    "reason": "demo: index provider under review",
}
"""Body of ``PUT /v1/trading-state``."""

RULES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "name": "demo-l1-order-above-25k",
        "metric": "order_notional",
        "operator": "GT",
        "threshold": "25000",
        "severity": "HIGH",
        "action": "REJECT",
        "kyc_level": "L1",
    },
    {
        "name": "demo-btc-order-from-100k",
        "metric": "order_notional",
        "operator": "GTE",
        "threshold": "100000",
        "severity": "MEDIUM",
        "action": "WARN",
        "symbol": "BTCUSDT",
    },
    {
        "name": "demo-leverage-above-15",
        "metric": "leverage",
        "operator": "GT",
        "threshold": "15",
        "severity": "LOW",
        "action": "WARN",
        "shadow": True,
    },
    {
        "name": "demo-market-order-in-thin-coin",
        "condition": {
            "all": [
                {"field": "order_type", "op": "eq", "value": "MARKET"},
                {"field": "symbol", "op": "in", "value": ["TIAUSDT", "INJUSDT", "GALAUSDT"]},
                {"field": "order_notional", "op": "gt", "value": 1000},
            ]
        },
        "severity": "LOW",
        "action": "WARN",
    },
)
"""Bodies of ``POST /v1/risk-rules``: one refuses, one warns, one is on trial, one is a condition."""

_PEOPLE: Final = UUID("6a0d2f2e-7a57-4a5e-8c0e-9a1b6f3c2d10")


@dataclass(frozen=True, slots=True)
class Holding:
    """A position that is there at the opening, entered at the opening mark. ``notional`` in quote units, negative:
    short. ``isolated_pct`` (percent of the notional) makes it ISOLATED.
    """

    symbol: str
    notional: int
    leverage: int
    isolated_pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A trader: limits, balances by asset, holdings; ``known`` False has no profile at all."""

    name: str
    kyc_level: KycLevel = KycLevel.L2
    exposure_limit_usdt: int = 1_000_000
    max_leverage: int = 50
    risk_score: int = 10
    balances: Mapping[str, str] = field(default_factory=lambda: {"USDT": "100000"})
    holdings: tuple[Holding, ...] = ()
    frozen: bool = False
    known: bool = True

    def user_id(self, run: str) -> str:
        """Give the user id of this person in one run of the demo: a data folder may see many runs."""
        return str(uuid5(_PEOPLE, f"{run}/{self.name}"))

    def profile(self, run: str) -> Profile:
        """Give the profile. A frozen person is created unfrozen and then frozen by an event of its own."""
        return Profile(
            self.user_id(run),
            self.kyc_level,
            Decimal(self.exposure_limit_usdt),
            frozen=False,
            risk_score=Decimal(self.risk_score),
            max_leverage=Decimal(self.max_leverage),
        )


ADA: Final = Person("ada")
FRANK: Final = Person("frank", frozen=True, risk_score=95)
KIRA: Final = Person("kira", KycLevel.L0, max_leverage=1, balances={"USDT": "5000"})
LEO: Final = Person("leo", KycLevel.L1, exposure_limit_usdt=200_000)
MIA: Final = Person("mia", exposure_limit_usdt=10_000)
PETE: Final = Person("pete", balances={"USDT": "100"})
GUS: Final = Person("gus", balances={"USDT": "250000"})
ROB: Final = Person("rob", balances={"USDT": "50"}, risk_score=60)
ISA: Final = Person(
    "isa",
    max_leverage=75,
    balances={"USDT": "20000"},
    holdings=(Holding("ETHUSDT", 5_360, 50, isolated_pct=Decimal(2)),),
)
DORA: Final = Person("dora", holdings=(Holding(STUCK, 4_000, 5),))
WANDA: Final = Person(
    "wanda", exposure_limit_usdt=5_000_000, balances={"USDT": "1000000", "BTC": "5", "ETH": "20"}, risk_score=2
)
NEMO: Final = Person("nemo", known=False)
CROWD: Final = (
    Person("cora", balances={"USDT": "60000", "BTC": "0.5"}),
    Person("cyd", balances={"USDT": "30000", "ETH": "4"}, holdings=(Holding("ETHUSDT", -6_000, 10),)),
    Person("cleo", KycLevel.L1, max_leverage=20, balances={"USDT": "45000"}),
    Person("cato", balances={"USDT": "80000", "BTC": "1"}, holdings=(Holding("BTCUSDT", 9_000, 10),)),
    Person("cem", balances={"USDT": "25000", "BTC": "2"}, holdings=(Holding("BTCUSD", 4_000, 10),)),
)
"""Traders who just trade; the others each play a part."""

PEOPLE: Final = (ADA, FRANK, KIRA, LEO, MIA, PETE, GUS, ROB, ISA, DORA, WANDA, NEMO, *CROWD)


def ladder_bodies(listings: Mapping[str, Listing]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give symbol and body of ``POST /v1/margin-tiers`` for every ladder."""
    for symbol, listing in listings.items():
        if listing.tiers:
            rows = [
                {
                    "symbol": symbol,
                    "tier": tier.tier,
                    "max_notional": plain(tier.max_notional),
                    "maintenance_margin_pct": plain(tier.maintenance_margin_pct),
                    "max_leverage": None if tier.max_leverage is None else plain(tier.max_leverage),
                }
                for tier in listing.tiers
            ]
            yield symbol, {"tiers": rows}


def holdings_of(person: Person, market: Market) -> Iterator[Position]:
    """Give the positions that a person has at the opening."""
    for holding in person.holdings:
        size = market.lots(holding.symbol, Decimal(abs(holding.notional)))
        isolated = None
        if holding.isolated_pct is not None:
            isolated = size * market.price_of_unit(holding.symbol) * holding.isolated_pct / 100
        yield Position(
            holding.symbol,
            PositionSide.BOTH,
            size if holding.notional > 0 else -size,
            market.marks[holding.symbol],
            Decimal(holding.leverage),
            MarginMode.CROSS if isolated is None else MarginMode.ISOLATED,
            isolated,
        )


def balances_of(person: Person) -> tuple[Balance, ...]:
    """Give the wallet that a person has at the opening."""
    return tuple(Balance(asset, Decimal(total), Decimal(0)) for asset, total in person.balances.items())


def opening_events(market: Market, teller: Teller, *, run: str) -> Iterator[Event]:
    """Tell of the market and of everybody who is known: instruments, the stuck mark, users, accounts."""
    for symbol, listing in market.listings.items():
        status = "SETTLING" if symbol == SETTLING else "TRADING"
        instrument = replace(listing.instrument, status=status)
        yield teller.tell("md.instrument.created.v1", symbol, fields=instrument_fields(instrument))
    long_ago = teller.now_ms() - STUCK_MS
    yield teller.tell("md.mark.v1", STUCK, fields={"price": plain(market.marks[STUCK])}, at_ms=long_ago)
    for person in PEOPLE:
        if person.known:
            yield from _person_events(person, market, teller=teller, run=run)


def _person_events(person: Person, market: Market, *, teller: Teller, run: str) -> Iterator[Event]:
    user_id = person.user_id(run)
    yield teller.tell("user.created.v1", user_id, fields=profile_fields(person.profile(run)))
    if person.frozen:
        why = {"reason": "demo: chargeback under review", "actor": "compliance"}
        yield teller.tell("user.frozen.v1", user_id, fields=why)
    positions = [position_row(position) for position in holdings_of(person, market)]
    told: dict[str, Any] = {"position": None, "snapshot": positions, "heals": {"position.closed.v1": 0}}
    yield teller.tell("position.updated.v1", user_id, fields=told)
    told = {"command": "SNAPSHOT", "order": None, "snapshot": [], "heals": {"engine.event.v1": 0}}
    yield teller.tell("order.command.v1", user_id, fields=told)
    rows = [balance_row(balance) for balance in balances_of(person)]
    yield teller.tell("wallet.balance_changed.v1", user_id, fields={"balance": None, "snapshot": rows, "heals": {}})


def is_marked(symbol: str) -> bool:
    """Tell whether the market data feed gives marks of a symbol: all but the stuck one."""
    return symbol != STUCK
