"""``tidegate demo``: the product on embedded defaults, with a market and traders that meet it over gRPC and REST."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tidegate.bootstrap.service import Service, open_service
from tidegate.cli.output import refuse
from tidegate.cli.serve import issuer_maker
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.demo import world
from tidegate.demo.issuer import TinyIssuer, TokenWish
from tidegate.demo.market import Tape
from tidegate.demo.play import DemoFailed, DemoOptions, DemoTarget, open_demo
from tidegate.demo.replay import UnreadableReplay
from tidegate.settings import Profile, Settings, UnreadableSettings, read_settings

EXIT_SURPRISED = 1
"""The flow was played and something in it came out otherwise than it must."""

REST_PORT, GRPC_PORT = 8080, 8081


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the flow, with a summary.")] = False,
    replay: Annotated[Path | None, typer.Option("--replay", help="A captured market (csv.gz) to be played.")] = None,
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=1_000, help="Pace of the market.")] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="Throws the dice.")] = 7,
    data: Annotated[Path | None, typer.Option("--data", help="Data folder; else a fresh one, removed after.")] = None,
) -> None:
    """Play a market and traders through the real interfaces; then keep serving until Ctrl-C."""
    with _folder(data) as folder:
        settings = _demo_settings(folder)
        try:
            options = DemoOptions(replay, speed, seed)
            surprised = uvloop.run(_demo(settings, options, tape=options.tape(), once=once))
        except (DependencyFailed, DemoFailed, UnreadableReplay, OSError) as trouble:
            refuse(str(trouble))
    if surprised:
        raise typer.Exit(EXIT_SURPRISED)


@contextlib.contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    """Lend the data folder: the chosen one, or a fresh one that is removed at the end."""
    if chosen is not None:
        yield chosen
        return
    fresh = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _demo_settings(folder: Path) -> Settings:
    """Give the settings of the demo: loopback, its own folder, and limits that bite."""
    overrides: dict[str, object] = {
        "profile": Profile.DEMO,
        "rest": {"host": "127.0.0.1", "port": _free(REST_PORT)},
        "grpc": {"host": "127.0.0.1", "port": _free(GRPC_PORT)},
        "data": {"dir": folder},
        "gate": dict(world.GATE_OVERRIDES),
    }
    try:
        return read_settings(os.environ, overrides)
    except UnreadableSettings as unreadable:
        refuse(str(unreadable))


def _free(port: int) -> int:
    """Give the port when nobody listens on it, else 0 (any free one)."""
    with socket.socket() as probe:
        return 0 if probe.connect_ex(("127.0.0.1", port)) == 0 else port


async def _demo(settings: Settings, options: DemoOptions, *, tape: Tape, once: bool) -> bool:
    """Play; tell whether anything came out otherwise than it must."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with open_service(settings, issuer=issuer_maker(settings)) as service:
        target = _target(settings, service)
        async with open_demo(target, options, tape=tape) as show:
            playing = asyncio.create_task(show.play())
            ended = asyncio.create_task(stopped.wait())
            await asyncio.wait({playing, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
                return False
            summary = playing.result()
            show.invite(target)
            if not once:
                market = asyncio.create_task(show.keep_open())
                await service.run_until(stopped)
                market.cancel()
            ended.cancel()
            return bool(summary.surprises or summary.troubles)


def _target(settings: Settings, service: Service) -> DemoTarget:
    issuer = TinyIssuer.kept_in(settings.data.dir)

    def token(role: str) -> str:
        return issuer.token(TokenWish((role,), int(time.time()), audience=settings.oidc.audience, ttl_s=86_400))

    return DemoTarget(service.grpc_address, service.rest_url, token, service.publish, service.settled)
