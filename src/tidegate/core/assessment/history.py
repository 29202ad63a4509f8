"""What rules may ask about a subject's past, as it was at the time of the request.

====================================  =======================================================================
``history.count.<window>``            its other COMPLETED assessments in ``(now - window, now]``
``history.approved.<window>``         those of them that were APPROVED; ``history.manual_review.<window>`` and
                                      ``history.rejected.<window>`` likewise
``history.last.decision``             the decision of the last one up to now; missing when there is none
``history.last.risk_score``           its score
``history.last.created_at``           its time
====================================  =======================================================================

A window is an ISO 8601 duration of weeks, days, hours, minutes and seconds without a decimal point (a path is parted at
points): ``PT24H``. A store counts by ``window_starts``, so that no past is ever loaded whole.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.moments import duration_us, instant_at
from tidegate.core.assessment.outside import PastAssessment
from tidegate.core.rules.instants import Duration, date_time_text, parse_duration
from tidegate.core.rules.tree import CelLeaf, Condition, FieldRef, Leaf, leaves_of
from tidegate.core.rules.vocabulary import FieldType

ROOT: Final = "history"
_COUNTS: Final[Mapping[str, frozenset[Decision]]] = {
    "count": frozenset(Decision),
    "approved": frozenset({Decision.APPROVED}),
    "manual_review": frozenset({Decision.MANUAL_REVIEW}),
    "rejected": frozenset({Decision.REJECTED}),
}
LAST_FIELDS: Final[Mapping[str, FieldType]] = {
    "history.last.decision": FieldType.TEXT,
    "history.last.risk_score": FieldType.NUMBER,
    "history.last.created_at": FieldType.INSTANT,
}
EARLIEST_US: Final = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z: a window that reaches further back begins here, so that every store can compare with it."""

_CEL_COUNT: Final = re.compile(
    rf"""\bhistory\s*(?:\.\s*|\[\s*["'])(?:{"|".join(_COUNTS)})(?:["']\s*\])?\s*(?:\.\s*|\[\s*["'])(P[0-9A-Z]+)"""
)


@dataclass(frozen=True, slots=True)
class DecisionCounts:
    """How many assessments of a subject ended how, in one window."""

    approved: int = 0
    manual_review: int = 0
    rejected: int = 0

    def of(self, decisions: Collection[Decision]) -> int:
        """Give how many ended with one of the decisions."""
        by_decision = {
            Decision.APPROVED: self.approved,
            Decision.MANUAL_REVIEW: self.manual_review,
            Decision.REJECTED: self.rejected,
        }
        return sum(by_decision[decision] for decision in decisions)


@dataclass(frozen=True, slots=True)
class HistoryCounts:
    """A subject's past as a store counts it: by window, as rules write it, and the last assessment up to now."""

    windows: Mapping[str, DecisionCounts] = field(default_factory=dict)
    last: PastAssessment | None = None

    def fields(self) -> dict[str, object]:
        """Give the object that rules read as ``history``; numbers are Decimal."""
        counts: dict[str, object] = {
            kind: {window: Decimal(counted.of(decisions)) for window, counted in self.windows.items()}
            for kind, decisions in _COUNTS.items()
        }
        if self.last is None:
            return counts
        last = {
            "decision": self.last.decision.value,
            "risk_score": Decimal(self.last.risk_score),
            "created_at": date_time_text(instant_at(self.last.created_us)),
        }
        return {**counts, "last": last}


def count_history(past: Iterable[PastAssessment], *, now_us: int, windows: Collection[str]) -> HistoryCounts:
    """Count the past of one subject, plainly: rows of that subject, without the assessment that is being made."""
    until_now = [row for row in past if row.created_us <= now_us]
    counted = {
        window: _counts(row for row in until_now if row.created_us > after_us)
        for window, after_us in window_starts(windows, now_us).items()
    }
    # of two at the same moment the later row is the last
    last = max(enumerate(until_now), key=lambda numbered: (numbered[1].created_us, numbered[0]), default=None)
    return HistoryCounts(counted, None if last is None else last[1])


def history_fields(past: Iterable[PastAssessment], *, now_us: int, windows: Collection[str]) -> dict[str, object]:
    """Give the object that rules read as ``history``, counted from rows of one subject."""
    return count_history(past, now_us=now_us, windows=windows).fields()


def window_starts(windows: Iterable[str], now_us: int) -> dict[str, int]:
    """Give for each window the microsecond after which, up to now, an assessment lies in it."""
    spans = {window: parse_window(window) for window in windows}
    return {window: max(now_us - duration_us(span), EARLIEST_US) for window, span in spans.items() if span is not None}


def parse_window(text: str) -> Duration | None:
    """Read the window of a path; None for what is no duration."""
    return parse_duration(text)


def window_name(duration: Duration, written: str) -> str | None:
    """Name a window so that it can stand in a path: as it was written, or in seconds; None for a part of a second."""
    if "." not in written and "," not in written:
        return written
    return None if duration.fraction else f"PT{duration.seconds}S"


def history_type(path: str) -> FieldType | None:
    """Give the type of a path below ``history``; None when there is no such field."""
    last = LAST_FIELDS.get(path)
    if last is not None:
        return last
    return FieldType.NUMBER if window_of(path) is not None else None


def window_of(path: str) -> str | None:
    """Give the window that a path counts in; None for any other path."""
    segments = path.split(".")
    if len(segments) != 3 or segments[0] != ROOT or segments[1] not in _COUNTS:
        return None
    return segments[2] if parse_window(segments[2]) is not None else None


def windows_in(condition: Condition) -> Iterator[str]:
    """Give the windows that a condition counts in, CEL expressions included."""
    for leaf in leaves_of(condition):
        if isinstance(leaf, CelLeaf):
            yield from (window for window in _CEL_COUNT.findall(leaf.text) if parse_window(window) is not None)
            continue
        yield from (window for window in map(window_of, _paths(leaf)) if window is not None)


def reads_history(condition: Condition) -> bool:
    """Tell whether a condition asks about the past at all."""
    for leaf in leaves_of(condition):
        if isinstance(leaf, CelLeaf):
            if re.search(rf"\b{ROOT}\b", leaf.text):
                return True
        elif any(path.startswith(f"{ROOT}.") for path in _paths(leaf)):
            return True
    return False


def _paths(leaf: Leaf) -> list[str]:
    return [leaf.field, leaf.expected.path] if isinstance(leaf.expected, FieldRef) else [leaf.field]


def _counts(rows: Iterable[PastAssessment]) -> DecisionCounts:
    found = [row.decision for row in rows]
    return DecisionCounts(
        approved=found.count(Decision.APPROVED),
        manual_review=found.count(Decision.MANUAL_REVIEW),
        rejected=found.count(Decision.REJECTED),
    )
