"""A book that fails: nothing is reserved on it, nobody waits long, and what is lost is known to be lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from tests.account_books import EPOCH, HeldBack, Process, a_process, begin_life
from tests.core.pretrade.told import (
    ACCOUNT,
    START_US,
    USER,
    a_reservation,
    an_instrument,
    an_order,
    balance_set,
    commanded,
)

from services.redis import Redis
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.feeds import Applied
from tidegate.outbound.redis.keys import user_keys
from tidegate.ports.account_book import Held, ReserveRequest
from tidegate.ports.shared_book import BookLost

pytestmark = pytest.mark.servers

TIMEOUT_MS = 250
WAIT_S_MAX = 3.0
"""A pipeline may take four times the timeout; the machine of the tests may be slow."""

OTHER = "0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22"
STATE, MOVES = user_keys(USER)[1:]
Use = Callable[[Process], Awaitable[object]]


async def look(process: Process) -> object:
    return await process.state()


async def hear(process: Process) -> object:
    return await process.book.apply(balance_set(2))


async def hear_again(process: Process) -> object:
    return await process.book.apply(balance_set(1))


async def reserve(process: Process) -> object:
    return await process.book.reserve([a_request()])


async def release(process: Process) -> object:
    await process.book.release(USER, account_id=ACCOUNT, order_ids=["o-1"])
    return None


async def restore(process: Process) -> object:
    return await process.book.restore(USER, account_id=ACCOUNT, reservation=a_reservation("o-9"))


async def export(process: Process) -> object:
    return await process.book.export([USER])


USES: tuple[Use, ...] = (look, hear, hear_again, reserve, release, restore, export)
every_use = pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)


def a_request(version: int = 2) -> ReserveRequest:
    return ReserveRequest(USER, version, (Held(ACCOUNT, a_reservation("o-2"), an_instrument()),))


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis.start() as server:
        yield server


@pytest.fixture
async def process(redis: Redis) -> AsyncIterator[Process]:
    """A process that knows a user with a balance and a reservation, as of version 2."""
    found = a_process(redis.url, timeout_ms=TIMEOUT_MS)
    await found.link.command("FLUSHALL")
    await begin_life([found])
    await found.book.apply(balance_set(1))
    assert await found.book.restore(USER, account_id=ACCOUNT, reservation=a_reservation("o-1"))
    yield found
    await found.book.close()
    await found.link.close()


async def fails(use: Use, process: Process) -> DependencyFailed:
    began = time.monotonic()
    with pytest.raises(DependencyFailed) as failed:
        await use(process)
    assert time.monotonic() - began < WAIT_S_MAX
    assert failed.value.dependency == "account book"
    return failed.value


@every_use
async def test_content_that_is_gone_is_lost_until_a_life_is_adopted(process: Process, use: Use) -> None:
    """RE-104: after a flush nothing is answered from memory, and what comes back by itself is not trusted."""
    await process.link.command("FLUSHALL")
    assert isinstance(await fails(use, process), BookLost)
    assert process.book.lost
    for other in USES:
        assert isinstance(await fails(other, process), BookLost)
    assert await process.book.published() is None
    await begin_life([process], epoch=EPOCH + 1)
    assert (await process.state()).version == 0


@every_use
async def test_book_is_lost_when_another_life_was_begun(process: Process, redis: Redis, use: Use) -> None:
    """RE-104: a process that missed the beginning of a life reads and writes nothing of it."""
    builder = a_process(redis.url)
    await begin_life([builder], epoch=EPOCH + 1)
    assert isinstance(await fails(use, process), BookLost)
    assert await builder.book.export([USER]) == []
    await process.book.adopt(EPOCH + 1, instance=await process.book.instance())
    assert (await process.state()).version == 0
    await builder.link.close()


@every_use
async def test_book_is_lost_when_a_user_has_an_older_version_than_was_seen(process: Process, use: Use) -> None:
    """RE-104: a server that has forgotten the latest moves of a user has lost them for good."""
    await process.link.command("HSET", STATE, "v", 1)
    await process.link.command("RPOP", MOVES)
    assert isinstance(await fails(use, process), BookLost)


@every_use
async def test_nothing_is_asked_before_a_life_was_adopted(redis: Redis, use: Use) -> None:
    """RE-104: without a life there is no book."""
    process = a_process(redis.url)
    assert process.book.epoch == 0
    assert isinstance(await fails(use, process), BookLost)
    assert not process.book.lost
    await process.link.close()


async def test_book_is_lost_when_its_server_was_started_again(process: Process, redis: Redis) -> None:
    """RE-104: the one that comes back may have kept all but the last words; that it is another one is enough."""
    await process.state()
    instance = await process.book.instance()
    redis.kill()
    failed = await fails(look, process)
    assert not isinstance(failed, BookLost)
    redis.restart()
    await process.link.command("SET", user_keys(OTHER)[0], EPOCH)
    with pytest.raises(BookLost):
        await process.state(OTHER)
    assert process.book.lost
    assert await process.book.instance() != instance


@every_use
async def test_server_that_is_gone_is_a_dependency_that_failed(process: Process, redis: Redis, use: Use) -> None:
    """RE-105: refused connections fail at once."""
    redis.kill()
    try:
        assert not isinstance(await fails(use, process), BookLost)
        assert not isinstance(await fails(use, process), BookLost)
    finally:
        redis.restart()


@every_use
async def test_server_that_hangs_is_a_dependency_that_failed(process: Process, redis: Redis, use: Use) -> None:
    """RE-105: nobody waits longer than a few timeouts, and the book goes on when the server does."""
    redis.pause()
    try:
        assert not isinstance(await fails(use, process), BookLost)
    finally:
        redis.resume()
    state = await process.state()
    assert set(state.account(ACCOUNT).reservations) - {"o-9"} <= {"o-1"}


async def test_reservation_that_a_hanging_server_makes_later_is_given_back(process: Process, redis: Redis) -> None:
    """RE-109: asked, not answered, made when the server went on: before the user is decided on again it is released."""
    await process.state()
    redis.pause()
    request = a_request()
    await fails(reserve, process)
    await process.book.forget([request])
    redis.resume()
    state = await process.state()
    assert set(state.account(ACCOUNT).reservations) == {"o-1"}
    fresh = a_process(redis.url)
    await fresh.book.adopt(EPOCH, instance=await fresh.book.instance())
    assert set((await fresh.state()).account(ACCOUNT).reservations) == {"o-1"}
    await fresh.link.close()


async def test_release_that_was_not_answered_is_made_before_the_user_is_decided_on(
    process: Process, redis: Redis
) -> None:
    """RE-109: a reservation that could not be given back is given back by whoever wanted to, as soon as it can."""
    await process.state()
    redis.pause()
    await fails(release, process)
    redis.resume()
    assert not (await process.state()).account(ACCOUNT).reservations


async def test_release_gives_back_no_later_reservation_of_the_same_order(process: Process, redis: Redis) -> None:
    """RE-109: what is doubted is named with its time of expiry; another process may have reserved since."""
    other = a_process(redis.url)
    await other.book.adopt(EPOCH, instance=await other.book.instance())
    await process.state()
    redis.pause()
    await fails(release, process)
    redis.resume()
    await other.book.release(USER, account_id=ACCOUNT, order_ids=["o-1"])
    later = a_reservation("o-1", expires_at_us=START_US + 90_000_000)
    assert await other.book.restore(USER, account_id=ACCOUNT, reservation=later)
    assert (await process.state()).account(ACCOUNT).reservations == {"o-1": later}
    await other.link.close()


@pytest.mark.parametrize(
    "spoil",
    [
        ("SET", STATE, b"text"),
        ("SET", MOVES, b"text"),
        ("HSET", STATE, "v", "many"),
        ("HSET", STATE, "s", b"\x01\xff"),
        ("HSET", STATE, "f", b"\x09"),
        ("LSET", MOVES, 0, b"\x01\xc1"),
        ("LSET", MOVES, 1, b""),
    ],
    ids=repr,
)
async def test_bytes_that_cannot_be_read_are_a_dependency_that_failed(
    process: Process, spoil: tuple[str | bytes | int, ...]
) -> None:
    """RE-105: whatever lies under a user's keys, it is never taken for an empty state."""
    process.book._users.drop(USER)
    process.book._users.entry(USER).seen = 0
    if spoil[0] == "SET":
        await process.link.command("DEL", spoil[1])
    await process.link.command(*spoil)
    for use in (look, hear, release, restore):
        assert not isinstance(await fails(use, process), BookLost)


