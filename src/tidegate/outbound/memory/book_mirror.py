"""Which life of the shared account book counts, and the copy of the book, in memory."""

from collections.abc import AsyncIterator, Sequence

from tidegate.ports.book_mirror import BookLife, Places
from tidegate.ports.shared_book import BookLost, BookRow


class LivesKept:
    """What the processes share: the life that counts, and who has claimed to rebuild."""

    def __init__(self) -> None:
        self.life = BookLife()
        self.builder: object | None = None

    def require(self, epoch: int) -> None:
        """Make sure that a life counts.

        Raises:
            BookLost: another one does.
        """
        if self.life.epoch != epoch:
            raise BookLost(f"epoch {epoch} does not count, {self.life.epoch} does")


class MemoryBookLives:
    """``BookLives`` of one process, in memory."""

    def __init__(self, kept: LivesKept) -> None:
        self._kept = kept

    async def current(self) -> BookLife:
        return self._kept.life

    async def claim(self) -> bool:
        if self._kept.builder is None:
            self._kept.builder = self
        return self._kept.builder is self

    async def release(self) -> None:
        if self._kept.builder is self:
            self._kept.builder = None

    async def begin(self) -> int:
        self._kept.life = BookLife(self._kept.life.epoch + 1)
        return self._kept.life.epoch

    async def complete(self, life: BookLife) -> None:
        self._kept.require(life.epoch)
        self._kept.life = life


class MemoryBookMirror:
    """``BookMirror`` in memory."""

    def __init__(self, kept: LivesKept) -> None:
        self._kept = kept
        self._rows: dict[str, BookRow] = {}
        self._places: dict[tuple[str, int], int] = {}

    async def save(self, epoch: int, rows: Sequence[BookRow], *, places: Places) -> None:
        self._kept.require(epoch)
        for row in rows:
            standing = self._rows.get(row.user_id)
            if standing is None or (standing.epoch, standing.version) < (row.epoch, row.version):
                self._rows[row.user_id] = row
        for place, offset in places.items():
            self._places[place] = max(offset, self._places.get(place, 0))

    async def rows(self, *, page: int = 2_000) -> AsyncIterator[Sequence[BookRow]]:
        rows = list(self._rows.values())
        for start in range(0, len(rows), page):
            yield rows[start : start + page]

    async def places(self) -> Places:
        return dict(self._places)
