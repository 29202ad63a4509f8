"""``tidegate audit``: verify what was decided against its chain, keep heads elsewhere, cut off what is deleted.

Exit codes of ``verify``: 0 nothing is wrong, 1 something is, 2 it could not be verified.
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from tidegate.bootstrap.audit import Audit, head_key, key_file, open_audit
from tidegate.cli.head_files import HeadFile, UnreadableHeads, read_head_file, write_head_file
from tidegate.cli.output import refuse
from tidegate.cli.serve import settings_for
from tidegate.core.kernel.audit_chain import HeadKind, SignedHead
from tidegate.core.kernel.chain_check import ChainFault
from tidegate.core.kernel.readings import instant_text, read_instant_us
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.audit_chain import ChainMoved
from tidegate.settings import Settings
from tidegate.usecases.audit.seal import NothingToCut
from tidegate.usecases.audit.verify import PartitionReport, Progress

EXIT_TAMPERED: Final = 1
_HEADS_READ: Final = 1_000

DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded parts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option("--key", help="Public key (PEM) of a sealer; may be repeated. Default: the own key."),
]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _audit() -> None:
    """Work with the audit chain."""


@app.command()
def verify(
    *,
    against: Annotated[
        str | None, typer.Option("--against", help="Heads that were exported and kept elsewhere.")
    ] = None,
    key: PublicKeys = None,
    partition: Annotated[list[str] | None, typer.Option("--partition", help="Only this one; may be repeated.")] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the chain from the rows and name what does not fit. Exit 1 when something does not, 2 when unusable."""
    settings = settings_for(profile=None, rest=None, grpc=None, data=data)
    try:
        kept = HeadFile() if against is None else read_head_file(against)
        pems = _public_keys(settings, key, kept=kept)
        reports = asyncio.run(_verified(settings, pems, kept=kept.heads, only=partition))
    except (DependencyFailed, UnreadableHeads, ValueError) as trouble:
        refuse(str(trouble))
    _tell(reports, as_json=as_json)
    if not all(report.whole for report in reports):
        raise typer.Exit(EXIT_TAMPERED)


@app.command()
def heads(
    *,
    export: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Write them to a file, - prints.")
    ] = None,
    data: DataFolder = None,
) -> None:
    """Show the last signed head of each partition, or export them, to be kept where no database owner can reach."""
    settings = settings_for(profile=None, rest=None, grpc=None, data=data)
    try:
        found = asyncio.run(_last_heads(settings))
        if export is not None:
            write_head_file(export, HeadFile((head_key(settings).public_pem(),), tuple(found)))
    except (DependencyFailed, OSError) as trouble:
        refuse(str(trouble))
    if export != "-":
        for signed in found:
            head = signed.head
            typer.echo(
                f"{head.partition}  head {head.number}  entry {head.sequence}  {head.entry_hash.hex()}"
                f"  signed {instant_text(head.made_us)}"
            )


@app.command()
def cut(
    *,
    partition: Annotated[str, typer.Option("--partition")],
    before: Annotated[str, typer.Option("--before", metavar="TIME", help="RFC 3339; or a version, for configuration.")],
    note: Annotated[str, typer.Option("--note", help="Why, and on whose word.")],
    data: DataFolder = None,
) -> None:
    """Sign that rows and entries before a time may be deleted. Deletes nothing itself."""
    settings = settings_for(profile=None, rest=None, grpc=None, data=data)
    try:
        count = asyncio.run(_cut(settings, partition, until=_position(before) - 1, note=note))
    except (DependencyFailed, NothingToCut, ChainMoved, ValueError) as trouble:
        refuse(str(trouble))
    typer.echo(f"{count} rows of {partition} may be deleted, and their entries")


