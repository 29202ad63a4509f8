"""The dashboards: written from one table, every panel with a unit and a word on what it shows."""

import json
from typing import Any, Final

import pytest
import yaml

import dashboards

FILES: Final = {each.name: dashboards.FOLDER / f"{each.name}.json" for each in dashboards.DASHBOARDS}
PANELS: Final = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, file in FILES.items()
    for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]
]


@pytest.mark.parametrize("dashboard", dashboards.DASHBOARDS, ids=lambda each: str(each.name))
def test_dashboard_in_deploy_is_the_generated_one(dashboard: dashboards.Dashboard) -> None:
    """RE-381: deploy/grafana/dashboards holds what tools/dashboards.py writes."""
    assert FILES[dashboard.name].read_text(encoding="utf-8") == dashboards.text_of(dashboard), (
        "run: .venv/bin/python tools/dashboards.py"
    )


def test_folder_of_dashboards_holds_no_other() -> None:
    """RE-381: a dashboard that left the table left the folder."""
    assert set(dashboards.FOLDER.iterdir()) == set(FILES.values())


@pytest.mark.parametrize("panel", PANELS)
def test_panel_has_a_unit_and_says_what_it_shows(panel: dict[str, Any]) -> None:
    """RE-381: no number without its unit, no panel without a sentence, no line without a name."""
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert all(target["legendFormat"] for target in panel["targets"])


def test_grafana_is_told_where_prometheus_and_the_dashboards_are() -> None:
    """RE-381: what compose provisions is the source and the folder that its services have."""
    folder = dashboards.FOLDER.parent / "provisioning"
    source = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))["datasources"][0]
    assert source["url"] == "http://127.0.0.1:9090"
    provider = yaml.safe_load((folder / "dashboards" / "tidegate.yaml").read_text(encoding="utf-8"))["providers"][0]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
