"""The stand-ins of the upstream services, running, and clients of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from tests.core.pretrade.told import USER, a_position, an_instrument, an_order

from tidegate.core.pretrade.account import Balance, MarginMode
from tidegate.core.pretrade.order import PositionSide
from tidegate.demo.fake_upstreams.book import HeldAccount, UpstreamBook
from tidegate.demo.fake_upstreams.server import FakeUpstreams
from tidegate.outbound.upstream.line import UpstreamLine, UpstreamPolicy, open_channel, steady_ms
from tidegate.outbound.upstream.metadata import GrpcMetadata
from tidegate.outbound.upstream.positions import GrpcPositions
from tidegate.outbound.upstream.wallet import GrpcWallet

KEY = (USER, "main")
PLACED_US = 1_767_225_600_000_000


@dataclass
class Clients:
    """The three clients, each on a line of its own."""

    wallet: GrpcWallet
    positions: GrpcPositions
    metadata: GrpcMetadata
    lines: dict[str, UpstreamLine]


def a_held_account() -> HeldAccount:
    """An account with two assets, a position in either mode of margin, and an order."""
    isolated = replace(
        a_position("3", symbol="ETHUSDT", side=PositionSide.LONG),
        margin_mode=MarginMode.ISOLATED,
        isolated_margin=Decimal("12.5"),
    )
    return HeldAccount(
        balances=(
            Balance("USDT", Decimal("1000.25"), Decimal("0.5")),
            Balance("BTC", Decimal(-1), Decimal(0)),
        ),
        positions=(a_position("-2"), isolated),
        orders=(replace(an_order("o-7", quantity="2", filled="0.5"), at_us=PLACED_US, leverage=Decimal(5)),),
        balance_sequence=4,
        position_sequence=9,
        closed_sequence=2,
        order_sequence=6,
        engine_sequence=5,
    )


def a_book() -> UpstreamBook:
    """A book of one account and one instrument."""
    return UpstreamBook({KEY: a_held_account()}, {"BTCUSDT": an_instrument()})


@asynccontextmanager
async def running(book: UpstreamBook | None = None) -> AsyncIterator[FakeUpstreams]:
    """Run the stand-ins."""
    fakes = await FakeUpstreams(a_book() if book is None else book).start()
    try:
        yield fakes
    finally:
        await fakes.stop()


@asynccontextmanager
async def clients_of(
    address: str,
    *,
    policy: UpstreamPolicy | None = None,
    monotonic_ms: Callable[[], int] = steady_ms,
    tls_ca_file: Path | None = None,
) -> AsyncIterator[Clients]:
    """Open clients of a server; a deadline that a busy machine keeps, unless a policy says otherwise."""
    chosen = policy or UpstreamPolicy("upstream", deadline_ms=5_000)
    channel = open_channel(address, loopback=True, tls_ca_file=tls_ca_file)
    lines = {
        name: UpstreamLine(replace(chosen, name=name), monotonic_ms=monotonic_ms)
        for name in ("wallet", "position", "metadata")
    }
    try:
        yield Clients(
            GrpcWallet(channel, lines["wallet"]),
            GrpcPositions(channel, lines["position"]),
            GrpcMetadata(channel, lines["metadata"]),
            lines,
        )
    finally:
        await channel.close()
