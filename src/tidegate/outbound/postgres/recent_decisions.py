"""Decisions that this process wrote lately, so that its relay need not read back what it still has in memory."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from tidegate.ports.decision_journal import DecisionRecord

KEPT_MAX: Final = 4_096


class RecentDecisions:
    """Bounded; each decision is given out once. What is not here is read from the database."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, DecisionRecord] = OrderedDict()

    def keep(self, records: Iterable[DecisionRecord]) -> None:
        """Keep decisions that were written; the oldest make room."""
        self._records.update((record.answer.decision_id, record) for record in records)
        while len(self._records) > KEPT_MAX:
            self._records.popitem(last=False)

    def take(self, decision_id: str) -> DecisionRecord | None:
        """Give a decision out, ``None`` when it is not here (any more)."""
        return self._records.pop(decision_id, None)
