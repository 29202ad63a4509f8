"""The world that whole processes are put into: a market as a seed, users as events, and random orders."""

import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

from tests.inbound.events.records import ENVIRONMENT, LIMITS, an_event

from tidegate.bootstrap.stores import Stores, open_stores
from tidegate.core.pretrade.account import Balance, Profile
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel
from tidegate.core.pretrade.tiers import MarginTier
from tidegate.settings import DataArea, Settings
from tidegate.wire.codec import AvroCodec
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.schemas import SchemaCatalogue

DAY_MS: Final = 86_400_000
ACCOUNT: Final = "main"

CALM: Final[Mapping[str, str]] = {
    "TIDEGATE_TOPICS_SUFFIX": ENVIRONMENT,
    "TIDEGATE_GATE_MARK_AGE_MS_MAX": str(DAY_MS),
    "TIDEGATE_GATE_RESERVATION_TTL_MS": "3600000",
}
"""Settings of a service whose market stands still: marks stay fresh and reservations live while a test runs."""


def _instrument(symbol: str, kind: Kind, *, base: str, quote: str, **terms: Any) -> Instrument:
    return Instrument(symbol, kind, base, quote, "TRADING", **terms)


INSTRUMENTS: Final[Mapping[str, Instrument]] = {
    row.symbol: row
    for row in (
        _instrument(
            "BTCUSDT",
            Kind.LINEAR,
            base="BTC",
            quote="USDT",
            tick_size=Decimal("0.1"),
            lot_size=Decimal("0.001"),
            taker_fee_pct=Decimal("0.05"),
            price_band_pct=Decimal(10),
            leverage_max=Decimal(125),
            leverage_default=Decimal(10),
        ),
        _instrument(
            "ETHUSDT",
            Kind.LINEAR,
            base="ETH",
            quote="USDT",
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.01"),
            taker_fee_pct=Decimal("0.04"),
            price_band_pct=Decimal(10),
            leverage_max=Decimal(100),
            leverage_default=Decimal(5),
        ),
        _instrument(
            "BTCUSD",
            Kind.INVERSE,
            base="BTC",
            quote="USD",
            tick_size=Decimal("0.5"),
            lot_size=Decimal(1),
            taker_fee_pct=Decimal("0.05"),
            contract_size=Decimal(100),
            leverage_max=Decimal(100),
            leverage_default=Decimal(10),
        ),
        _instrument(
            "BTC-USDT",
            Kind.SPOT,
            base="BTC",
            quote="USDT",
            tick_size=Decimal("0.1"),
            lot_size=Decimal("0.0001"),
            taker_fee_pct=Decimal("0.1"),
        ),
    )
}
MARKS: Final[Mapping[str, Decimal]] = {
    "BTCUSDT": Decimal(50_000),
    "ETHUSDT": Decimal(2_500),
    "BTCUSD": Decimal(50_000),
    "BTC-USDT": Decimal(50_000),
}
TIERS: Final = (
    MarginTier(None, 1, Decimal(100_000), Decimal("0.4"), Decimal(125)),
    MarginTier(None, 2, Decimal(50_000_000), Decimal(1), Decimal(50)),
)


def market_seed(folder: Path) -> Path:
    """Write the market as a seed file: instruments, marks and ladders, and no user."""
    now = "2026-01-01T00:00:00Z"
    rows = {
        "now": now,
        "instruments": [_json_row(row) for row in INSTRUMENTS.values()],
        "marks": [{"symbol": symbol, "price": str(price), "at": now} for symbol, price in MARKS.items()],
        "margin_tiers": [
            {
                "symbol": tier.symbol,
                "tier": tier.tier,
                "max_notional": str(tier.max_notional),
                "maintenance_margin_pct": str(tier.maintenance_margin_pct),
                "max_leverage": str(tier.max_leverage),
                "active": True,
            }
            for tier in TIERS
        ],
    }
    path = folder / "market.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def _json_row(instrument: Instrument) -> dict[str, Any]:
    names = [name for name in type(instrument).__dataclass_fields__ if name != "settle"]
    values = {name: getattr(instrument, name) for name in names}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


@dataclass(frozen=True)
class User:
    """One user with one account."""

    user_id: str
    balances: tuple[Balance, ...]

    @property
    def profile(self) -> Profile:
        """The limits that ``opening`` tells of."""
        return Profile(self.user_id, KycLevel.L2, Decimal(1_000_000_000), False, Decimal(0), Decimal(100))


