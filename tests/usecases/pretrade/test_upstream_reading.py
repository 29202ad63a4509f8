"""Orders of accounts that the topics have not told, or not whole: decided on what the services own, or refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

import pytest
from tests.core.pretrade.told import a_position, balance_set, balances_replaced, position_closed
from tests.usecases.pretrade.builders import NOW_US, GateUnderTest, a_gate, an_order
from tests.usecases.pretrade.upstream_fakes import FakeUpstream, some_balances, some_holdings

from tidegate.core.pretrade.account import Profile
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.order import Order, Side
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.state import UserState
from tidegate.ports.configuration import ProfileRow
from tidegate.usecases.pretrade import upstream_reading
from tidegate.usecases.pretrade.upstream_reading import QUIET_MS, TROUBLE_MS, UpstreamReading
from tidegate.usecases.pretrade.upstream_sync import Upstreams

NEW_USER = "0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22"
KEY = (NEW_USER, "main")
LONG_MS = 60_000


@dataclass
class Desk:
    """A gate whose accounts are read through, and the services behind it."""

    gate: GateUnderTest
    reading: UpstreamReading
    services: FakeUpstream

    async def ask(self, order: Order) -> Answer:
        """Decide an order as a process does."""
        await self.reading.complete(order)
        answer = await self.gate.gate.ask(order)
        self.reading.notice(order, answer)
        return answer

    async def reason(self, order: Order) -> RejectReason | None:
        """Decide an order; give why it was refused."""
        return (await self.ask(order)).reject_reason

    async def state(self) -> UserState:
        """The new user's state."""
        return (await self.gate.book.snapshot([NEW_USER], now_us=NOW_US))[NEW_USER]


@asynccontextmanager
async def a_desk(
    services: FakeUpstream | None = None, *, upstreams: Upstreams | None = None, wait_ms: int = LONG_MS
) -> AsyncIterator[Desk]:
    """Run a gate in front of services; the new user has a profile and was never told of otherwise."""
    fake = services or FakeUpstream()
    chosen = upstreams or Upstreams(fake, fake, None)
    async with a_gate() as gate:
        profile = Profile(NEW_USER, KycLevel.L2, Decimal(10_000_000), False, Decimal(0), Decimal(50))
        gate.replica.profiles[NEW_USER] = ProfileRow(profile)
        reading = UpstreamReading(
            replace(chosen, wait_ms=wait_ms),
            gate.book,
            replica=gate.replica,
            clock=gate.clock,
            alarm=gate.alarms.append,
        )
        desk = Desk(gate, reading, fake)
        try:
            yield desk
        finally:
            await reading.close()


def an_order_of_new(order_id: str = "n-1", **fields: object) -> Order:
    """An order of the new user."""
    return an_order(order_id, user_id=NEW_USER, **fields)


def services_that_know(*positions: str, usdt: str = "10000") -> FakeUpstream:
    """Services with the new user's account, long or short BTCUSDT as said."""
    fake = FakeUpstream()
    held = [replace(a_position(quantity), entry_price=Decimal(50_000)) for quantity in positions]
    fake.open_account(KEY, *held, usdt=usdt)
    return fake


async def test_order_of_an_account_never_heard_of_is_decided_on_what_the_services_own() -> None:
    """RE-308: the first order passes, and its margin is reserved on the balances that were read."""
    async with a_desk(services_that_know()) as desk:
        answer = await desk.ask(an_order_of_new())
        assert answer.decision is Decision.APPROVED
        assert await desk.gate.reserved(NEW_USER) == {"n-1": Decimal("0.1")}
        assert desk.services.asked == {"balances": 1, "holdings": 1}
        assert desk.reading.completed == 1


async def test_positions_that_were_read_count_like_told_ones() -> None:
    """RE-308, RE-311: an account that is in deep already is refused on what it holds, and may reduce it."""
    async with a_desk(services_that_know("1", usdt="200")) as desk:
        assert await desk.reason(an_order_of_new("n-1")) is RejectReason.INSUFFICIENT_MARGIN
        closing = an_order_of_new("n-2", side=Side.SELL, quantity=Decimal("0.5"), reduce_only=True)
        assert (await desk.ask(closing)).decision is Decision.APPROVED


