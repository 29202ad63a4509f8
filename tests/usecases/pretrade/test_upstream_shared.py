"""Several processes that read from upstream services into one book in Redis."""

import asyncio
from dataclasses import replace

import pytest
from tests.account_books import Process, sharing
from tests.core.pretrade.told import START_US, USER, a_position, balance_set
from tests.usecases.pretrade.builders import HandClock, a_configuration, an_order
from tests.usecases.pretrade.upstream_fakes import FakeUpstream, some_balances

from services.redis import Redis
from tidegate.core.pretrade.account import Profile
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.settings import GateSettings
from tidegate.ports.configuration import ProfileRow
from tidegate.usecases.pretrade.ingest import Counts, InstrumentIngest
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.upstream_reading import UpstreamReading
from tidegate.usecases.pretrade.upstream_sync import Upstreams, UpstreamSync

pytestmark = pytest.mark.servers

KEY = (USER, "main")
PATIENT_MS = 60_000


def a_reading(process: Process, services: FakeUpstream) -> UpstreamReading:
    """What one process reads through, for a user with a profile."""
    replica = Replica(process.market, a_configuration(GateSettings()))
    zero = some_balances(KEY).balances[0].locked
    replica.profiles[USER] = ProfileRow(Profile(USER, KycLevel.L2, zero, False, zero, zero))

    def alarm(bug: Exception) -> None:
        raise AssertionError("a bug") from bug

    upstreams = Upstreams(services, services, None, PATIENT_MS)
    return UpstreamReading(upstreams, process.book, replica=replica, clock=HandClock(START_US), alarm=alarm)


def services_that_know() -> FakeUpstream:
    """Services with the user's account."""
    fake = FakeUpstream()
    fake.open_account(KEY, a_position())
    return fake


async def holds_all(process: Process) -> bool:
    """Whether a process sees the account whole, as the services hold it."""
    account = (await process.state()).accounts["main"]
    held = account.symbols["BTCUSDT"].both
    return account.gap_reason() == "" and account.balances is not None and held == a_position()


async def test_account_that_one_process_read_is_known_to_all(redis_server: Redis) -> None:
    """RE-308: the other process finds it in the book, and asks nobody."""
    services = services_that_know()
    async with sharing(redis_server.url, 2) as (first, second):
        await a_reading(first, services).complete(an_order())
        await a_reading(second, services).complete(an_order())
        assert await holds_all(first)
        assert await holds_all(second)
    assert services.asked == {"balances": 1, "holdings": 1}


async def test_account_that_processes_read_at_once_is_applied_once(redis_server: Redis) -> None:
    """RE-308, RE-304: each may ask, all say the same, and the state is what one alone would have made."""
    services = services_that_know()
    async with sharing(redis_server.url, 3) as processes:
        readings = [a_reading(process, services) for process in processes]
        await asyncio.gather(*(reading.complete(an_order()) for reading in readings))
        assert [await holds_all(process) for process in processes] == [True, True, True]
        versions = {(await process.state()).version for process in processes}
    assert len(versions) == 1
    assert services.asked["balances"] <= 3


async def test_gap_that_one_process_mends_is_mended_for_all(redis_server: Redis) -> None:
    """RE-312, RE-304: the others catch up by the same snapshot, which ends where the topic has been heard to."""
    services = services_that_know()
    async with sharing(redis_server.url, 2) as (first, second):
        reading = a_reading(first, services)
        await reading.complete(an_order())
        stamp = replace(some_balances(KEY, sequence=3).stamp, event_id="a later record")
        await second.book.apply(balance_set(3, "9000", stamp=stamp))
        stale = [(await process.state()).accounts["main"].gap_reason() != "" for process in (first, second)]
        services.accounts[KEY] = (some_balances(KEY, usdt="9000", sequence=3), services.accounts[KEY][1])
        await a_reading(first, services).complete(an_order())
        assert stale == [True, True]
        assert [await holds_all(process) for process in (second, first)] == [True, True]


async def test_book_that_processes_fill_at_once_holds_every_account_once(redis_server: Redis) -> None:
    """RE-307: processes that start together on an empty book fill it alike."""
    services = FakeUpstream()
    users = [f"7b0d4c1e-6f3a-4a53-9d0b-{number:012d}" for number in range(7)]
    for user_id in users:
        services.open_account((user_id, "main"), a_position())
    async with sharing(redis_server.url, 2) as processes:
        upstreams = Upstreams(services, services, None)
        syncs = [
            UpstreamSync(
                upstreams,
                InstrumentIngest(process.book, Counts()),
                book=process.book,
                clock=HandClock(START_US),
            )
            for process in processes
        ]
        await asyncio.gather(*(sync.run() for sync in syncs))
        for process in processes:
            states = await process.book.snapshot(users, now_us=START_US)
            accounts = [states[user_id].accounts["main"] for user_id in users]
            assert all(account.balances and not account.gap_reason() for account in accounts)
            assert all(account.symbols["BTCUSDT"].both == a_position() for account in accounts)


async def test_book_that_was_lost_keeps_no_order_waiting(redis_server: Redis) -> None:
    """RE-309: what is read finds no book to be put in; the gate says so, not the reading."""
    services = services_that_know()
    async with sharing(redis_server.url) as (process,):
        await process.link.command("FLUSHALL")
        reading = a_reading(process, services)
        await reading.complete(an_order())
        assert reading.failed == 1
