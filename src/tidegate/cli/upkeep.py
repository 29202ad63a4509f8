"""``tidegate migrate`` and ``doctor``: what the platform engineer runs."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from tidegate.bootstrap.diagnosis import diagnose
from tidegate.bootstrap.stores import migrate_database
from tidegate.cli.output import refuse
from tidegate.cli.serve import settings_for
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.settings import PREFIX, UnreadableSettings, read_settings

DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded parts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def migrate(data: DataFolder = None) -> None:
    """Bring the database to the schema of this version; prints the revisions that were applied."""
    settings = settings_for(profile=None, rest=None, grpc=None, data=data)
    try:
        applied = asyncio.run(migrate_database(settings))
    except DependencyFailed as trouble:
        refuse(str(trouble))
    for revision in applied:
        typer.echo(revision)
    typer.echo(f"{len(applied)} revisions applied")


def doctor(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say what is set, from where, and what is wrong, in words; exit 2 when something is."""
    overrides: dict[str, object] = {} if data is None else {"data": {"dir": data}}
    try:
        settings = read_settings(os.environ, overrides)
    except UnreadableSettings as unreadable:
        _tell({"settings": {}, "faults": list(unreadable.faults)}, as_json=as_json)
        raise typer.Exit(2) from None
    told = {
        name: f"{value} ({'environment' if f'{PREFIX}{name}'.upper() in os.environ else 'default or command line'})"
        for name, value in _flat(settings.model_dump(mode="json"))
    }
    faults = asyncio.run(diagnose(settings))
    _tell({"settings": told, "faults": faults}, as_json=as_json)
    if faults:
        raise typer.Exit(2)


def _flat(areas: dict[str, object]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for area, value in areas.items():
        if isinstance(value, dict):
            rows += [
                (f"{area}_{field}", "set" if field == "url" and inner else inner) for field, inner in value.items()
            ]
        else:
            rows.append((area, value))
    return rows


def _tell(found: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    settings, faults = found["settings"], found["faults"]
    if isinstance(settings, dict):
        for name, value in settings.items():
            typer.echo(f"{name} = {value}")
    if isinstance(faults, list):
        for fault in faults:
            typer.echo(f"wrong: {fault}")
        if not faults:
            typer.echo("nothing is wrong")
