"""Before the market opens: the officer writes, the services tell, and the gate is asked until it uses all of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.pretrade.order import Side
from tidegate.demo import world
from tidegate.demo.exchange import Account
from tidegate.demo.floor import Floor
from tidegate.demo.gateway import request_of
from tidegate.demo.ladders import INVERSE
from tidegate.demo.officer import Officer
from tidegate.demo.world import Person
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

READY_S: Final = 15.0
"""How long the gate may take to use what it was told."""

_ASK_AGAIN_S: Final = 0.05
_PROBE_WORTH: Final = Decimal(2_000)


class NotReady(Exception):
    """The gate does not use what it was told; the message says what."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Speed and time: ``now_ms`` milliseconds since 1970, ``pause`` waits for seconds."""

    speed: float
    now_ms: Callable[[], int]
    pause: Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Probe:
    """A dry run (a market buy) whose answer tells whether the gate uses something."""

    person: Person
    symbol: str
    what: str
    used: Callable[[pb.PreTradeCheckResponse], bool]


_PROBES: Final[Sequence[_Probe]] = (
    _Probe(world.CROWD[-1], INVERSE, "people, balances and ladders", lambda said: said.decision == pb.APPROVED),
    _Probe(world.ADA, world.HALTED, "the kill switch", lambda said: said.reject_reason == pb.TRADING_HALTED),
    _Probe(world.FRANK, "ETHUSDT", "who is frozen", lambda said: said.reject_reason == pb.USER_FROZEN),
    _Probe(world.WANDA, "TIAUSDT", "the dynamic rules", lambda said: said.decision == pb.FLAGGED),
)
"""Each asks for what was written or told last of its kind, so that all before it is used too."""


async def open_world(floor: Floor, officer: Officer, *, pace: Pace) -> None:
    """Make everything that must exist, and wait until the gate uses it.

    Raises:
        NotReady: it does not within ``READY_S``.
        OfficerRefused: the admin API does not take a write.
        CallFailed: the gate does not answer.
    """
    writes = await officer.prepare(floor.market.listings)
    floor.tell(world.opening_events(floor.market, floor.teller, run=floor.run))
    for person in world.PEOPLE:
        positions = {held.symbol: held for held in world.holdings_of(person, floor.market)}
        balances = {balance.asset: balance.total for balance in world.balances_of(person)}
        floor.exchange.open_account(Account(person.user_id(floor.run), balances, positions))
    await _until_ready(floor, pace)
    floor.show.note(
        f"the world stands: {len(floor.market.listings)} instruments, {len(world.PEOPLE)} people, "
        f"{writes} ladders, rules and switches written by the officer"
    )


async def _until_ready(floor: Floor, pace: Pace) -> None:
    ends_ms = pace.now_ms() + round(READY_S * 1_000)
    while True:
        await floor.mark(filter(world.is_marked, floor.market.marks))
        missing = await _missing(floor)
        if not missing:
            return
        if pace.now_ms() > ends_ms:
            raise NotReady(f"the gate does not know {missing} after {READY_S:.0f} s")
        await pace.pause(_ASK_AGAIN_S)


async def _missing(floor: Floor) -> str:
    """Say what the gate does not use yet; empty when it uses all."""
    for probe in _PROBES:
        quantity = floor.market.lots(probe.symbol, _PROBE_WORTH)
        order = floor.order(probe.person, Side.BUY, symbol=probe.symbol, quantity=quantity, price=None)
        said = await floor.gateway.check(request_of(order, dry_run=True))
        if not probe.used(said):
            return f"{probe.what} ({said.message})"
    return ""
