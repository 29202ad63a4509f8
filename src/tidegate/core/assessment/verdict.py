"""What the desk decided, and why: the same record feeds the answer, the execution log and the explanation."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from tidegate.core.assessment.decision import Decision
from tidegate.core.kernel.canonical_json import canonical_json
from tidegate.core.kernel.decimals import plain
from tidegate.core.rules.evaluate import LeafResult
from tidegate.core.rules.truth import Truth

NO_THRESHOLD: Final = "NO_THRESHOLD"
NO_RULE_IN_SCOPE: Final = "NO_RULE_IN_SCOPE"
RESERVED_CODES: Final = frozenset({NO_THRESHOLD, NO_RULE_IN_SCOPE})
"""Reason codes that the desk itself gives; no rule may be called so."""


class RuleOutcome(NamedTuple):
    """What one rule in scope came to.

    ``contribution``: what it added to the score, 0 when it did not trigger (an UNKNOWN rule triggers with on_unknown
    ``trigger``). ``leaves``: all its leaves when it is TRUE or UNKNOWN, else empty: they can be worked out again.
    """

    rule_code: str
    rule_id: str
    version: int
    weight: int
    result: Truth
    contribution: int
    leaves: tuple[LeafResult, ...]

    def as_json(self) -> dict[str, object]:
        """Give the row of the execution log; leaves only where there are any."""
        row: dict[str, object] = {
            "rule_code": self.rule_code,
            "rule_id": self.rule_id,
            "version": self.version,
            "weight": self.weight,
            "result": self.result.value,
            "contribution": self.contribution,
        }
        if self.leaves:
            row["leaves"] = [leaf.as_json() for leaf in self.leaves]
        return row


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one request.

    ``risk_score``, ``score_min`` and ``score_max`` are 0 to 1000; ``coverage`` is the share of the weight in scope that
    could be evaluated, 0 to 1 with 4 decimals; ``reason_codes`` the triggered rules, the largest contribution first.
    """

    decision: Decision
    risk_score: int
    score_min: int
    score_max: int
    coverage: Decimal
    reason_codes: tuple[str, ...]
    warnings: tuple[str, ...]
    rules: tuple[RuleOutcome, ...]

    def answer(self) -> dict[str, object]:
        """Give what the caller is told, as JSON values; numbers are int or Decimal."""
        return {
            "decision": self.decision.value,
            "risk_score": self.risk_score,
            "score_min": self.score_min,
            "score_max": self.score_max,
            "coverage": Decimal(plain(self.coverage)),
            "reason_codes": list(self.reason_codes),
            "warnings": list(self.warnings),
        }

    def execution_log(self) -> list[dict[str, object]]:
        """Give a row for every rule in scope, as JSON values."""
        return [outcome.as_json() for outcome in self.rules]

    def as_json(self) -> dict[str, object]:
        """Give everything, as JSON values."""
        return {**self.answer(), "rules": self.execution_log()}


def verdict_bytes(verdict: Verdict) -> bytes:
    """Write a verdict so that equal verdicts are equal bytes: canonical JSON that keeps every digit of a number."""
    return canonical_json(verdict.as_json(), number=plain).encode()
