"""All sums of one check, in the order in which they hang on each other (``spec/pretrade.md`` section 4).

Intermediates stay at working precision; what is kept in the metrics is quantised to 20 places.
"""

from decimal import Decimal

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.exposure import sum_exposure
from tidegate.core.pretrade.freshness import EVERY_ASSET, needed_balance
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import Side
from tidegate.core.pretrade.projection import NO_TOTALS, project
from tidegate.core.pretrade.valuation import initial_margin, worst_case


def sum_up(case: Case) -> None:
    """Work out every sum that the data at hand allow; what they do not allow stays ``None``."""
    _sum_order(case)
    if case.spot:
        _sum_spot(case)
    else:
        required = _sum_worst_case(case)
        available = _sum_available(case)
        case.metrics.available_margin = available
        if required is not None:
            case.metrics.required_initial_margin = case.kept("required_initial_margin", required)
        project(case)
    sum_exposure(case)


def _sum_order(case: Case) -> None:
    """Fee, open loss and price deviation of the order."""
    metrics, fill, mark = case.metrics, case.fill, case.mark
    if case.notional is not None:
        case.fee = case.notional * case.instrument.taker_fee_pct / HUNDRED
        metrics.fee = case.kept("fee", case.fee)
    if mark is None or fill is None:
        return
    metrics.price_deviation_pct = case.quotient(abs(fill - mark) / mark * HUNDRED)
    if not case.spot:
        case.open_loss = _open_loss(case, fill, mark=mark)
        metrics.open_loss = case.kept("open_loss", case.open_loss)


def _open_loss(case: Case, fill: Decimal, *, mark: Decimal) -> Decimal:
    """Give what the order loses at once against the mark: ``q*cs*max(0, d*(fill - m))``, INVERSE
    ``q*cs*max(0, d*(1/m - 1/fill))``.
    """
    order = case.order
    size = order.quantity * case.instrument.contract_size
    worse = ONE / mark - ONE / fill if case.instrument.kind is Kind.INVERSE else fill - mark
    if order.side is Side.SELL:
        worse = -worse
    return size * worse if worse > ZERO else ZERO


def _sum_worst_case(case: Case) -> Decimal | None:
    """Worst-case notional and initial margin before and after; gives the required initial margin, unquantised."""
    value, order, metrics = case.value, case.order, case.metrics
    if case.mark is None or (case.book is not None and value is None):
        return None
    if value is not None and not value.in_range:
        case.out_of_range.append("worst_case_notional")
        return None
    net = buys = sells = held = worst_before = before = ZERO
    leverage = None
    hedged = case.hedged
    if value is not None:
        net, buys, sells, held = value.net, value.buys, value.sells, value.held
        worst_before, before, leverage = value.worst, value.initial, value.leverage
    case.worst_before = worst_before
    metrics.position_notional = case.kept("position_notional", held)
    metrics.initial_margin_before = case.kept("initial_margin_before", before)
    adds = ZERO if case.reducing else case.adds
    if adds is None or case.mismatched:
        return None
    if hedged:
        worst = worst_before + adds
    elif order.side is Side.BUY:
        worst = worst_case(net, buys=buys + adds, sells=sells)
    else:
        worst = worst_case(net, buys=buys, sells=sells + adds)
    metrics.worst_case_notional = case.kept("worst_case_notional", worst)
    case.worst_after = worst
    if metrics.worst_case_notional is None:
        return None
    own = metrics.leverage or ONE
    lowest = own if leverage is None or own < leverage else leverage
    after = initial_margin(worst, held, leverage=lowest, isolated=case.isolated)
    metrics.initial_margin_after = case.kept("initial_margin_after", after)
    return _required(case, after - before)


def _required(case: Case, margin: Decimal) -> Decimal | None:
    """Give ``max(0, IM after - IM before) + open loss + fee``; ``None`` when one of them is not known."""
    if case.fee is None or case.open_loss is None or case.metrics.open_loss is None:
        return None
    return (max(ZERO, margin)) + case.open_loss + case.fee


def _balance(case: Case, asset: str) -> Decimal | None:
    balances = case.account.balances
    row = None if balances is None else balances.get(asset)
    return None if row is None else row.total - row.locked


def available_of(case: Case, asset: str) -> Decimal | None:
    """Give the available margin of an asset, unquantised: equity less initial margins, extras and spot spending."""
    balance = _balance(case, asset)
    totals = case.account.assets.get(asset, NO_TOTALS)
    if balance is None or asset in case.unknown_available or EVERY_ASSET in case.unknown_available:
        return None
    if asset in case.unknown_equity:
        return None
    if totals.out_of_range:
        case.out_of_range.append("available_margin")
        return None
    return balance + totals.pnl - totals.initial - totals.extra - totals.spent


def _sum_available(case: Case) -> Decimal | None:
    asset = case.instrument.settle
    balance = _balance(case, asset)
    totals = case.account.assets.get(asset, NO_TOTALS)
    if balance is None or asset in case.unknown_equity or EVERY_ASSET in case.unknown_equity:
        return None
    if totals.out_of_range:
        case.out_of_range.append("equity")
        return None
    case.metrics.equity = case.kept("equity", balance + totals.pnl)
    if case.metrics.equity is None:
        return None
    available = available_of(case, asset)
    return None if available is None else case.kept("available_margin", available)


def _sum_spot(case: Case) -> None:
    """What a spot order spends, and the smaller of the two bounds on it (``available_margin``)."""
    asset, metrics = needed_balance(case), case.metrics
    if case.order.side is Side.SELL:
        metrics.required_initial_margin = case.kept("required_initial_margin", case.order.quantity)
    elif case.notional is not None and case.fee is not None:
        spent = case.notional + case.fee
        metrics.required_initial_margin = case.kept("required_initial_margin", spent)
    available = available_of(case, asset)
    balance = _balance(case, asset)
    if available is None or balance is None:
        return
    totals = case.account.assets.get(asset, NO_TOTALS)
    metrics.available_margin = case.kept("available_margin", min(available, balance - totals.spent))
