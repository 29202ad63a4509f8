"""``tidegate serve``: the product, in one process; ends orderly on SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.logs import log_to_stderr
from tidegate.bootstrap.service import IssuerParts, Seeds, Service, open_service
from tidegate.bootstrap.system import quieten_collector
from tidegate.bootstrap.ways_in import in_url
from tidegate.bootstrap.workers import Offer, Supervisor
from tidegate.cli.output import read_bytes, refuse
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.dynamic_rules import condition_faults
from tidegate.demo.desk_shipped import shipped_seed
from tidegate.demo.issuer import IssuerRefused, NoIssuerKeys, TinyIssuer
from tidegate.inbound.scenario.assessment import read_desk_seed
from tidegate.inbound.scenario.faults import UnreadableScenario
from tidegate.inbound.scenario.reader import SEED_KEYS, is_desk_alone, read_scenario
from tidegate.settings import Profile, Role, ServeArea, Settings, UnreadableSettings, read_settings
from tidegate.usecases.assessment.seed import DeskSeed

Address = Annotated[str | None, typer.Option(metavar="HOST:PORT")]


def serve(  # tidy: allow-parameters - each is an option of the command
    *,
    profile: Annotated[Profile | None, typer.Option("--profile")] = None,
    rest: Address = None,
    grpc: Address = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the embedded parts.")] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="FILE", help="A scenario to load at the start.")] = None,
    roles: Annotated[str | None, typer.Option("--roles", help=f"What to do, of {','.join(Role)}; else all.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes that share the addresses.")] = None,
    rest_fd: Annotated[int | None, typer.Option("--rest-fd", hidden=True)] = None,
) -> None:
    """Serve; prints one line ``ready rest=... grpc=...`` when it answers. SIGTERM drains and ends with 0."""
    part = {name: value for name, value in (("roles", roles), ("workers", workers)) if value is not None}
    settings = settings_for(profile=profile, rest=rest, grpc=grpc, data=data, part=part)
    seeds = _fitting(Seeds() if seed is None else read_seed(seed), settings.serve)
    if settings.serve.workers > 1:
        supervise(settings, seed)
    else:
        run_service(settings, with_shipped(seeds, settings.profile), rest_fd=rest_fd)


def _fitting(seeds: Seeds, area: ServeArea) -> Seeds:
    """Refuse a seed with rows for a part of the work that is another process's."""
    if seeds.scenario is not None and not area.with_accounts:
        refuse("--seed holds rows of the order gate, which is none of --roles")
    desk = seeds.desk
    if desk is not None and any((desk.rules, desk.thresholds, desk.lists)) and Role.DESK not in area.roles:
        refuse("--seed holds rows of the desk, which is none of --roles")
    return seeds


def with_shipped(seed: Seeds, profile: Profile) -> Seeds:
    """Add what a desk of the demo profile starts with, unless the seed has rows of the desk: those are then all."""
    desk = seed.desk
    if profile is not Profile.DEMO or (desk is not None and any((desk.rules, desk.thresholds, desk.lists))):
        return seed
    return replace(seed, desk=shipped_seed(rule_engines()))


def settings_for(
    *,
    profile: Profile | None,
    rest: str | None,
    grpc: str | None,
    data: Path | None,
    part: Mapping[str, object] | None = None,
) -> Settings:
    """Read the settings; what stands on the command line wins over the environment."""
    overrides: dict[str, object] = {}
    if profile is not None:
        overrides["profile"] = profile
    if rest is not None:
        overrides["rest"] = _address(rest, "--rest")
    if grpc is not None:
        overrides["grpc"] = _address(grpc, "--grpc")
    if data is not None:
        overrides["data"] = {"dir": data}
    if part:
        overrides["serve"] = part
    try:
        return read_settings(os.environ, overrides)
    except UnreadableSettings as unreadable:
        refuse(str(unreadable))


def _address(text: str, option: str) -> dict[str, object]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit():
        refuse(f"{option} must be HOST:PORT, not {text}")
    return {"host": host.strip("[]"), "port": int(port)}


