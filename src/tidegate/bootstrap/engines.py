"""The compiled libraries that the rule language leans on, handed to core as functions."""

from collections.abc import Iterable

from tidegate.core.pretrade.dynamic_rules import RuleBook, build_rules
from tidegate.core.pretrade.rules import RiskRule
from tidegate.core.rules.parse import Engines
from tidegate.outbound.re2.engine import compile_regex


def rule_engines() -> Engines:
    """Give the compiled libraries that rules lean on."""
    return Engines(regex=compile_regex)


def compile_rules(rules: Iterable[RiskRule]) -> RuleBook:
    """Compile dynamic rules with the engines of this build."""
    return build_rules(rules, engines=rule_engines())
