"""The job that reads on from upstream services that did not answer at the start."""

import asyncio
from decimal import Decimal

from tests.core.pretrade.told import an_instrument
from tests.usecases.pretrade.builders import HandClock, a_configuration
from tests.usecases.pretrade.upstream_fakes import FakeUpstream, an_instrument_told

from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.inbound.jobs.upstream import UpstreamJob
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.usecases.pretrade.ingest import Counts, InstrumentIngest
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.upstream_sync import Upstreams, UpstreamSync


def a_job(services: FakeUpstream, reports: list[str]) -> UpstreamJob:
    """A job on a replica whose book is whole, which looks and repeats at once."""
    replica = Replica(Market(), a_configuration(GateSettings()))
    replica.rebuilt = True
    book = MemoryAccountBook(replica.market)
    ingest = InstrumentIngest(book, Counts())
    sync = UpstreamSync(Upstreams(metadata=services), ingest, book=book, clock=HandClock())
    return UpstreamJob(sync, replica, reports.append, look_s=0, most_s=0)


async def test_job_reads_on_until_nothing_is_left_and_goes_on_running() -> None:
    """RE-314: the same trouble is reported once, another one again, and a job that is done ends nothing."""
    services, reports = FakeUpstream(broken={"instruments_page"}), list[str]()
    services.instruments = [an_instrument_told(an_instrument())]
    job = a_job(services, reports)
    assert not await job.attempt()
    assert not await job.attempt()
    assert reports == ["upstream: instruments_page is broken"]
    services.broken, services.held_back = set(), {"instruments_page"}
    running = asyncio.create_task(job.run())
    await services.arrived.wait()
    services.release.set()
    done, _ = await asyncio.wait({running}, timeout=0.2)
    assert not done
    assert job.sync.done
    assert job.trouble is None
    assert job.replica.market.instruments["BTCUSDT"].tick_size == Decimal("0.1")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_job_asks_nobody_before_the_book_is_whole() -> None:
    """RE-314: what is read must not be lost with a book that is still being rebuilt."""
    services = FakeUpstream(instruments=[an_instrument_told(an_instrument())])
    job = a_job(services, [])
    job.replica.rebuilt = False
    assert not await job.attempt()
    assert services.asked.total() == 0
    job.replica.rebuilt = True
    assert await job.attempt()
    assert services.asked == {"instruments_page": 1}
