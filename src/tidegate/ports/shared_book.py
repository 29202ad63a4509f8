"""The account book that many processes share: its life as a whole, beside what ``AccountBook`` does for one user.

All that such a book holds can be lost at any moment. An EPOCH is one life of its content: it is begun by whoever
rebuilds the book, and every other process goes on only when it has adopted it. Who asks for what:

* ``AdoptedBook``: each process, to follow the life that was published;
* ``MirroredBook``: the write-behind that keeps a copy where nothing is lost;
* ``RebuiltBook``: the one process that begins a new life.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.account_book import AccountBook, FlowKept


@dataclass(frozen=True, slots=True)
class BookRow:
    """Everything the book holds of one user, as it holds it: whoever carries it reads nothing of it.

    ``state`` and ``flow`` are as of ``base_version``; each of ``moves`` takes the user one version further, up to
    ``version``, which never falls within one epoch.
    """

    user_id: str
    epoch: int
    version: int
    base_version: int
    state: bytes
    flow: bytes
    moves: tuple[bytes, ...]


class BookLost(DependencyFailed):
    """What the book held is gone, or belongs to another life than the one this process works on.

    Asking again helps once the book is rebuilt and its new epoch adopted.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("account book", reason, retry_after_ms=1_000)


class AdoptedBook(Protocol):
    """The life of the book as one process follows it. ``DependencyFailed`` when the book does not answer."""

    @property
    def epoch(self) -> int:
        """The life this process works on; 0 before the first."""

    @property
    def lost(self) -> bool:
        """Tell whether the content of the adopted life was found missing since it was adopted."""

    async def published(self) -> int | None:
        """Give the epoch that the book itself says it holds, whole; ``None``: it holds nothing."""

    async def instance(self) -> str:
        """Give what names the running servers: another one after any of them was started again or replaced, which may
        have lost what was written last.
        """

    async def adopt(self, epoch: int, *, instance: str) -> None:
        """Work on a life from now on and forget everything that is cached, windows too; the one worked on already may
        be adopted again. A call under way ends in the life it began in.

        ``instance`` is where it lives: once a server of another instance has answered, ``BookLost`` is raised
        until the next adoption.
        """


class MirroredBook(Protocol):
    """The book as it is copied. ``DependencyFailed`` when it does not answer; ``BookLost``: see ``AdoptedBook``."""

    @property
    def epoch(self) -> int:
        """The life this process works on; 0 before the first."""

    async def export(self, user_ids: Sequence[str]) -> Sequence[BookRow]:
        """Give the users as they are now in the adopted life, whoever has changed them; one the book does not hold is
        left out.
        """

    def dirty(self) -> set[str]:
        """Give the users of whom this process has told the book anything since asked last: news (also news that turned
        out to be a repeat), reservations, releases, windows; not rows put in. Adopting forgets none of them.
        """


class RebuiltBook(AdoptedBook, MirroredBook, Protocol):
    """The book as it is built anew, by a process that has claimed the right to.

    Nobody else changes a life that is not published yet: it is built through a book made for that alone, while those
    that serve get ``BookLost``. A step that finds the life overtaken by a later one raises ``BookLost`` too.
    """

    async def begin(self, epoch: int, *, instance: str) -> None:
        """Begin a life, empty, and adopt it: from now on rows of any other count as absent, and every process that
        works on an earlier one gets ``BookLost``.
        """

    async def put(self, rows: Sequence[BookRow]) -> None:
        """Put users in, whatever epoch their rows are of; versions go on from where the rows end."""

    async def put_flows(self, flows: Mapping[str, FlowKept]) -> None:
        """Make these the windows of their users as of now: nothing that has moved a user up to now counts again."""

    async def publish(self, epoch: int) -> None:
        """Say that the life is whole."""


class SharedBook(AccountBook, RebuiltBook, Protocol):
    """All of it, as one adapter gives it."""
