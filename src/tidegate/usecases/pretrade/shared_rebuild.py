"""A shared account book is built anew, as a new life, from what is never lost: mirror, topics and journal.

It may die anywhere: nobody works on a life that is not whole, and the next builder begins another one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.ports.account_book import FlowKept, UserFlows
from tidegate.ports.book_mirror import BookLife, BookLives, BookMirror
from tidegate.ports.clock import Clock
from tidegate.ports.decision_journal import DecisionArchive
from tidegate.ports.event_bus import EventSource
from tidegate.ports.shared_book import BookLost, SharedBook
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.rebuild import Stage
from tidegate.usecases.pretrade.restore_flow import restore_flow
from tidegate.usecases.pretrade.restore_reservations import restore_reservations

USERS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class NeverLost:
    """What the book is built from."""

    lives: BookLives
    mirror: BookMirror
    source: EventSource
    archive: DecisionArchive


@dataclass(frozen=True, slots=True)
class Building:
    """What one rebuild works with, made for it alone: the book that serves sees nothing of a life that is not whole.

    ``flows`` are the windows that ``book`` keeps true, ``market`` its instruments; the ``stages`` apply to ``book``
    what they are told, and have heard nothing before. Instruments come first, as a whole stage.
    """

    book: SharedBook
    flows: UserFlows
    market: Market
    stages: Sequence[Stage]


@dataclass(frozen=True, slots=True)
class BuiltAnew:
    """What a life was built of: users from the mirror, records told again, reservations held again, windows of users
    counted again.
    """

    life: BookLife
    users: int
    records: int
    reservations: int
    windows: int


class SharedRebuild:
    """Builds the next life. Only whoever has claimed the right to may run it."""

    def __init__(
        self,
        never_lost: NeverLost,
        *,
        make_building: Callable[[], Building],
        clock: Clock,
        settings: Callable[[], GateSettings],
    ) -> None:
        self._never_lost = never_lost
        self._make_building = make_building
        self._clock = clock
        self._settings = settings

    async def run(self) -> BuiltAnew:
        """Begin a life, fill it and publish it.

        The life begins in the store before anything is read, so by then nothing can be told or mirrored any more that
        was decided or applied before. Nothing of the work is mirrored: whoever has applied what lies behind the
        mirrored places still knows of whom it was, or its successor applies it again (``mirroring.py``).

        Raises:
            DependencyFailed: something did not answer; the life is not whole and never will be.
            BookLost: the content was lost again meanwhile, or another life was begun.
        """
        building, lives = self._make_building(), self._never_lost.lives
        book = building.book
        instance = await book.instance()
        life = BookLife(await lives.begin(), instance)
        await book.begin(life.epoch, instance=instance)
        users = await self._put_mirrored(book)
        records = await self._tell_again(building)
        reservations = await restore_reservations(
            self._never_lost.archive, book, market=building.market, now_us=self._clock.now_us()
        )
        windows = await self._put_windows(building)
        if await book.instance() != instance:
            raise BookLost("its servers were replaced while it was built")
        await book.publish(life.epoch)
        await lives.complete(life)
        return BuiltAnew(life, users, records, reservations, windows)

    async def _put_mirrored(self, book: SharedBook) -> int:
        users = 0
        async for rows in self._never_lost.mirror.rows():
            await book.put(rows)
            users += len(rows)
        return users

    async def _tell_again(self, building: Building) -> int:
        """Apply the topics from the mirrored places to their ends, a partition without one from its beginning; give the
        number of records.
        """
        places = await self._never_lost.mirror.places()
        told = 0
        for stage in building.stages:
            since = None if stage.whole else places
            async for records in self._never_lost.source.replay(stage.topics, since=since):
                await stage.retell(records)
                told += len(records)
        return told

    async def _put_windows(self, building: Building) -> int:
        """Count again what the journal knows; of fills, and of the tokens left, the book's own windows know more."""
        counted = FlowWindows()
        await restore_flow(self._never_lost.archive, counted, clock=self._clock, settings=self._settings())
        users = counted.users()
        for start in range(0, len(users), USERS_AT_ONCE):
            at_once = users[start : start + USERS_AT_ONCE]
            await building.book.snapshot(at_once, now_us=self._clock.now_us())
            windows = {user_id: kept for user_id in at_once if (kept := counted.kept(user_id)) is not None}
            held = {user_id: _with_own(kept, building.flows.kept(user_id)) for user_id, kept in windows.items()}
            await building.book.put_flows(held)
        return len(users)


def _with_own(counted: FlowKept, own: FlowKept | None) -> FlowKept:
    if own is None:
        return counted
    return replace(counted, fills=own.fills, level=own.level, message_us=own.message_us)
