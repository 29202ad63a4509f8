"""Each process follows the life of the shared book that counts; when none does, one of them builds the next."""

from collections.abc import Awaitable, Callable

import pytest
from tests.core.pretrade.told import START_US, USER, balance_set
from tests.usecases.pretrade.shared_world import PLACES, Killed, Process, Shared

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.book_mirror import BookLife
from tidegate.ports.shared_book import BookLost
from tidegate.usecases.pretrade.adoption import Standing

BALANCE = PLACES[-1]


async def two_processes() -> tuple[Shared, Process, Process]:
    """Two processes on a whole book, both at work on it."""
    shared = Shared()
    first, second = Process(shared), Process(shared)
    assert [await first.adoption.step(), await first.adoption.step()] == [Standing.BUILT, Standing.ADOPTED]
    assert await second.adoption.step() is Standing.ADOPTED
    return shared, first, second


async def knows_balances(process: Process) -> bool:
    state = (await process.book.snapshot([USER], now_us=START_US))[USER]
    return state.account("main").balances is not None


async def test_adoption_builds_the_first_life_and_adopts_it_at_the_next_look() -> None:
    """RE-159: a process that finds no book builds one; until it is adopted nothing is decided."""
    shared = Shared()
    process = Process(shared)
    assert await process.adoption.step() is Standing.BUILT
    assert (process.replica.rebuilt, process.book.epoch) == (False, 0)
    assert await process.adoption.step() is Standing.ADOPTED
    assert (process.replica.rebuilt, process.book.epoch) == (True, 1)
    assert await process.adoption.step() is Standing.HELD
    assert shared.lives.life == BookLife(1, shared.content.instance)


async def test_adoption_of_a_book_that_is_whole_builds_nothing() -> None:
    """RE-159: a process that starts later goes on with the life that is there."""
    shared, _, second = await two_processes()
    assert second.replica.rebuilt
    assert second.built == 0
    assert shared.lives.life.epoch == 1


async def _lost(shared: Shared) -> None:
    shared.content.lose()


async def _replaced(shared: Shared) -> None:
    shared.content.replace_servers("others")


async def _unpublished(shared: Shared) -> None:
    shared.content.published = None


async def _begun_and_left(shared: Shared) -> None:
    dying = Process(shared)
    dying.fuse.left = 0
    shared.content.lose()
    with pytest.raises(Killed):
        await dying.adoption.step()
    dying.die()
    assert shared.lives.life.instance is None


@pytest.mark.parametrize("trouble", [_lost, _replaced, _unpublished, _begun_and_left])
async def test_adoption_after_a_loss_is_built_once_and_adopted_by_all(
    trouble: Callable[[Shared], Awaitable[None]],
) -> None:
    """RE-159: content gone, servers replaced, nothing published, a builder that died: the next life has it all."""
    shared, first, second = await two_processes()
    await first.assign(PLACES)
    await shared.tell(balance_set(1))
    await first.consume(BALANCE, limit=1)
    await trouble(shared)
    assert await second.adoption.step() is Standing.BUILT
    assert not second.replica.rebuilt
    assert await first.adoption.step() is Standing.ADOPTED
    assert await second.adoption.step() is Standing.ADOPTED
    assert (first.replica.rebuilt, second.replica.rebuilt) == (True, True)
    assert first.book.epoch == second.book.epoch == shared.lives.life.epoch
    assert await knows_balances(first)
    assert await knows_balances(second)


async def test_adoption_rebuilds_what_a_call_found_missing() -> None:
    """RE-159: also where the book still says that it is whole."""
    _, first, second = await two_processes()
    first.book.lost = True
    with pytest.raises(BookLost):
        await knows_balances(first)
    assert await first.adoption.step() is Standing.BUILT
    assert await first.adoption.step() is Standing.ADOPTED
    assert not first.book.lost
    with pytest.raises(BookLost):
        await knows_balances(second)
    assert await second.adoption.step() is Standing.ADOPTED


async def test_adoption_waits_while_another_process_builds() -> None:
    """RE-151, RE-156: the others decide nothing meanwhile, and build nothing."""
    shared, first, second = await two_processes()
    shared.content.lose()
    assert await first.lives.claim()
    assert await second.adoption.step() is Standing.WAITS
    assert (second.replica.rebuilt, second.built) == (False, 0)


async def test_adoption_whose_rebuild_fails_lets_another_process_try() -> None:
    """RE-151: the claim of a builder that failed is given up."""
    shared, first, second = await two_processes()
    shared.content.lose()

    async def fails() -> None:
        raise DependencyFailed("kafka", "away")

    first.adoption._rebuild = fails
    with pytest.raises(DependencyFailed):
        await first.adoption.step()
    assert not first.replica.rebuilt
    assert await second.adoption.step() is Standing.BUILT


async def test_adoption_that_claims_too_late_adopts_what_was_built_meanwhile() -> None:
    """RE-151: between looking and claiming another process may have built the next life: one is enough."""
    shared, first, second = await two_processes()
    shared.content.lose()
    claim = second.lives.claim

    async def claims_late() -> bool:
        await first.adoption.step()
        return await claim()

    second.lives.claim = claims_late  # type: ignore[method-assign]
    assert await second.adoption.step() is Standing.ADOPTED
    assert (first.built, second.built) == (2, 0)
    assert shared.lives.builder is None


async def test_adoption_that_cannot_ask_changes_nothing() -> None:
    """RE-159: a store that does not answer says nothing about the book, which answers for itself."""
    _, first, _ = await two_processes()

    async def away() -> BookLife:
        raise DependencyFailed("postgres", "away")

    first.lives.current = away  # type: ignore[method-assign]
    with pytest.raises(DependencyFailed):
        await first.adoption.step()
    assert first.replica.rebuilt
    assert not await knows_balances(first)