@pytest.mark.parametrize("seed", range(20))
async def test_account_that_was_read_is_decided_like_one_that_was_told(seed: int) -> None:
    """RE-308: whatever the account holds, the answer is the one that the topics would have led to."""
    random = Random(seed)
    held = [Decimal(random.randint(-30, 30)) / 10 for _ in range(random.randint(0, 1))]
    services = services_that_know(
        *(str(quantity) for quantity in held if quantity), usdt=str(random.randint(0, 20_000))
    )
    balances, holdings = services.accounts[KEY]
    order = an_order_of_new(side=random.choice((Side.BUY, Side.SELL)), quantity=Decimal(random.randint(1, 40)) / 10)
    async with a_desk(services) as desk, a_desk(FakeUpstream()) as told:
        await told.gate.book.apply_all([holdings.positions, holdings.orders, balances])
        answer, expected = await desk.ask(order), await told.ask(order)
    assert answer == expected


async def test_account_is_asked_for_once_however_many_of_its_orders_wait() -> None:
    """RE-308: orders that come while it is read wait for the same answer, and all are decided on it."""
    services = services_that_know()
    services.held_back = {"balances"}
    async with a_desk(services) as desk:
        orders = [an_order_of_new(f"n-{number}", quantity=Decimal("0.01")) for number in range(20)]
        asking = [asyncio.create_task(desk.ask(order)) for order in orders]
        await services.arrived.wait()
        services.release.set()
        answers = await asyncio.gather(*asking)
        assert {answer.decision for answer in answers} == {Decision.APPROVED}
        assert services.asked == {"balances": 1, "holdings": 1}


async def test_order_given_up_while_its_account_is_read_leaves_the_reading_to_others() -> None:
    """RE-308: a caller that goes away takes nothing from those who wait."""
    services = services_that_know()
    services.held_back = {"holdings"}
    async with a_desk(services) as desk:
        gone, stays = (asyncio.create_task(desk.ask(an_order_of_new(order_id))) for order_id in ("n-1", "n-2"))
        await services.arrived.wait()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        services.release.set()
        assert (await stays).decision is Decision.APPROVED
        assert services.asked["holdings"] == 1


WITHOUT: dict[str, Callable[[FakeUpstream], Upstreams]] = {
    "no service": lambda _: Upstreams(),
    "wallet alone": lambda fake: Upstreams(fake, None, None),
    "position alone": lambda fake: Upstreams(None, fake, None),
}


@pytest.mark.parametrize("which", WITHOUT)
async def test_without_both_services_an_unknown_account_is_stale(which: str) -> None:
    """RE-309, RE-311: with one of them alone nothing is read, since half an account must not pass for a whole one."""
    services = services_that_know()
    async with a_desk(services, upstreams=WITHOUT[which](services)) as desk:
        assert await desk.reason(an_order_of_new()) is RejectReason.STALE_DATA
        assert desk.services.asked.total() == 0
        assert await desk.gate.reserved(NEW_USER) == {}


@pytest.mark.parametrize("broken", ["balances", "holdings", "balances holdings"])
async def test_service_that_fails_leaves_the_account_unknown(broken: str) -> None:
    """RE-309, RE-311: whichever fails, nothing of the other's answer is applied, and the order is stale."""
    services = services_that_know()
    services.broken = set(broken.split())
    async with a_desk(services) as desk:
        assert await desk.reason(an_order_of_new()) is RejectReason.STALE_DATA
        await desk.reading.landed()
        assert (await desk.state()).accounts == {}
        assert desk.reading.failed == 1
        desk.gate.clock.at_us += TROUBLE_MS * 1_000
        services.broken = set()
        assert await desk.reason(an_order_of_new("n-2")) is None


@pytest.mark.parametrize("hanging", ["balances", "holdings"])
async def test_service_that_hangs_keeps_an_order_no_longer_than_the_deadline(hanging: str) -> None:
    """RE-309: the order is decided as without it, and what arrives later is there for the next one."""
    services = services_that_know()
    services.held_back = {hanging}
    async with a_desk(services, wait_ms=20) as desk:
        async with asyncio.timeout(10):
            assert await desk.reason(an_order_of_new("n-1")) is RejectReason.STALE_DATA
        services.release.set()
        await desk.reading.landed()
        assert await desk.reason(an_order_of_new("n-2")) is None
        assert services.asked == {"balances": 1, "holdings": 1}


