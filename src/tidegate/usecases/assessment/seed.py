"""The desk's part of a seed: rules, thresholds and lists for stores that do not hold them yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.rule_set import RuleSetVersions
from tidegate.core.rules.scope import Scope
from tidegate.ports.desk_configuration import RuleConfigurationRepository
from tidegate.ports.stored import Change

SEED_ACTOR: Final = "seed"

_ScopeKey = frozenset[tuple[str, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class DeskSeed:
    """Rows to be stored, sound together; those without an id get one.

    ``untouched_only``: they are for a desk that nobody has ever written to, and else are not stored at all.
    """

    rules: Sequence[RiskRule]
    thresholds: Sequence[RiskThreshold]
    lists: Sequence[ManagedList]
    untouched_only: bool = False


async def seed_desk(
    seed: DeskSeed, configuration: RuleConfigurationRepository, *, new_id: Callable[[], str], now_us: int
) -> None:
    """Store the rows: lists first, for rules name them.

    What stands already (a restart) is left as it is: a list or rule of the same name, the ranges of a scope with any.

    Raises:
        DependencyFailed: the store does not answer.
        Conflict: the rows do not go together with what stands.
    """
    by = Change(SEED_ACTOR, now_us)
    held = await configuration.load()
    if seed.untouched_only and held.versions != RuleSetVersions():
        return
    list_names, codes = {each.name for each in held.lists}, {rule.rule_code for rule in held.rules}
    for managed in seed.lists:
        if managed.name not in list_names:
            await configuration.lists.create(replace(managed, list_id=managed.list_id or new_id()), by=by)
    for rule in seed.rules:
        if rule.rule_code not in codes:
            await configuration.rules.create(replace(rule, rule_id=rule.rule_id or new_id()), by=by)
    scopes = {_key(threshold.scope) for threshold in held.thresholds}
    by_scope: dict[_ScopeKey, list[RiskThreshold]] = {}
    for threshold in seed.thresholds:
        by_scope.setdefault(_key(threshold.scope), []).append(threshold)
    for key, ranges in by_scope.items():
        if key not in scopes:
            named = [replace(each, threshold_id=each.threshold_id or new_id()) for each in ranges]
            await configuration.thresholds.replace_scope(ranges[0].scope, named, version=None, by=by)


def _key(scope: Scope) -> _ScopeKey:
    return frozenset((name, frozenset(values)) for name, values in scope.items())
