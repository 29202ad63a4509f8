"""What the clients of the upstream services read, and what becomes of every way to fail."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.core.pretrade.told import an_instrument, an_order
from tests.outbound.upstream.upstreams import KEY, Clients, a_book, a_held_account, clients_of, running

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.instrument import Kind, KycLevel
from tidegate.demo.fake_upstreams.book import HeldAccount, UpstreamBook
from tidegate.demo.fake_upstreams.faults import Fault
from tidegate.demo.fake_upstreams.server import FakeUpstreams
from tidegate.outbound.upstream.line import UpstreamPolicy, open_channel
from tidegate.outbound.upstream.wallet import PAGE_SIZE
from tidegate.ports.upstream import FIRST_PAGE

STRANGER = ("0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22", "main")
EVENT_US = 1_767_225_600_000_000

Call = Callable[[Clients], Awaitable[object]]
CALLS: dict[str, tuple[str, Call]] = {
    "balances": ("wallet", lambda clients: clients.wallet.balances(KEY)),
    "balances_page": ("wallet", lambda clients: clients.wallet.balances_page(FIRST_PAGE)),
    "holdings": ("position", lambda clients: clients.positions.holdings(KEY)),
    "holdings_of": ("position", lambda clients: clients.positions.holdings_of([KEY, STRANGER])),
    "instruments_page": ("metadata", lambda clients: clients.metadata.instruments_page(FIRST_PAGE)),
}


def stamp_without_id(stamp: EventStamp) -> EventStamp:
    return replace(stamp, event_id="")


async def test_answers_are_read_as_snapshots_of_what_the_services_hold() -> None:
    """RE-300: rows, sequences and times arrive as they are, and the same answer has the same identity."""
    held = a_held_account()
    async with running() as fakes, clients_of(fakes.address) as clients:
        balances = await clients.wallet.balances(KEY)
        assert balances is not None
        assert await clients.wallet.balances(KEY) == balances
        holdings = await clients.positions.holdings(KEY)
        fakes.book.accounts[KEY].closed_sequence += 1
        later = await clients.positions.holdings(KEY)
    assert (balances.user_id, balances.account_id, balances.balances) == (*KEY, tuple(held.balances))
    assert stamp_without_id(balances.stamp) == EventStamp("", feeds.BALANCE_CHANGED, 4, EVENT_US)
    positions, orders = holdings.positions, holdings.orders
    assert positions.positions == tuple(held.positions)
    assert positions.heals == {feeds.POSITION_CLOSED: 2}
    assert stamp_without_id(positions.stamp) == EventStamp("", feeds.POSITION_UPDATED, 9, EVENT_US)
    assert [row.order for row in orders.rows] == list(held.orders)
    assert orders.heals == {feeds.ENGINE_EVENT: 5}
    assert stamp_without_id(orders.stamp) == EventStamp("", feeds.ORDER_COMMAND, 6, EVENT_US)
    assert later.positions.stamp.event_id != positions.stamp.event_id
    assert later.orders == orders


async def test_accounts_that_are_not_known_are_told_apart_from_trouble() -> None:
    """RE-301: the wallet has no such account; the position service holds nothing of it, up to no record."""
    async with running() as fakes, clients_of(fakes.address) as clients:
        assert await clients.wallet.balances(STRANGER) is None
        told = await clients.positions.holdings_of([STRANGER, KEY])
    assert set(told) == {STRANGER, KEY}
    assert (told[STRANGER].positions.positions, told[STRANGER].positions.stamp.sequence) == ((), 0)
    assert (told[STRANGER].orders.rows, told[STRANGER].orders.stamp.sequence) == ((), 0)


async def test_listings_are_read_page_by_page_to_their_end() -> None:
    """RE-307: each page names the next, the last one none, and every account and instrument is in one."""
    users = [f"7b0d4c1e-6f3a-4a53-9d0b-{number:012d}" for number in range(PAGE_SIZE * 2 + 1)]
    book = UpstreamBook({(user_id, "main"): HeldAccount() for user_id in users}, a_book().instruments)
    async with running(book) as fakes, clients_of(fakes.address) as clients:
        told, token, pages = [], FIRST_PAGE, 0
        while pages == 0 or token != FIRST_PAGE:
            page = await clients.wallet.balances_page(token)
            told += [change.user_id for change in page.rows]
            token, pages = page.next_token, pages + 1
        instruments = await clients.metadata.instruments_page(FIRST_PAGE)
    assert (told, pages) == (users, 3)
    assert [row.instrument for row in instruments.rows] == [an_instrument()]
    assert instruments.next_token == FIRST_PAGE


async def test_instrument_keeps_all_its_terms_on_the_way() -> None:
    """RE-306: what is not demanded stays unset, what is set arrives, and the stamp is the record's."""
    terms = replace(an_instrument(), kyc_min_level=KycLevel.L2, price_band_pct=an_instrument().tick_size)
    spot = replace(an_instrument("ETH-USDT", Kind.SPOT), leverage_max=None, leverage_default=None)
    book = UpstreamBook({}, {"BTCUSDT": terms, "ETH-USDT": spot})
    async with running(book) as fakes, clients_of(fakes.address) as clients:
        page = await clients.metadata.instruments_page(FIRST_PAGE)
    assert [row.instrument for row in page.rows] == [terms, spot]
    expected = EventStamp("", "md.instrument.created.v1", 1, EVENT_US)
    assert [stamp_without_id(row.stamp) for row in page.rows] == [expected, expected]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", [Fault.SLOW, Fault.HANG, Fault.ERROR, Fault.GARBAGE, Fault.NO_MESSAGE])
