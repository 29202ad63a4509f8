"""Random holdings: positions one-way and in legs, cross and isolated, live and expired orders, balances, rules."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from tests.core.pretrade.dice import Dice
from tests.core.pretrade.random_market import NOW_US, Listing

from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position, Reservation
from tidegate.core.pretrade.instrument import Kind, KycLevel, Mark
from tidegate.core.pretrade.order import PRICED_TYPES, OrderType, PositionSide, Side
from tidegate.core.pretrade.rule_metrics import RULE_METRICS
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction

LEVERAGES: Final = (Decimal(1), Decimal(3), Decimal(10), Decimal(20), Decimal("12.5"))
LEGS: Final = (PositionSide.LONG, PositionSide.SHORT)
BALANCES: Final = {"USDT": "50000", "USDC": "30000", "EUR": "40000", "BTC": "1", "ETH": "10"}


@dataclass(frozen=True)
class Held:
    """One symbol of the account: how it is held there, and its price."""

    listing: Listing
    in_legs: bool
    price: Decimal

    @property
    def symbol(self) -> str:
        return self.listing.instrument.symbol

    @property
    def is_spot(self) -> bool:
        return self.listing.instrument.kind is Kind.SPOT


def random_holdings(dice: Dice, listings: list[Listing], *, marks: Mapping[str, Mark]) -> list[Held]:
    held = []
    for listing in listings:
        mark = marks.get(listing.instrument.symbol)
        price = mark.price if mark is not None and mark.price else listing.price
        in_legs = listing.instrument.kind is not Kind.SPOT and dice.chance(0.35)
        held.append(Held(listing, in_legs, price))
    return held


def random_quantity(dice: Dice, held: Held) -> Decimal:
    """A multiple of the lot, from crumbs to a few times the usual amount."""
    instrument = held.listing.instrument
    amount = held.listing.amount * dice.decimal("0.05", "3", places=3)
    if instrument.kind is Kind.INVERSE:
        quantity = amount * held.price / instrument.contract_size
    else:
        quantity = amount / (held.price * instrument.contract_size)
    return max(quantity // instrument.lot_size, Decimal(1)) * instrument.lot_size


def random_positions(dice: Dice, holdings: list[Held]) -> tuple[Position, ...]:
    positions: list[Position] = []
    for held in holdings:
        if held.is_spot or not dice.chance(0.55):
            continue
        isolated = dice.chance(0.35)
        leverage = dice.pick(LEVERAGES)
        sides = [leg for leg in LEGS if dice.chance(0.7)] if held.in_legs else [PositionSide.BOTH]
        for side in sides:
            quantity = random_quantity(dice, held)
            signed = -quantity if side is PositionSide.BOTH and dice.chance(0.5) else quantity
            entry_price = dice.around(held.price, Decimal("0.00000001"), percent=10)
            usual = held.listing.amount * dice.decimal("0.05", "2", places=3)
            positions.append(
                Position(
                    symbol=held.symbol,
                    position_side=side,
                    quantity=Decimal(0) if dice.fault(0.3) else signed,
                    entry_price=entry_price,
                    leverage=leverage,
                    margin_mode=MarginMode.ISOLATED if isolated else MarginMode.CROSS,
                    isolated_margin=usual if isolated else None,
                )
            )
    return tuple(positions)


def random_open_order(dice: Dice, held: Held, *, number: int) -> OpenOrder:
    order_type = dice.pick([OrderType.LIMIT, OrderType.LIMIT, *OrderType])
    priced = order_type in PRICED_TYPES
    stops = order_type in {OrderType.STOP_LIMIT, OrderType.STOP_MARKET}
    quantity = random_quantity(dice, held)
    tick = held.listing.instrument.tick_size
    return OpenOrder(
        order_id=f"o-{number}",
        symbol=held.symbol,
        side=dice.pick(list(Side)),
        order_type=order_type,
        quantity=quantity,
        filled_quantity=quantity * dice.decimal("0", "1", places=1) if dice.chance(0.3) else Decimal(0),
        price=dice.around(held.price, tick, percent=10) if priced else None,
        stop_price=dice.around(held.price, tick, percent=10) if stops else None,
        leverage=Decimal(1) if held.is_spot else dice.pick([None, None, *LEVERAGES]),
        position_side=dice.pick(LEGS) if held.in_legs else PositionSide.BOTH,
        reduce_only=not held.is_spot and dice.chance(0.2),
        at_us=NOW_US - dice.whole(0, 3_000_000) if dice.chance(0.5) else None,
    )


def random_reservation(dice: Dice, held: Held, *, number: int) -> Reservation:
    order = random_open_order(dice, held, number=number)
    tick = held.listing.instrument.tick_size
    return Reservation(
        order_id=f"o-{dice.whole(0, 3)}-r" if dice.chance(0.3) else f"r-{number}",
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        price=order.price or dice.around(held.price, tick / 8, percent=5),
        expires_at_us=NOW_US + dice.pick([30_000_000, 1, 1_000, 0, -1_000_000, 20_000_000]),
        filled_quantity=order.filled_quantity,
        extra=Decimal(0) if held.is_spot else held.listing.amount * dice.decimal("0", "0.01", places=6),
        stop_price=order.stop_price,
        leverage=order.leverage,
        position_side=order.position_side,
        reduce_only=order.reduce_only,
        at_us=order.at_us,
    )


def random_live_orders(dice: Dice, holdings: list[Held]) -> tuple[tuple[OpenOrder, ...], tuple[Reservation, ...]]:
    open_orders = tuple(
        random_open_order(dice, dice.pick(holdings), number=number) for number in range(dice.whole(0, 4))
    )
    reservations: dict[str, Reservation] = {}
    for number in range(dice.whole(0, 3)):
        reservation = random_reservation(dice, dice.pick(holdings), number=number)
        reservations[reservation.order_id] = reservation
    if open_orders and dice.chance(0.3):
        order = open_orders[0]
        held = next(row for row in holdings if row.symbol == order.symbol)
        same = random_reservation(dice, held, number=9)
        reservations[order.order_id] = _with_id(same, order.order_id)
    return open_orders, tuple(reservations.values())


def random_balances(dice: Dice) -> dict[str, Balance] | None:
    """Mostly enough of every asset; now and then little, less than nothing, or no row."""
    if dice.fault(0.5):
        return None
    balances: dict[str, Balance] = {}
    for asset, usual in BALANCES.items():
        if dice.fault(0.5):
            continue
        share = dice.decimal("0.4", "3", places=8)
        if dice.chance(0.2):
            share = dice.decimal("-0.05", "0.4", places=8)
        locked = Decimal(usual) * dice.decimal("0", "0.3", places=4) if dice.chance(0.3) else Decimal(0)
        balances[asset] = Balance(asset, Decimal(usual) * share, locked)
    return balances


# Thresholds that are passed by some orders and not by others.
_SCALES: Final[Mapping[str, str]] = {
    "order_quantity": "1000",
    "leverage": "30",
    "price_deviation_pct": "8",
    "projected_margin_ratio": "0.2",
    "projected_exposure": "100000",
    "exposure_utilization_pct": "60",
    "liquidation_distance_pct": "60",
    "open_orders_count": "6",
    "orders_per_minute": "40",
    "rejects_per_hour": "20",
    "risk_score": "80",
}


def random_rule(dice: Dice, *, number: int) -> RiskRule:
    """A rule that is hit now and then: thresholds lie where only the larger orders come."""
    action = dice.pick([RuleAction.WARN, RuleAction.REJECT])
    rule_id, name = f"{number}", f"rule {dice.pick('abc')}"
    narrow = {
        "kyc_level": dice.pick([None, None, *KycLevel]),
        "symbol": dice.pick([None, None, "BTCUSDT", "BTC-USDT"]),
    }
    rest = {"active": dice.chance(0.9), "shadow": dice.chance(0.2), "version": number + 1}
    if dice.chance(0.3):
        condition = json.dumps(_random_condition(dice, depth=2))
        return RiskRule(rule_id, name, action, condition=condition, **narrow, **rest)  # type: ignore[arg-type]  # by kind
    metric = dice.pick(list(RULE_METRICS))
    operator = dice.pick([Operator.GT, Operator.GTE, Operator.LT, *Operator])
    scale = Decimal(_SCALES.get(metric, "20000"))
    if operator in {Operator.LT, Operator.LTE, Operator.NE, Operator.NOT_IN}:
        # These are hit by the usual order unless the threshold lies below everything.
        scale = scale / 10_000 if dice.chance(0.7) else scale
        operator = operator if operator in {Operator.LT, Operator.LTE} or dice.chance(0.3) else Operator.LT
    count = {Operator.IN: 3, Operator.NOT_IN: 3, Operator.BETWEEN: 2}.get(operator, 1)
    thresholds = sorted(scale * dice.decimal("0.5", "3", places=2) for _ in range(count))
    if operator is Operator.IN:
        thresholds = [Decimal(1), *thresholds[1:]]
    return RiskRule(
        rule_id,
        name,
        action,
        metric=metric,
        operator=operator,
        thresholds=tuple(thresholds),
        **narrow,
        **rest,  # type: ignore[arg-type]  # by kind
    )


def _random_condition(dice: Dice, *, depth: int) -> dict[str, object]:
    group = dice.pick(["leaf", "leaf", "all", "any", "not"]) if depth else "leaf"
    if group == "not":
        return {"not": _random_condition(dice, depth=depth - 1)}
    if group != "leaf":
        return {group: [_random_condition(dice, depth=depth - 1) for _ in range(dice.whole(1, 3))]}
    if dice.chance(0.2):
        return {"field": "side", "op": "eq", "value": dice.pick(["BUY", "SELL"])}
    metric = dice.pick(list(RULE_METRICS))
    value = Decimal(_SCALES.get(metric, "20000")) * dice.decimal("0.5", "3", places=2)
    return {"field": metric, "op": dice.pick(["gt", "gte", "lt", "lte"]), "value": str(value)}


def read_condition(condition: str, values: Mapping[str, Decimal | str | bool | None]) -> bool | None:
    """The part of the rule language that random conditions use, read plainly: a missing field is UNKNOWN."""
    return _outcome(json.loads(condition), values)


_COMPARISONS: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    "gt": lambda value, limit: value > limit,
    "gte": lambda value, limit: value >= limit,
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
}


def _outcome(node: Mapping[str, object], values: Mapping[str, Decimal | str | bool | None]) -> bool | None:
    if "not" in node:
        inner = _outcome(node["not"], values)  # type: ignore[arg-type]  # a node by construction
        return None if inner is None else not inner
    for group, decisive in (("all", False), ("any", True)):
        if group in node:
            inner_outcomes = [_outcome(inner, values) for inner in node[group]]  # type: ignore[attr-defined]  # a list of nodes
            if decisive in inner_outcomes:
                return decisive
            return None if None in inner_outcomes else not decisive
    value = values[str(node["field"])]
    if value is None:
        return None
    if node["op"] == "eq":
        return value == node["value"]
    assert isinstance(value, Decimal)
    return _COMPARISONS[str(node["op"])](value, Decimal(str(node["value"])))


def _with_id(reservation: Reservation, order_id: str) -> Reservation:
    return replace(reservation, order_id=order_id)
