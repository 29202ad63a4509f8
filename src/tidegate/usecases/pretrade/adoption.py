"""What each process does about the life of a shared account book: follows the one that counts, or builds the next."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

from tidegate.ports.book_mirror import BookLife, BookLives
from tidegate.ports.shared_book import AdoptedBook
from tidegate.usecases.pretrade.replica import Replica


class Standing(StrEnum):
    """What one look came to.

    HELD: the life that counts is the one worked on; ADOPTED: it is from now on. BUILT: this process has built the next
    one, to be adopted at the next look. WAITS: another process builds it.
    """

    HELD = "HELD"
    ADOPTED = "ADOPTED"
    BUILT = "BUILT"
    WAITS = "WAITS"


class Adoption:
    """Keeps this process on the life that counts; while there is none ``replica.rebuilt`` is false.

    A life counts while the store says that it is whole, the book says that it holds it, it lives on the servers it was
    built on, and nothing of it was found missing. When one of these fails, some process claims the rebuild.
    """

    def __init__(
        self,
        lives: BookLives,
        book: AdoptedBook,
        *,
        replica: Replica,
        rebuild: Callable[[], Awaitable[object]],
    ) -> None:
        self._lives = lives
        self._book = book
        self._replica = replica
        self._rebuild = rebuild

    async def step(self) -> Standing:
        """Look once, and do what is to be done; a rebuild lasts as long as it does.

        Raises:
            DependencyFailed: store or book did not answer, or the rebuild failed; the next look goes on.
        """
        life = await self._lives.current()
        if await self._counts(life):
            return await self._follow(life)
        self._replica.rebuilt = False
        if not await self._lives.claim():
            return Standing.WAITS
        try:
            life = await self._lives.current()
            if not await self._counts(life):
                await self._rebuild()
                return Standing.BUILT
        finally:
            await self._lives.release()
        return await self._follow(life)

    async def _follow(self, life: BookLife) -> Standing:
        if self._book.epoch == life.epoch:
            self._replica.rebuilt = True
            return Standing.HELD
        await self._book.adopt(life.epoch, instance=life.instance or "")
        self._replica.rebuilt = True
        return Standing.ADOPTED

    async def _counts(self, life: BookLife) -> bool:
        if life.instance is None or (self._book.lost and self._book.epoch == life.epoch):
            return False
        return await self._book.instance() == life.instance and await self._book.published() == life.epoch
