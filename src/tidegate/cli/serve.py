"""``tidegate serve``: the product, in one process; ends orderly on SIGTERM."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.service import IssuerParts, Service, open_service
from tidegate.bootstrap.system import quieten_collector
from tidegate.cli.output import read_bytes, refuse
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.dynamic_rules import condition_faults
from tidegate.core.pretrade.scenario import Scenario
from tidegate.demo.issuer import IssuerRefused, NoIssuerKeys, TinyIssuer
from tidegate.inbound.scenario.faults import UnreadableScenario
from tidegate.inbound.scenario.reader import SEED_KEYS, read_scenario
from tidegate.settings import Profile, Settings, UnreadableSettings, read_settings

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
    scenario = None if seed is None else read_seed(seed)
    run_service(settings, scenario)


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


def read_seed(path: str) -> Scenario:
    """Read a seed file; one that cannot be read ends the command."""
    engines = rule_engines()
    try:
        return read_scenario(
            read_bytes(path),
            order_required=False,
            tolerated_keys=SEED_KEYS,
            condition_faults=lambda text: condition_faults(text, engines=engines),
        )
    except UnreadableScenario as unreadable:
        refuse(f"{path}: {unreadable}")


def issuer_maker(settings: Settings) -> Callable[[str], IssuerParts] | None:
    """Give what makes the tiny issuer for an address; ``None`` when settings name a real one."""
    if settings.oidc.issuer is not None:
        return None

    def make(rest_url: str) -> IssuerParts:
        issuer = TinyIssuer.start(f"{rest_url}/issuer", profile=settings.profile, data_dir=settings.data.dir)
        return IssuerParts(url=issuer.issuer, path="/issuer", app=issuer.app())

    return make


def run_service(settings: Settings, scenario: Scenario | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    try:
        uvloop.run(_serve(settings, scenario))
    except (DependencyFailed, IssuerRefused, NoIssuerKeys, OSError) as trouble:
        refuse(str(trouble))


async def _serve(settings: Settings, scenario: Scenario | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with open_service(settings, issuer=issuer_maker(settings), seed=scenario) as service:
        quieten_collector()
        typer.echo(ready_line(service))
        await service.run_until(stopped)


def ready_line(service: Service) -> str:
    """Give the line by which other programs know that the service answers."""
    return f"ready rest={service.rest_url} grpc={service.grpc_address}"
