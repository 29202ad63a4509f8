"""What this process has done to the shared book is written behind, so that mirror and topics are the whole book."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.core.pretrade.told import USER, balance_set
from tests.usecases.pretrade.shared_world import PLACES, Process, Shared

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.book_mirror import Places
from tidegate.ports.shared_book import BookLost, BookRow
from tidegate.usecases.pretrade import mirroring
from tidegate.usecases.pretrade.mirroring import Mirroring, mirrored_floor

BALANCE, OTHER = PLACES[-1], PLACES[0]


class SeenMirror:
    """A mirror that shows what it is given, and can be away."""

    def __init__(self, shared: Shared) -> None:
        self._mirror = shared.mirror
        self.saves: list[tuple[list[str], Places]] = []
        self.away_from: int | None = None

    async def save(self, epoch: int, rows: Sequence[BookRow], *, places: Places) -> None:
        if self.away_from is not None and len(self.saves) >= self.away_from:
            raise DependencyFailed("postgres", "away")
        await self._mirror.save(epoch, rows, places=places)
        self.saves.append(([row.user_id for row in rows], places))

    rows = None

    async def places(self) -> Places:
        return await self._mirror.places()


async def a_process() -> tuple[Shared, Process, SeenMirror]:
    """A process on a whole book, whose mirror is seen."""
    shared = Shared()
    process = Process(shared)
    await process.adoption.step()
    await process.adoption.step()
    seen = SeenMirror(shared)
    process.mirroring = Mirroring(process.book, seen)  # type: ignore[arg-type]  # rows are read by builders alone
    await process.assign(PLACES)
    return shared, process, seen


async def moved(process: Process, *user_ids: str) -> None:
    for user_id in user_ids:
        await process.book.apply(replace(balance_set(1), user_id=user_id))


async def test_mirroring_saves_whom_it_has_moved_and_how_far() -> None:
    """RE-160: rows before places, each once, and nothing when nothing has happened."""
    shared, process, seen = await a_process()
    await shared.tell(balance_set(1), balance_set(2))
    await process.consume(BALANCE, limit=1)
    assert await process.mirroring.save() == 1
    assert seen.saves == [([USER], {}), ([], {BALANCE: 1})]
    assert await process.mirroring.save() == 0
    assert len(seen.saves) == 2
    rows = [row async for page in shared.mirror.rows() for row in page]
    assert [(row.user_id, row.epoch) for row in rows] == [(USER, 1)]
    assert process.mirroring.saved == 1


async def test_mirroring_saves_no_place_that_was_committed_after_it_began() -> None:
    """RE-160: who was moved up to that place may not be among the users that are being saved."""
    shared, process, seen = await a_process()
    await shared.tell(balance_set(1), balance_set(2))
    await process.consume(BALANCE, limit=1)
    export = process.book.export

    async def slow_export(user_ids: Sequence[str]) -> Sequence[BookRow]:
        rows = await export(user_ids)
        await process.consume(BALANCE, limit=1)
        return rows

    process.book.export = slow_export  # type: ignore[method-assign]
    await process.mirroring.save()
    assert await shared.mirror.places() == {BALANCE: 1}
    process.book.export = export  # type: ignore[method-assign]
    assert await process.mirroring.save() == 1
    assert await shared.mirror.places() == {BALANCE: 2}
    assert seen.saves[-1] == ([], {BALANCE: 2})


@pytest.mark.parametrize("away_from", [0, 1, 2])
async def test_mirroring_that_failed_saves_the_rest_the_next_time(
    monkeypatch: pytest.MonkeyPatch, away_from: int
) -> None:
    """RE-160: what was moved stays to be saved until it is, in pages; places wait for all of them."""
    monkeypatch.setattr(mirroring, "USERS_AT_ONCE", 2)
    _, process, seen = await a_process()
    users = [f"user {place}" for place in range(3)]
    await moved(process, *users)
    process.mirroring.committed({OTHER: 7})
    seen.away_from = away_from
    with pytest.raises(DependencyFailed):
        await process.mirroring.save()
    assert process.mirroring.waiting == 3 - min(3, 2 * away_from)
    assert await seen.places() == {}
    seen.away_from = None
    await process.mirroring.save()
    assert [user_id for saved, _ in seen.saves for user_id in saved] == users
    assert await seen.places() == {OTHER: 7}
    assert process.mirroring.waiting == 0


async def test_mirroring_of_a_life_that_has_ended_saves_on_the_next() -> None:
    """RE-155, RE-160: between a loss and the next life nothing is saved, and nobody is forgotten."""
    shared, process, seen = await a_process()
    await shared.tell(balance_set(1))
    await process.consume(BALANCE, limit=1)
    shared.content.lose()
    with pytest.raises(BookLost):
        await process.mirroring.save()
    await process.adoption.step()
    with pytest.raises(BookLost):
        await process.mirroring.save()
    assert (seen.saves, process.mirroring.waiting) == ([], 1)
    await process.adoption.step()
    assert await process.mirroring.save() == 1
    assert await seen.places() == {BALANCE: 1}


async def test_mirroring_lets_a_partition_begin_where_the_mirror_is() -> None:
    """RE-161: one never mirrored begins at its beginning, whatever was committed; others are not named."""
    shared, process, _ = await a_process()
    process.mirroring.committed({BALANCE: 5, OTHER: 9})
    await process.mirroring.save()
    never = ("new.topic", 3)
    assert await mirrored_floor(shared.mirror, [BALANCE, never]) == {BALANCE: 5, never: 0}
