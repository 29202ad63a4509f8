"""The outbox: what was decided and has still to be announced."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.kernel.quick import quickly_made
from tidegate.ports.decision_journal import DecisionRecord


@quickly_made
@dataclass(frozen=True, slots=True)
class PendingAnnouncement:
    """A decision whose events have not been published yet; ``position`` orders those of one user."""

    position: int
    record: DecisionRecord


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many decisions wait to be announced, and when the oldest of them was made (``None``: none waits)."""

    decisions: int
    oldest_us: int | None


class Outbox(Protocol):
    """Read by the relay, one runner at a time. ``DependencyFailed`` when the store does not answer."""

    async def pending(self, limit: int) -> Sequence[PendingAnnouncement]:
        """Give the oldest pending announcements, in order."""

    async def backlog(self, most: int) -> Backlog:
        """Give how much waits; it is counted up to ``most`` only, so that asking stays cheap however much that is."""

    async def done(self, positions: Sequence[int]) -> None:
        """Forget announcements that were published."""

    async def claim(self) -> bool:
        """Become the one relay (an advisory lock that ends with the connection); tell whether it is this process."""
