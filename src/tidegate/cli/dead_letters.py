"""``tidegate dlq``: what could not be read, and how it is put back."""

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.bootstrap.dead_letters import open_dead_letters
from tidegate.cli.output import refuse
from tidegate.cli.serve import settings_for
from tidegate.core.kernel.readings import instant_text
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.event_bus import DeadLetter
from tidegate.settings import Settings
from tidegate.usecases.pretrade.put_back import put_back

DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded parts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, a line a record.")]
OneTopic = Annotated[str | None, typer.Option("--topic", help="One topic only, by its full name.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="As many at most, the oldest.")]

dead_letters = typer.Typer(no_args_is_help=True)


@dead_letters.callback()
def _dead_letters() -> None:
    """Work with records that could not be read.

    Exit codes: 0 done, also when there was nothing; 2 database or Kafka did not answer, or a setting is wrong.
    """


@dead_letters.command("list")
def list_dead_letters(
    *, data: DataFolder = None, topic: OneTopic = None, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """List records that could not be read, oldest first; those too that were put back."""
    settings = _settings(data)

    async def listed() -> Sequence[DeadLetter]:
        async with open_dead_letters(settings) as aside:
            return await aside.letters.list(topic, limit=limit)

    for letter in _found(listed()):
        row = _row(letter) | {"error": letter.error, "at": instant_text(letter.sent_us)}
        row["replayed_at"] = None if letter.replayed_us is None else instant_text(letter.replayed_us)
        row["bytes"] = letter.value.hex()
        shown = json.dumps(row, ensure_ascii=False) if as_json else _line(row, letter)
        typer.echo(shown)


@dead_letters.command("replay")
def replay_dead_letters(
    *, data: DataFolder = None, topic: OneTopic = None, limit: Limit = 100, as_json: AsJson = False
) -> None:
    """Put records that wait back on their topics as they were, oldest first, each once; what still cannot be read comes
    back as a new dead letter.
    """
    settings = _settings(data)

    async def replayed() -> Sequence[DeadLetter]:
        async with open_dead_letters(settings) as aside:
            now_us = time.time_ns() // 1_000
            return await put_back(aside.letters, aside.publisher, topic=topic, limit=limit, now_us=now_us)

    letters = _found(replayed())
    for letter in letters:
        row = _row(letter)
        typer.echo(json.dumps(row, ensure_ascii=False) if as_json else "  ".join(map(str, row.values())))
    if not as_json:
        typer.echo(f"{len(letters)} records put back")


def _settings(data: Path | None) -> Settings:
    return settings_for(profile=None, rest=None, grpc=None, data=data)


def _found(asked: Coroutine[Any, Any, Sequence[DeadLetter]]) -> Sequence[DeadLetter]:
    try:
        return asyncio.run(asked)
    except DependencyFailed as trouble:
        refuse(str(trouble))


def _row(letter: DeadLetter) -> dict[str, object]:
    key = letter.key.encode(errors="backslashreplace").decode()
    return {"topic": letter.topic, "partition": letter.partition, "offset": letter.offset, "key": key}


def _line(row: dict[str, object], letter: DeadLetter) -> str:
    shown = row | {"replayed_at": "waits" if letter.replayed_us is None else f"put back {row['replayed_at']}"}
    return "  ".join(map(str, shown.values()))
