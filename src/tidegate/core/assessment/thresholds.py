"""Which decision a score means: the ranges of the most specific scope that a request is in."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.risk_threshold import SCORE_MAX, SCORE_MIN, RiskThreshold
from tidegate.core.assessment.scopes import ScopeId, can_match_together, scope_id, scope_text
from tidegate.core.rules.scope import Scope, ScopeIndex


@dataclass(frozen=True, slots=True)
class ThresholdFault:
    """What is wrong with a set of ranges: a code, words, and the places (in the sequence given) that are concerned."""

    code: str
    message: str
    places: tuple[int, ...]


def threshold_faults(thresholds: Sequence[RiskThreshold]) -> tuple[ThresholdFault, ...]:
    """Check all ranges together; those that are not active are passed over.

    The active ranges of a scope are none, or cover 0 to 1000 without gap or overlap; two scopes with equally many keys
    must not be able to match one request. Scopes are the same when their keys and sets of values are.
    """
    by_scope: dict[ScopeId, list[int]] = {}
    for place, threshold in enumerate(thresholds):
        if threshold.is_active:
            by_scope.setdefault(scope_id(threshold.scope), []).append(place)
    faults: list[ThresholdFault] = []
    for places in by_scope.values():
        faults += _range_faults(thresholds, places)
    for one, other in combinations(by_scope.values(), 2):
        scope, other_scope = thresholds[one[0]].scope, thresholds[other[0]].scope
        if len(scope) == len(other_scope) and can_match_together(scope, other_scope):
            message = (
                f"the scopes {scope_text(scope)} and {scope_text(other_scope)} have equally many keys and can match "
                "one request; make one of them more specific, or give both the same values"
            )
            faults.append(ThresholdFault("ambiguous_scopes", message, (other[0], one[0])))
    return tuple(faults)


class ThresholdTable:
    """The active ranges, which have no faults, ready to be asked."""

    __slots__ = ("_index", "_ranges", "_sizes")

    def __init__(self, thresholds: Sequence[RiskThreshold]) -> None:
        by_scope: dict[ScopeId, list[RiskThreshold]] = {}
        scopes: dict[ScopeId, Scope] = {}
        for threshold in thresholds:
            if threshold.is_active:
                key = scope_id(threshold.scope)
                by_scope.setdefault(key, []).append(threshold)
                scopes[key] = threshold.scope
        self._ranges = tuple(
            ScoreRanges(sorted(ranges, key=lambda each: each.score_from)) for ranges in by_scope.values()
        )
        self._sizes = tuple(map(len, by_scope))
        self._index = ScopeIndex(list(scopes.values()))

    def for_request(self, attributes: Mapping[str, str]) -> "ScoreRanges | None":
        """Give the ranges that hold for a request with these attributes; None when no scope matches it."""
        best = max(self._index.matching(attributes), key=lambda number: self._sizes[number], default=None)
        return None if best is None else self._ranges[best]


class ScoreRanges:
    """The ranges of one scope, ascending; together they cover every score."""

    __slots__ = ("_from", "ranges")

    def __init__(self, ranges: Sequence[RiskThreshold]) -> None:
        self.ranges = tuple(ranges)
        self._from = [each.score_from for each in self.ranges]

    def range_of(self, score: int) -> RiskThreshold:
        """Give the range that holds a score of 0 to 1000; both its ends are in it."""
        return self.ranges[bisect_right(self._from, score) - 1]

    def decision_of(self, score: int) -> Decision:
        """Give the decision for a score of 0 to 1000."""
        return self.range_of(score).decision

    def decisions_between(self, low: int, high: int) -> set[Decision]:
        """Give every decision that some score from ``low`` to ``high``, both included, would have."""
        first, last = bisect_right(self._from, low) - 1, bisect_right(self._from, high) - 1
        return {each.decision for each in self.ranges[first : last + 1]}


def _range_faults(thresholds: Sequence[RiskThreshold], places: Sequence[int]) -> Iterator[ThresholdFault]:
    ordered = sorted(places, key=lambda place: (thresholds[place].score_from, thresholds[place].score_to))
    where = scope_text(thresholds[ordered[0]].scope)
    uncovered, last = SCORE_MIN, ordered[0]
    for place in ordered:
        score_from, score_to = thresholds[place].score_from, thresholds[place].score_to
        if score_from < uncovered:
            message = f"scores {score_from} to {min(score_to, uncovered - 1)} of {where} are covered twice"
            yield ThresholdFault("overlap", message, (place, last))
        elif score_from > uncovered:
            yield _gap(uncovered, score_from - 1, where=where, place=place)
        if score_to + 1 > uncovered:
            uncovered, last = score_to + 1, place
    if uncovered <= SCORE_MAX:
        yield _gap(uncovered, SCORE_MAX, where=where, place=last)


def _gap(low: int, high: int, *, where: str, place: int) -> ThresholdFault:
    missing = f"score {low}" if low == high else f"scores {low} to {high}"
    return ThresholdFault("gap", f"{missing} of {where} are covered by no range; 0 to 1000 must be", (place,))
