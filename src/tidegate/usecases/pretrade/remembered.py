"""Answers given lately, by (user_id, order_id): a bounded memory in front of the journal, which is the arbiter."""

from collections import OrderedDict

from tidegate.core.pretrade.answer import Answer
from tidegate.ports.decision_journal import RememberedAnswer

OrderKey = tuple[str, str]


class RememberedAnswers:
    """The latest ``most`` answers. What it forgot, the journal's unique index still knows."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[OrderKey, RememberedAnswer] = OrderedDict()
        self._repeated: set[OrderKey] = set()

    def get(self, key: OrderKey, *, since_us: int) -> RememberedAnswer | None:
        """Give the answer that stands for an order, if it was given at or after ``since_us``."""
        found = self._answers.get(key)
        if found is None or found.answer.evaluated_at_us < since_us:
            return None
        self._repeated.add(key)
        return found

    def was_repeated(self, key: OrderKey) -> bool:
        """Tell whether the answer was asked for again since it was put here."""
        return key in self._repeated

    def put(self, key: OrderKey, *, fingerprint: bytes, answer: Answer) -> None:
        """Remember an answer that was recorded."""
        self._answers[key] = RememberedAnswer(fingerprint, answer)
        self._repeated.discard(key)
        if len(self._answers) > self._most:
            oldest, _ = self._answers.popitem(last=False)
            self._repeated.discard(oldest)

    def forget(self, key: OrderKey) -> None:
        """Forget an answer that never reached its caller."""
        self._answers.pop(key, None)
        self._repeated.discard(key)
