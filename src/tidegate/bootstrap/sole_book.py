"""Sees to it that of the processes on one database one alone decides, while the account book is in its memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tidegate.bootstrap.surroundings import Surroundings
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.relay_claim import RelayClaim

_LOCK: Final = 0x626F_6F6B  # "book"
_ATTEMPTS: Final = 20
_ATTEMPT_S: Final = 0.25
"""A start waits 5 s for the process before it to be gone: the database may notice later than the port."""

_HOLD_S: Final = 1.0


class SoleBook:
    """The right to keep the account book of a database in memory. ``open_sole_book`` takes it."""

    def __init__(self, claim: RelayClaim) -> None:
        self._claim = claim

    async def take(self) -> None:
        """Take the right, or make sure that it is held.

        Raises:
            DependencyFailed: another process has it, or the database does not answer.
        """
        if not await self._claim.take():
            raise DependencyFailed(
                "account book", "another process decides on this database, and its book is in memory: stop it first"
            )

    async def hold(self) -> None:
        """Take it again whenever its connection has broken; runs until cancelled.

        Raises:
            DependencyFailed: another process has taken it meanwhile; this one must not decide any more.
        """
        while True:
            await asyncio.sleep(_HOLD_S)
            with contextlib.suppress(DependencyFailed):
                if not await self._claim.take():
                    break
        await self.take()


@asynccontextmanager
async def open_sole_book(around: Surroundings) -> AsyncIterator[SoleBook]:
    """Be the one process that keeps the account book of this database.

    Raises:
        DependencyFailed: another is, and was for 5 s; or the database does not answer.
    """
    claim = RelayClaim(around.stores.pool, _LOCK)
    book = SoleBook(claim)
    try:
        for _ in range(_ATTEMPTS):
            if await claim.take():
                break
            await asyncio.sleep(_ATTEMPT_S)
        await book.take()
        yield book
    finally:
        with contextlib.suppress(DependencyFailed):
            await claim.close()
