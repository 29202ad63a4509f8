"""Many clients at once: a connection each, what they were answered, and how calls ended that were not."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import grpc
from tests.inbound.grpc.edge import Refusal, a_request, refusal_of
from tests.system.world import ACCOUNT, User, opening, publish

from tidegate.bootstrap.stores import Stores
from tidegate.demo.issuer import TinyIssuer, TokenWish
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.proto.risk.v1.main_pb2_grpc import RiskServiceStub

if TYPE_CHECKING:
    from tidegate.wire.proto.risk.v1.main_pb2_grpc import RiskServiceAsyncStub

OWN_CONNECTION: Final = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)
"""Without it the channels of one process share a connection."""


class Clients:
    """So many connections to one gate."""

    def __init__(self, address: str, count: int) -> None:
        self.channels: list[Any] = [grpc.aio.insecure_channel(address, options=OWN_CONNECTION) for _ in range(count)]
        self.stubs: list[RiskServiceAsyncStub] = [RiskServiceStub(channel) for channel in self.channels]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.gather(*(channel.close() for channel in self.channels))


@dataclass
class Told:
    """What clients were told: answers by order id, refusals of calls, and how long each answer took in seconds."""

    answers: dict[str, pb.PreTradeCheckResponse] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever an answer or a refusal has come; whoever waits for it clears it."""

    def approved(self) -> list[str]:
        """Give the ids of the orders that may proceed."""
        return [order_id for order_id, answer in self.answers.items() if answer.decision == pb.APPROVED]

    def percentile_ms(self, percent: int) -> float:
        """Give the time by which so many percent of the answers had come."""
        ordered = sorted(self.took_s)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1_000 if ordered else 0.0


async def ask_all(
    clients: Clients,
    orders: Sequence[pb.PreTradeCheckRequest],
    *,
    told: Told | None = None,
    in_flight: int = 4,
    timeout_s: float = 60.0,
) -> Told:
    """Send orders through all connections at once, some in flight on each; an order is asked once."""
    told, left = told or Told(), deque(orders)

    async def send(stub: "RiskServiceAsyncStub") -> None:
        while left:
            order = left.popleft()
            begun = perf_counter()
            try:
                told.answers[order.order_id] = await stub.PreTradeCheck(order, timeout=timeout_s)
                told.took_s.append(perf_counter() - begun)
                told.came.set()
            except grpc.aio.AioRpcError as error:
                told.refusals[order.order_id] = refusal_of(error)
                told.came.set()

    await asyncio.gather(*(send(stub) for stub in clients.stubs for _ in range(in_flight)))
    return told


class Officer:
    """An officer at the admin API."""

    def __init__(self, session: aiohttp.ClientSession, rest: str, *, token: str) -> None:
        self._session = session
        self._rest = rest
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(
        self, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Make one request; give status, document and headers."""
        url, sent = self._rest + path, {**self._headers, **(headers or {})}
        async with self._session.request(method, url, json=body, headers=sent) as response:
            document = await response.json(content_type=None) if response.content_length != 0 else None
            return response.status, document, response.headers

    async def get(self, path: str) -> Any:  # noqa: ANN401 - a JSON document
        """Read a document that is there."""
        status, document, _ = await self.ask("GET", path)
        assert status == 200, document
        return document

    async def ready(self) -> tuple[int, Any]:
        """Give what ``/readyz`` says."""
        status, document, _ = await self.ask("GET", "/readyz")
        return status, document


@asynccontextmanager
async def officer_of(data: Path, rest: str, *, roles: Iterable[str] = ("RISK_ADMIN",)) -> AsyncIterator[Officer]:
    """Let an officer in, with a token of the data folder's own issuer."""
    token = TinyIssuer.kept_in(data).token(TokenWish(roles=tuple(roles), now_s=int(time())))
    async with aiohttp.ClientSession() as session:
        yield Officer(session, rest, token=token)


async def introduce(stores: Stores, clients: Clients, *, users: Sequence[User]) -> None:
    """Publish all there is of new users, and ask dry until the gate knows the last of them."""
    await publish(stores, [event for user in users for event in opening(user)])
    async with asyncio.timeout(30):
        for user in users:
            while (await clients.stubs[0].PreTradeCheck(a_small_order(user, dry_run=True))).decision != pb.APPROVED:
                pass


def a_small_order(user: User, order_id: str = "small", **fields: Any) -> pb.PreTradeCheckRequest:
    """Build a small limit buy at the mark of a user."""
    return a_request(order_id, **{"user_id": user.user_id, "account_id": ACCOUNT, "quantity": "0.001", **fields})
