"""What dashboards and alerts read is what a whole process tells."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.inbound.grpc.edge import a_request
from tests.system.clients import Clients
from tests.system.desk_world import DeskClient
from tests.system.desk_world import a_request as an_assessment
from tests.system.processes import Served

import dashboards

pytestmark = pytest.mark.system

ALERTS: Final = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "alerts.yaml"
SCRAPED: Final = {"job", "role", "replica"}
"""Labels that whoever scrapes adds."""


def _expressions() -> Iterator[str]:
    for dashboard in dashboards.DASHBOARDS:
        for panel in dashboard.panels:
            yield from (query.expr for query in panel.queries)
    for rule in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]:
        yield rule["expr"]


def _told(page: str) -> Mapping[str, frozenset[str] | None]:
    """Give the metrics of a page by the names that queries use, each with its labels; ``None``: nothing counted yet."""
    told: dict[str, frozenset[str] | None] = {}
    for family in text_string_to_metric_families(page):
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        for name in (family.name + ending for ending in endings):
            labels = [frozenset(sample.labels) for sample in family.samples if sample.name == name]
            told[name] = labels[0] if labels else None
    return told


def _labels_in(expression: str) -> set[str]:
    """Give the labels that an expression selects or groups by."""
    selected = re.findall(r'(\w+)(?:=~|!~|!=|=)"', expression)
    grouped = [name for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for name in group.split(", ")]
    return {*selected, *grouped}


async def test_dashboards_and_alerts_read_only_what_a_process_tells(calm_service: Served) -> None:
    """RE-381: every metric, and every label, that a dashboard or an alert names is on the /metrics of a process."""
    async with DeskClient(calm_service) as desk, Clients(calm_service.grpc, 1) as clients:
        await clients.stubs[0].PreTradeCheck(a_request("figures-1"), timeout=10)
        status, _ = await desk.evaluate(an_assessment())
        assert status == 200
    async with aiohttp.ClientSession() as http, http.get(f"{calm_service.rest}/metrics") as answer:
        told = _told(await answer.text())
    assert told["tidegate_desk_answers_total"] == frozenset({"decision", "repeated"})
    for expression in _expressions():
        names = set(re.findall(r"\btidegate_\w+", expression))
        assert names <= told.keys(), expression
        known = [told[name] for name in names]
        if all(labels is not None for labels in known):
            assert _labels_in(expression) <= SCRAPED.union(*(labels or () for labels in known)), expression
