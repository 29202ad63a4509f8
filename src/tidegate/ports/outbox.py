"""An outbox: what was decided and has still to be announced. Each context has its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tidegate.core.kernel.quick import quickly_made

Record_co = TypeVar("Record_co", covariant=True)
Record_contra = TypeVar("Record_contra", contravariant=True)


@quickly_made
@dataclass(frozen=True, slots=True)
class PendingAnnouncement(Generic[Record_co]):
    """A decision, made at ``made_us``, whose events have not been published yet; ``position`` orders those of one user
    or subject.
    """

    position: int
    record: Record_co
    made_us: int


@quickly_made
@dataclass(frozen=True, slots=True)
class Announcement:
    """One event to be sent: ``record`` follows the schema of its topic (a base name), all but ``schema_version``.

    ``traceparent``: where in a trace it was caused, as the header that the event carries; empty: in none.
    """

    topic: str
    event_id: str
    record: Mapping[str, Any]
    traceparent: str = ""


class Announces(Protocol[Record_contra]):
    """Turns decisions into events; the same decision gives the same events under the same ids."""

    async def announcements(self, record: Record_contra) -> Sequence[Announcement]:
        """Give the events of a decision, in the order in which they are sent.

        Raises:
            DependencyFailed: something that they need did not answer.
            NotStored: the decision names a version that never was.
        """


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many decisions wait to be announced, and when the oldest of them was made (``None``: none waits)."""

    decisions: int
    oldest_us: int | None


class Outbox(Protocol[Record_co]):
    """Read by the relay, one runner at a time. ``DependencyFailed`` when the store does not answer."""

    async def pending(self, limit: int) -> Sequence[PendingAnnouncement[Record_co]]:
        """Give the oldest pending announcements, in order."""

    async def backlog(self, most: int) -> Backlog:
        """Give how much waits; it is counted up to ``most`` only, so that asking stays cheap however much that is."""

    async def done(self, positions: Sequence[int]) -> None:
        """Forget announcements that were published."""

    async def claim(self) -> bool:
        """Become the one relay (an advisory lock that ends with the connection); tell whether it is this process."""
