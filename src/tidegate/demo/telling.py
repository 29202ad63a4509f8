"""Records as the services around the gate would write them: envelopes, and sequences without holes."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import Balance, OpenOrder, Position, Profile
from tidegate.core.pretrade.instrument import Instrument
from tidegate.wire.topics import ACCOUNT_TOPICS, key_field

ACCOUNT: Final = "main"
"""The one account that every trader of the demo has."""

Event = tuple[str, dict[str, Any]]
"""A topic's base name and a record of it."""


class Teller:
    """Fills in what every record carries. Times are milliseconds since 1970 and never go back.

    Sequences of users and accounts begin at 1; those of symbols at the time of the start, because symbols, other than
    the demo's users, may have been told of before in the same data folder.
    """

    def __init__(self, now_ms: Callable[[], int], *, dice: Random) -> None:
        self._now_ms = now_ms
        self._dice = dice
        self._latest_ms = now_ms()
        self._symbols_from = self._latest_ms
        self._last: dict[tuple[str, str], int] = defaultdict(int)

    def now_ms(self) -> int:
        """Give the time of the next record."""
        self._latest_ms = max(self._latest_ms, self._now_ms())
        return self._latest_ms

    def last(self, topic: str, entity: str) -> int:
        """Give the last sequence told of an entity in a topic; 0: none."""
        return self._last[topic, entity]

    def tell(self, topic: str, entity: str, *, fields: Mapping[str, Any], at_ms: int | None = None) -> Event:
        """Write a record about a user, or a symbol, in the order of telling; ``at_ms`` tells of an earlier time."""
        key = key_field(topic)
        place = (topic, entity)
        if key == "symbol" and not self._last[place]:
            self._last[place] = self._symbols_from
        self._last[place] += 1
        envelope = {
            "event_id": str(UUID(int=self._dice.getrandbits(128), version=4)),
            "event_ts": self.now_ms() if at_ms is None else at_ms,
            "trace_id": "",
            "sequence": self._last[place],
            key: entity,
        }
        account = {"account_id": ACCOUNT} if topic in ACCOUNT_TOPICS else {}
        return topic, envelope | account | dict(fields)


def profile_fields(profile: Profile) -> dict[str, Any]:
    """Write the limits of user.created.v1."""
    return {
        "kyc_level": profile.kyc_level.value,
        "exposure_limit_usdt": plain(profile.exposure_limit_usdt),
        "max_leverage": plain(profile.max_leverage),
        "risk_score": plain(profile.risk_score),
        "frozen": profile.frozen,
    }


def instrument_fields(instrument: Instrument) -> dict[str, Any]:
    """Write the terms of md.instrument.created.v1 (its symbol is the key)."""
    return {
        "kind": instrument.kind.value,
        "base": instrument.base,
        "quote": instrument.quote,
        "status": instrument.status,
        "tick_size": plain(instrument.tick_size),
        "lot_size": plain(instrument.lot_size),
        "quantity_min": _text(instrument.quantity_min),
        "quantity_max": _text(instrument.quantity_max),
        "notional_min": _text(instrument.notional_min),
        "notional_max": _text(instrument.notional_max),
        "price_band_pct": _text(instrument.price_band_pct),
        "leverage_max": _text(instrument.leverage_max),
        "leverage_default": _text(instrument.leverage_default),
        "contract_size": plain(instrument.contract_size),
        "taker_fee_pct": plain(instrument.taker_fee_pct),
        "kyc_min_level": None if instrument.kyc_min_level is None else instrument.kyc_min_level.value,
    }


def position_row(position: Position) -> dict[str, Any]:
    """Write a position."""
    return {
        "symbol": position.symbol,
        "position_side": position.position_side.value,
        "quantity": plain(position.quantity),
        "entry_price": plain(position.entry_price),
        "leverage": plain(position.leverage),
        "margin_mode": position.margin_mode.value,
        "isolated_margin": _text(position.isolated_margin),
    }


def balance_row(balance: Balance) -> dict[str, Any]:
    """Write a balance."""
    return {"asset": balance.asset, "total": plain(balance.total), "locked": plain(balance.locked)}


def order_row(order: OpenOrder) -> dict[str, Any]:
    """Write an order as the engine knows it; ``at_us`` is set."""
    return {
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "position_side": order.position_side.value,
        "quantity": plain(order.quantity),
        "filled_quantity": plain(order.filled_quantity),
        "price": _text(order.price),
        "stop_price": _text(order.stop_price),
        "leverage": _text(order.leverage),
        "reduce_only": order.reduce_only,
        "post_only": False,
        "placed_at": (order.at_us or 0) // 1_000,
        "revision": 0,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
