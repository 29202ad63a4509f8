"""Deletes what nothing reads any more."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Compacted:
    """What one batch did: records deleted, and the offset from which the next one goes on (``None``: there is none)."""

    deleted: int
    reached: int | None


class Retention(Protocol):
    """Deletes in batches of at most ``limit``, each a transaction of its own, none waiting for the gate's own writes.

    One process deletes at a time: while another one does, a call deletes nothing. ``DependencyFailed`` when the store
    does not answer; what was deleted stays deleted, and all may be asked again.
    """

    async def forget_answers(self, *, before_us: int, limit: int) -> int:
        """Forget which answers stand for orders that were answered before a moment (the decisions stay); give how
        many were forgotten.
        """

    async def forget_receipts(self, *, before_us: int, limit: int) -> int:
        """Forget receipts of user.* events that happened before a moment; give how many. Delivered again, such an
        event changes nothing all the same, for its sequence is known.
        """

    async def forget_records(self, topic: str, *, before_us: int, limit: int) -> int:
        """Delete the oldest records of a topic (full name) that were published before a moment; give how many."""

    async def compact(self, topic: str, group: str, *, start: int, before_us: int, limit: int) -> Compacted:
        """Look at the next ``limit`` records of a topic from offset ``start`` on that the group has passed and that
        were published before a moment: of each key only the latest of them is kept, and nothing older than that.
        """
