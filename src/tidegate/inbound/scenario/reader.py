"""Reading a scenario file (``spec/pretrade.md`` section 9): bytes become a scenario, or every fault with its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.account import OpenOrder, Position, Profile, Reservation
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.order import Order, PositionSide
from tidegate.core.pretrade.scenario import Scenario
from tidegate.inbound.scenario import holdings, market
from tidegate.inbound.scenario.faults import ScenarioFault, UnreadableScenario
from tidegate.inbound.scenario.json_text import JsonObject, NotJson, parse_json, twin_faults
from tidegate.inbound.scenario.orders import read_activity, read_scenario_order
from tidegate.inbound.scenario.row import Row
from tidegate.inbound.scenario.rules import ConditionFaults, read_rules, unchecked
from tidegate.inbound.scenario.settings_row import read_settings

SEED_KEYS: Final = frozenset({"assessment_rules", "thresholds", "lists"})
"""What a seed file holds besides: the assessment desk's part, read by the desk's own reader."""

Held = tuple[tuple[Row, Position], ...]
Live = tuple[tuple[Row, OpenOrder | Reservation], ...]


@dataclass(frozen=True, slots=True)
class _Account:
    positions: Held
    live: Live


def read_scenario(
    content: bytes,
    *,
    order_required: bool = True,
    tolerated_keys: frozenset[str] = frozenset(),
    condition_faults: ConditionFaults = unchecked,
) -> Scenario:
    """Read one scenario.

    ``order_required`` is true for ``check`` and false for ``margin`` and seeds; ``tolerated_keys`` are top-level keys
    that others read (``SEED_KEYS``); ``condition_faults`` are the save-time checks of a rule's condition.

    Raises:
        UnreadableScenario: naming everything that is wrong, each fault with a JSON pointer.
    """
    try:
        value = parse_json(content)
    except NotJson as fault:
        raise UnreadableScenario([ScenarioFault("", str(fault))]) from None
    faults = [ScenarioFault(twin.field, twin.reason) for twin in twin_faults(value)]
    file = Row(value, "", faults=faults)
    scenario = _scenario(file, condition_faults)
    if order_required and not file.has("order"):
        file.fault("order", "is required")
    file.close(tolerated_keys)
    if faults:
        raise UnreadableScenario(faults)
    return scenario


def is_desk_alone(content: bytes) -> bool:
    """Tell whether a seed file holds the assessment desk's part and nothing of the order gate's."""
    try:
        value = parse_json(content)
    except NotJson:
        return False
    return isinstance(value, JsonObject) and SEED_KEYS.issuperset(value.members)


def _scenario(file: Row, condition_faults: ConditionFaults) -> Scenario:
    now_us = file.instant_us("now")
    settings = read_settings(file)
    instruments = market.read_instruments(file)
    instruments_known = not any(fault.field.startswith("/instruments") for fault in file.faults)
    margin_tiers = market.read_margin_tiers(file)
    marks = market.read_marks(file)
    profile = holdings.read_profile(file)
    positions = holdings.read_positions(file)
    open_orders = holdings.read_open_orders(file)
    reservations = holdings.read_reservations(file)
    order = read_scenario_order(file)
    _refuse_other_user(file, profile, order=order)
    account = _Account(positions, (*open_orders, *reservations))
    _refuse_unfit_holdings(account, instruments, instruments_known=instruments_known)
    return Scenario(
        now_us=now_us,
        settings=settings,
        instruments=instruments,
        margin_tiers=margin_tiers,
        marks=marks,
        profile=profile,
        trading_states=holdings.read_trading_states(file),
        account_lag_ms=holdings.read_account_lag_ms(file),
        balances=holdings.read_balances(file),
        positions=tuple(position for _, position in positions),
        open_orders=tuple(live for _, live in open_orders),
        reservations=tuple(reservation for _, reservation in reservations),
        reported_exposure=holdings.read_reported_exposure(file),
        activity=read_activity(file, _user_id(profile, order)),
        rules=read_rules(file, condition_faults),
        order=order,
    )


def _user_id(profile: Profile | None, order: Order | None) -> str:
    if order is not None:
        return order.user_id
    return profile.user_id if profile is not None else ""


def _refuse_other_user(file: Row, profile: Profile | None, *, order: Order | None) -> None:
    if profile is not None and order is not None and profile.user_id and profile.user_id != order.user_id:
        file.fault("profile", "must be of the user of the order")


def _refuse_unfit_holdings(
    account: _Account, instruments: Mapping[str, Instrument], *, instruments_known: bool
) -> None:
    for row, held in (*account.positions, *account.live):
        instrument = instruments.get(held.symbol)
        if instrument is None and instruments_known:
            row.fault("symbol", f"{held.symbol} is no instrument of this scenario")
        elif instrument is None:
            continue
        elif instrument.kind is Kind.SPOT and isinstance(held, Position):
            row.fault("symbol", f"{held.symbol} is SPOT and has no positions")
        elif instrument.kind is Kind.SPOT and isinstance(held, Reservation) and held.extra != ZERO:
            row.fault("extra", "must be 0 on SPOT")
    _refuse_unlike_legs(account.positions)
    _refuse_mixed_modes(account, instruments)


def _refuse_unlike_legs(positions: Held) -> None:
    legs: dict[str, Position] = {}
    for row, position in positions:
        if position.position_side is PositionSide.BOTH:
            continue
        other = legs.setdefault(position.symbol, position)
        if position.margin_mode is not other.margin_mode:
            row.fault("margin_mode", "must be the same for both legs of a symbol")
        if position.leverage != other.leverage:
            row.fault("leverage", "must be the same for both legs of a symbol")


def _refuse_mixed_modes(account: _Account, instruments: Mapping[str, Instrument]) -> None:
    """A symbol is held one-way or in legs; positions and live orders alike say which."""
    in_legs: dict[str, bool] = {}
    for row, held in (*account.positions, *account.live):
        instrument = instruments.get(held.symbol)
        if instrument is None or instrument.kind is Kind.SPOT:
            continue
        is_leg = held.position_side is not PositionSide.BOTH
        if in_legs.setdefault(held.symbol, is_leg) is not is_leg:
            row.fault("position_side", "must be BOTH throughout a symbol, or LONG and SHORT throughout")