def _position(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return read_instant_us(text)
    except ValueError as error:
        raise ValueError(f"--before takes an RFC 3339 time or a version: {error}") from error


def _public_keys(settings: Settings, given: Sequence[Path] | None, *, kept: HeadFile) -> list[str]:
    """Keys that were given, else those of the kept heads, else the own key: never one that the database holds."""
    if given:
        try:
            return [path.read_text(encoding="ascii") for path in given]
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableHeads(f"--key: {error}") from error
    own = [head_key(settings).public_pem()] if key_file(settings).exists() else []
    if not own and not kept.public_keys:
        raise UnreadableHeads(f"there is no key at {key_file(settings)}: name the sealer's public key with --key")
    return list(dict.fromkeys([*kept.public_keys, *own]))


async def _verified(
    settings: Settings, pems: Sequence[str], *, kept: Sequence[SignedHead], only: Sequence[str] | None
) -> list[PartitionReport]:
    async with open_audit(settings) as audit:
        verifier = audit.verifier(pems)
        unknown = sorted({*(only or ()), *(signed.head.partition for signed in kept)} - {*verifier.partitions()})
        if unknown:
            known = ", ".join(verifier.partitions())
            raise UnreadableHeads(f"there is no partition {', '.join(unknown)}; there are {known}")
        reports: list[PartitionReport] = []
        for partition in only or verifier.partitions():
            pinned = [signed for signed in kept if signed.head.partition == partition]
            with _progress(partition, (await audit.chain.tip(partition)).sequence) as told:
                reports.append(await verifier.verify(partition, pinned=pinned, progress=told))
        return reports


@contextmanager
def _progress(partition: str, total: int) -> Iterator[Progress]:
    """Show a bar with an estimate on standard error, where somebody looks at it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(partition, total=total)
        yield lambda count: bar.update(task, completed=count)


async def _last_heads(settings: Settings) -> list[SignedHead]:
    async with open_audit(settings) as audit:
        found = [await _last_head(audit, partition) for partition in audit.rows.partitions()]
    return [signed for signed in found if signed is not None]


async def _last_head(audit: Audit, partition: str) -> SignedHead | None:
    after = (await audit.chain.tip(partition)).heads - 2
    last = await audit.chain.heads(partition, after=max(after, 0), limit=_HEADS_READ)
    seals = [signed for signed in last if signed.head.kind is HeadKind.SEAL]
    return seals[-1] if seals else None


async def _cut(settings: Settings, partition: str, *, until: int, note: str) -> int:
    async with open_audit(settings) as audit:
        if partition not in audit.rows.partitions():
            raise NothingToCut(f"there is no partition {partition}; there are {', '.join(audit.rows.partitions())}")
        return await audit.sealer(head_key(settings)).cut(partition, until=until, note=note)


def _tell(reports: Sequence[PartitionReport], *, as_json: bool) -> None:
    if as_json:
        whole = all(report.whole for report in reports)
        typer.echo(json.dumps({"whole": whole, "partitions": [_as_json(report) for report in reports]}))
        return
    for report in reports:
        said = "whole" if report.whole else f"{report.fault_count} faults"
        typer.echo(
            f"{report.partition}: {said}; {report.verified_rows} rows verified, {report.pending_rows} not sealed yet"
        )
        if report.cut is not None:
            made = instant_text(report.cut.made_us)
            typer.echo(f"  {report.cut.sequence} entries were cut off on {made}: {report.cut.note}")
        for fault in report.faults:
            typer.echo(f"  {fault.kind}: {fault.message}{_where(fault)}")


def _where(fault: ChainFault) -> str:
    return "" if fault.row_id is None else f" (row {fault.row_id}, entry {fault.sequence or 'none'})"


def _as_json(report: PartitionReport) -> dict[str, object]:
    return {
        "partition": report.partition,
        "whole": report.whole,
        "verified_rows": report.verified_rows,
        "pending_rows": report.pending_rows,
        "fault_count": report.fault_count,
        "faults": [
            {
                "kind": fault.kind.value,
                "message": fault.message,
                "sequence": fault.sequence,
                "row_id": fault.row_id,
                "position": fault.position,
            }
            for fault in report.faults
        ],
        "cut": None
        if report.cut is None
        else {"sequence": report.cut.sequence, "note": report.cut.note, "at": instant_text(report.cut.made_us)},
    }
