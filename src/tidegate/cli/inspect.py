"""``tidegate explain`` and ``replay``: a stored decision in words, and decided again."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tidegate.bootstrap.stores import open_replayer
from tidegate.cli.output import refuse
from tidegate.cli.serve import settings_for
from tidegate.core.kernel.readings import instant_text
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.rendering import render_verdict
from tidegate.core.pretrade.verdict import Verdict
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.ports.stored import NotStored
from tidegate.usecases.pretrade.replay import Replayed

DecisionId = Annotated[str, typer.Argument(metavar="ID", help="The decision_id of an answer.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded parts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
EXIT_DIFFERS = 1


def explain(*, decision_id: DecisionId, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say in sentences why a decision came out as it did, with both numbers of each violated check."""
    replayed = _replayed(decision_id, data)
    if as_json:
        typer.echo(json.dumps(_as_json(replayed), ensure_ascii=False))
        return
    for sentence in _sentences(replayed.record, replayed.verdict):
        typer.echo(sentence)


def replay(*, decision_id: DecisionId, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Decide a stored decision again from its own evidence; exit 1 when something else comes out."""
    replayed = _replayed(decision_id, data)
    if as_json:
        typer.echo(json.dumps(_as_json(replayed), ensure_ascii=False))
    elif replayed.differences:
        typer.echo(f"differs in {', '.join(replayed.differences)}")
    else:
        typer.echo(f"identical: {replayed.verdict.decision} {replayed.verdict.reject_reason or ''}".rstrip())
    if replayed.differences:
        raise typer.Exit(EXIT_DIFFERS)


def _replayed(decision_id: str, data: Path | None) -> Replayed:
    settings = settings_for(profile=None, rest=None, grpc=None, data=data)

    async def again() -> Replayed | None:
        async with open_replayer(settings) as replayer:
            return await replayer.replay(decision_id)

    try:
        replayed = asyncio.run(again())
    except (DependencyFailed, NotStored) as trouble:
        refuse(str(trouble))
    if replayed is None:
        refuse(f"there is no decision {decision_id}")
    return replayed


def _as_json(replayed: Replayed) -> dict[str, object]:
    return {
        "decision_id": replayed.record.answer.decision_id,
        "identical": not replayed.differences,
        "differences": list(replayed.differences),
        **render_verdict(replayed.verdict),
    }


def _sentences(record: DecisionRecord, verdict: Verdict) -> Iterator[str]:
    order, answer = record.order, record.answer
    yield (
        f"Order {order.order_id} of user {order.user_id} ({order.side} {order.quantity} {order.symbol}"
        f" {order.order_type}) was {answer.decision} at {instant_text(answer.evaluated_at_us)}."
    )
    for violation in verdict.violations:
        numbers = f" (observed {violation.observed or 'nothing'}, limit {violation.limit})" if violation.limit else ""
        yield f"{violation.action} {violation.code}: {violation.message}{numbers}."
    if not verdict.violations:
        yield "Every check passed."
    for name, value in render_verdict(verdict)["metrics"].items():
        if value is not None:
            yield f"  {name} = {value}"
