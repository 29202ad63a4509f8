"""The mirror of the shared book at the size of a house."""

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from tests.postgres import fresh_pool

from tidegate.outbound.postgres.book_mirror import PostgresBookLives, PostgresBookMirror
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.ports.shared_book import BookRow

pytestmark = pytest.mark.servers

PAGE = 1_000


def a_row(place: int, *, epoch: int) -> BookRow:
    """About 1 KB; the users scattered over all ids."""
    user_id = str(UUID(int=place * 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835 % 2**128))
    return BookRow(user_id, epoch, 3, 0, place.to_bytes(8, "big") * 100, b"flow", (b"move" * 20,) * 3)


async def test_mirror_of_many_users_is_read_in_pages(
    postgres_server: EmbeddedPostgres, full_sizes: bool, record_property: Callable[[str, object], None]
) -> None:
    """RE-153: every user comes back once, a hundred thousand of them (under make prove) in a second or two."""
    users = 100_000 if full_sizes else 5_000
    async with fresh_pool(postgres_server) as pool:
        mirror, epoch = PostgresBookMirror(pool), await PostgresBookLives(pool).begin()
        for start in range(0, users, PAGE):
            rows = [a_row(place, epoch=epoch) for place in range(start, start + PAGE)]
            await mirror.save(epoch, rows, places={})
        left = {row.user_id: row for row in (a_row(place, epoch=epoch) for place in range(users))}
        begun_s = time.perf_counter()
        async for page in mirror.rows():
            for row in page:
                assert left.pop(row.user_id) == row
        record_property("figure", f"{users} users read back in {time.perf_counter() - begun_s:.2f} s")
    assert not left
