"""The desk's configuration that officers change: rules, thresholds, managed lists. One Protocol an area.

Versions, actors and the failure contract of all of them: ``tidegate.ports.stored``. The id of a row is a UUID that the
caller made and put into the row; the version in a row that is handed in is not looked at. Rows are listed and loaded in
the order in which they were created. A deletion is a version too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.rule_set import RuleSetVersions
from tidegate.core.rules.scope import Scope
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.stored import Change, Kept


@dataclass(frozen=True, slots=True)
class ScopeFilter:
    """Values that a scope must name; ``None`` asks nothing. A scope without the key (any value) does not name it."""

    country: str | None = None
    product_type: str | None = None
    risk_category: str | None = None
    source_system: str | None = None


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """What a listed rule must be; ``None`` asks nothing."""

    category: Category | None = None
    is_active: bool | None = None
    scope: ScopeFilter = field(default_factory=ScopeFilter)


class DeskRules(Protocol):
    """``risk_rule``. ``Conflict``: a ``rule_code`` in use (among inactive rules too), more than 2,048 active rules, or
    an active rule that names a managed list which is not there or not active.
    """

    async def page(self, request: PageRequest, wanted: RuleFilter) -> Page[Kept[RiskRule]]:
        """Give rules."""

    async def get(self, rule_id: str) -> Kept[RiskRule]:
        """Give one rule."""

    async def create(self, rule: RiskRule, *, by: Change) -> Kept[RiskRule]:
        """Store a new rule at version 1."""

    async def replace(self, rule: RiskRule, *, version: int | None, by: Change) -> Kept[RiskRule]:
        """Publish a new version of the rule of this id; ``version`` is the one seen, ``None`` takes any."""

    async def set_active(self, rule_id: str, is_active: bool, *, version: int | None, by: Change) -> Kept[RiskRule]:
        """Publish a new version that is active, or not, and else as it was."""

    async def delete(self, rule_id: str, *, version: int | None, by: Change) -> None:
        """Delete a rule; its versions stay."""

    async def load(self) -> tuple[int, Sequence[RiskRule]]:
        """Give the area's version and all active rules."""

    async def load_version(self, version: int) -> Sequence[RiskRule]:
        """Give the active rules as they were at an area version; ``NotStored`` when there never was one."""


class DeskThresholds(Protocol):
    """``risk_threshold``. ``Conflict``: after the write the active ranges of a scope would neither be none nor cover
    0 to 1000 without overlap and gap, or two scopes of equally many keys would match one request.
    """

    async def page(
        self, request: PageRequest, *, is_active: bool | None, scope: ScopeFilter
    ) -> Page[Kept[RiskThreshold]]:
        """Give thresholds."""

    async def get(self, threshold_id: str) -> Kept[RiskThreshold]:
        """Give one threshold."""

    async def create(self, threshold: RiskThreshold, *, by: Change) -> Kept[RiskThreshold]:
        """Store a new threshold at version 1."""

    async def replace_scope(
        self, scope: Scope, thresholds: Sequence[RiskThreshold], *, version: int | None, by: Change
    ) -> tuple[int, Sequence[Kept[RiskThreshold]]]:
        """Replace all thresholds of a scope, inactive ones too, by these (each of this scope) in one transaction.

        ``version`` is the area version seen. Gives the area version that was published and the rows in their order. A
        row that stands already, with the same range, decision and activity, keeps its id and version.
        """

    async def replace(self, threshold: RiskThreshold, *, version: int | None, by: Change) -> Kept[RiskThreshold]:
        """Publish a new version of the threshold of this id."""

    async def set_active(
        self, threshold_id: str, is_active: bool, *, version: int | None, by: Change
    ) -> Kept[RiskThreshold]:
        """Publish a new version that is active, or not, and else as it was."""

    async def delete(self, threshold_id: str, *, version: int | None, by: Change) -> None:
        """Delete a threshold; its versions stay."""

    async def load(self) -> tuple[int, Sequence[RiskThreshold]]:
        """Give the area's version and all active thresholds."""

    async def load_version(self, version: int) -> Sequence[RiskThreshold]:
        """Give the active thresholds as they were at an area version; ``NotStored`` when there never was one."""


class DeskLists(Protocol):
    """``managed_list``. ``Conflict``: a name in use (among inactive lists too), or a list that an active rule names and
    that would be gone, inactive or renamed.
    """

    async def page(self, request: PageRequest, *, is_active: bool | None, name: str | None) -> Page[Kept[ManagedList]]:
        """Give lists."""

    async def get(self, list_id: str) -> Kept[ManagedList]:
        """Give one list."""

    async def create(self, managed: ManagedList, *, by: Change) -> Kept[ManagedList]:
        """Store a new list at version 1."""

    async def replace(self, managed: ManagedList, *, version: int | None, by: Change) -> Kept[ManagedList]:
        """Publish a new version of the list of this id."""

    async def set_active(self, list_id: str, is_active: bool, *, version: int | None, by: Change) -> Kept[ManagedList]:
        """Publish a new version that is active, or not, and else as it was."""

    async def delete(self, list_id: str, *, version: int | None, by: Change) -> None:
        """Delete a list; its versions stay."""

    async def load(self) -> tuple[int, Sequence[ManagedList]]:
        """Give the area's version and all active lists."""

    async def load_version(self, version: int) -> Sequence[ManagedList]:
        """Give the active lists as they were at an area version; ``NotStored`` when there never was one."""


@dataclass(frozen=True, slots=True)
class PublishedConfiguration:
    """Everything that is active, as of one moment."""

    versions: RuleSetVersions
    rules: Sequence[RiskRule]
    thresholds: Sequence[RiskThreshold]
    lists: Sequence[ManagedList]


class RuleConfigurationRepository(Protocol):
    """Where the desk's configuration is kept (the source's name): the three areas, and all of them at one moment, so
    that a rule and the list that it names are never seen apart.
    """

    @property
    def rules(self) -> DeskRules:
        """Give the rules."""

    @property
    def thresholds(self) -> DeskThresholds:
        """Give the thresholds."""

    @property
    def lists(self) -> DeskLists:
        """Give the managed lists."""

    async def load(self) -> PublishedConfiguration:
        """Give what is published now."""

    async def load_version(self, versions: RuleSetVersions) -> PublishedConfiguration:
        """Give what was published at these versions; ``NotStored`` when one of them never was."""


class RuleReferences(Protocol):
    """Tells what stands in the way of deleting a rule (source: active assessment references)."""

    async def in_use(self, rule_id: str, now_us: int) -> bool:
        """Tell whether an assessment that is IN_PROGRESS, or COMPLETED and still inside the duplicate window, had the
        rule in scope and evaluated it. ``DependencyFailed`` when the store does not answer.
        """