async def test_what_could_not_be_learnt_is_not_asked_again_for_a_while() -> None:
    """RE-310: an account that the wallet does not know is asked for once in some seconds, not once an order."""
    services = FakeUpstream()
    async with a_desk(services) as desk:
        for number in range(5):
            assert await desk.reason(an_order_of_new(f"n-{number}")) is RejectReason.STALE_DATA
        assert services.asked["balances"] == 1
        desk.gate.clock.at_us += QUIET_MS * 1_000 - 1
        await desk.ask(an_order_of_new("n-5"))
        assert services.asked["balances"] == 1
        services.open_account(KEY)
        desk.gate.clock.at_us += 1
        await desk.ask(an_order_of_new("n-6"))
        assert services.asked["balances"] == 2
        assert await desk.gate.reserved(NEW_USER) == {"n-6": Decimal("0.1")}


async def test_clock_that_was_set_back_keeps_no_account_quiet_for_longer() -> None:
    """RE-310: an hour that comes again is no hour to wait."""
    services = FakeUpstream()
    async with a_desk(services) as desk:
        await desk.reading.complete(an_order_of_new("n-1"))
        desk.gate.clock.at_us -= 3_600_000_000
        await desk.reading.complete(an_order_of_new("n-2"))
        assert services.asked["balances"] == 2


async def test_user_without_profile_is_not_asked_for() -> None:
    """RE-310: whatever it owns it is refused, so strangers' ids cost the services nothing."""
    stranger = "11111111-0000-4000-8000-000000000000"
    services = FakeUpstream()
    services.open_account((stranger, "main"))
    async with a_desk(services) as desk:
        assert await desk.reason(an_order("s-1", user_id=stranger)) is RejectReason.PROFILE_NOT_FOUND
        assert services.asked.total() == 0


