"""The examples of the documents are read by the reader and decided by both engines."""

import json
from pathlib import Path

import pytest

from tidegate.bootstrap.engines import rule_engines
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.loading import load_snapshot
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.rendering import render_verdict
from tidegate.inbound.scenario.reader import SEED_KEYS, read_scenario

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
FILES = sorted(EXAMPLES.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_example_in_docs_is_read_without_fault(path: Path) -> None:
    """Whoever copies an example starts from one that works."""
    scenario = read_scenario(path.read_bytes(), order_required=False, tolerated_keys=SEED_KEYS)
    assert scenario.instruments


def test_example_first_order_check_is_approved_by_both_engines() -> None:
    """PT-901: the example of tidegate check passes, and the reference says the same of it."""
    engines = rule_engines()
    scenario = read_scenario((EXAMPLES / "first-order-check.json").read_bytes())
    assert scenario.order is not None
    verdict = decide(scenario.order, load_snapshot(scenario, scenario.order, engines=engines))
    assert verdict.decision is Decision.APPROVED
    assert render_verdict(verdict) == render_verdict(decide_plainly(scenario))


def test_example_first_order_check_is_the_seed_with_an_order() -> None:
    """What tidegate check decides and what the seeded server decides begin from the same account."""
    seed = json.loads((EXAMPLES / "first-order.json").read_bytes())
    case = json.loads((EXAMPLES / "first-order-check.json").read_bytes())
    order = case.pop("order")
    assert case == seed
    assert order["user_id"] == seed["profile"]["user_id"]
