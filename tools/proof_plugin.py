"""A pytest plugin for make prove: counts what ran, keeps the figures that tests recorded, writes both as JSON.

A test states a figure with pytest's own `record_property("figure", "p99 at half saturation: 2.1 ms (bound 10 ms)")`.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

REPORT_VARIABLE = "TIDEGATE_PROOF_REPORT"


class ProofReport:
    """Outcomes by suite and figures by test, collected while pytest runs."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._suites: dict[str, Counter[str]] = {}
        self._figures: list[dict[str, str]] = []
        self._skips: list[dict[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: at its call, or at the set-up or tear-down that ended it."""
        if report.when != "call" and report.passed:
            return
        suite = "/".join(report.nodeid.split("::")[0].split("/")[:2])
        self._suites.setdefault(suite, Counter())[report.outcome] += 1
        if report.skipped:
            self._skips.append({"test": report.nodeid, "reason": _reason(report.longrepr)})
        for name, value in report.user_properties:
            if name == "figure":
                self._figures.append({"test": report.nodeid, "figure": str(value)})

    def pytest_sessionfinish(self) -> None:
        """Write what was collected."""
        report = {"suites": self._suites, "figures": self._figures, "skips": self._skips}
        self._target.write_text(json.dumps(report), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Take part only when the report's place is given."""
    if target := os.environ.get(REPORT_VARIABLE):
        config.pluginmanager.register(ProofReport(Path(target)), "tidegate-proof-report")


def _reason(longrepr: Any) -> str:  # noqa: ANN401 - pytest types a report's longrepr no closer
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