async def test_revision_that_cannot_be_read_is_a_dependency_that_failed(process: Process) -> None:
    """RE-105: without knowing whether the instruments are those of all others nothing is decided."""
    await process.link.command("SET", "tidegate:{instruments}:revision", "first")
    await fails(look, process)
    await process.link.command("SET", "tidegate:{instruments}:revision", 77)
    await process.link.command("HSET", "tidegate:{instruments}", "BTCUSDT", b"\x01\xff")
    await fails(look, process)


async def test_scripts_that_the_server_has_forgotten_are_loaded_again(process: Process) -> None:
    """RE-106: a server without the scripts has run none of them, so they are loaded and asked for again."""
    await process.link.command("SCRIPT", "FLUSH")
    assert await process.book.apply(commanded(1, an_order("o-3"))) is Applied.APPLIED
    await process.link.command("SCRIPT", "FLUSH")
    state = await process.state()
    assert state.version == 3
    await process.link.command("SCRIPT", "FLUSH")
    assert await process.book.reserve([a_request(3)]) == []


async def test_cancelled_reservation_is_given_back(process: Process) -> None:
    """RE-109: who stops waiting does not know either."""
    await process.state()
    back = HeldBack(process)
    reserving = asyncio.create_task(process.book.reserve([a_request()]))
    await back.done.wait()
    reserving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reserving
    assert set((await process.state()).account(ACCOUNT).reservations) == {"o-1"}
