"""Fits the points of the shipped credit scorecard: `python tools/fit_scorecard.py german.tsv [--write]`.

The classes of each attribute are the scorecard's own rules (``src/tidegate/demo/scorecard.json``); this tool gives them
their weights and the thresholds their bounds, from the odd rows of the file (1, 3, 5...). The even rows are held out:
nothing here looks at them but the figures that are printed. docs/scorecard.md says how and why.
"""

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.bootstrap.engines import rule_engines
from tidegate.core.assessment.decide import assess
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.rule_set import RuleSet, build_rule_set
from tidegate.core.rules.instants import Instant
from tidegate.core.rules.tree import Leaf, leaves_of
from tidegate.demo.desk_book import Applicant, studied_applicants
from tidegate.demo.desk_rows import CREDIT, SCORECARD_FILE, shipped_bytes
from tidegate.inbound.scenario.assessment import read_desk_seed

SCORECARD: Final = Path(__file__).resolve().parent.parent / "src" / "tidegate" / "demo" / SCORECARD_FILE
POINTS_DOUBLE_ODDS: Final = 55
"""Points that double the odds of not being repaid; with it the worst applicant stays within 1,000."""

POINTS_STEP: Final = 5
CLASS_PRIOR: Final = 10
"""Applicants of average risk that each class is given beside its own, so that a small class moves little."""

COEFFICIENT_PRIOR: Final = 10.0
"""Weight of the expectation that an attribute counts as much as it does alone (coefficient 1)."""

APPROVED_BELOW: Final = 1 / 6
"""Risk up to which approving costs less than refusing: a loss costs five times a lost customer (the study's costs)."""

REJECTED_FROM: Final = 1 / 2
NEWTON_STEPS_MAX: Final = 50
FOLDS: Final = 10
_CONTEXT: Final = "context_data."
_NOW: Final = Instant(0)

Row = tuple[Applicant, frozenset[str]]
"""Somebody of the study, and the codes of the rules that trigger for them."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Points by rule code, and the log odds of somebody whom no rule triggers for."""

    points: Mapping[str, int]
    base: float

    def score(self, row: Row) -> int:
        """Give the sum of the points."""
        return sum(self.points[code] for code in row[1])

    def score_at(self, risk: float) -> int:
        """Give the largest score, in whole steps, whose risk stays below ``risk``."""
        exact = (_log_odds(risk) - self.base) * POINTS_DOUBLE_ODDS / math.log(2)
        return POINTS_STEP * math.floor(exact / POINTS_STEP)


def shipped_rule_set() -> RuleSet:
    """Read the scorecard as the desk would."""
    rows = read_desk_seed(shipped_bytes(SCORECARD_FILE), engines=rule_engines())
    return build_rule_set(rows.rules, rows.thresholds, lists=rows.lists, engines=rule_engines())


def request_of(attributes: Mapping[str, object]) -> AssessmentRequest:
    """Ask for a consumer credit with these attributes."""
    return AssessmentRequest("t", "s", "study", "DE", CREDIT, "STANDARD", dict(attributes))


def read_rows(path: Path, rule_set: RuleSet) -> list[Row]:
    """Read the study, in its order, each row with the rules that give it points."""
    scoring = {code for codes in attributes_of(rule_set).values() for code in codes}

    def triggered(applicant: Applicant) -> frozenset[str]:
        verdict = assess(request_of(applicant.attributes), rule_set=rule_set, outside={}, history={}, now=_NOW)
        return frozenset(verdict.reason_codes) & scoring

    return [(each, triggered(each)) for each in studied_applicants(path, count=sys.maxsize)]


