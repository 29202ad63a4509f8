"""Group commit: what is asked while a statement runs goes into the next one together.

Alone, a request is written at once; under load one statement, one commit and one round trip serve many.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import asyncpg

from tidegate.core.kernel.trouble import DependencyFailed

_REFUSALS: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Batches(Generic[Asked, Given]):
    """Runs ``write`` on all that waits, at most ``most`` at a time, one run after the other.

    ``write`` gives a result for each, in order. When the database refuses many, each is run alone, so that one that
    cannot be written does not take the others with it; one that does not answer is everybody's failure.
    """

    def __init__(self, write: Callable[[Sequence[Asked]], Awaitable[Sequence[Given]]], *, most: int) -> None:
        self._write = write
        self._most = most
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Given:
        """Give the result of what is asked.

        Raises:
            DependencyFailed: the store did not answer.
            Exception: whatever ``write`` raised for this one alone.
        """
        given: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, given))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await given

    async def _run(self) -> None:
        while self._waiting:
            batch = self._waiting[: self._most]
            del self._waiting[: self._most]
            wanted = [(asked, given) for asked, given in batch if not given.done()]  # who went away, asks no more
            try:
                await self._serve(wanted)
            finally:
                for _, given in wanted:  # only a run that was cancelled has left any
                    given.cancel()

    async def _serve(self, wanted: Sequence[tuple[Asked, "asyncio.Future[Given]"]]) -> None:
        if not wanted:
            return
        try:
            results = await self._write([asked for asked, _ in wanted])
        except Exception as fault:  # noqa: BLE001 - it is told to whom it concerns
            if len(wanted) > 1 and not _unanswered(fault):
                for each in wanted:
                    await self._serve([each])
                return
            for _, given in wanted:
                if not given.done():
                    given.set_exception(fault)
        else:
            for (_, given), result in zip(wanted, results, strict=True):
                if not given.done():
                    given.set_result(result)


def _unanswered(fault: Exception) -> bool:
    """Tell whether the database did not answer: then it is not asked again for each."""
    return isinstance(fault, DependencyFailed) and not isinstance(fault.__cause__, _REFUSALS)
