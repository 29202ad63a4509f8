"""The decision: which checks run, in which phases, and what they come to. Reads like the policy on one screen."""

from decimal import Decimal, getcontext, setcontext
from typing import Final

from tidegate.core.kernel.decimals import ONE, WORKING
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.checks.consistency import check_consistency
from tidegate.core.pretrade.checks.duplicates import check_duplicate
from tidegate.core.pretrade.checks.dynamic_rules import check_dynamic_rules
from tidegate.core.pretrade.checks.exposure import check_exposure, check_ladder_size
from tidegate.core.pretrade.checks.flow import check_message_rate, check_open_orders, check_repeats
from tidegate.core.pretrade.checks.freshness import check_freshness
from tidegate.core.pretrade.checks.instrument_status import check_instrument_status
from tidegate.core.pretrade.checks.kyc import check_kyc
from tidegate.core.pretrade.checks.leverage import check_leverage
from tidegate.core.pretrade.checks.liquidation import check_liquidation
from tidegate.core.pretrade.checks.margin import check_margin
from tidegate.core.pretrade.checks.notional_range import check_notional, check_sums
from tidegate.core.pretrade.checks.prices import check_band, check_prices
from tidegate.core.pretrade.checks.profile import check_profile
from tidegate.core.pretrade.checks.quantity import check_quantity
from tidegate.core.pretrade.checks.reduce_only import check_reduce_only
from tidegate.core.pretrade.checks.trading_state import check_trading_state
from tidegate.core.pretrade.freshness import stale_account, stale_ladders, stale_mark, usable_mark, value_accounts
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import PRECEDENCE, Action, Decision, RejectReason
from tidegate.core.pretrade.snapshot import Snapshot
from tidegate.core.pretrade.sums import sum_up
from tidegate.core.pretrade.verdict import Verdict
from tidegate.core.pretrade.violation import Violation

SINGLE_CHECKS: Final = (
    check_kyc,  # 1 account
    check_instrument_status,  # 2 instrument
    check_band,
    check_message_rate,  # 4 flow
    check_repeats,
    check_reduce_only,  # 5 reduce-only
    check_leverage,  # 6 leverage
    check_exposure,  # 7 exposure
    check_ladder_size,
    check_margin,  # 8 margin
    check_liquidation,  # 9 liquidation
)
"""Checks that find one violation or none."""

MANY_CHECKS: Final = (
    check_consistency,  # 2 instrument
    check_prices,
    check_quantity,
    check_notional,
    check_sums,
    check_freshness,  # 3 freshness
    check_duplicate,  # 4 flow
    check_open_orders,
)
"""Checks that find any number of violations."""


def decide(order: Order, snapshot: Snapshot) -> Verdict:
    """Decide one order on one snapshot: pure, synchronous, no clock but ``snapshot.now_us``.

    Every check that has its data runs; REJECT beats WARN beats nothing. Without an instrument only the account's own
    checks run. Values of the account are brought up to the marks on the way (a cache, not a change of state).
    """
    former = getcontext()
    setcontext(WORKING)
    try:
        instrument = snapshot.market.instruments.get(order.symbol)
        if instrument is None:
            return _without_instrument(order, snapshot)
        case = Case(order, snapshot, instrument=instrument)
        _weigh(case)
        found = _account_checks(snapshot, proven=case.proven)
        for single in SINGLE_CHECKS:
            violation = single(case)
            if violation is not None:
                found.append(violation)
        for many in MANY_CHECKS:
            found += many(case)
        hits, names = check_dynamic_rules(case)
        found += hits
        return _verdict(case.metrics, found, names=names, case=case)
    finally:  # written out: a context manager's own turns cost more than some checks do
        setcontext(former)


def _weigh(case: Case) -> None:
    """Look at every datum, value the account, price the order and work out the sums."""
    snapshot, symbol = case.snapshot, case.order.symbol
    mark = usable_mark(snapshot, symbol)
    others = value_accounts(case)
    if mark is None:
        case.stale.append(stale_mark(snapshot, symbol))
        case.exposure_known = False
    case.stale += others
    case.stale += stale_account(case)
    case.stale += stale_ladders(case)
    if case.book is not None:
        case.value = case.book.value
    case.price_order(mark)
    sum_up(case)
    _count(case)


def _count(case: Case) -> None:
    """Counts that dynamic rules read: this check included where the metric says so."""
    flow, metrics, profile = case.snapshot.flow, case.metrics, case.snapshot.profile
    metrics.open_orders_count = Decimal(case.account.live_count)
    if flow.orders_last_minute is not None:
        metrics.orders_per_minute = flow.orders_last_minute + ONE
    if flow.rejects_last_hour is not None:
        metrics.rejects_per_hour = Decimal(flow.rejects_last_hour)
    if profile is not None:
        metrics.risk_score = profile.risk_score


def _account_checks(snapshot: Snapshot, *, proven: bool) -> list[Violation]:
    halted, barred = check_trading_state(snapshot, proven=proven), check_profile(snapshot)
    return [violation for violation in (halted, barred) if violation is not None] if halted or barred else []


def _without_instrument(order: Order, snapshot: Snapshot) -> Verdict:
    found = _account_checks(snapshot, proven=False)
    found.append(
        Violation(
            RejectReason.INSTRUMENT_NOT_FOUND,
            f"instrument {order.symbol} is not known",
            metric="symbol",
            observed=order.symbol,
        )
    )
    return _verdict(Metrics(), found, names=(), case=None)


def _verdict(metrics: Metrics, found: list[Violation], *, names: tuple[str, ...], case: Case | None) -> Verdict:
    violations = tuple(sorted(found, key=_rank)) if found else ()
    first = violations[0] if violations else None
    if first is None or first.action is Action.SHADOW:
        decision, reason, message = Decision.APPROVED, None, "approved"
    elif first.action is Action.WARN:
        decision, reason, message = Decision.FLAGGED, None, first.message
    else:
        decision, reason, message = Decision.REJECTED, first.code, first.message
    at_risk = bool(violations) and any(one.code is RejectReason.LIQUIDATION_RISK for one in violations)
    if case is None:
        return Verdict(decision, reason, message, violations, names, metrics, at_risk)
    return Verdict(
        decision, reason, message, violations, names, metrics, at_risk, case.proven, case.margin_price, case.spot
    )


_ACTION_RANK: Final = {action: rank for rank, action in enumerate(Action)}


def _rank(violation: Violation) -> tuple[int, int]:
    return _ACTION_RANK[violation.action], PRECEDENCE[violation.code]
