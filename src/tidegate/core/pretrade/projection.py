"""What the account looks like after the fill: maintenance margin, margin ratio, liquidation prices."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO
from tidegate.core.pretrade.account import Position
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.filled import Filled, fill_position
from tidegate.core.pretrade.freshness import EVERY_ASSET
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.liquidation import Holding, hedge_price, one_way_price
from tidegate.core.pretrade.live import notional
from tidegate.core.pretrade.order import PositionSide
from tidegate.core.pretrade.symbol_value import AssetTotals
from tidegate.core.pretrade.tiers import Ladder
from tidegate.core.pretrade.valuation import maintenance_margin

RATIO_MAX: Final = Decimal(999_999_999)
"""Reported instead of any larger ratio, and when maintenance margin meets no equity."""

NO_TOTALS: Final = AssetTotals()
"""Totals of an asset in which nothing settles; never written to."""

_NO_HOLDING: Final[Holding] = (ZERO, ONE)
_SHORT: Final = -ONE


class Leg:
    """One side of the symbol, before or after the fill: ``quantity`` positive, ``direction`` +1 long, -1 short.

    ``worth`` is its notional at the mark (0 before it is worked out).
    """

    __slots__ = ("direction", "entry_price", "margin", "quantity", "worth")

    def __init__(self, quantity: Decimal, entry_price: Decimal, *, short: bool, margin: Decimal) -> None:
        self.quantity, self.entry_price, self.margin = quantity, entry_price, margin
        self.direction = _SHORT if short else ONE
        self.worth = ZERO

    @property
    def holding(self) -> Holding:
        """Give quantity and entry price."""
        return self.quantity, self.entry_price

    def pnl(self, instrument: Instrument, mark: Decimal) -> Decimal:
        """Give the unrealised PnL at the mark, in the settle asset."""
        size = self.quantity * instrument.contract_size * self.direction
        if instrument.kind is Kind.INVERSE:
            return size * (ONE / self.entry_price - ONE / mark)
        return size * (mark - self.entry_price)


Legs = dict[PositionSide, Leg]


@dataclass(slots=True)
class Others:
    """The other cross positions of the settle asset: their number, PnL and maintenance margin; and the balance."""

    balance: Decimal
    count: int
    pnl: Decimal
    maintenance: Decimal


def project(case: Case) -> None:
    """Work out what the fill would leave: margins, ratio, liquidation prices before and after."""
    mark, metrics, ladder = case.mark, case.metrics, case.ladder
    if case.value is not None and not case.value.in_range:
        return
    legs = _legs_held(case)
    filled = None
    if case.fill is not None and case.notional is not None and not case.mismatched:
        filled = fill_position(case.position, case.order, instrument=case.instrument, price=case.fill)
        left = legs.keys() - {case.order.position_side}
        case.liquidation_impossible = not filled.quantity and (case.isolated or not left)
    if mark is None:
        return
    others = _others(case)
    if ladder is not None:
        before = _owed_before(case, legs, ladder=ladder)
        metrics.maintenance_margin_before = case.kept("maintenance_margin_before", before)
        if legs and (others is not None or case.isolated):
            price = _price_before(case, legs, others=others)
            if price is not None:
                metrics.liquidation_price_before = case.quotient(price)
    if filled is None or case.fee is None:
        return
    after = _legs_after(case, legs, filled=filled)
    held = ZERO
    for leg in after.values():
        leg.worth = notional(case.instrument, leg.quantity, price=mark)
        held += leg.worth
    metrics.projected_position_notional = case.kept("projected_position_notional", held)
    if ladder is None or metrics.projected_position_notional is None:
        return
    owed = ZERO
    for leg in after.values():
        owed += maintenance_margin(ladder, leg.worth)
    metrics.maintenance_margin_after = case.kept("maintenance_margin_after", owed)
    paid = case.fee - filled.realised
    if metrics.maintenance_margin_after is not None:
        _project_ratio(case, after, others=others, owed=owed, paid=paid)
    if others is not None or case.isolated:
        _project_liquidation(case, after, others=others, paid=paid)


def _project_liquidation(case: Case, after: Legs, *, others: Others | None, paid: Decimal) -> None:
    metrics, mark = case.metrics, case.mark
    price = _liquidation_price(case, after, others=others, paid=paid) if after else None
    if price is None or mark is None:
        case.liquidation_impossible = True
    else:
        metrics.projected_liquidation_price = case.quotient(price)
        metrics.liquidation_distance_pct = case.quotient(abs(mark - price) / mark * HUNDRED)


def _legs_held(case: Case) -> Legs:
    book = case.book
    if book is None:
        return {}
    held = (book.both, book.long, book.short)
    return {position.position_side: _leg(position) for position in held if position is not None}


def _leg(position: Position) -> Leg:
    quantity = position.quantity
    short = position.position_side is PositionSide.SHORT or quantity < ZERO
    return Leg(abs(quantity), position.entry_price, short=short, margin=position.isolated_margin or ZERO)


def _legs_after(case: Case, legs: Legs, *, filled: Filled) -> Legs:
    side = case.order.position_side
    after = legs.copy()
    after.pop(side, None)
    if not filled.quantity:
        return after
    short = side is PositionSide.SHORT or filled.quantity < ZERO
    margin = _margin_after(case, legs.get(side), filled=filled) if case.isolated else ZERO
    after[side] = Leg(abs(filled.quantity), filled.entry_price, short=short, margin=margin)
    return after


def _margin_after(case: Case, leg: Leg | None, *, filled: Filled) -> Decimal:
    """Isolated margin after the fill: the closed share is taken out, what opens adds its notional over leverage."""
    margin = leg.margin if leg is not None else ZERO
    if filled.closed and leg is not None:
        margin -= margin * filled.closed / leg.quantity
    if filled.opened and case.fill is not None:
        own = case.metrics.leverage or ONE
        lowest = case.value.leverage if case.value is not None else None
        leverage = own if lowest is None or own < lowest else lowest
        margin += notional(case.instrument, filled.opened, price=case.fill) / leverage
    return margin


def _owed_before(case: Case, legs: Legs, *, ladder: Ladder) -> Decimal:
    """The maintenance margin of what is held; mostly it is part of the symbol's value already."""
    value = case.value
    if value is not None and value.maintenance is not None and (not value.hedged or PositionSide.BOTH not in legs):
        return value.maintenance
    owed = ZERO
    mark = case.mark or ZERO
    for leg in legs.values():
        owed += maintenance_margin(ladder, notional(case.instrument, leg.quantity, price=mark))
    return owed


