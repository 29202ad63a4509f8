"""``tidegate lists``: lists that names are screened against.

Exit codes: 0 done (or nothing to do: the same files are the current version), 2 nothing was imported, each reason on a
line of its own on standard error.
"""

import asyncio
import getpass
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from tidegate.bootstrap.screening import (
    Imported,
    ListDraft,
    ListFault,
    ListFiles,
    ListFormat,
    SourceFile,
    UnreadableList,
    change_now,
    list_name_fault,
    open_lists,
    publish_draft,
    read_list_files,
    source_of,
)
from tidegate.cli.output import EXIT_UNUSABLE, read_bytes, refuse
from tidegate.cli.serve import settings_for
from tidegate.core.kernel.readings import instant_text
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.screening_lists import ListVersion
from tidegate.settings import Settings

_FAULTS_TOLD_MAX: Final = 100
_BESIDE: Final = {"aliases": "alt", "addresses": "add"}
"""OFAC's tables: what they hold, and what stands in their names where the entries' has sdn."""

DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded parts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _lists() -> None:
    """Work with the lists that names are screened against."""


@app.command("import")
def import_file(  # tidy: allow-parameters - the options of a command are its parameters, Typer reads them one by one
    file: Annotated[
        str, typer.Argument(help="The list as its publisher gives it, plain or gzip; - is standard input.")
    ],
    *,
    list_format: Annotated[ListFormat, typer.Option("--format", help="Who publishes in it.")],
    name: Annotated[str, typer.Option("--name", help="What rules call the list.")],
    aliases: Annotated[str | None, typer.Option("--aliases", help="OFAC's alt.csv; default: the one beside.")] = None,
    addresses: Annotated[
        str | None, typer.Option("--addresses", help="OFAC's add.csv; default: the one beside.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Own table: name=official_full; may be repeated.")
    ] = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Import the rest; what is skipped is told.")
    ] = False,
    actor: Annotated[str | None, typer.Option("--actor", help="Who imports; default: the user.")] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Import a list as a new version, whole or not at all."""
    fault = list_name_fault(name)
    if fault is not None:
        refuse(fault)
    beside = {"aliases": aliases, "addresses": addresses}
    files = _files(file, list_format, beside=beside, columns=column or ())
    settings = settings_for(profile=None, rest=None, grpc=None, data=data)
    try:
        with _steps(name) as step:
            draft = read_list_files(list_format, files, skips_unreadable=skip_unreadable)
            next(step)
            done = asyncio.run(_publish(settings, name, draft=draft, files=files, by=(list_format, actor)))
    except UnreadableList as unreadable:
        _tell_faults(unreadable.faults)
        raise typer.Exit(EXIT_UNUSABLE) from None
    except DependencyFailed as trouble:
        refuse(str(trouble))
    _tell_faults(done.skipped)
    _tell_import(done, as_json=as_json)


@app.command("versions")
def show_versions(
    name: Annotated[
        str | None, typer.Argument(help="One list, all its versions; default: the current one of each.")
    ] = None,
    *,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Tell which versions there are, and where each comes from."""
    settings = settings_for(profile=None, rest=None, grpc=None, data=data)

    async def found() -> Sequence[ListVersion]:
        async with open_lists(settings) as lists:
            return await (lists.current() if name is None else lists.history(name))

    try:
        versions = asyncio.run(found())
    except DependencyFailed as trouble:
        refuse(str(trouble))
    rows = [_row(version) for version in versions]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        typer.echo("  ".join(str(value) for value in row.values()))


async def _publish(
    settings: Settings, name: str, *, draft: ListDraft, files: ListFiles, by: tuple[ListFormat, str | None]
) -> Imported:
    list_format, actor = by
    source = source_of(draft, files, list_format=list_format)
    async with open_lists(settings) as lists:
        change = change_now(actor or getpass.getuser())
        return await publish_draft(lists, name, draft=draft, source=source, by=change)


def _files(file: str, list_format: ListFormat, *, beside: dict[str, str | None], columns: Sequence[str]) -> ListFiles:
    if list_format is not ListFormat.OFAC_SDN and any(beside.values()):
        refuse("--aliases and --addresses belong to --format ofac-sdn")
    if list_format is not ListFormat.OWN and columns:
        refuse("--column belongs to --format own")
    found = {
        kind: _beside(file, given, word=_BESIDE[kind]) if list_format is ListFormat.OFAC_SDN else None
        for kind, given in beside.items()
    }
    return ListFiles(_source(file), found["aliases"], found["addresses"], dict(_column(text) for text in columns))


def _source(path: str) -> SourceFile:
    return SourceFile("standard input" if path == "-" else Path(path).name, read_bytes(path))


def _beside(file: str, given: str | None, *, word: str) -> SourceFile | None:
    """The table that was named, or the one beside the entries that is called as OFAC calls it."""
    if given is not None:
        return _source(given)
    entries = Path(file)
    for its, called in (("sdn", word), ("SDN", word.upper())):
        other = entries.with_name(entries.name.replace(its, called, 1))
        if other != entries and other.is_file():
            return _source(str(other))
    return None


def _column(text: str) -> tuple[str, str]:
    what, equals, called = text.partition("=")
    if not (equals and what and called):
        refuse(f"--column is given as name=official_full, not {text}")
    return what, called


@contextmanager
def _steps(name: str) -> Iterator[Iterator[None]]:
    """Show the two steps on standard error, where somebody looks at it: a large list takes some seconds."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"reading {name}", total=2)

        def steps() -> Iterator[None]:
            while True:
                bar.update(task, advance=1, description=f"storing {name}")
                yield

        yield steps()


def _tell_faults(faults: Sequence[ListFault]) -> None:
    for fault in faults[:_FAULTS_TOLD_MAX]:
        typer.echo(f"tidegate: {' '.join(str(fault).split())}", err=True)
    if len(faults) > _FAULTS_TOLD_MAX:
        typer.echo(f"tidegate: and {len(faults) - _FAULTS_TOLD_MAX} more", err=True)


def _tell_import(done: Imported, *, as_json: bool) -> None:
    row = {**_row(done.version), "new": done.is_new, "left_out": done.left_out, "skipped": len(done.skipped)}
    if as_json:
        typer.echo(json.dumps(row, ensure_ascii=False))
        return
    version = done.version
    told = f"{version.name} version {version.version}: {version.entries} entries"
    if not done.is_new:
        told += "; nothing new, these files are the current version"
    if done.left_out:
        told += f"; {done.left_out} are no longer listed and left out"
    if done.skipped:
        told += f"; {len(done.skipped)} could not be read and were skipped"
    typer.echo(told)


def _row(version: ListVersion) -> dict[str, object]:
    return {
        "name": version.name,
        "version": version.version,
        "format": version.source.list_format,
        "published_on": version.source.published_on,
        "entries": version.entries,
        "sha256": version.source.sha256,
        "imported_by": version.imported_by,
        "imported_at": instant_text(version.imported_us),
    }
