"""The loop that follows the life of the shared book."""

import asyncio

from tests.usecases.pretrade.shared_world import Process, Shared, until

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.adopt import AdoptJob
from tidegate.ports.book_mirror import BookLife
from tidegate.usecases.pretrade.adoption import Standing


async def test_adopt_job_builds_adopts_and_holds_and_does_so_again_after_a_loss() -> None:
    """RE-159: a book that is lost is whole again without anybody asking."""
    shared = Shared()
    process = Process(shared)
    job = AdoptJob(process.adoption, every_s=0)
    running = asyncio.create_task(job.run())
    await until(lambda: job.standing is Standing.HELD)
    assert (job.built, process.book.epoch) == (1, 1)
    shared.content.lose()
    await until(lambda: job.built == 2 and job.standing is Standing.HELD)
    assert (job.built, process.book.epoch, process.replica.rebuilt) == (2, 2, True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_adopt_job_waits_out_trouble_and_shows_it() -> None:
    """RE-159: a store that was away is asked again."""
    process = Process(Shared())
    current, asked = process.lives.current, 0

    async def away_once() -> BookLife:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise DependencyFailed("postgres", "away")
        assert job.trouble is not None
        assert job.standing is None
        process.lives.current = current  # type: ignore[method-assign]
        return await current()

    process.lives.current = away_once  # type: ignore[method-assign]
    job = AdoptJob(process.adoption, every_s=0)
    running = asyncio.create_task(job.run())
    await until(lambda: job.standing is Standing.HELD)
    assert job.trouble is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
