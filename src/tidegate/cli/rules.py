"""``tidegate rules eval``: one condition on one document, checked as saving would check it, with every leaf."""

from typing import Annotated

import typer

from tidegate.bootstrap.engines import rule_engines
from tidegate.cli.output import Unusable, answer_file
from tidegate.core.rules.document import evaluate_document
from tidegate.core.rules.faults import InvalidRule
from tidegate.core.rules.json_exact import write_json

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _rules() -> None:
    """Work with conditions of the rule language."""


@app.command("eval")
def evaluate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A document (.json or .jsonl), - for standard input.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One document a line.")] = False,
) -> None:
    """Evaluate ``{"condition", "params", "lists", "data", "now", "context"}``; prints result and leaves."""
    answer_file(file, _evaluated, jsonl=jsonl)


def _evaluated(content: bytes) -> str:
    try:
        return write_json(evaluate_document(content, engines=rule_engines()))
    except InvalidRule as invalid:
        raise Unusable("; ".join(f"{fault.pointer or '/'}: {fault.message}" for fault in invalid.faults)) from None
