"""Wires the upstream services Wallet, Position and Metadata: those that settings name; the others are not there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc

from tidegate.bootstrap.accounts import Accounts
from tidegate.bootstrap.surroundings import Jobs, Surroundings, end
from tidegate.inbound.jobs.upstream import UpstreamJob
from tidegate.inbound.rest.dependencies import Probe
from tidegate.inbound.shared.figures import Figures
from tidegate.outbound.upstream.line import UpstreamLine, UpstreamPolicy, open_channel
from tidegate.outbound.upstream.metadata import GrpcMetadata
from tidegate.outbound.upstream.positions import GrpcPositions
from tidegate.outbound.upstream.wallet import GrpcWallet
from tidegate.settings import MetadataArea, PositionArea, Settings, WalletArea
from tidegate.settings.bounds import is_loopback
from tidegate.usecases.pretrade.upstream_reading import UpstreamReading
from tidegate.usecases.pretrade.upstream_sync import Upstreams, UpstreamSync

UpstreamArea = WalletArea | PositionArea | MetadataArea


@dataclass(frozen=True, slots=True)
class OpenedUpstreams:
    """The clients, and the lines that count their calls, by service."""

    clients: Upstreams
    lines: Mapping[str, UpstreamLine]

    def show(self, figures: Figures) -> None:
        """Tell how calls ended."""
        figures.watch_each(
            "tidegate_upstream_calls_total",
            help_text="Calls to upstream services that were answered, and that failed.",
            labels=("service", "outcome"),
            rows=lambda: {
                (name, outcome): count
                for name, line in self.lines.items()
                for outcome, count in (("answered", line.answered), ("failed", line.failed))
            },
        )


@asynccontextmanager
async def open_upstreams(settings: Settings) -> AsyncIterator[OpenedUpstreams]:
    """Open the way to each service that settings name; nothing connects before the first call.

    Raises:
        OSError: the file of an authority cannot be read.
    """
    wallet, position, metadata = settings.wallet, settings.position, settings.metadata
    lines: dict[str, UpstreamLine] = {}
    async with AsyncExitStack() as stack:

        def opened(name: str, area: UpstreamArea) -> tuple[grpc.aio.Channel, UpstreamLine]:
            assert area.grpc is not None, "the service is named"
            host = area.grpc.rpartition(":")[0].strip("[]")
            channel = open_channel(area.grpc, loopback=is_loopback(host), tls_ca_file=area.tls_ca_file)
            stack.push_async_callback(channel.close)
            policy = UpstreamPolicy(name, deadline_ms=area.deadline_ms, page_deadline_ms=area.page_deadline_ms)
            lines[name] = UpstreamLine(policy)
            return channel, lines[name]

        clients = Upstreams(
            wallet=None if wallet.grpc is None else GrpcWallet(*opened("wallet", wallet)),
            positions=None if position.grpc is None else GrpcPositions(*opened("position", position)),
            metadata=None if metadata.grpc is None else GrpcMetadata(*opened("metadata", metadata)),
            wait_ms=max(wallet.deadline_ms, position.deadline_ms),
        )
        yield OpenedUpstreams(clients, lines)


class UpstreamPart:
    """What is read from upstream services into the accounts of this process: at the start, on a miss, after a gap."""

    def __init__(self, around: Surroundings, accounts: Accounts, *, opened: OpenedUpstreams) -> None:
        memory, clock = accounts.memory, around.clock
        clients = around.tracing.upstreams(opened.clients)
        self.reading = UpstreamReading(clients, memory.book, replica=memory.replica, clock=clock, alarm=around.alarm)
        sync = UpstreamSync(clients, accounts.feeds.instruments, book=memory.book, clock=clock)
        self._job = UpstreamJob(sync, memory.replica, around.reporter("upstream services"))
        self._jobs: Jobs = []
        opened.show(around.figures)
        reading = self.reading
        around.figures.watch_each(
            "tidegate_upstream_accounts_total",
            help_text="Accounts that were read for an order or after a gap, by how that ended.",
            labels=("outcome",),
            rows=lambda: {
                ("completed",): reading.completed,
                ("absent",): reading.absent,
                ("failed",): reading.failed,
            },
        )

    def probes(self) -> Mapping[str, Probe]:
        """Give what ``/readyz`` asks: nothing, since the gate decides without these services too."""
        return {}

    async def load(self) -> None:
        """Read what a start needs, as far as the services answer."""
        await self._job.attempt()

    def start(self) -> Jobs:
        """Start to read on what could not be read yet."""
        self._jobs = [asyncio.create_task(self._job.run(), name="read from upstream services")]
        return self._jobs

    async def stop(self) -> None:
        """Give up what is being read."""
        await end(self._jobs)
        await self.reading.close()
