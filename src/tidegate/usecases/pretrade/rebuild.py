"""After a start: book, market and reservations from what is durable - the bus and the journal (PT-718)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tidegate.ports.account_book import AccountBook
from tidegate.ports.clock import Clock
from tidegate.ports.decision_journal import DecisionArchive
from tidegate.ports.event_bus import BusRecord, EventSource
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.restore_reservations import restore_reservations


@dataclass(frozen=True, slots=True)
class Stage:
    """Topics (full names) that are told again together, in the order they were published, and who hears them.

    ``whole``: they are told from their beginning, though a mirror has a part of them.
    """

    topics: tuple[str, ...]
    retell: Callable[[Sequence[BusRecord]], Awaitable[None]]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was rebuilt: records told again, reservations put back."""

    records: int
    reservations: int


class Rebuild:
    """Rebuilds what this process keeps in memory, before it decides anything."""

    def __init__(
        self,
        source: EventSource,
        archive: DecisionArchive,
        *,
        book: AccountBook,
        replica: Replica,
        clock: Clock,
    ) -> None:
        self._source = source
        self._archive = archive
        self._book = book
        self._replica = replica
        self._clock = clock

    async def run(self, stages: Sequence[Stage]) -> Rebuilt:
        """Tell everything again, stage by stage (instruments first), then put back what is still reserved.

        A reservation whose order the bus knows to be open or ended is passed over. What is told twice, here or by the
        consumers afterwards, is applied once; so this may be run again after it failed.

        Raises:
            DependencyFailed: bus, journal or book did not answer; nothing is ready.
        """
        told = 0
        for stage in stages:
            async for records in self._source.replay(stage.topics):
                await stage.retell(records)
                told += len(records)
        restored = await restore_reservations(
            self._archive, self._book, market=self._replica.market, now_us=self._clock.now_us()
        )
        self._replica.rebuilt = True
        return Rebuilt(told, restored)
