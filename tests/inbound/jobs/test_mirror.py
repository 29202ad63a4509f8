"""The loop that writes the shared book behind."""

import asyncio

from tests.core.pretrade.told import balance_set
from tests.usecases.pretrade.shared_world import Process, Shared, until

from tidegate.inbound.jobs.mirror import MirrorJob


async def a_process() -> Process:
    """A process on a whole book, which has moved a user."""
    process = Process(Shared())
    await process.adoption.step()
    await process.adoption.step()
    await process.book.apply(balance_set(1))
    return process


async def test_mirror_job_saves_again_and_again_whatever_failed() -> None:
    """RE-160: a loss shows as trouble; after the next life was adopted all is saved."""
    process = await a_process()
    process.shared.content.lose()
    job = MirrorJob(process.mirroring, every_s=0)
    running = asyncio.create_task(job.run())
    await until(lambda: job.trouble is not None)
    assert process.mirroring.saved == 0
    await process.adoption.step()
    await process.adoption.step()
    await until(lambda: process.mirroring.saved == 1 and job.trouble is None)
    assert process.mirroring.waiting == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_mirror_job_saves_what_is_left_at_an_orderly_end() -> None:
    """RE-160: the next start finds a mirror that is up to date."""
    process = await a_process()
    await MirrorJob(process.mirroring).flush()
    assert process.mirroring.saved == 1


async def test_mirror_job_ends_though_nothing_can_be_saved() -> None:
    """RE-160: what cannot be saved is in the topics."""
    process = await a_process()
    process.shared.content.lose()
    await MirrorJob(process.mirroring).flush()
    assert process.mirroring.saved == 0
