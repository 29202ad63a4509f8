"""The two engines, and the published vectors that they answer for."""

import json
from pathlib import Path

import pytest
from tests.core.pretrade.vectors import Engine, Record

from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.loading import load_snapshot
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.verdict import Verdict


def decide_fast(scenario: Scenario) -> Verdict:
    order = scenario.order
    assert order is not None
    return decide(order, load_snapshot(scenario, order))


@pytest.fixture(params=[decide_plainly, decide_fast], ids=["plain", "fast"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Both engines answer for every vector."""
    decided: Engine = request.param
    return decided


@pytest.fixture(scope="session")
def records(shared_data_dir: Path) -> dict[str, Record]:
    """Every record of the margin folder by its id."""
    found: dict[str, Record] = {}
    for path in sorted((shared_data_dir / "margin").glob("*.json")):
        content = json.loads(path.read_text(), parse_float=str)
        for record in content if isinstance(content, list) else content.get("cases", []):
            found[record["id"]] = record
    return found