def read_seed(path: str) -> Seeds:
    """Read a seed file; one that cannot be read ends the command."""
    engines, content = rule_engines(), read_bytes(path)
    try:
        scenario = None
        if not is_desk_alone(content):
            scenario = read_scenario(
                content,
                order_required=False,
                tolerated_keys=SEED_KEYS,
                condition_faults=lambda text: condition_faults(text, engines=engines),
            )
        rows = read_desk_seed(content, engines=engines)
    except UnreadableScenario as unreadable:
        refuse(f"{path}: {unreadable}")
    return Seeds(scenario, DeskSeed(rows.rules, rows.thresholds, rows.lists))


def issuer_maker(settings: Settings) -> Callable[[str], IssuerParts] | None:
    """Give what makes the tiny issuer for an address; ``None`` when settings name a real one."""
    if settings.oidc.issuer is not None:
        return None

    def make(rest_url: str) -> IssuerParts:
        issuer = TinyIssuer.start(f"{rest_url}/issuer", profile=settings.profile, data_dir=settings.data.dir)
        return IssuerParts(url=issuer.issuer, path="/issuer", app=issuer.app())

    return make


def run_service(settings: Settings, seeds: Seeds, *, rest_fd: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; a worker also until its supervisor is gone."""
    try:
        uvloop.run(_serve(settings, seeds, rest_fd=rest_fd))
    except (DependencyFailed, IssuerRefused, NoIssuerKeys, OSError) as trouble:
        refuse(str(trouble))


async def _serve(settings: Settings, seeds: Seeds, *, rest_fd: int | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if rest_fd is not None:
        loop.add_reader(sys.stdin.fileno(), _let_go, loop, stopped)
    issuer = issuer_maker(settings)
    async with open_service(settings, issuer=issuer, seeds=seeds, rest_fd=rest_fd) as service:
        quieten_collector()
        typer.echo(ready_line(service))
        await service.run_until(stopped)


def _let_go(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """End: the other end of standard input is the supervisor's, who never writes, and it is gone."""
    loop.remove_reader(sys.stdin.fileno())
    stopped.set()


def ready_line(service: Service) -> str:
    """Give the line by which other programs know that the service answers."""
    gate = "" if service.grpc_address is None else f" grpc={service.grpc_address}"
    return f"ready rest={service.rest_url}{gate}"


def supervise(settings: Settings, seed: str | None) -> None:
    """Keep workers running until SIGTERM or SIGINT; SIGHUP replaces them one by one."""
    try:
        code = asyncio.run(_supervise(settings, seed))
    except OSError as trouble:
        refuse(str(trouble))
    raise typer.Exit(code)


async def _supervise(settings: Settings, seed: str | None) -> int:
    log_to_stderr()
    stopped, renewed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number, told in ((signal.SIGTERM, stopped), (signal.SIGINT, stopped), (signal.SIGHUP, renewed)):
        loop.add_signal_handler(number, told.set)
    supervisor = Supervisor(settings, lambda offer: _worker_command(settings, offer, seed=seed))
    return await supervisor.run(ready=typer.echo, stopped=stopped, renewed=renewed)


def _worker_command(settings: Settings, offer: Offer, *, seed: str | None) -> list[str]:
    """Give the command line of a worker; the rest of its settings is in the environment. The first loads the seed."""
    command = [str(Path(sys.executable).with_name("tidegate")), "serve", "--workers", "1"]
    command += [
        "--profile",
        settings.profile,
        "--data",
        str(settings.data.dir),
        "--roles",
        ",".join(settings.serve.roles),
    ]
    for name, address in (("--rest", offer.rest), ("--grpc", offer.grpc)):
        if address is not None:
            command += [name, f"{in_url(address[0])}:{address[1]}"]
    if seed is not None and offer.first:
        command += ["--seed", seed]
    return [*command, "--rest-fd", str(offer.descriptor)]
