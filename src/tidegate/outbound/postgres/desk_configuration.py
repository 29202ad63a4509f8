"""The desk's configuration in PostgreSQL: its three tables, and all of them as of one moment."""

from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.rule_set import RuleSetVersions
from tidegate.outbound.postgres.desk_lists import LISTS, PostgresDeskLists
from tidegate.outbound.postgres.desk_rows import Known
from tidegate.outbound.postgres.desk_rules import RULES, PostgresDeskRules
from tidegate.outbound.postgres.desk_thresholds import THRESHOLDS, PostgresDeskThresholds
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.desk_configuration import PublishedConfiguration


class PostgresDeskConfiguration:
    """``RuleConfigurationRepository`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._rules = PostgresDeskRules(pool)
        self._thresholds = PostgresDeskThresholds(pool)
        self._lists = PostgresDeskLists(pool)
        self._known_rules: Known[RiskRule] = {}

    @property
    def rules(self) -> PostgresDeskRules:
        return self._rules

    @property
    def thresholds(self) -> PostgresDeskThresholds:
        return self._thresholds

    @property
    def lists(self) -> PostgresDeskLists:
        return self._lists

    async def load(self) -> PublishedConfiguration:
        async with self._pool.snapshot() as connection:
            rules_version, rules = await RULES.active(connection, known=self._known_rules)
            thresholds_version, thresholds = await THRESHOLDS.active(connection)
            lists_version, lists = await LISTS.active(connection)
        versions = RuleSetVersions(rules_version, thresholds_version, lists_version)
        return PublishedConfiguration(versions, rules, thresholds, lists)

    async def load_version(self, versions: RuleSetVersions) -> PublishedConfiguration:
        async with self._pool.snapshot() as connection:
            return PublishedConfiguration(
                versions,
                await RULES.active_then(connection, versions.rules),
                await THRESHOLDS.active_then(connection, versions.thresholds),
                await LISTS.active_then(connection, versions.lists),
            )
