"""``tidegate demo``: the product on embedded defaults, with a market and traders that meet it over gRPC and REST."""

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.screening import ListFiles, ListFormat, SourceFile, change_now, import_list, open_lists
from tidegate.bootstrap.service import Seeds, Service, open_service
from tidegate.cli.output import refuse
from tidegate.cli.serve import issuer_maker
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.demo import world
from tidegate.demo.desk_book import Applicant, UnreadableBook, own_applicants, shared_book, studied_applicants
from tidegate.demo.desk_play import (
    APPLICANTS,
    DeskFailed,
    DeskPerformance,
    DeskStage,
    open_desk_part,
    provider_settings,
)
from tidegate.demo.desk_rows import ONBOARDING_FILE, SCORECARD_FILE, shipped_rows
from tidegate.demo.desk_shipped import shipped_seed
from tidegate.demo.issuer import TinyIssuer, TokenWish
from tidegate.demo.market import Tape
from tidegate.demo.play import Demo, DemoFailed, DemoOptions, DemoTarget, open_demo
from tidegate.demo.replay import UnreadableReplay
from tidegate.demo.stub_providers.server import StubProviders
from tidegate.settings import Profile, Role, Settings, UnreadableSettings, read_settings

EXIT_SURPRISED = 1
"""The flow was played and something in it came out otherwise than it must."""

REST_PORT, GRPC_PORT = 8080, 8081


def demo(  # tidy: allow-parameters - each is an option of the command
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the flow, with a summary.")] = False,
    replay: Annotated[Path | None, typer.Option("--replay", help="A captured market (csv.gz) to be played.")] = None,
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=1_000, help="Pace of the market.")] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="Throws the dice.")] = 7,
    data: Annotated[Path | None, typer.Option("--data", help="Data folder; else a fresh one, removed after.")] = None,
    credit: Annotated[
        Path | None, typer.Option("--credit", help="Rows of Statlog German credit; else found, or people of its own.")
    ] = None,
) -> None:
    """Play a market, traders and applicants through the real interfaces; then keep serving until Ctrl-C."""
    with _folder(data) as folder:
        try:
            options = DemoOptions(replay, speed, seed)
            plan = _Plan(options, options.tape(), _applicants(credit), once=once)
            surprised = uvloop.run(_demo(folder, plan))
        except (DependencyFailed, DemoFailed, DeskFailed, UnreadableBook, UnreadableReplay, OSError) as trouble:
            refuse(str(trouble))
    if surprised:
        raise typer.Exit(EXIT_SURPRISED)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is played, read whole before anything is started."""

    options: DemoOptions
    tape: Tape
    applicants: Sequence[Applicant]
    once: bool


def _applicants(chosen: Path | None) -> Sequence[Applicant]:
    """Give people who ask for credit: of the chosen file, else of the study where it is at hand, else the demo's own.

    Raises:
        UnreadableBook: the file holds other rows.
        OSError: the file cannot be read.
    """
    path = chosen or shared_book(os.environ.get("TIDEGATE_SHARED"), repository=Path(__file__).resolve().parents[3])
    return own_applicants() if path is None else studied_applicants(path, count=APPLICANTS)


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


def _demo_settings(folder: Path, stubs: StubProviders) -> Settings:
    """Give the settings of the demo: loopback, its own folder, stand-ins for providers, and limits that bite."""
    overrides: dict[str, object] = {
        "profile": Profile.DEMO,
        "rest": {"host": "127.0.0.1", "port": _free(REST_PORT)},
        "grpc": {"host": "127.0.0.1", "port": _free(GRPC_PORT)},
        "data": {"dir": folder},
        "gate": dict(world.GATE_OVERRIDES),
        "serve": {"roles": tuple(Role), "workers": 1},
        **provider_settings(stubs),
    }
    try:
        return read_settings(os.environ, overrides)
    except UnreadableSettings as unreadable:
        refuse(str(unreadable))


def _free(port: int) -> int:
    """Give the port when nobody listens on it, else 0 (any free one)."""
    with socket.socket() as probe:
        return 0 if probe.connect_ex(("127.0.0.1", port)) == 0 else port


async def _demo(folder: Path, plan: _Plan) -> bool:
    """Play; tell whether anything came out otherwise than it must."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        stubs = await StubProviders().start()
        stack.push_async_callback(stubs.stop)
        settings = _demo_settings(folder, stubs)
        issuer, seed = issuer_maker(settings), shipped_seed(rule_engines())
        service = await stack.enter_async_context(open_service(settings, issuer=issuer, seeds=Seeds(desk=seed)))
        target = _target(settings, service)
        stage = _stage(settings, target, stubs=stubs, applicants=plan.applicants)
        show = await stack.enter_async_context(open_demo(target, plan.options, tape=plan.tape))
        desk = await stack.enter_async_context(open_desk_part(stage))
        playing = asyncio.create_task(_play(show, desk))
        ended = asyncio.create_task(stopped.wait())
        await asyncio.wait({playing, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            return False
        ended.cancel()
        surprised = playing.result()
        show.invite(target, [*desk.invitations(), _audit_invitation(folder)])
        if not plan.once:
            market = asyncio.create_task(show.keep_open())
            await service.run_until(stopped)
            market.cancel()
        return surprised


async def _play(show: Demo, desk: DeskPerformance) -> bool:
    """Play the gate's flow, then the desk's; tell whether anything came out otherwise than it must."""
    gate = await show.play()
    await desk.prepare()
    summary = await desk.play()
    return any((gate.surprises, gate.troubles, summary.surprises, summary.troubles))


def _audit_invitation(folder: Path) -> tuple[str, str]:
    program = str(Path(sys.executable).with_name("tidegate"))
    return "The audit chain, checked from outside:", shlex.join([program, "audit", "verify", "--data", str(folder)])


async def _import_list(settings: Settings, name: str, *, content: bytes) -> None:
    files = ListFiles(SourceFile(name, content))
    async with open_lists(settings) as lists:
        await import_list(lists, name, files=files, list_format=ListFormat.OWN, by=change_now("demo"))


def _stage(
    settings: Settings, target: DemoTarget, *, stubs: StubProviders, applicants: Sequence[Applicant]
) -> DeskStage:
    return DeskStage(
        rest_url=target.rest_url,
        token=target.token,
        stubs=stubs,
        import_list=lambda name, content: _import_list(settings, name, content=content),
        shipped=(shipped_rows(ONBOARDING_FILE), shipped_rows(SCORECARD_FILE)),
        applicants=applicants,
        run=str(time.time_ns() // 1_000_000),
    )


def _target(settings: Settings, service: Service) -> DemoTarget:
    issuer = TinyIssuer.kept_in(settings.data.dir)

    def token(role: str) -> str:
        return issuer.token(TokenWish((role,), int(time.time()), audience=settings.oidc.audience, ttl_s=86_400))

    assert service.grpc_address is not None, "the demo has every role"
    return DemoTarget(service.grpc_address, service.rest_url, token, service.publish, service.settled)
