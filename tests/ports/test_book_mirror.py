"""Contract of ``BookMirror``."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import pytest
from tests.ports.builders import OTHER_USER, USER
from tests.ports.stores import Stores

from tidegate.ports.book_mirror import Places
from tidegate.ports.shared_book import BookLost, BookRow

PLACES: Places = {("position.updated.v1.dev", 0): 7, ("position.updated.v1.dev", 3): 0, ("engine.event.v1.dev", 0): 12}


def a_row(user_id: str = USER, *, epoch: int = 1, version: int = 5) -> BookRow:
    """A user with two moves behind the base."""
    return BookRow(user_id, epoch, version, version - 2, b"\x01state\x00", b"", (b"first\x00", b""))


async def kept(stores: Stores, *, page: int = 2_000) -> Mapping[str, BookRow]:
    """Give all rows; each user is to come once."""
    rows = [row async for rows in stores.mirror.rows(page=page) for row in rows]
    assert len({row.user_id for row in rows}) == len(rows)
    return {row.user_id: row for row in rows}


@pytest.fixture
async def epoch(stores: Stores) -> int:
    """A life that counts."""
    return await stores.new_lives().begin()


async def test_mirror_is_empty_at_first(stores: Stores) -> None:
    """RE-153: nothing saved is nothing held, for sure."""
    assert await kept(stores) == {}
    assert await stores.mirror.places() == {}


async def test_mirror_gives_back_what_was_saved(stores: Stores, epoch: int) -> None:
    """RE-153: rows and places come back to the last byte."""
    rows = {USER: a_row(), OTHER_USER: replace(a_row(OTHER_USER), moves=(), base_version=5)}
    await stores.mirror.save(epoch, list(rows.values()), places=PLACES)
    assert await kept(stores) == rows
    assert await stores.mirror.places() == PLACES


async def test_mirror_saves_places_without_rows_and_rows_without_places(stores: Stores, epoch: int) -> None:
    """RE-153: where no user was moved the places go on, and the other way round."""
    await stores.mirror.save(epoch, [], places=PLACES)
    await stores.mirror.save(epoch, [a_row()], places={})
    assert await kept(stores) == {USER: a_row()}
    assert await stores.mirror.places() == PLACES


@pytest.mark.parametrize(
    ("epoch_of", "version", "stands"),
    [(1, 4, False), (1, 5, False), (1, 6, True), (2, 1, True), (2, 9, True)],
    ids=["older", "same", "newer", "next life, lower version", "next life"],
)
async def test_mirror_row_gives_way_to_a_newer_one_only(
    stores: Stores, epoch: int, epoch_of: int, version: int, stands: bool
) -> None:
    """RE-154: whichever process saves last, the newest row stays; a later life counts before any version."""
    await stores.mirror.save(epoch, [a_row(version=5)], places={})
    if epoch_of == 2:
        epoch = await stores.new_lives().begin()
    later = replace(a_row(epoch=epoch_of, version=version), state=b"later")
    await stores.mirror.save(epoch, [later], places={})
    assert (await kept(stores))[USER] == (later if stands else a_row(version=5))


async def test_mirror_place_never_goes_back(stores: Stores, epoch: int) -> None:
    """RE-154: a process that saves late does not undo where the others are."""
    place = ("engine.event.v1.dev", 0)
    for offset in (5, 3, 6):
        await stores.mirror.save(epoch, [], places={place: offset})
    assert await stores.mirror.places() == {place: 6}


async def test_mirror_takes_nothing_from_a_life_that_ended(stores: Stores, epoch: int) -> None:
    """RE-155: a process that has not heard of the new life saves neither rows nor places."""
    await stores.new_lives().begin()
    with pytest.raises(BookLost):
        await stores.mirror.save(epoch, [a_row(version=9)], places=PLACES)
    assert await kept(stores) == {}
    assert await stores.mirror.places() == {}


@pytest.mark.parametrize("page", [1, 7, 20, 100])
async def test_mirror_gives_rows_page_by_page(stores: Stores, epoch: int, page: int) -> None:
    """RE-153: whatever the size of a page, every user comes once, the first and the last possible too."""
    edges = [UUID(int=0), UUID(int=2**128 - 1)]
    users = [*map(str, edges), *(str(UUID(int=place * 2**100 + 17)) for place in range(1, 19))]
    await stores.mirror.save(epoch, [a_row(user_id) for user_id in users], places={})
    assert await kept(stores, page=page) == {user_id: a_row(user_id) for user_id in users}
