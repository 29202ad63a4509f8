"""Plays the demo: prepares the world, opens the market, lets people trade, and says what came of it."""

import asyncio
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import grpc
from rich.console import Console

from tidegate.demo import world
from tidegate.demo.floor import Floor, Publish, Settled, Told
from tidegate.demo.gateway import CallFailed, GrpcGateway
from tidegate.demo.ladders import load_listings
from tidegate.demo.market import Market, Tape, Tick, Trade, dice_for, invented_tape
from tidegate.demo.officer import Officer, OfficerRefused, RestOfficer
from tidegate.demo.opening import NotReady, Pace, open_world
from tidegate.demo.presentation import DemoSummary, Presentation, latency_of
from tidegate.demo.replay import read_replay
from tidegate.demo.scenes import SCENES
from tidegate.demo.telling import Teller
from tidegate.demo.traders import CrowdTrader, gather_crowd

SCENES_WITHIN_S: Final = 60.0
"""All parts are played within the first minute of a long market."""

SPEED_MAX: Final = 1_000

ORDER_EVERY_S: Final = 0.1
MARKS_EVERY_S: Final = 0.2
KEEP_OPEN_S: Final = 2.0
"""Marks of a market that is kept open come this often: young enough for every check."""


class DemoFailed(Exception):
    """The demo cannot be played; the message is one readable line."""


@dataclass(frozen=True, slots=True)
class DemoTarget:
    """The running service: where it listens, tokens by role, and the bus it reads.

    ``publish`` takes (base topic, record) in order and returns when they are durable; ``settled`` waits until
    everything published has been applied.
    """

    grpc_address: str
    rest_url: str
    token: Callable[[str], str]
    publish: Publish
    settled: Settled


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """``replay``: a captured market instead of an invented one. ``speed`` multiplies the clock of the market, not that
    of the gate. ``seed`` throws the dice.
    """

    replay: Path | None = None
    speed: float = 1.0
    seed: int = 7

    def __post_init__(self) -> None:
        if not 0 < self.speed <= SPEED_MAX:
            raise ValueError(f"speed must be above 0 and at most {SPEED_MAX}, not {self.speed}")

    def tape(self) -> Tape:
        """Give the market that is to be played, read whole: worth doing before a service is started.

        Raises:
            UnreadableReplay: the file to be replayed is no captured market.
        """
        return invented_tape() if self.replay is None else read_replay(self.replay)


class Performance:
    """One run of the demo on a floor."""

    def __init__(self, floor: Floor, tape: Tape, *, pace: Pace, seed: int) -> None:
        self._floor = floor
        self._tape = tape
        self._pace = pace
        self._crowd = gather_crowd(world.CROWD, dice_for(seed, "crowd"))
        self._followed = 0
        self._played = 0
        floor.run = f"{seed}/{floor.teller.now_ms()}"

    async def prepare(self, officer: Officer) -> None:
        """Make everything that must exist, and wait until the gate uses it.

        Raises:
            NotReady: the gate does not use it in time.
            OfficerRefused: the admin API does not take a write.
        """
        await open_world(self._floor, officer, pace=self._pace)

    async def play(self) -> None:
        """Play the whole tape, with every scene in it."""
        floor, ticks = self._floor, self._tape.ticks
        floor.show.heading()
        began_ms = self._pace.now_ms()
        with floor.show.progress(len(ticks)):
            for place, tick in enumerate(ticks):
                due_ms = began_ms + self._at_s(place) * 1_000
                if (early_s := (due_ms - self._pace.now_ms()) / 1_000) > 0:
                    await self._pace.pause(early_s)
                await self._tick(place, tick)
                left_s = self._at_s(len(ticks) - place - 1)
                floor.show.played(place + 1, total=len(ticks), left_s=left_s)
        await floor.settle()

    def _at_s(self, ticks: int) -> float:
        return ticks * self._tape.tick_s / self._pace.speed

    def _every(self, seconds: float) -> int:
        """Give in ticks what comes every so many seconds of the wall clock."""
        return max(1, round(seconds * self._pace.speed / self._tape.tick_s))

    async def _tick(self, place: int, tick: Tick) -> None:
        floor = self._floor
        marked = set(floor.market.follow(tick.marks))
        if place % self._every(MARKS_EVERY_S) == 0:
            marked.update(floor.market.wander())
            marked.update(floor.market.marks)
        await floor.mark(sorted(filter(world.is_marked, marked)))
        if not self._tape.replayed:
            await asyncio.gather(*(trader.act(floor) for trader in self._crowd))
        elif place % self._every(ORDER_EVERY_S) == 0 and tick.trades:
            largest = max(tick.trades, key=lambda trade: trade.price * trade.quantity)
            await self._follower(largest).follow(floor, largest)
        scenes_end = min(len(self._tape.ticks), self._every(SCENES_WITHIN_S))
        while self._played < len(SCENES) and self._played * scenes_end < (place + 1) * len(SCENES):
            await floor.settle()
            await SCENES[self._played](floor)
            self._played += 1

    def _follower(self, trade: Trade) -> CrowdTrader:
        """Give the next trader who owns what the trade's symbol takes."""
        needs = self._floor.market.listings[trade.symbol].instrument.base if trade.symbol in _BASE_OWNERS else "USDT"
        able = [trader for trader in self._crowd if needs in trader.person.balances]
        self._followed += 1
        return able[self._followed % len(able)]

    async def keep_open(self) -> None:
        """Keep the marks moving until cancelled, so that orders sent by hand meet a fresh market."""
        floor = self._floor
        while True:
            await floor.mark(sorted(filter(world.is_marked, floor.market.wander(all_symbols=True))))
            await self._pace.pause(KEEP_OPEN_S)