async def test_orders_of_a_known_account_cost_no_call_and_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-313: after its first order an account costs a look into a set, whoever told the book of it."""
    async with a_desk(services_that_know()) as desk:
        assert await desk.reason(an_order("o-1")) is None  # told by the topics
        assert await desk.reason(an_order_of_new("n-1")) is None  # told by the services
        asked = desk.services.asked.copy()
        monkeypatch.setattr(desk.reading, "_flight", None)
        for number in range(2, 6):
            assert await desk.reason(an_order(f"o-{number}", quantity=Decimal("0.01"))) is None
            assert await desk.reason(an_order_of_new(f"n-{number}", quantity=Decimal("0.01"))) is None
        assert desk.services.asked == asked == {"balances": 1, "holdings": 1}


async def test_account_that_lacks_balance_records_is_mended_behind_a_refusal() -> None:
    """RE-312: the order that finds the gap is refused at once; the wallet alone is asked, and the next one passes."""
    services = services_that_know()
    async with a_desk(services) as desk:
        await desk.ask(an_order_of_new("n-1", quantity=Decimal("0.01")))
        stamp = replace(some_balances(KEY, sequence=3).stamp, event_id="a later record")
        await desk.gate.book.apply(replace(balance_set(3, "9000", stamp=stamp), user_id=NEW_USER))
        services.accounts[KEY] = (some_balances(KEY, usdt="9000", sequence=3), services.accounts[KEY][1])
        services.held_back = {"balances"}
        assert await desk.reason(an_order_of_new("n-2")) is RejectReason.STALE_DATA
        services.release.set()
        await desk.reading.landed()
        assert await desk.reason(an_order_of_new("n-3", quantity=Decimal("0.01"))) is None
        assert services.asked == {"balances": 2, "holdings": 1}


async def test_account_that_lacks_position_records_is_mended_from_positions_alone() -> None:
    """RE-312, RE-304: a lost closing leaves no newer record of positions; what the service holds heals it."""
    services = services_that_know("1", usdt="100000")
    async with a_desk(services) as desk:
        await desk.ask(an_order_of_new("n-1", quantity=Decimal("0.01")))
        lost_first = replace(position_closed(2, position_sequence=1, symbol="ETHUSDT"), user_id=NEW_USER)
        await desk.gate.book.apply(lost_first)
        services.accounts[KEY] = (services.accounts[KEY][0], some_holdings(KEY, closed=2))
        assert await desk.reason(an_order_of_new("n-2", quantity=Decimal("0.01"))) is RejectReason.STALE_DATA
        await desk.reading.landed()
        assert await desk.reason(an_order_of_new("n-3", quantity=Decimal("0.01"))) is None
        assert services.asked == {"balances": 1, "holdings": 2}
        book = (await desk.state()).accounts["main"].symbols["BTCUSDT"]
        assert book.both is None


async def test_services_that_are_behind_the_topics_mend_nothing_yet() -> None:
    """RE-312, RE-304: an answer older than what is known changes nothing, and is asked for again after a while."""
    services = services_that_know()
    async with a_desk(services) as desk:
        await desk.ask(an_order_of_new("n-1", quantity=Decimal("0.01")))
        stamp = replace(some_balances(KEY, sequence=5).stamp, event_id="a later record")
        await desk.gate.book.apply(replace(balance_set(5, "9000", stamp=stamp), user_id=NEW_USER))
        for number in range(3):
            assert await desk.reason(an_order_of_new(f"s-{number}")) is RejectReason.STALE_DATA
            await desk.reading.landed()
        assert services.asked["balances"] == 2
        balances = (await desk.state()).accounts["main"].balances
        assert balances is not None
        assert balances["USDT"].total == Decimal(9000)
        desk.gate.clock.at_us += TROUBLE_MS * 1_000
        await desk.ask(an_order_of_new("s-9"))
        await desk.reading.landed()
        assert services.asked["balances"] == 3


async def test_asset_that_an_account_does_not_hold_is_no_reason_to_ask() -> None:
    """RE-313: the balance that an order lacks may simply not be there; the services know no more than the topics."""
    services = services_that_know()
    async with a_desk(services) as desk:
        told = balances_replaced(1, BTC="1")
        await desk.gate.book.apply(replace(told, user_id=NEW_USER))
        for number in range(3):
            assert await desk.reason(an_order_of_new(f"n-{number}")) is RejectReason.STALE_DATA
            await desk.reading.landed()
        assert services.asked.total() == 0


async def test_bug_while_an_account_is_read_raises_an_alarm_and_the_order_is_decided() -> None:
    """RE-309: an answer nobody foresaw is no reason for a caller to wait for ever."""
    services = services_that_know()
    services.accounts[KEY] = (some_balances(KEY), "nonsense")  # type: ignore[assignment]  # what cannot be
    async with a_desk(services) as desk:
        assert await desk.reason(an_order_of_new()) is RejectReason.STALE_DATA
        await desk.reading.landed()
        assert [type(bug) for bug in desk.gate.alarms] == [AttributeError]
        assert (await desk.state()).accounts == {}


async def test_accounts_read_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-303: beyond the bound orders are decided on what is known, and what is remembered has a bound too."""
    monkeypatch.setattr(upstream_reading, "FLIGHTS_MAX", 1)
    monkeypatch.setattr(upstream_reading, "QUIET_MAX", 1)
    monkeypatch.setattr(upstream_reading, "KNOWN_MAX", 1)
    services = services_that_know()
    services.held_back = {"balances"}
    async with a_desk(services) as desk:
        waiting = asyncio.create_task(desk.ask(an_order_of_new("n-1")))
        await services.arrived.wait()
        assert await desk.reason(an_order("o-1")) is None
        assert await desk.reason(an_order_of_new("n-2", account_id="other")) is RejectReason.STALE_DATA
        services.release.set()
        assert (await waiting).decision is Decision.APPROVED
        for account_id in ("third", "fourth"):
            assert await desk.reason(an_order_of_new(account_id, account_id=account_id)) is RejectReason.STALE_DATA
            await desk.reading.landed()
        assert await desk.reason(an_order("o-2")) is None
        assert await desk.reason(an_order_of_new("n-3", quantity=Decimal("0.01"))) is None
