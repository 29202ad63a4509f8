"""Where nothing is lost: which life of the shared account book counts, and a copy of the book from which it is rebuilt.

The copy says two things that belong together: the rows of the users, and for each partition of the topics the place up
to which everything is in those rows. So rows and the topics from those places on are the whole book.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.ports.event_bus import Place
from tidegate.ports.shared_book import BookRow

Places = Mapping[Place, int]
"""The next offset to be read of each partition."""


@dataclass(frozen=True, slots=True)
class BookLife:
    """The life of the book that counts. ``instance`` names the servers it was built on; ``None``: it is not whole yet,
    or its builder died. ``epoch`` 0: there was none so far.
    """

    epoch: int = 0
    instance: str | None = None


class BookLives(Protocol):
    """Keeps which life of the book counts. ``DependencyFailed`` when the store does not answer.

    A decision is recorded on the life it was decided on, or not at all (``DecisionJournal.record``): ``begin`` waits
    for the records under way, so after it everything that was ever told can be read from the journal.
    """

    async def current(self) -> BookLife:
        """Give the life that counts."""

    async def claim(self) -> bool:
        """Claim the right to rebuild; tell whether this process has it. It ends with ``release`` or the process."""

    async def release(self) -> None:
        """Give the claim up; without one nothing happens."""

    async def begin(self) -> int:
        """Begin the next life, which is not whole yet, and give its number."""

    async def complete(self, life: BookLife) -> None:
        """Say that a life is whole.

        Raises:
            BookLost: another one was begun meanwhile.
        """


class BookMirror(Protocol):
    """Keeps the copy. ``DependencyFailed`` when the store does not answer; then nothing was saved."""

    async def save(self, epoch: int, rows: Sequence[BookRow], *, places: Places) -> None:
        """Save rows and places in one transaction. A row gives way to one that is as new or newer, a place to one that
        is further on.

        Raises:
            BookLost: ``epoch`` is not the life that counts; nothing was saved.
        """

    def rows(self, *, page: int = 2_000) -> AsyncIterator[Sequence[BookRow]]:
        """Give all rows, ``page`` at a time, each user once; in no order that anybody may rely on."""

    async def places(self) -> Places:
        """Give all places; a partition without one has nothing in the rows for sure."""