async def test_every_way_to_fail_is_a_failed_dependency(call: str, fault: Fault) -> None:
    """RE-301: slow, hanging, refusing, unreadable: trouble that names the service, within the deadline."""
    service, ask = CALLS[call]
    impatient = UpstreamPolicy("", deadline_ms=150, page_deadline_ms=150)
    async with running() as fakes:
        patient = fault not in {Fault.SLOW, Fault.HANG}
        async with clients_of(fakes.address, policy=None if patient else impatient) as clients:
            for plan in (fakes.wallet, fakes.position, fakes.metadata):
                plan.every, plan.slow_ms = fault, 5_000
            async with asyncio.timeout(4):
                with pytest.raises(DependencyFailed) as failed:
                    await ask(clients)
            assert failed.value.dependency == service
            assert (clients.lines[service].failed, clients.lines[service].answered) == (1, 0)


@pytest.mark.parametrize("call", ["balances", "holdings", "holdings_of"])
@pytest.mark.parametrize("fault", [Fault.WRONG_USER, Fault.NOTHING])
async def test_answer_about_another_account_is_refused_whole(call: str, fault: Fault) -> None:
    """RE-301: an answer that leaves out an account asked for, or tells of another, is none."""
    service, ask = CALLS[call]
    async with running() as fakes, clients_of(fakes.address) as clients:
        fakes.wallet.every = fakes.position.every = fault
        with pytest.raises(DependencyFailed, match="cannot be read"):
            await ask(clients)
        assert clients.lines[service].failed == 1


def _twice_an_asset(held: HeldAccount) -> HeldAccount:
    return replace(held, balances=[*held.balances, *held.balances])


def _twice_a_position(held: HeldAccount) -> HeldAccount:
    return replace(held, positions=[*held.positions, *held.positions])


def _twice_an_order(held: HeldAccount) -> HeldAccount:
    return replace(held, orders=[*held.orders, *held.orders])


def _rows_before_any_record(held: HeldAccount) -> HeldAccount:
    return replace(held, balance_sequence=0, position_sequence=0, order_sequence=0)


def _negative_sequences(held: HeldAccount) -> HeldAccount:
    return replace(held, balance_sequence=-1, closed_sequence=-1)


def _no_times(held: HeldAccount) -> HeldAccount:
    return replace(held, event_ms=0)


def _filled_beyond_its_quantity(held: HeldAccount) -> HeldAccount:
    return replace(held, orders=[replace(an_order("o-7", quantity="1", filled="2"), at_us=EVENT_US)])


def _priceless_limit(held: HeldAccount) -> HeldAccount:
    return replace(held, orders=[replace(an_order("o-7"), at_us=EVENT_US, price=None)])


@pytest.mark.parametrize(
    ("services", "spoil"),
    [
        ("wallet", _twice_an_asset),
        ("position", _twice_a_position),
        ("position", _twice_an_order),
        ("wallet position", _rows_before_any_record),
        ("wallet position", _negative_sequences),
        ("wallet position", _no_times),
        ("position", _filled_beyond_its_quantity),
        ("position", _priceless_limit),
    ],
)
async def test_snapshot_that_cannot_be_is_refused_whole(
    services: str, spoil: Callable[[HeldAccount], HeldAccount]
) -> None:
    """RE-301: twins, rows before the first record, times and sequences that cannot be, orders that contradict."""
    async with running() as fakes, clients_of(fakes.address) as clients:
        fakes.book.accounts[KEY] = spoil(fakes.book.accounts[KEY])
        calls = {"wallet": clients.wallet.balances, "position": clients.positions.holdings}
        for service in services.split():
            with pytest.raises(DependencyFailed, match="cannot be read"):
                await calls[service](KEY)


