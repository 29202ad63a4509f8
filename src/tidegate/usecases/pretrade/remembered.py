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

    def get(self, key: OrderKey, *, since_us: int) -> RememberedAnswer | None:
        """Give the answer that stands for an order, if it was given at or after ``since_us``."""
        found = self._answers.get(key)
        return found if found is not None and found.answer.evaluated_at_us >= since_us else None

    def put(self, key: OrderKey, *, fingerprint: bytes, answer: Answer) -> None:
        """Remember an answer that was recorded."""
        self._answers[key] = RememberedAnswer(fingerprint, answer)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def forget(self, key: OrderKey) -> None:
        """Forget an answer that never reached its caller."""
        self._answers.pop(key, None)
