"""How commands speak: answers as JSON on standard output, trouble as one readable line on standard error, exit 2."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import typer

EXIT_UNUSABLE = 2
"""What was given cannot be used; nothing was done."""


class Unusable(ValueError):
    """What was given cannot be used; the message is one readable line."""


def refuse(message: str) -> NoReturn:
    """End with exit 2 and one line on standard error."""
    typer.echo(f"tidegate: {' '.join(message.split())}", err=True)
    raise typer.Exit(EXIT_UNUSABLE)


def read_bytes(path: str) -> bytes:
    """Read a file, or standard input for ``-``; a file that cannot be read ends the command."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        refuse(f"{path}: {error.strerror}")


def lines_of(path: str) -> Iterator[bytes]:
    """Read a file, or standard input for ``-``, line by line; blank lines are passed over."""
    if path == "-":
        yield from (line for line in sys.stdin.buffer if line.strip())
        return
    try:
        with Path(path).open("rb") as file:
            yield from (line for line in file if line.strip())
    except OSError as error:
        refuse(f"{path}: {error.strerror}")


def answer_file(path: str, answer: Callable[[bytes], str], *, jsonl: bool) -> None:
    """Answer a file: one JSON document, or (``.jsonl``, or asked for) a document a line and an answer a line.

    ``answer`` raises ``Unusable`` for what it cannot use: alone it ends with exit 2 and one line; among lines it gives
    ``{"error": ...}`` in its place, and exit 2 at the end.
    """
    if not jsonl and not path.endswith(".jsonl"):
        try:
            typer.echo(answer(read_bytes(path)))
        except Unusable as unusable:
            refuse(str(unusable))
        return
    failed = False
    for written, bad in _answers(lines_of(path), answer):
        sys.stdout.write(written + "\n")
        failed = failed or bad
    sys.stdout.flush()
    if failed:
        raise typer.Exit(EXIT_UNUSABLE)


def _answers(lines: Iterable[bytes], answer: Callable[[bytes], str]) -> Iterator[tuple[str, bool]]:
    for line in lines:
        try:
            yield answer(line), False
        except Unusable as unusable:
            yield json.dumps({"error": str(unusable)}, ensure_ascii=False), True
