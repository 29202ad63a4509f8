"""What is read from the upstream services at the start, and how often."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.core.pretrade.told import START_US, a_position, an_instrument, balance_set
from tests.usecases.pretrade.builders import HandClock
from tests.usecases.pretrade.upstream_fakes import FakeUpstream, an_instrument_told, some_balances

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.changes import BalancesReplaced, StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import AccountState
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.ports.upstream import AccountKey
from tidegate.usecases.pretrade.ingest import Counts, InstrumentIngest
from tidegate.usecases.pretrade.upstream_sync import Upstreams, UpstreamSync

KEYS: list[AccountKey] = [(f"7b0d4c1e-6f3a-4a53-9d0b-{number:012d}", "main") for number in range(5)]


class WatchedBook(MemoryAccountBook):
    """A book that notes what it was told."""

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self.told: list[StateChange] = []

    async def apply_all(self, changes: Sequence[StateChange]) -> Sequence[Applied]:
        self.told += changes
        return await super().apply_all(changes)


class Start:
    """A book at its start, in front of services."""

    def __init__(self, services: FakeUpstream, upstreams: Upstreams | None = None) -> None:
        self.market = Market()
        self.book = WatchedBook(self.market)
        self.instruments = InstrumentIngest(self.book, Counts())
        chosen = Upstreams(services, services, services) if upstreams is None else upstreams
        self.sync = UpstreamSync(chosen, self.instruments, book=self.book, clock=HandClock())

    def done(self) -> bool:
        """Whether nothing is left to read."""
        return self.sync.done

    async def account(self, key: AccountKey) -> AccountState | None:
        """What the book holds of an account."""
        user_id, account_id = key
        return (await self.book.snapshot([user_id], now_us=START_US))[user_id].accounts.get(account_id)

    async def known(self) -> list[AccountKey]:
        """Accounts whose balances the book knows."""
        found = [(key, await self.account(key)) for key in KEYS]
        return [key for key, account in found if account is not None and account.balances is not None]


def services_of(keys: Sequence[AccountKey]) -> FakeUpstream:
    """Services with accounts that each hold a position, and one instrument."""
    fake = FakeUpstream(instruments=[an_instrument_told(an_instrument())])
    for key in keys:
        fake.open_account(key, a_position())
    return fake


async def test_empty_book_is_filled_with_every_account_page_by_page() -> None:
    """RE-307: balances, positions and orders of all, none of them stale, in as many calls as there are pages."""
    services = services_of(KEYS)
    start = Start(services)
    await start.sync.run()
    assert start.done()
    assert (start.sync.accounts, start.sync.instruments) == (5, 1)
    assert await start.known() == KEYS
    account = await start.account(KEYS[4])
    assert account is not None
    assert account.symbols["BTCUSDT"].both == a_position()
    assert account.gap_reason() == ""
    assert services.asked == {"balances_page": 3, "holdings_of": 3, "instruments_page": 1}


async def test_balances_of_an_account_are_told_after_all_else_of_it() -> None:
    """RE-311: whatever interrupts the filling, no account has balances and lacks its positions."""
    start = Start(services_of(KEYS))
    await start.sync.run()
    told: dict[str, list[bool]] = {}
    for change in start.book.told:
        told.setdefault(change.user_id, []).append(isinstance(change, BalancesReplaced))
    assert set(map(tuple, told.values())) == {(False, False, True)}


async def test_book_that_knows_an_account_is_not_read_anew() -> None:
    """RE-307: one page tells that the book was filled before; what it lacks is read when it is asked for."""
    services = services_of(KEYS)
    start = Start(services)
    await start.book.apply(replace(balance_set(1), user_id=KEYS[1][0]))
    await start.sync.run()
    assert start.done()
    assert await start.known() == [KEYS[1]]
    assert services.asked["balances_page"] == 1
    assert services.asked["holdings_of"] == 0


async def test_services_without_accounts_leave_the_book_empty() -> None:
    """RE-307: a first page without rows is the last one."""
    services = services_of([])
    start = Start(services)
    await start.sync.run()
    assert start.done()
    assert start.book.told == []
    assert services.asked == {"balances_page": 1, "instruments_page": 1}


@pytest.mark.parametrize("broken", ["balances_page", "holdings_of"])
async def test_filling_that_fails_goes_on_where_it_failed(broken: str) -> None:
    """RE-314: pages that were applied are not asked for again, and of the others nothing was applied."""
    services = services_of(KEYS)
    start = Start(services)
    apply_all = start.book.apply_all

    async def break_after_a_page(changes: Sequence[StateChange]) -> Sequence[Applied]:
        services.broken = {broken}
        return await apply_all(changes)

    start.book.apply_all = break_after_a_page  # type: ignore[method-assign]  # breaks the services in time
    with pytest.raises(DependencyFailed, match="is broken"):
        await start.sync.run()
    assert not start.done()
    assert await start.known() == KEYS[:2]
    start.book.apply_all, services.broken = apply_all, set()  # type: ignore[method-assign]  # as it was
    await start.sync.run()
    assert start.done()
    assert await start.known() == KEYS
    assert start.sync.accounts == 5
    assert services.asked["instruments_page"] == 1


async def test_metadata_that_fails_does_not_keep_accounts_waiting() -> None:
    """RE-314: what can be read is read, and what could not is left for later."""
    services = services_of(KEYS)
    services.broken = {"instruments_page"}
    start = Start(services)
    with pytest.raises(DependencyFailed):
        await start.sync.run()
    assert await start.known() == KEYS
    assert not start.done()
    services.broken = set()
    await start.sync.run()
    assert start.done()
    account = await start.account(KEYS[0])
    assert account is not None
    assert account.gap_reason() == ""


async def test_without_both_services_no_account_is_read() -> None:
    """RE-311, RE-309: half of the services cannot tell an account whole; with none at all there is nothing to do."""
    services = services_of(KEYS)
    for upstreams in (Upstreams(services), Upstreams(None, services), Upstreams()):
        start = Start(services, upstreams)
        assert start.done()
        await start.sync.run()
    assert services.asked.total() == 0


async def test_of_metadata_and_topics_the_later_record_stands() -> None:
    """RE-306: a listing that is older than what the topics told changes nothing, a newer one does, twice is once."""
    halted, reducing = replace(an_instrument(), status="HALTED"), replace(an_instrument(), status="REDUCING_ONLY")
    services = FakeUpstream(instruments=[an_instrument_told(an_instrument())])
    start = Start(services)
    updated = an_instrument_told(halted, sequence=3, topic="updated")
    await start.instruments.take(updated.instrument, updated.stamp)
    await start.sync.run()
    assert start.market.instruments["BTCUSDT"].status == "HALTED"
    services.instruments = [an_instrument_told(reducing, sequence=4, topic="updated")]
    again = UpstreamSync(Upstreams(metadata=services), start.instruments, book=start.book, clock=HandClock())
    await again.run()
    assert start.market.instruments["BTCUSDT"].status == "REDUCING_ONLY"


async def test_filled_account_hears_the_topics_on_from_its_sequence() -> None:
    """RE-304: records that are in what was read change nothing, the one that follows does and leaves no gap."""
    services = services_of(KEYS[:1])
    services.accounts[KEYS[0]] = (some_balances(KEYS[0], sequence=7), services.accounts[KEYS[0]][1])
    start = Start(services)
    await start.sync.run()
    told = [
        await start.book.apply(replace(balance_set(number, str(number)), user_id=KEYS[0][0])) for number in (6, 7, 8)
    ]
    assert told == [Applied.OUTDATED, Applied.OUTDATED, Applied.APPLIED]
    account = await start.account(KEYS[0])
    assert account is not None
    assert account.gap_reason() == ""
    assert account.balances is not None
    assert account.balances["USDT"].total == 8
