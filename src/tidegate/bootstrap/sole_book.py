"""Sees to it that of the processes on one database one alone decides, while the account book is in its memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tidegate.bootstrap.surroundings import Surroundings
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.relay_claim import RelayClaim

BOOK_LOCK: Final = 0x626F_6F6B  # "book"
_ATTEMPTS: Final = 20
_ATTEMPT_S: Final = 0.25
"""A start waits 5 s for the process before it to be gone: the database may notice later than the port."""

_HOLD_S: Final = 1.0


class SoleBook:
    """The right to keep the account book of a database in memory. ``open_sole_book`` takes it."""

    def __init__(self, claim: RelayClaim) -> None:
        self._claim = claim

    async def has(self) -> bool:
        """Take the right unless another process has it; tell whether this one does.

        Raises:
            DependencyFailed: the database does not answer.
        """
        return await self._claim.take()

    async def take(self) -> None:
        """Take the right, or make sure that it is held.

        Raises:
            DependencyFailed: another process has it, or the database does not answer.
        """
        if not await self.has():
            raise DependencyFailed(
                "account book", "another process decides on this database, and its book is in memory: stop it first"
            )

    async def hold(self) -> None:
        """Take it again whenever its connection has broken; runs until cancelled.

        Raises:
            DependencyFailed: another process has taken it meanwhile; this one must not decide any more.
        """
        held = True
        while held:
            await asyncio.sleep(_HOLD_S)
            with contextlib.suppress(DependencyFailed):
                held = await self.has()
        await self.take()

    async def close(self) -> None:
        """Give the right up."""
        with contextlib.suppress(DependencyFailed):
            await self._claim.close()


@asynccontextmanager
async def open_sole_book(around: Surroundings) -> AsyncIterator[SoleBook]:
    """Be the one process that keeps the account book of this database.

    Raises:
        DependencyFailed: another is, and was for 5 s; or the database does not answer.
    """
    book = SoleBook(RelayClaim(around.stores.pool, BOOK_LOCK))
    try:
        for _ in range(_ATTEMPTS):
            if await book.has():
                break
            await asyncio.sleep(_ATTEMPT_S)
        await book.take()
        yield book
    finally:
        await book.close()
