"""``tidegate check`` and ``tidegate margin``: scenario in, decision or margin report out. No servers, no clock."""

import json
from typing import Annotated

import typer

from tidegate.bootstrap.engines import rule_engines
from tidegate.cli.output import Unusable, answer_file
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.dynamic_rules import condition_faults
from tidegate.core.pretrade.loading import load_snapshot
from tidegate.core.pretrade.reference.margin import margin_plainly
from tidegate.core.pretrade.rendering import render_margin_report, render_verdict
from tidegate.inbound.scenario.faults import UnreadableScenario
from tidegate.inbound.scenario.reader import read_scenario

ScenarioFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A scenario file (.json or .jsonl), - for standard input.")
]
AsLines = Annotated[bool, typer.Option("--jsonl", help="One scenario a line in, one answer a line out.")]


def check(file: ScenarioFile, jsonl: AsLines = False) -> None:
    """Decide the order of a scenario; prints the whole decision as JSON."""
    answer_file(file, _checked, jsonl=jsonl)


def margin(file: ScenarioFile, jsonl: AsLines = False) -> None:
    """Print equity, available margin and margin ratio by asset, and the margins of each symbol."""
    answer_file(file, _margin, jsonl=jsonl)


def _checked(content: bytes) -> str:
    engines = rule_engines()
    try:
        scenario = read_scenario(content, condition_faults=lambda text: condition_faults(text, engines=engines))
    except UnreadableScenario as unreadable:
        raise Unusable(str(unreadable)) from None
    order = scenario.order
    if order is None:
        raise Unusable("/order: is required")
    return json.dumps(
        render_verdict(decide(order, load_snapshot(scenario, order, engines=engines))), ensure_ascii=False
    )


def _margin(content: bytes) -> str:
    try:
        scenario = read_scenario(content, order_required=False)
    except UnreadableScenario as unreadable:
        raise Unusable(str(unreadable)) from None
    return json.dumps(render_margin_report(margin_plainly(scenario)), ensure_ascii=False)
