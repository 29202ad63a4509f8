"""``tidegate serve``: the product, in one process; ends orderly on SIGTERM."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.service import IssuerParts, Seeds, Service, open_service
from tidegate.bootstrap.system import quieten_collector
from tidegate.cli.output import read_bytes, refuse
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.dynamic_rules import condition_faults
from tidegate.demo.desk_shipped import shipped_seed
from tidegate.demo.issuer import IssuerRefused, NoIssuerKeys, TinyIssuer
from tidegate.inbound.scenario.assessment import read_desk_seed
from tidegate.inbound.scenario.faults import UnreadableScenario
from tidegate.inbound.scenario.reader import SEED_KEYS, is_desk_alone, read_scenario
from tidegate.settings import Profile, Settings, UnreadableSettings, read_settings
from tidegate.usecases.assessment.seed import DeskSeed

Address = Annotated[str | None, typer.Option(metavar="HOST:PORT")]


def serve(
    *,
    profile: Annotated[Profile | None, typer.Option("--profile")] = None,
    rest: Address = None,
    grpc: Address = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the embedded parts.")] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="FILE", help="A scenario to load at the start.")] = None,
) -> None:
    """Serve; prints one line ``ready rest=... grpc=...`` when it answers. SIGTERM drains and ends with 0."""
    settings = settings_for(profile=profile, rest=rest, grpc=grpc, data=data)
    run_service(settings, with_shipped(Seeds() if seed is None else read_seed(seed), settings.profile))


def with_shipped(seed: Seeds, profile: Profile) -> Seeds:
    """Add what a desk of the demo profile starts with, unless the seed has rows of the desk: those are then all."""
    desk = seed.desk
    if profile is not Profile.DEMO or (desk is not None and any((desk.rules, desk.thresholds, desk.lists))):
        return seed
    return replace(seed, desk=shipped_seed(rule_engines()))


def settings_for(*, profile: Profile | None, rest: str | None, grpc: str | None, data: Path | None) -> Settings:
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


def run_service(settings: Settings, seed: Seeds) -> None:
    """Serve until SIGTERM or SIGINT."""
    try:
        uvloop.run(_serve(settings, seed))
    except (DependencyFailed, IssuerRefused, NoIssuerKeys, OSError) as trouble:
        refuse(str(trouble))


async def _serve(settings: Settings, seed: Seeds) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    issuer = issuer_maker(settings)
    async with open_service(settings, issuer=issuer, seeds=seed) as service:
        quieten_collector()
        typer.echo(ready_line(service))
        await service.run_until(stopped)


def ready_line(service: Service) -> str:
    """Give the line by which other programs know that the service answers."""
    gate = "" if service.grpc_address is None else f" grpc={service.grpc_address}"
    return f"ready rest={service.rest_url}{gate}"
