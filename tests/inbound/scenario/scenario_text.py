"""The scenario of ``spec/pretrade.md`` section 9, to be changed by each test in what it is about."""

import copy
import json
from enum import Enum
from typing import Any

import pytest

from tidegate.inbound.scenario.faults import UnreadableScenario
from tidegate.inbound.scenario.reader import read_scenario

USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
OTHER_USER = "00000000-0000-4000-8000-000000000000"
NOW = "2026-01-01T00:00:00Z"

_PUBLISHED: dict[str, Any] = {
    "now": NOW,
    "settings": {"mark_age_ms_max": 5000},
    "instruments": [
        {
            "symbol": "BTCUSDT",
            "kind": "LINEAR",
            "base": "BTC",
            "quote": "USDT",
            "status": "TRADING",
            "tick_size": "0.1",
            "lot_size": "0.001",
            "quantity_min": "0.001",
            "quantity_max": "1000",
            "notional_min": "5",
            "notional_max": None,
            "price_band_pct": "10",
            "leverage_max": "125",
            "leverage_default": "10",
            "contract_size": "1",
            "taker_fee_pct": "0.05",
        }
    ],
    "margin_tiers": [
        {
            "symbol": "BTCUSDT",
            "tier": 1,
            "max_notional": "50000",
            "maintenance_margin_pct": "0.4",
            "max_leverage": "125",
            "active": True,
        }
    ],
    "marks": [{"symbol": "BTCUSDT", "price": "50000", "at": NOW}],
    "profile": {
        "user_id": USER,
        "kyc_level": "L2",
        "exposure_limit_usdt": "1000000",
        "frozen": False,
        "risk_score": "0",
        "max_leverage": "50",
    },
    "trading_state": {"global": "ACTIVE", "symbols": {}, "user": "ACTIVE"},
    "feeds": {"account_lag_ms": 0},
    "balances": [{"asset": "USDT", "total": "10000", "locked": "0"}],
    "positions": [
        {
            "symbol": "BTCUSDT",
            "position_side": "BOTH",
            "quantity": "-0.1",
            "entry_price": "50000",
            "leverage": "10",
            "margin_mode": "CROSS",
            "isolated_margin": None,
        }
    ],
    "open_orders": [
        {
            "order_id": "o-1",
            "symbol": "BTCUSDT",
            "side": "BUY",
            "order_type": "LIMIT",
            "quantity": "0.1",
            "filled_quantity": "0",
            "price": "49000",
            "leverage": "10",
            "reduce_only": False,
        }
    ],
    "reservations": [],
    "reported_exposure": {"amount": "0", "at": NOW},
    "activity": {"orders_last_minute": 0, "notional_24h": "0", "rejects_last_hour": 0},
    "rules": [],
    "order": {
        "user_id": USER,
        "account_id": "main",
        "order_id": "o-2",
        "symbol": "BTCUSDT",
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": "0.05",
        "price": "50000",
        "leverage": "10",
        "reduce_only": False,
        "post_only": False,
        "trace_id": "t-1",
    },
}


class _Absent(Enum):
    """Named, so that test ids are the same in every process."""

    ABSENT = "ABSENT"


ABSENT = _Absent.ABSENT
"""Stands for a member that is to be taken out."""


def published() -> dict[str, Any]:
    return copy.deepcopy(_PUBLISHED)


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The published scenario with members set by JSON pointer (``ABSENT`` takes one out, ``-`` appends)."""
    scenario = published()
    for pointer, value in changes.items():
        *path, last = pointer.removeprefix("/").split("/")
        place: Any = scenario
        for step in path:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if isinstance(place, list):
            if last == "-":
                place.append(value)
            else:
                place[int(last)] = value
        elif value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return scenario


def as_bytes(scenario: dict[str, Any]) -> bytes:
    return json.dumps(scenario).encode()


def reservation(**said: Any) -> dict[str, Any]:
    return {
        "order_id": "r-1",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "order_type": "LIMIT",
        "quantity": "0.1",
        "price": "51000",
        "extra": "1.5",
        "expires_at": "2026-01-01T00:00:10Z",
    } | said


def rule(**said: Any) -> dict[str, Any]:
    return {
        "name": "large order",
        "metric": "order_notional",
        "operator": "GT",
        "threshold": "1000",
        "severity": "HIGH",
        "action": "REJECT",
    } | said


def position(**said: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "position_side": "LONG",
        "quantity": "1",
        "entry_price": "50000",
        "leverage": "10",
        "margin_mode": "CROSS",
        "isolated_margin": None,
    } | said


def fault_places(content: bytes) -> list[str]:
    with pytest.raises(UnreadableScenario) as unreadable:
        read_scenario(content)
    return [fault.field for fault in unreadable.value.faults]
