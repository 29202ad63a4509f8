"""What may be stored of the desk's configuration, in words, the same for every implementation of the ports."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.request import SCOPE_KEYS, TEXT_CHARACTERS_MAX
from tidegate.core.assessment.risk_rule import WEIGHT_MAX, RiskRule
from tidegate.core.assessment.risk_threshold import SCORE_MAX, SCORE_MIN, RiskThreshold
from tidegate.core.assessment.thresholds import threshold_faults
from tidegate.core.rules.limits import ACTIVE_RULES_MAX
from tidegate.core.rules.scope import Scope
from tidegate.ports.desk_configuration import ScopeFilter
from tidegate.ports.storable import text_fault

_NAMES_NO_LIST: Final = ("params", "reason")


def lists_named(logic_config: Mapping[str, object]) -> frozenset[str]:
    """Give the managed lists that a rule names: wherever ``{"list": name}`` stands in its condition or its preset."""
    return frozenset(_names_within({key: logic_config[key] for key in logic_config if key not in _NAMES_NO_LIST}))


def rule_faults(rule: RiskRule) -> list[str]:
    """Say why a rule cannot be stored; empty when it can. What its logic means is checked where it is compiled."""
    faults = [text_fault("rule_code", rule.rule_code), scope_fault(rule.scope)]
    if abs(rule.weight) > WEIGHT_MAX:
        faults.append(f"weight must be between -{WEIGHT_MAX} and {WEIGHT_MAX}")
    return [fault for fault in faults if fault]


def code_fault(rule_code: str) -> str:
    """Say that another rule has this code."""
    return f"rule_code {rule_code} is in use"


def active_rules_fault(active: int) -> str | None:
    """Say that there are too many active rules; ``None`` when there are not."""
    return f"at most {ACTIVE_RULES_MAX} rules may be active" if active > ACTIVE_RULES_MAX else None


def missing_lists_fault(rule: RiskRule, active_lists: Collection[str]) -> str | None:
    """Say which lists of an active rule are not there, or not active; ``None`` when all are."""
    missing = sorted(lists_named(rule.logic_config) - set(active_lists)) if rule.is_active else []
    return f"there is no active list {', '.join(missing)}, which rule {rule.rule_code} names" if missing else None


def threshold_row_faults(threshold: RiskThreshold) -> list[str]:
    """Say why a threshold, active or not, cannot be stored; empty when it can."""
    faults = [scope_fault(threshold.scope)]
    if not SCORE_MIN <= threshold.score_from <= threshold.score_to <= SCORE_MAX:
        faults.append(f"score_from and score_to must be a range within {SCORE_MIN} to {SCORE_MAX}")
    return [fault for fault in faults if fault]


def thresholds_faults(thresholds: Sequence[RiskThreshold]) -> list[str]:
    """Say what is wrong with all thresholds together; inactive ones are passed over."""
    return [fault.message for fault in threshold_faults(thresholds)]


@dataclass(frozen=True, slots=True)
class ScopeChanges:
    """What to do so that the thresholds of a scope are those wanted: ids of rows that go, rows that come, and the ids
    of all that stand afterwards, in the order in which they were wanted.
    """

    gone: tuple[str, ...]
    new: tuple[RiskThreshold, ...]
    row_ids: tuple[str, ...]


def scope_changes(standing: Sequence[RiskThreshold], wanted: Sequence[RiskThreshold]) -> ScopeChanges:
    """Compare the thresholds of a scope with those wanted; one that stands already as it is wanted is left alone."""
    spare: dict[tuple[object, ...], list[str]] = {}
    for row in standing:
        spare.setdefault(_content(row), []).append(row.threshold_id)
    new: list[RiskThreshold] = []
    row_ids: list[str] = []
    for each in wanted:
        same = spare.get(_content(each))
        if not same:
            new.append(each)
        row_ids.append(same.pop(0) if same else each.threshold_id)
    gone = tuple(row_id for left in spare.values() for row_id in left)
    return ScopeChanges(gone, tuple(new), tuple(row_ids))


def list_faults(managed: ManagedList) -> list[str]:
    """Say why a managed list cannot be stored; empty when it can."""
    fault = text_fault("name", managed.name)
    return [fault] if fault else []


def list_name_fault(name: str) -> str:
    """Say that another list has this name."""
    return f"name {name} is in use"


def list_in_use_fault(name: str, rule_codes: Sequence[str]) -> str | None:
    """Say which active rules name a list that would be gone; ``None`` when none does."""
    if not rule_codes:
        return None
    rules = "rule" if len(rule_codes) == 1 else "rules"
    return f"list {name} is named by the active {rules} {', '.join(sorted(rule_codes))}"


def scope_fault(scope: Scope) -> str | None:
    """Say why a scope cannot be stored; ``None`` when it can."""
    for key, values in scope.items():
        if key not in SCOPE_KEYS:
            return f"scope has no key {key}; its keys are {', '.join(SCOPE_KEYS)}"
        if not values or any(not 0 < len(value) <= TEXT_CHARACTERS_MAX for value in values):
            return f"scope's {key} takes one or more texts of 1 to {TEXT_CHARACTERS_MAX} characters"
    return None


def scope_names(scope: Scope, wanted: ScopeFilter) -> bool:
    """Tell whether a scope names every value that is wanted."""
    asked = {key: getattr(wanted, key) for key in SCOPE_KEYS}
    return all(value is None or value in scope.get(key, ()) for key, value in asked.items())


def _content(threshold: RiskThreshold) -> tuple[object, ...]:
    return (threshold.score_from, threshold.score_to, threshold.decision, threshold.is_active)


def _names_within(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        name = value.get("list")
        if isinstance(name, str):
            yield name
    if isinstance(value, Mapping | list | tuple):
        inner: Iterable[object] = value.values() if isinstance(value, Mapping) else value
        for each in inner:
            yield from _names_within(each)