def _others(case: Case) -> Others | None:
    asset, account = case.instrument.settle, case.account
    row = None if account.balances is None else account.balances.get(asset)
    if row is None or asset in case.unknown_equity or EVERY_ASSET in case.unknown_equity:
        return None
    totals = account.assets.get(asset, NO_TOTALS)
    if totals.out_of_range or totals.unladdered:
        return None
    others = Others(row.total - row.locked, totals.cross_positions, totals.pnl, totals.maintenance)
    value = case.value
    if value is not None and value.cross:
        others.count -= 1
        others.pnl -= value.pnl
        others.maintenance -= value.maintenance or ZERO
    return others


def _project_ratio(case: Case, after: Legs, *, others: Others | None, owed: Decimal, paid: Decimal) -> None:
    """``owed`` is the legs' maintenance margin; ``paid`` the fee less the realised PnL: what leaves the balance."""
    instrument, mark, ladder = case.instrument, case.mark, case.ladder
    if mark is None or ladder is None:
        return
    if case.isolated:
        leg = after.get(case.order.position_side)
        if leg is None:
            case.metrics.projected_margin_ratio = ZERO
            return
        owed = maintenance_margin(ladder, leg.worth)
        equity = leg.margin + leg.pnl(instrument, mark)
    elif others is None:
        return
    elif not others.count and not after:
        case.metrics.projected_margin_ratio = ZERO
        return
    else:
        owed += others.maintenance
        equity = others.balance - paid + others.pnl
        for leg in after.values():
            equity += leg.pnl(instrument, mark)
    case.metrics.projected_margin_ratio = margin_ratio(case, owed, equity=equity)


def margin_ratio(case: Case, owed: Decimal, *, equity: Decimal) -> Decimal | None:
    """Give maintenance margin over equity; 999999999 when there is no equity to meet it, or when it is above that."""
    owed_sum, equity_sum = case.kept("projected_margin_ratio", owed), case.kept("projected_margin_ratio", equity)
    if owed_sum is None or equity_sum is None:
        return None
    if equity_sum <= ZERO:
        return RATIO_MAX if owed_sum > ZERO else ZERO
    ratio = owed / equity
    return RATIO_MAX if ratio > RATIO_MAX else case.quotient(ratio)


def _price_before(case: Case, legs: Legs, *, others: Others | None) -> Decimal | None:
    """Give the liquidation price before the order: that of the last check while the account has not moved since."""
    value = case.value
    if value is None or others is None or case.isolated:
        return _liquidation_price(case, legs, others=others, paid=ZERO)
    cushion = others.balance - others.maintenance + others.pnl
    if value.cushion is None or value.cushion != cushion:
        value.cushion, value.liquidation = cushion, _liquidation_price(case, legs, others=others, paid=ZERO)
    return value.liquidation


def _liquidation_price(case: Case, legs: Legs, *, others: Others | None, paid: Decimal) -> Decimal | None:
    side, ladder, mark = case.order.position_side, case.ladder, case.mark
    if ladder is None or mark is None:
        return None
    market = (case.instrument, mark)
    if case.isolated:
        leg = legs.get(side)
        cushion = leg.margin if leg is not None else ZERO
    elif others is None:
        return None
    else:
        leg = legs.get(PositionSide.BOTH)
        cushion = others.balance - paid - others.maintenance + others.pnl
        if leg is None:
            long, short = legs.get(PositionSide.LONG), legs.get(PositionSide.SHORT)
            return hedge_price(
                long.holding if long is not None else _NO_HOLDING,
                short.holding if short is not None else _NO_HOLDING,
                cushion=cushion,
                market=market,
                ladder=ladder,
            )
    if leg is None:
        return None
    return one_way_price(leg.holding, leg.direction, cushion=cushion, market=market, ladder=ladder)
