"""What rules tell a provider, so that two rules can ask one provider different things.

Each question has a key made of its content. The provider answers all of them in one call and files each answer under
its key; the rule that asked reads its own::

    zefix       {"uids": [{"key", "field"}]}             answers below by_key.<key>; those of the first at the top, too
    screening   {"checks": [{"key", "field", "lists"}]}  answers below checks.<key>: found, score, matches

An answer that is not filed by key (as a file for ``tidegate assess`` writes it) answers every question.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.core.kernel.canonical_json import canonical_json

ZEFIX: Final = "zefix"
SCREENING: Final = "screening"

_KEY_DIGITS: Final = 12
_TOPICS: Final[Mapping[str, str]] = {ZEFIX: "uids", SCREENING: "checks"}
FILED_UNDER: Final[Mapping[str, str]] = {ZEFIX: "by_key", SCREENING: "checks"}
"""The field of each provider's answer that holds the answers by key."""


@dataclass(frozen=True, slots=True)
class ProviderQuestion:
    """One thing that a rule wants to know of a provider; ``content`` is JSON."""

    provider: str
    content: Mapping[str, object]

    @property
    def key(self) -> str:
        """Name the question: hex digits, the same for the same content, fit for a path."""
        return hashlib.sha256(canonical_json(self.content).encode()).hexdigest()[:_KEY_DIGITS]

    def path(self, name: str) -> str:
        """Give the path at which a rule reads a field of the answer."""
        return f"providers.{self.provider}.{FILED_UNDER[self.provider]}.{self.key}.{name}"


def parameters_of(questions: Iterable[ProviderQuestion]) -> dict[str, list[dict[str, object]]]:
    """Give what a provider is told: every question once, in the order given."""
    topics: dict[str, dict[str, dict[str, object]]] = {}
    for question in questions:
        key = question.key
        topics.setdefault(_TOPICS[question.provider], {})[key] = {"key": key, **question.content}
    return {topic: list(by_key.values()) for topic, by_key in topics.items()}
