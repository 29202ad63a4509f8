"""Phases 5 to 9, each a plain list of what is violated: reduce-only, leverage, exposure, margin, liquidation."""

from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import ONE, SUM_LIMIT, plain
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order, Side, is_closing
from tidegate.core.pretrade.reasons import Action, RejectReason
from tidegate.core.pretrade.reference.holdings import ladder_of, order_leverage
from tidegate.core.pretrade.reference.measures import Measures
from tidegate.core.pretrade.reference.proven import reducing_ahead, size_against
from tidegate.core.pretrade.rendering import shown
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.violation import Violation

_LIQUIDATED: Final = ONE
"""A projected margin ratio at or above it refuses."""


def overflow_violations(measures: Measures) -> list[Violation]:
    """Sums of 10**22 or more; of a proven reducer only its own notional can stop it."""
    found = [metric for metric in Metrics.__dataclass_fields__ if metric in measures.overflown]
    return [
        Violation(
            RejectReason.NOTIONAL_OUT_OF_RANGE,
            f"{metric} is {plain(SUM_LIMIT)} or more",
            metric=metric,
            limit=plain(SUM_LIMIT),
        )
        for metric in found
        if not measures.proven or metric == "order_notional"
    ]


def reduce_only_phase(scenario: Scenario, order: Order, *, measures: Measures) -> list[Violation]:
    """The claim to reduce, verified: with the other live reducers of its side not larger than what it is against."""
    claims = order.reduce_only or is_closing(order.side, order.position_side)
    if measures.instrument.kind is Kind.SPOT or measures.mismatch or not claims:
        return []
    observed = order.quantity + reducing_ahead(scenario, order)
    limit = size_against(scenario, order)
    if observed <= limit:
        return []
    return [
        Violation(
            RejectReason.REDUCE_ONLY_VIOLATION,
            f"orders that reduce {plain(limit)} would add up to {plain(observed)}",
            metric="reduce_only_quantity",
            observed=plain(observed),
            limit=plain(limit),
        )
    ]


def leverage_phase(scenario: Scenario, order: Order, *, measures: Measures) -> list[Violation]:
    """The smallest of profile, KYC level, instrument, and the tier that holds W after; SPOT: 1."""
    if measures.proven:
        return []
    leverage = order_leverage(scenario, order)
    if measures.instrument.kind is Kind.SPOT:
        return [] if leverage == ONE else [_leverage_violation(leverage, ONE)]
    profile, ladder = scenario.profile, ladder_of(scenario, order.symbol)
    worst = measures.metrics.worst_case_notional
    if profile is None or ladder is None or worst is None:
        return []
    caps = [
        profile.max_leverage,
        scenario.settings.kyc_max_leverage[profile.kyc_level],
        measures.instrument.leverage_max,
        ladder.rung_of(worst).leverage_max,
    ]
    limit = min(cap for cap in caps if cap is not None)
    return [_leverage_violation(leverage, limit)] if leverage > limit else []


def _leverage_violation(leverage: Decimal, limit: Decimal) -> Violation:
    return Violation(
        RejectReason.MAX_LEVERAGE_EXCEEDED,
        f"leverage {plain(leverage)} is above {plain(limit)}",
        metric="leverage",
        observed=shown("leverage", leverage),
        limit=plain(limit),
    )


def exposure_phase(scenario: Scenario, order: Order, *, measures: Measures) -> list[Violation]:
    """The user's limit, unless the order does not raise the exposure; and the last tier."""
    if measures.proven:
        return []
    found: list[Violation] = []
    projected, profile = measures.metrics.projected_exposure_usdt, scenario.profile
    if projected is not None and profile is not None and measures.exposure_rises:
        limit = profile.exposure_limit_usdt
        if projected > limit:
            found.append(_exposure_violation("projected_exposure_usdt", projected, limit=limit, unit="USDT"))
    worst = measures.metrics.worst_case_notional
    ladder = None if measures.instrument.kind is Kind.SPOT else ladder_of(scenario, order.symbol)
    if worst is not None and ladder is not None:
        cap = ladder.rungs[-1].cap
        if worst > cap:
            unit = measures.instrument.settle
            found.append(_exposure_violation("worst_case_notional", worst, limit=cap, unit=unit))
    return found


def _exposure_violation(metric: str, value: Decimal, *, limit: Decimal, unit: str) -> Violation:
    return Violation(
        RejectReason.EXPOSURE_LIMIT_EXCEEDED,
        f"{metric} {shown(metric, value)} is above {plain(limit)}",
        metric=metric,
        observed=shown(metric, value),
        limit=plain(limit),
        unit=unit,
    )


def margin_phase(order: Order, measures: Measures) -> list[Violation]:
    """What the order needs against what is available."""
    required, available = measures.metrics.required_initial_margin, measures.metrics.available_margin
    if measures.proven or required is None or available is None or required <= available:
        return []
    instrument = measures.instrument
    spends_base = instrument.kind is Kind.SPOT and order.side is Side.SELL
    needs, has = shown("required_initial_margin", required), shown("available_margin", available)
    return [
        Violation(
            RejectReason.INSUFFICIENT_MARGIN,
            f"{needs} needed, {has} available",
            metric="required_initial_margin",
            observed=needs,
            limit=has,
            unit=instrument.base if spends_base else instrument.settle,
        )
    ]


def liquidation_phase(scenario: Scenario, measures: Measures) -> list[Violation]:
    """The projected margin ratio: at 1 it refuses, at the warning ratio it warns; both hit at the bound."""
    ratio = measures.metrics.projected_margin_ratio
    if measures.proven or ratio is None:
        return []
    for limit, action in ((_LIQUIDATED, Action.REJECT), (scenario.settings.liquidation_warn_ratio, Action.WARN)):
        if ratio >= limit:
            observed = shown("projected_margin_ratio", ratio)
            return [
                Violation(
                    RejectReason.LIQUIDATION_RISK,
                    f"projected margin ratio {observed} is at or above {plain(limit)}",
                    metric="projected_margin_ratio",
                    observed=observed,
                    limit=plain(limit),
                    action=action,
                )
            ]
    return []