def attributes_of(rule_set: RuleSet) -> dict[str, list[str]]:
    """Give the codes of the rules that give points, by the attribute that they look at, in the order of the file.

    No rule of an attribute triggering is its first class; the rules follow from the least to the most risky.
    """
    found: dict[str, list[str]] = {}
    for each in rule_set.active:
        leaves = [leaf for leaf in leaves_of(each.logic.condition) if isinstance(leaf, Leaf)]
        fields = {leaf.field.removeprefix(_CONTEXT) for leaf in leaves}
        if each.logic.outcome is None and len(fields) == 1:
            found.setdefault(fields.pop(), []).append(each.rule.rule_code)
    return found


def fitted_half(rows: Sequence[Row]) -> list[Row]:
    """Give rows 1, 3, 5...: those that the weights are fitted on."""
    return list(rows[0::2])


def held_out_half(rows: Sequence[Row]) -> list[Row]:
    """Give rows 2, 4, 6...: those that nothing was fitted on."""
    return list(rows[1::2])


def fit(rows: Sequence[Row], attributes: Mapping[str, Sequence[str]]) -> Fit:
    """Fit the points: weights of evidence a class, one coefficient an attribute, scaled and rounded."""
    evidence = {name: _weights_of_evidence(rows, codes) for name, codes in attributes.items()}
    lost = [not applicant.repaid for applicant, _ in rows]
    names = list(attributes)
    while True:
        inputs = [
            [1.0, *(_evidence_of(row, attributes[name], evidence=evidence[name]) for name in names)] for row in rows
        ]
        intercept, *coefficients = _logistic(inputs, lost)
        if all(coefficient > 0 for coefficient in coefficients):
            break
        # An attribute that says the opposite of what it says alone is left out: nobody could explain it.
        names = [name for name, coefficient in zip(names, coefficients, strict=True) if coefficient > 0]
    points = {code: 0 for codes in attributes.values() for code in codes}
    base = intercept
    for name, coefficient in zip(names, coefficients, strict=True):
        first, *others = evidence[name]
        base += coefficient * first
        scale = coefficient * POINTS_DOUBLE_ODDS / math.log(2) / POINTS_STEP
        for code, weight in zip(attributes[name], others, strict=True):
            points[code] = POINTS_STEP * round(scale * (weight - first))
    return Fit(points, base)


def area_under_curve(rows: Iterable[Row], score: Callable[[Row], int]) -> float:
    """Give the probability that somebody who did not repay scores higher than somebody who did (ties count half)."""
    by_repaid: dict[bool, list[int]] = {True: [], False: []}
    for row in rows:
        by_repaid[bool(row[0].repaid)].append(score(row))
    wins = sum((lost > kept) + (lost == kept) / 2 for lost in by_repaid[False] for kept in by_repaid[True])
    return wins / (len(by_repaid[True]) * len(by_repaid[False]))


def folded_area(rows: Sequence[Row], attributes: Mapping[str, Sequence[str]]) -> float:
    """Give the mean area under the curve of ten fits, each judged by the tenth of the rows that it did not see."""
    areas = []
    for fold in range(FOLDS):
        others = [row for place, row in enumerate(rows) if place % FOLDS != fold]
        areas.append(area_under_curve(rows[fold::FOLDS], fit(others, attributes).score))
    return sum(areas) / FOLDS


def bounds_of(fitted: Fit) -> tuple[int, int]:
    """Give the last score that is approved and the last that is reviewed."""
    return fitted.score_at(APPROVED_BELOW), fitted.score_at(REJECTED_FROM)


def _weights_of_evidence(rows: Sequence[Row], codes: Sequence[str]) -> list[float]:
    """Log odds of loss of each class against the average; classes out of order are taken together."""
    average = sum(not applicant.repaid for applicant, _ in rows) / len(rows)
    pools: list[tuple[float, float, int]] = []
    for code in (None, *codes):
        members = [applicant for applicant, hit in rows if (code in hit if code else hit.isdisjoint(codes))]
        losses = sum(not applicant.repaid for applicant in members)
        pools.append((losses + CLASS_PRIOR * average, len(members) + CLASS_PRIOR, 1))
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            later, former = pools.pop(), pools.pop()
            pools.append((former[0] + later[0], former[1] + later[1], former[2] + later[2]))
    return [
        _log_odds(losses / members) - _log_odds(average) for losses, members, classes in pools for _ in range(classes)
    ]


