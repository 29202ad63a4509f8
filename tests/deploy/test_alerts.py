"""The alert rules, by Prometheus' own checker: each fires on what it is for, and not on a calm day."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from services.deploy_tools import promtool

ROOT: Final = Path(__file__).resolve().parents[2]
FILE: Final = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RULES: Final[list[dict[str, Any]]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"][0]["rules"]
LONG: Final = 40
"""Samples, one each 15 s: ten minutes, at whose end alerts are looked at."""

_WHO: Final = 'job="tidegate",role="gate",replica="a"'


# tidy: allow-keyword-only - a table of series reads as three columns
def _series(name: str, values: str, labels: str = "") -> dict[str, str]:
    return {"series": f"{name}{{{_WHO}{',' if labels else ''}{labels}}}", "values": values}


def _flat(value: float) -> str:
    return f"{value}+0x{LONG}"


def _growing(step: float) -> str:
    return f"0+{step}x{LONG}"


_READY: Final = [_series("tidegate_ready", _flat(1), f'part="{part}"') for part in ("configuration", "account_book")]
_DECIDED: Final = _series("tidegate_gate_decisions_total", _growing(1_500), 'decision="APPROVED",reason=""')
_ANSWERED: Final = _series("tidegate_desk_answers_total", _growing(1_500), 'decision="APPROVED",repeated="false"')
_FAILED: Final = 'provider="zefix",status="FAILURE",cached="false"'
_ASKED: Final = _series(
    "tidegate_desk_provider_calls_total", _growing(300), 'provider="zefix",status="SUCCESS",cached="false"'
)


def _faults(step: float, code: str) -> dict[str, str]:
    return _series("tidegate_gate_faults_total", _growing(step), f'code="{code}"')


def _stale(step: float) -> dict[str, str]:
    return _series("tidegate_gate_decisions_total", _growing(step), 'decision="REJECTED",reason="STALE_DATA"')


def _waited(within: float, beyond: float) -> list[dict[str, str]]:
    return [
        _series("tidegate_gate_latency_seconds_bucket", _growing(within), 'le="0.025"'),
        *(
            _series("tidegate_gate_latency_seconds_bucket", _growing(within + beyond), f'le="{bound}"')
            for bound in ("0.05", "+Inf")
        ),
    ]


Series = list[dict[str, str]]
FIRING: Final[dict[str, tuple[Series, Series]]] = {
    # alert: a calm day, on which it is silent; what it is for
    "TidegateDown": ([_series("up", _flat(1))], [_series("up", _flat(0))]),
    "TidegateNoGate": (_READY, [_READY[0], _series("tidegate_ready", _flat(0), 'part="account_book"')]),
    "TidegateNotReady": (_READY, [_series("tidegate_ready", _flat(0), 'part="postgres"')]),
    "TidegateInternalFault": (
        [_faults(0, "internal")],
        [_series("tidegate_gate_faults_total", "0x38 1 1", 'code="internal"')],
    ),
    "TidegateUnavailable": ([_DECIDED, _faults(5, "dependency_failed")], [_DECIDED, _faults(60, "dependency_failed")]),
    "TidegateOverloaded": ([_faults(0, "overloaded")], [_faults(15, "overloaded")]),
    "TidegateQueueStays": (
        [_series("tidegate_gate_queue_length", "0 4000 " * 20)],
        [_series("tidegate_gate_queue_length", "101 4000 " * 20)],
    ),
    "TidegateSlowDecisions": (_waited(96, 4), _waited(94, 6)),
    "TidegateStaleData": ([_DECIDED, _stale(60)], [_DECIDED, _stale(120)]),
    "TidegateFeedBehind": (
        [_series("tidegate_account_feed_lag_seconds", _flat(1.9))],
        [_series("tidegate_account_feed_lag_seconds", _flat(-1))],
    ),
    "TidegateMarksStopped": (
        [_series("tidegate_marks_applied_total", _growing(15))],
        [_series("tidegate_marks_applied_total", _flat(15))],
    ),
    "TidegateDeadLetters": (
        [_series("tidegate_dead_letters_total", _flat(3))],
        [_series("tidegate_dead_letters_total", "3x38 4 4")],
    ),
    "TidegateConfigurationOld": (
        [_series("tidegate_configuration_age_seconds", _flat(1))],
        [_series("tidegate_configuration_age_seconds", _flat(6))],
    ),
    "TidegateRelayBehind": (
        [_series("tidegate_relay_oldest_seconds", _flat(9))],
        [_series("tidegate_relay_oldest_seconds", _flat(11))],
    ),
    "TidegateDeskRelayBehind": (
        [_series("tidegate_desk_relay_backlog", "0 9000 " * 20)],
        [_series("tidegate_desk_relay_backlog", _flat(101))],
    ),
    "TidegateDeskFails": (
        [_ANSWERED, _series("tidegate_desk_faults_total", _growing(5), 'code="internal"')],
        [_ANSWERED, _series("tidegate_desk_faults_total", _growing(60), 'code="dependency_failed"')],
    ),
    "TidegateDeskAbandoned": (
        [_series("tidegate_desk_abandoned_total", _flat(2))],
        [_series("tidegate_desk_abandoned_total", "2x38 3 3")],
    ),
    "TidegateProviderFails": (
        [_ASKED, _series("tidegate_desk_provider_calls_total", _growing(50), _FAILED)],
        [_ASKED, _series("tidegate_desk_provider_calls_total", _growing(100), _FAILED)],
    ),
    "TidegateSealingStopped": (
        [_series("tidegate_audit_sealing_age_seconds", _flat(2))],
        [_series("tidegate_audit_sealing_age_seconds", "0+15x40")],
    ),
}


def _promtool_test(alert: str, series: Series, *, firing: bool) -> dict[str, Any]:
    """One test: whether the alert fires at the end of ten minutes."""
    fires = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
    looked = {
        "expr": f"clamp_max({fires}, 1)",
        "eval_time": "10m",
        "exp_samples": [{"labels": "{}", "value": int(firing)}],
    }
    return {
        "name": f"{alert} {'fires' if firing else 'is silent'}",
        "interval": "15s",
        "input_series": series,
        "promql_expr_test": [looked],
    }


@pytest.mark.servers
def test_alerts_fire_on_what_they_are_for_and_are_silent_otherwise(tmp_path: Path) -> None:
    """RE-380: each alert fires on the trouble that it names, and is silent just below it."""
    tests = [
        _promtool_test(alert, series, firing=firing)
        for alert, cases in FIRING.items()
        for series, firing in zip(cases, (False, True), strict=True)
    ]
    written = tmp_path / "alerts_test.yaml"
    document = {"rule_files": [str(FILE)], "evaluation_interval": "15s", "tests": tests}
    written.write_text(yaml.safe_dump(document), encoding="utf-8")
    ended = promtool("test", "rules", str(written))
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.servers
@pytest.mark.parametrize(
    "command", [["rules", str(FILE)], ["config", "--syntax-only", str(FILE.with_name("prometheus.yaml"))]]
)
def test_prometheus_takes_its_files(command: list[str]) -> None:
    """RE-380: the rules, and the configuration that compose uses, are what Prometheus reads."""
    ended = promtool("check", *command)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_alert_is_tested() -> None:
    """RE-380: an alert without a case in the table above is none."""
    assert FIRING.keys() == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alert_says_how_grave_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    """RE-380: every alert has a severity, a summary, and a section of docs/operations.md that exists."""
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
