"""A scenario as what others would have told: configuration rows for the stores, events for the topics.

Times of the scenario move along so that its ``now`` is the moment of loading; its marks count as fresh then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID, uuid5

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import OpenOrder, Reservation, TradingState
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.settings import GateSettings
from tidegate.ports.configuration import MarginTiers, Profiles, RiskRules, Scope, TradingStateRow, TradingStates
from tidegate.ports.stored import Change, Conflict
from tidegate.usecases.pretrade.told_rows import balance_row, instrument_fields, order_row, position_row

SEED_ACCOUNT = "main"
"""The account a seed fills: scenario files name one only in their order."""

SEED_ACTOR = "seed"
_EVENT_IDS = UUID("0f0a3f8e-52c1-4d36-8d83-7f2b1a9a6f10")

Event = tuple[str, Mapping[str, Any]]
"""A topic (base name) and a record of it."""


@dataclass(frozen=True, slots=True)
class SeedStores:
    """Where the configuration of a seed goes."""

    profiles: Profiles
    rules: RiskRules
    tiers: MarginTiers
    trading_states: TradingStates


def settings_of_seed(base: GateSettings, seed: Scenario | None) -> GateSettings:
    """Give the limits of the process, with those the seed sets to other than the default."""
    if seed is None:
        return base
    default = GateSettings()
    told = {field.name: getattr(seed.settings, field.name) for field in fields(GateSettings)}
    return replace(base, **{name: value for name, value in told.items() if value != getattr(default, name)})


async def seed_stores(scenario: Scenario, stores: SeedStores, *, now_us: int) -> None:
    """Write profile, rules, ladders and trading states; what is there already (a restart) is left as it is.

    Raises:
        DependencyFailed: the store does not answer.
    """
    by = Change(SEED_ACTOR, now_us)
    if scenario.profile is not None:
        await stores.profiles.put(scenario.profile, by=by)
    _, active = await stores.tiers.load()
    held = {tier.symbol for tier in active}
    fresh = [tier for tier in scenario.margin_tiers if tier.symbol not in held]
    if fresh:
        await stores.tiers.create(fresh, by=by)
    for rule in scenario.rules:
        try:
            await stores.rules.create(rule, by=by)
        except Conflict:
            continue
    for row in _states(scenario, now_us):
        await stores.trading_states.put(row, version=None)


def _states(scenario: Scenario, now_us: int) -> Iterator[TradingStateRow]:
    states = scenario.trading_states
    scopes = [(Scope.GLOBAL, "", states.everywhere)]
    scopes += [(Scope.SYMBOL, symbol, state) for symbol, state in states.symbols.items()]
    if scenario.profile is not None:
        scopes.append((Scope.USER, scenario.profile.user_id, states.user))
    for scope, key, state in scopes:
        if state is not TradingState.ACTIVE:
            yield TradingStateRow(scope, key, state, SEED_ACTOR, SEED_ACTOR, now_us)


def seed_events(scenario: Scenario, *, now_us: int) -> Iterator[Event]:
    """Give the events that tell the market and the account of a scenario, in an order that leaves no gap."""
    sequence = now_us // 1_000
    for instrument in scenario.instruments.values():
        yield (
            "md.instrument.created.v1",
            {
                **_envelope(f"i/{instrument.symbol}", now_us),
                "symbol": instrument.symbol,
                **instrument_fields(instrument),
            },
        )
    for symbol, mark in scenario.marks.items():
        if mark.price is not None:
            told = {"symbol": symbol, "price": plain(mark.price), "sequence": sequence}
            yield "md.mark.v1", {**_envelope(f"m/{symbol}", now_us), **told}
    if scenario.profile is None:
        return
    yield from _account_events(scenario, scenario.profile.user_id, now_us=now_us)


def _account_events(scenario: Scenario, user_id: str, *, now_us: int) -> Iterator[Event]:
    account: dict[str, Any] = {"user_id": user_id, "account_id": SEED_ACCOUNT}
    yield (
        "position.updated.v1",
        {
            **_envelope(f"p/{user_id}", now_us),
            **account,
            "position": None,
            "snapshot": [position_row(position) for position in scenario.positions],
            "heals": {"position.closed.v1": 0},
        },
    )
    yield (
        "order.command.v1",
        {
            **_envelope(f"o/{user_id}", now_us),
            **account,
            "command": "SNAPSHOT",
            "order": None,
            "snapshot": [order_row(_placed(order, now_us)) for order in scenario.open_orders],
            "heals": {"engine.event.v1": 0},
        },
    )
    if scenario.balances is not None:
        rows = [balance_row(balance) for balance in scenario.balances.values()]
        wallet = {**_envelope(f"w/{user_id}", now_us), **account, "balance": None, "snapshot": rows, "heals": {}}
        yield "wallet.balance_changed.v1", wallet
    reported = scenario.reported_exposure
    if reported is not None:
        at_us = reported.at_us + now_us - scenario.now_us
        told = {"user_id": user_id, "amount": plain(reported.amount), "event_ts": at_us // 1_000}
        yield "risk.exposure.v2", {**_envelope(f"e/{user_id}", now_us), **told}


def seed_reservations(scenario: Scenario, *, now_us: int) -> Iterator[Reservation]:
    """Give the reservations of a scenario that are live, their expiry moved along."""
    for reservation in scenario.reservations:
        if reservation.expires_at_us > scenario.now_us:
            yield replace(reservation, expires_at_us=reservation.expires_at_us + now_us - scenario.now_us)


def _placed(order: OpenOrder, now_us: int) -> OpenOrder:
    """Give an order with the time it was placed: that of loading, where the scenario names none."""
    return order if order.at_us is not None else replace(order, at_us=now_us)


def _envelope(what: str, now_us: int) -> dict[str, Any]:
    now_ms = now_us // 1_000
    return {
        "event_id": str(uuid5(_EVENT_IDS, f"{what}/{now_us}")),
        "event_ts": now_ms,
        "trace_id": "",
        "sequence": now_ms,
    }