def _evidence_of(row: Row, codes: Sequence[str], *, evidence: Sequence[float]) -> float:
    return next((weight for code, weight in zip(codes, evidence[1:], strict=True) if code in row[1]), evidence[0])


def _logistic(inputs: Sequence[Sequence[float]], lost: Sequence[bool]) -> list[float]:
    """Logistic regression by Newton's method, each coefficient but the first drawn towards 1."""
    width = len(inputs[0])
    solution = [0.0] * width
    for _ in range(NEWTON_STEPS_MAX):
        slope = [0.0] + [-COEFFICIENT_PRIOR * (each - 1) for each in solution[1:]]
        bend = [[COEFFICIENT_PRIOR * (row == column > 0) for column in range(width)] for row in range(width)]
        for given, is_lost in zip(inputs, lost, strict=True):
            risk = 1 / (1 + math.exp(-sum(one * other for one, other in zip(solution, given, strict=True))))
            for row in range(width):
                slope[row] += (is_lost - risk) * given[row]
                for column in range(width):
                    bend[row][column] += risk * (1 - risk) * given[row] * given[column]
        step = _solved(bend, slope)
        solution = [one + other for one, other in zip(solution, step, strict=True)]
        if max(abs(each) for each in step) < 1e-9:
            return solution
    raise ArithmeticError(f"no solution in {NEWTON_STEPS_MAX} steps")


def _solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Solve linear equations whose matrix is symmetric and positive (Gauss-Jordan)."""
    lines = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for place, pivot in enumerate(lines):
        pivot[:] = [value / pivot[place] for value in pivot]
        for line in lines:
            if line is not pivot:
                factor = line[place]
                line[:] = [value - factor * other for value, other in zip(line, pivot, strict=True)]
    return [line[-1] for line in lines]


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def written(text: str, fitted: Fit) -> str:
    """Give the scorecard's text with these weights and bounds."""
    for code, points in fitted.points.items():
        pattern = rf'("rule_code": "{code}",\s+"category": "CREDIT",\s+"weight": )-?\d+'
        text, found = re.subn(pattern, rf"\g<1>{points}", text)
        assert found == 1, code
    approved, reviewed = bounds_of(fitted)
    ranges = {"APPROVED": (0, approved), "MANUAL_REVIEW": (approved + 1, reviewed), "REJECTED": (reviewed + 1, 1_000)}
    for decision, (low, high) in ranges.items():
        pattern = rf'"score_from": \d+, "score_to": \d+, "decision": "{decision}"'
        text, found = re.subn(pattern, f'"score_from": {low}, "score_to": {high}, "decision": "{decision}"', text)
        assert found == 1, decision
    return text


def main(arguments: list[str]) -> int:
    """Fit, say how good it is, and write the scorecard when told to."""
    rule_set = shipped_rule_set()
    attributes = attributes_of(rule_set)
    rows = read_rows(Path(arguments[0]), rule_set)
    fitted = fit(fitted_half(rows), attributes)
    for name, codes in attributes.items():
        print(name, *(f"{code} {fitted.points[code]}" for code in codes), sep="\n  ")
    print("approved up to {}, reviewed up to {}".format(*bounds_of(fitted)))
    worst = sum(max(fitted.points[code] for code in codes) for codes in attributes.values())
    print(f"worst applicant: {worst} points")
    for name, half in (("fitted on", fitted_half(rows)), ("held out", held_out_half(rows))):
        print(f"area under the curve, {len(half)} rows {name}: {area_under_curve(half, fitted.score):.4f}")
    print(f"area under the curve, {FOLDS} folds: {folded_area(rows, attributes):.4f}")
    if "--write" in arguments:
        SCORECARD.write_text(written(SCORECARD.read_text(encoding="utf-8"), fitted), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