_BASE_OWNERS: Final = frozenset({"BTCUSD", "BTC-USDT"})
"""Symbols whose traders must own the base asset."""


class Demo:
    """The demo on a running service: ``play`` the flow, then ``keep_open`` while people look around."""

    def __init__(self, performance: Performance, floor: Floor, *, gateway: GrpcGateway, officer: Officer) -> None:
        self._performance = performance
        self._floor = floor
        self._gateway = gateway
        self._officer = officer

    async def play(self) -> DemoSummary:
        """Prepare the world, play the flow, and show the summary. ``summary.surprises`` and ``troubles`` are empty
        when all went as it should.

        Raises:
            DemoFailed: the world could not be prepared.
        """
        try:
            await self._performance.prepare(self._officer)
        except (NotReady, OfficerRefused, CallFailed, aiohttp.ClientError) as trouble:
            raise DemoFailed(f"the demo cannot begin: {trouble}") from trouble
        await self._performance.play()
        summary = self._floor.summary
        summary.latency = latency_of(self._gateway.latencies_ms)
        self._floor.show.summary(summary)
        return summary

    async def keep_open(self) -> None:
        """Keep the market's marks fresh until cancelled."""
        await self._performance.keep_open()

    def invite(self, target: DemoTarget, more: Sequence[tuple[str, str]] = ()) -> None:
        """Show where everything is, and what to paste next; ``more`` are further commands with their titles."""
        show, rest = self._floor.show, target.rest_url.rstrip("/")
        show.note(f"REST and its docs: {rest}/docs    metrics: {rest}/metrics    gRPC: {target.grpc_address}")
        for title, command in [*invitations(target, self._floor), *more]:
            show.paste(title, command)


@asynccontextmanager
async def open_demo(
    target: DemoTarget, options: DemoOptions, *, tape: Tape | None = None, console: Console | None = None
) -> AsyncIterator[Demo]:
    """Lend the demo on a running service. ``tape``: the options' own, when it has been read already; ``console`` is
    standard output unless given.

    Raises:
        UnreadableReplay: the file to be replayed is no captured market.
    """
    played: Tape = tape if tape is not None else await asyncio.to_thread(options.tape)
    market = Market(load_listings(), played, dice=dice_for(options.seed, "market"))
    teller = Teller(_now_ms, dice=dice_for(options.seed, f"events/{time.time_ns()}"))
    told, show = Told(target.publish, target.settled), Presentation(console or Console())
    async with grpc.aio.insecure_channel(target.grpc_address) as channel, aiohttp.ClientSession() as session:
        gateway = GrpcGateway(channel, target.token("RISK_TRADER_GATE"))
        officer = RestOfficer(session, target.rest_url, token=target.token("RISK_ADMIN"))
        floor = Floor(gateway, told, market=market, teller=teller, show=show)
        pace = Pace(options.speed, _now_ms, asyncio.sleep)
        performance = Performance(floor, played, pace=pace, seed=options.seed)
        yield Demo(performance, floor, gateway=gateway, officer=officer)


async def play(target: DemoTarget, options: DemoOptions, *, console: Console | None = None) -> DemoSummary:
    """Play the flow once on a running service and give what came of it.

    Raises:
        UnreadableReplay: the file to be replayed is no captured market.
        DemoFailed: the world could not be prepared.
    """
    async with open_demo(target, options, console=console) as demo:
        return await demo.play()


def invitations(target: DemoTarget, floor: Floor) -> list[tuple[str, str]]:
    """Give commands to be pasted, each with its title: what the gate said, and an order of one's own."""
    rest, token = target.rest_url.rstrip("/"), target.token("RISK_AUDITOR")
    curl = ["curl", "-s", "-H", f"Authorization: Bearer {token}", f"{rest}/v1/decisions?decision=REJECTED&limit=3"]
    order = (
        f'user_id="{world.ADA.user_id(floor.run)}", account_id="main", order_id="by-hand-1", symbol="ETHUSDT", '
        'side=m.BUY, order_type=m.MARKET, quantity="0.5", leverage="10"'
    )
    call = (
        "import grpc; from tidegate.wire.proto.risk.v1 import main_pb2 as m, main_pb2_grpc as s; "
        f'print(s.RiskServiceStub(grpc.insecure_channel("{target.grpc_address}")).PreTradeCheck('
        f"m.PreTradeCheckRequest({order}), "
        f'metadata=[("authorization", "Bearer {target.token("RISK_TRADER_GATE")}")]))'
    )
    return [
        ("What the gate refused, with its reasons:", shlex.join(curl)),
        ("An order of your own:", shlex.join([sys.executable, "-c", call])),
    ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
