"""The compiled libraries that the rule language leans on, handed to core as functions."""

from collections.abc import Iterable
from functools import cache

from tidegate.core.pretrade.dynamic_rules import RuleBook, build_rules
from tidegate.core.pretrade.rules import RiskRule
from tidegate.core.rules.parse import Engines
from tidegate.core.rules.vocabularies import DESK_VOCABULARY
from tidegate.outbound.cel.engine import CelEngine
from tidegate.outbound.re2.engine import compile_regex


@cache
def rule_engines() -> Engines:
    """Give the compiled libraries that rules lean on; CEL knows the desk's variables, since no gate rule has it."""
    return Engines(regex=compile_regex, cel=CelEngine(DESK_VOCABULARY).compile)


def compile_rules(rules: Iterable[RiskRule]) -> RuleBook:
    """Compile dynamic rules with the engines of this build."""
    return build_rules(rules, engines=rule_engines())
