"""Scenarios written as files, for reading them back."""

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.readings import instant_text
from tidegate.core.pretrade.rules import Operator, RiskRule
from tidegate.core.pretrade.scenario import Scenario

_RENAMED = {"at_us": "at", "expires_at_us": "expires_at"}
_LISTS = {Operator.IN, Operator.NOT_IN, Operator.BETWEEN}


def written(scenario: Scenario) -> bytes:
    """Write a scenario in the form of the specification's section 9."""
    activity = scenario.activity
    file: dict[str, Any] = {
        "now": instant_text(scenario.now_us),
        "settings": _plain(asdict(scenario.settings)),
        "instruments": [
            {key: value for key, value in _row(row).items() if key != "settle"} for row in scenario.instruments.values()
        ],
        "margin_tiers": [_row(tier) for tier in scenario.margin_tiers],
        "marks": [{"symbol": symbol, **_row(mark)} for symbol, mark in scenario.marks.items()],
        "profile": None if scenario.profile is None else _row(scenario.profile),
        "trading_state": {
            "global": scenario.trading_states.everywhere,
            "symbols": dict(scenario.trading_states.symbols),
            "user": scenario.trading_states.user,
        },
        "feeds": {"account_lag_ms": scenario.account_lag_ms},
        "balances": None if scenario.balances is None else [_row(row) for row in scenario.balances.values()],
        "positions": [_row(row) for row in scenario.positions],
        "open_orders": [_row(row) for row in scenario.open_orders],
        "reservations": [_row(row) for row in scenario.reservations],
        "reported_exposure": None if scenario.reported_exposure is None else _row(scenario.reported_exposure),
        "activity": {
            "orders_last_minute": activity.orders_last_minute,
            "notional_24h": _plain(activity.notional_24h),
            "rejects_last_hour": activity.rejects_last_hour,
            "recent": [
                {**_row(row.order), "at": instant_text(row.at_us), "filled_quantity": plain(row.filled_quantity)}
                for row in activity.recent
            ],
        },
        "rules": [_rule(rule) for rule in scenario.rules],
        "order": None if scenario.order is None else _row(scenario.order),
    }
    return json.dumps(file).encode()


def _row(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass of any kind
    return {
        _RENAMED.get(key, key): instant_text(value) if key in _RENAMED and value is not None else _plain(value)
        for key, value in asdict(row).items()
    }


def _rule(rule: RiskRule) -> dict[str, Any]:
    row = _row(rule)
    row["id"] = row.pop("rule_id")
    thresholds = row.pop("thresholds")
    if rule.condition is not None:
        return row | {"condition": json.loads(rule.condition)}
    return row | {"threshold": thresholds if rule.operator in _LISTS else thresholds[0]}


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON of any kind
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, tuple):
        return [_plain(element) for element in value]
    return value
