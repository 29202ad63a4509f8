"""What may be stored: the bounds of the tables, in words, the same for every implementation of the ports.

A value that does not fit its column is refused and never rounded: money is ``numeric(30,8)`` (22 digits before the
point, 8 after), a risk score ``numeric(10,4)``, a name or symbol 1 to 128 bytes.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.readings import Unreadable, read_identifier
from tidegate.core.pretrade.account import Profile
from tidegate.core.pretrade.rules import LIST_OPERATORS, Operator, RiskRule
from tidegate.core.pretrade.tiers import MarginTier, ladder_faults
from tidegate.ports.configuration import Scope, TradingStateRow

MONEY_DIGITS: Final = (22, 8)
RISK_SCORE_DIGITS: Final = (6, 4)
ACTIVE_RULES_MAX: Final = 2_048
"""Active rules of the gate (``spec/rules.md``, Safety); at the bound passes."""


def number_fault(name: str, value: Decimal, *, digits: tuple[int, int] = MONEY_DIGITS) -> str | None:
    """Say why a number does not fit ``digits`` (before and after the point); ``None`` when it does."""
    whole, places = digits
    if not value.is_finite():
        return f"{name} must be a number"
    if value and value.adjusted() >= whole:
        return f"{name} must have at most {whole} digits before the point"
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        return f"{name} must have at most {places} decimal places"
    return None


def profile_faults(profile: Profile) -> list[str]:
    """Say why a profile cannot be stored; empty when it can."""
    faults = [
        number_fault("exposure_limit_usdt", profile.exposure_limit_usdt),
        number_fault("max_leverage", profile.max_leverage),
        number_fault("risk_score", profile.risk_score, digits=RISK_SCORE_DIGITS),
    ]
    for name in ("exposure_limit_usdt", "max_leverage"):
        if getattr(profile, name).is_signed() and getattr(profile, name) != 0:
            faults.append(f"{name} must not be negative")
    return [fault for fault in faults if fault]


def rule_faults(rule: RiskRule) -> list[str]:
    """Say why a rule cannot be stored; empty when it can. What its condition means is checked where it is compiled."""
    faults = [text_fault("name", rule.name)]
    if rule.symbol is not None:
        faults.append(text_fault("symbol", rule.symbol))
    compares = rule.metric is not None and rule.operator is not None
    if compares == (rule.condition is not None) or (rule.metric is None) != (rule.operator is None):
        faults.append("a rule has either metric, operator and threshold, or a condition")
    elif rule.condition is not None and rule.thresholds:
        faults.append("a rule with a condition has no threshold")
    elif compares and rule.operator not in LIST_OPERATORS and len(rule.thresholds) != 1:
        faults.append(f"operator {rule.operator} takes one threshold")
    elif rule.operator is Operator.BETWEEN and len(rule.thresholds) != 2:
        faults.append("operator BETWEEN takes two thresholds")
    elif compares and not rule.thresholds:
        faults.append(f"operator {rule.operator} takes at least one threshold")
    if not all(threshold.is_finite() for threshold in rule.thresholds):
        faults.append("threshold must be a number")
    return [fault for fault in faults if fault]


def name_fault(name: str) -> str:
    """Say that another rule has this name."""
    return f"name {name} is in use"


def active_rules_fault(active: int) -> str | None:
    """Say that there are too many active rules; ``None`` when there are not."""
    return f"at most {ACTIVE_RULES_MAX} rules may be active" if active > ACTIVE_RULES_MAX else None


def tier_faults(tier: MarginTier) -> list[str]:
    """Say why a tier, active or not, cannot be stored; empty when it can."""
    faults = [
        number_fault("max_notional", tier.max_notional),
        number_fault("maintenance_margin_pct", tier.maintenance_margin_pct),
        None if tier.max_leverage is None else number_fault("max_leverage", tier.max_leverage),
        None if tier.symbol is None else text_fault("symbol", tier.symbol),
    ]
    if not 1 <= tier.tier < 2**31:
        faults.append("tier must be a whole number from 1")
    if not tier.active and not any(faults):  # an active tier is judged, with the same rules, in its ladder
        alone = MarginTier(
            tier.symbol, 1, tier.max_notional, tier.maintenance_margin_pct, max_leverage=tier.max_leverage
        )
        faults += ladder_faults([alone])
    return [fault for fault in faults if fault]


def ladders_faults(active: Iterable[MarginTier]) -> list[str]:
    """Say what is wrong with the ladders that these active tiers make; a ladder without active tier is no ladder."""
    ladders: dict[str | None, list[MarginTier]] = {}
    for tier in active:
        ladders.setdefault(tier.symbol, []).append(tier)
    return [
        f"ladder {symbol or 'default'}: {fault}"
        for symbol, tiers in ladders.items()
        for fault in ladder_faults(sorted(tiers, key=lambda tier: tier.tier))
    ]


def trading_state_faults(row: TradingStateRow) -> list[str]:
    """Say why a trading state cannot be stored; empty when it can."""
    faults: list[str | None] = []
    if (row.scope is Scope.GLOBAL) != (not row.key):
        faults.append("key is empty for GLOBAL and names the symbol or user otherwise")
    elif row.key:
        faults.append(text_fault("key", row.key))
    if not row.reason.strip():
        faults.append("reason must not be empty")
    return [fault for fault in faults if fault]


def text_fault(name: str, text: str) -> str | None:
    """Say why a text is no identifier of 1 to 128 bytes; ``None`` when it is one."""
    try:
        read_identifier(text)
    except Unreadable as fault:
        return f"{name} {fault}"
    return None