async def test_service_that_is_not_there_is_a_failed_dependency_at_once() -> None:
    """RE-301: a refused connection is trouble, and the service is found again when it is back."""
    fakes = await FakeUpstreams(a_book()).start()
    port = int(fakes.address.rpartition(":")[2])
    await fakes.stop()
    async with clients_of(fakes.address, policy=UpstreamPolicy("", failures_max=1_000)) as clients:
        with pytest.raises(DependencyFailed, match=r"UNAVAILABLE|did not answer"):
            await clients.wallet.balances(KEY)
        again = await FakeUpstreams(a_book()).start(port)
        try:
            async with asyncio.timeout(10):
                while clients.lines["wallet"].answered == 0:
                    await asyncio.gather(clients.wallet.balances(KEY), return_exceptions=True)
        finally:
            await again.stop()


class HandTime:
    """Milliseconds that stand where they are put."""

    def __init__(self) -> None:
        self.at_ms = 0

    def __call__(self) -> int:
        return self.at_ms


async def test_service_that_keeps_failing_is_left_alone_for_a_while() -> None:
    """RE-302: after the failures in a row nobody asks, then one call tries; NOT_FOUND is no failure."""
    time = HandTime()
    policy = UpstreamPolicy("", deadline_ms=5_000, failures_max=3, pause_ms=1_000)
    async with running() as fakes, clients_of(fakes.address, policy=policy, monotonic_ms=time) as clients:
        for _ in range(5):
            assert await clients.wallet.balances(STRANGER) is None
        fakes.wallet.every = Fault.ERROR
        for _ in range(5):
            with pytest.raises(DependencyFailed):
                await clients.wallet.balances(KEY)
        assert fakes.wallet.asked["GetBalances"] == 5 + 3
        fakes.wallet.every, time.at_ms = Fault.UP, 999
        with pytest.raises(DependencyFailed, match="not asked"):
            await clients.wallet.balances(KEY)
        time.at_ms = 1_000
        assert await clients.wallet.balances(KEY) is not None
        assert await clients.wallet.balances(KEY) is not None
    assert fakes.wallet.asked["GetBalances"] == 5 + 3 + 2


async def test_no_more_calls_than_allowed_run_at_once() -> None:
    """RE-303: one more is not made and fails at once, and a call that was given up leaves its place."""
    policy = UpstreamPolicy("", deadline_ms=60_000, calls_max=2)
    async with running() as fakes, clients_of(fakes.address, policy=policy) as clients:
        fakes.wallet.next_ones = [Fault.HANG, Fault.HANG]
        hanging = [asyncio.create_task(clients.wallet.balances(KEY)) for _ in range(2)]
        await fakes.wallet.arrived.wait()
        with pytest.raises(DependencyFailed, match="not asked: 2 calls run"):
            await clients.wallet.balances(KEY)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        fakes.wallet.next_ones = []
        assert await clients.wallet.balances(KEY) is not None
        assert clients.lines["wallet"].failed == 0


def a_certificate() -> tuple[bytes, bytes]:
    """Make a key and a certificate of 127.0.0.1 that is its own authority, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "upstream")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, certificate.public_bytes(pem)


async def test_service_behind_tls_is_asked_when_its_authority_is_known(tmp_path: Path) -> None:
    """RE-305: with its authority the answer is read; with another one, or in plaintext, there is none."""
    key, certificate = a_certificate()
    _, of_another = a_certificate()
    (tmp_path / "ca.pem").write_bytes(certificate)
    (tmp_path / "other.pem").write_bytes(of_another)
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    fakes = await FakeUpstreams(a_book()).start(credentials=credentials)
    try:
        async with clients_of(fakes.address, tls_ca_file=tmp_path / "ca.pem") as clients:
            assert await clients.wallet.balances(KEY) is not None
        for tls_ca_file in (tmp_path / "other.pem", None):
            async with clients_of(fakes.address, tls_ca_file=tls_ca_file) as clients:
                with pytest.raises(DependencyFailed):
                    await clients.wallet.balances(KEY)
        assert fakes.wallet.asked["GetBalances"] == 1
    finally:
        await fakes.stop()


async def test_plaintext_is_spoken_on_loopback_alone() -> None:
    """RE-305: an address that is not on this machine is asked over TLS, authority named or not."""
    async with running() as fakes:
        channel = open_channel(fakes.address, loopback=False, tls_ca_file=None)
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/wallet.v1.WalletService/GetBalances"
        )
        with pytest.raises(grpc.aio.AioRpcError):
            await call(b"", timeout=5)
        await channel.close()
        assert fakes.wallet.asked.total() == 0