def some_users(count: int, *, usdt: str = "20000", btc: str = "0.5", random: Random | None = None) -> list[User]:
    """Give users, each with the same balances."""
    held = (Balance("USDT", Decimal(usdt), Decimal(0)), Balance("BTC", Decimal(btc), Decimal(0)))
    ids = [str(uuid4()) if random is None else str(UUID(int=random.getrandbits(128))) for _ in range(count)]
    return [User(user_id, held) for user_id in ids]


def now_ms() -> int:
    """Give milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def envelope(sequence: int) -> dict[str, Any]:
    """Give the fields that every record has; the time is now."""
    return {"event_id": str(uuid4()), "event_ts": now_ms(), "trace_id": "t-1", "sequence": sequence}


def opening(user: User) -> list[tuple[str, dict[str, Any]]]:
    """Tell all there is of a user that has just come: limits, balances, no position, no order."""
    account = {"user_id": user.user_id, "account_id": ACCOUNT}
    limits = {**LIMITS, "kyc_level": "L2", "exposure_limit_usdt": "1000000000", "max_leverage": "100"}
    balances = [{"asset": row.asset, "total": str(row.total), "locked": str(row.locked)} for row in user.balances]
    return [
        ("user.created.v1", {**envelope(1), "user_id": user.user_id, **limits}),
        ("wallet.balance_changed.v1", {**envelope(1), **account, "balance": None, "snapshot": balances, "heals": {}}),
        (
            "position.updated.v1",
            {**envelope(1), **account, "position": None, "snapshot": [], "heals": {"position.closed.v1": 0}},
        ),
        (
            "order.command.v1",
            {
                **envelope(1),
                **account,
                "command": "SNAPSHOT",
                "order": None,
                "snapshot": [],
                "heals": {"engine.event.v1": 0},
            },
        ),
    ]


@asynccontextmanager
async def guest_of(data: Path) -> AsyncIterator[Stores]:
    """Open the database of a running service beside it."""
    async with open_stores(Settings(data=DataArea(dir=data))) as stores:
        yield stores


async def publish(stores: Stores, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Put records on the bus, as the services that own them would."""
    codec = AvroCodec(SchemaCatalogue.load())
    await stores.bus.publish([an_event(codec, topic, record=record) for topic, record in events])


def random_order(random: Random, user: User, *, order_id: str) -> pb.PreTradeCheckRequest:
    """Draw an order of a size that an account can afford a dozen of."""
    instrument = INSTRUMENTS[random.choice(sorted(INSTRUMENTS))]
    mark = MARKS[instrument.symbol]
    kind = random.choice(["LIMIT", "LIMIT", "MARKET", "STOP_LIMIT", "STOP_MARKET"])
    worth = Decimal(random.randint(50, 12_000))
    units = worth / instrument.contract_size if instrument.kind is Kind.INVERSE else worth / mark
    if instrument.kind is Kind.SPOT:
        units /= 6
    lots = max(1, int(units / instrument.lot_size))
    return pb.PreTradeCheckRequest(
        user_id=user.user_id,
        account_id=ACCOUNT,
        order_id=order_id,
        symbol=instrument.symbol,
        side=random.choice([pb.BUY, pb.SELL]),
        order_type=pb.OrderType.Value(kind),
        quantity=str(lots * instrument.lot_size),
        price=_price(random, instrument, mark=mark) if kind.endswith("LIMIT") else "",
        stop_price=_price(random, instrument, mark=mark) if kind.startswith("STOP") else "",
        leverage="" if instrument.kind is Kind.SPOT else random.choice(["", "5", "10", "20"]),
        trace_id=f"trace of {order_id}",
    )


def _price(random: Random, instrument: Instrument, *, mark: Decimal) -> str:
    ticks = int(mark * Decimal(random.randint(980, 1_020)) / 1_000 / instrument.tick_size)
    return str(ticks * instrument.tick_size)


def random_orders(random: Random, users: Sequence[User], *, count: int, prefix: str) -> list[pb.PreTradeCheckRequest]:
    """Draw orders of all users, in no order."""
    return [
        random_order(random, random.choice(users), order_id=f"{prefix}-{number}-{random.getrandbits(32):08x}")
        for number in range(count)
    ]
