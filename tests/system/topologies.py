"""What a story is told to and asked of: one process with everything in it, or replicas on servers that they share."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from tests.inbound.grpc.edge import a_request
from tests.system.clients import Clients
from tests.system.engine import Event
from tests.system.event_script import Ask, Step, Tell
from tests.system.journal import all_applied
from tests.system.reckoning import disagreements
from tests.system.world import ACCOUNT, now_ms, publish

from tidegate.bootstrap.stores import Stores
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

LOOKS_MAX: Final = 5_000
"""Dry orders asked one after the other until a replica knows something, at some milliseconds each."""


class Topology(Protocol):
    """Where a story plays."""

    stores: Stores

    async def publish(self, events: Sequence[Event]) -> None:
        """Put events on the bus."""

    async def all_applied(self) -> None:
        """Wait until everything on the bus of accounts has been applied."""

    def stubs(self) -> Sequence[Any]:
        """Give a stub of each replica that answers now."""


class OneProcess:
    """``Topology`` of the embedded default."""

    def __init__(self, stores: Stores, clients: Clients) -> None:
        self.stores = stores
        self._clients = clients

    async def publish(self, events: Sequence[Event]) -> None:
        await publish(self.stores, events)

    async def all_applied(self) -> None:
        await all_applied(self.stores)

    def stubs(self) -> Sequence[Any]:
        return self._clients.stubs[:1]


async def play(topology: Topology, steps: Sequence[Step]) -> list[DecisionRecord]:
    """Tell and ask a story, order after order, each of the next replica; give what was recorded of each order."""
    ids, asked = list[str](), 0
    for step in steps:
        if isinstance(step, Tell):
            await topology.publish([(topic, {**record, "event_ts": now_ms()}) for topic, record in step.events])
            await _everywhere(topology, step)
            continue
        stubs = topology.stubs()
        answer = await stubs[asked % len(stubs)].PreTradeCheck(step.order, timeout=30)
        ids.append(answer.decision_id)
        asked += 1
    records = [await topology.stores.archive.get(decision_id) for decision_id in ids]
    return [record for record in records if record is not None]


def wrong(asks: Sequence[Ask], records: Sequence[DecisionRecord]) -> list[str]:
    """Say where what was recorded is not what the naive reference says."""
    return [
        f"{number}: {ask.order.order_id}: {fault}"
        for number, (ask, record) in enumerate(zip(asks, records, strict=True))
        for fault in disagreements(ask.verdict, record)
    ]


async def _everywhere(topology: Topology, told: Tell) -> None:
    """Wait until what was told is known to every replica."""
    if told.marks is not None:
        symbol, price = told.marks
        await _mark_known(topology, symbol, price=price)
        return
    await topology.all_applied()
    if told.frozen is not None:
        user_id, frozen = told.frozen
        probe = a_request("looks", user_id=user_id, account_id=ACCOUNT, quantity="0.001", dry_run=True)
        await _all_say(topology, probe, code=pb.USER_FROZEN, said=frozen)


async def _mark_known(topology: Topology, symbol: str, *, price: Any) -> None:  # noqa: ANN401 - a Decimal
    """An order at either edge of the price band around a mark is inside it only when that is the mark."""
    user_id = "00000000-0000-4000-8000-000000000000"
    for side, factor in ((pb.BUY, 11), (pb.SELL, 9)):
        edge = price * factor / 10
        probe = a_request(
            "looks", user_id=user_id, account_id=ACCOUNT, symbol=symbol, side=side, price=str(edge), dry_run=True
        )
        await _all_say(topology, probe, code=pb.PRICE_OUT_OF_BAND, said=False)


async def _all_say(topology: Topology, probe: pb.PreTradeCheckRequest, *, code: Any, said: bool) -> None:  # noqa: ANN401 - an enum of protobuf
    for stub in topology.stubs():
        for look in range(LOOKS_MAX):
            answer = await stub.PreTradeCheck(probe, timeout=30)
            if (code in {violation.code for violation in answer.violations}) is said:
                break
            assert look < LOOKS_MAX - 1, f"after {LOOKS_MAX} looks still: {answer}"
