"""Write deploy/grafana/dashboards/*.json from the table below: `python tools/dashboards.py`.

A panel is a title, what it says, its unit and its queries; how Grafana stores that is said once, here.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "dashboards"

SECONDS: Final = "s"
A_SECOND: Final = "cps"
COUNT: Final = "short"
SHARE: Final = "percentunit"
YES_NO: Final = "bool_yes_no"

_WIDTH: Final = 8
_HEIGHT: Final = 8
_PANELS_A_ROW: Final = 24 // _WIDTH


class Query(NamedTuple):
    """One line of a panel: PromQL, and its name in the legend."""

    expr: str
    legend: str


class Panel(NamedTuple):
    """``about`` says what is to be seen, and what is wrong when."""

    title: str
    unit: str
    about: str
    queries: Sequence[Query]


class Dashboard(NamedTuple):
    """One file."""

    name: str
    title: str
    panels: Sequence[Panel]


def _quantiles(metric: str) -> list[Query]:
    return [
        Query(f"histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket[$__rate_interval])))", legend)
        for quantile, legend in (("0.5", "half"), ("0.95", "95 %"), ("0.99", "99 %"))
    ]


def _ready(parts: str) -> Panel:
    query = Query(f'tidegate_ready{{part=~"{parts}"}}', "{{role}} {{replica}}: {{part}}")
    return Panel(
        "Ready", YES_NO, "What /readyz says, by replica and part; callers are not sent to one with a no.", [query]
    )


_GATE: Final = (
    Panel(
        "Decisions",
        A_SECOND,
        "Orders answered a second, by outcome; repeats and dry runs included.",
        [Query("sum by (decision) (rate(tidegate_gate_decisions_total[$__rate_interval]))", "{{decision}}")],
    ),
    Panel(
        "Refusals by headline",
        A_SECOND,
        "docs/reasons.md says what each means and what to do.",
        [
            Query(
                'sum by (reason) (rate(tidegate_gate_decisions_total{decision="REJECTED"}[$__rate_interval]))',
                "{{reason}}",
            )
        ],
    ),
    Panel(
        "Waiting time",
        SECONDS,
        "What callers waited for a decision; 19 of 20 should wait less than 10 ms.",
        _quantiles("tidegate_gate_latency_seconds"),
    ),
    Panel(
        "Queue",
        COUNT,
        "Orders that wait to be decided. Short bursts are normal, a length that stays is not.",
        [Query("tidegate_gate_queue_length", "{{replica}}")],
    ),
    Panel(
        "Ended without a decision",
        A_SECOND,
        "By code: dependency_failed (UNAVAILABLE), overloaded (come back later), internal (a bug).",
        [Query("sum by (code) (rate(tidegate_gate_faults_total[$__rate_interval]))", "{{code}}")],
    ),
    Panel(
        "Share refused for stale data",
        SHARE,
        "STALE_DATA among all decisions: a feed is behind, or a market has no marks.",
        [
            Query(
                'sum(rate(tidegate_gate_decisions_total{reason="STALE_DATA"}[$__rate_interval]))'
                " / sum(rate(tidegate_gate_decisions_total[$__rate_interval]))",
                "stale",
            )
        ],
    ),
    Panel(
        "Age of the configuration",
        SECONDS,
        "Since rules, tiers, profiles and states were confirmed to be the published ones; the gate stops at 10 s.",
        [Query("tidegate_configuration_age_seconds", "{{replica}}")],
    ),
    _ready("account_book|configuration|journal|postgres|issuer"),
)

_FEEDS: Final = (
    Panel(
        "Account feed: behind",
        SECONDS,
        "Since everything told of accounts had been applied; orders get STALE_DATA beyond 5 s; -1: never heard.",
        [Query("tidegate_account_feed_lag_seconds", "{{replica}}")],
    ),
    Panel(
        "Account events",
        A_SECOND,
        "What became of them: APPLIED, REPEATED and OUTDATED (nothing changed), GAP (one is missing).",
        [Query("sum by (outcome) (rate(tidegate_events_heard_total[$__rate_interval]))", "{{outcome}}")],
    ),
    Panel(
        "Gaps by topic",
        A_SECOND,
        "An earlier event is missing: the account is stale until a snapshot heals it.",
        [
            Query(
                'sum by (topic) (rate(tidegate_events_heard_total{outcome="GAP"}[$__rate_interval]))',
                "{{topic}}",
            )
        ],
    ),
    Panel(
        "Marks",
        A_SECOND,
        "Marks put in place, by replica; each replica reads all of them.",
        [Query("rate(tidegate_marks_applied_total[$__rate_interval])", "{{replica}}")],
    ),
    Panel(
        "Dead letters",
        COUNT,
        "Records set aside since the process started, because they cannot be read.",
        [Query("tidegate_dead_letters_total", "{{replica}}")],
    ),
    Panel(
        "Events sent",
        A_SECOND,
        "Announced decisions and assessments; one replica sends, the others stand by.",
        [
            Query("sum(rate(tidegate_events_sent_total[$__rate_interval]))", "gate"),
            Query("sum(rate(tidegate_desk_events_sent_total[$__rate_interval]))", "desk"),
        ],
    ),
    Panel(
        "Waiting to be announced",
        COUNT,
        "As the relays saw it last; counted up to 10,000.",
        [
            Query("max(tidegate_relay_backlog)", "decisions"),
            Query("max(tidegate_desk_relay_backlog)", "assessments"),
        ],
    ),
    Panel(
        "Oldest that waits",
        SECONDS,
        "Age of the oldest decision that is not announced yet.",
        [Query("max(tidegate_relay_oldest_seconds)", "oldest")],
    ),
)

_DESK: Final = (
    Panel(
        "Assessments",
        A_SECOND,
        "Requests answered a second, by decision.",
        [Query("sum by (decision) (rate(tidegate_desk_answers_total[$__rate_interval]))", "{{decision}}")],
    ),
    Panel(
        "Repeats",
        SHARE,
        "Answered with what was recorded before, among all answers.",
        [
            Query(
                'sum(rate(tidegate_desk_answers_total{repeated="true"}[$__rate_interval]))'
                " / sum(rate(tidegate_desk_answers_total[$__rate_interval]))",
                "repeated",
            )
        ],
    ),
    Panel("Waiting time", SECONDS, "What callers waited.", _quantiles("tidegate_desk_latency_seconds")),
    Panel(
        "Ended without an answer",
        A_SECOND,
        "By code: dependency_failed (503), conflict (an idempotency key used twice), internal (a bug).",
        [Query("sum by (code) (rate(tidegate_desk_faults_total[$__rate_interval]))", "{{code}}")],
    ),
    Panel(
        "Under way",
        COUNT,
        "Evaluations that were begun and have not ended.",
        [Query("tidegate_desk_evaluations_running", "{{replica}}")],
    ),
    Panel(
        "Abandoned",
        COUNT,
        "Evaluations found abandoned since the process started: whoever began them died, or is very slow.",
        [Query("tidegate_desk_abandoned_total", "{{replica}}")],
    ),
    Panel(
        "Provider calls",
        A_SECOND,
        "Outside data asked for, by provider and how it ended.",
        [
            Query(
                "sum by (provider, status) (rate(tidegate_desk_provider_calls_total[$__rate_interval]))",
                "{{provider}} {{status}}",
            )
        ],
    ),
    Panel(
        "Provider calls answered from memory",
        SHARE,
        "No request was made: the answer was kept, or another call's request was joined.",
        [
            Query(
                'sum by (provider) (rate(tidegate_desk_provider_calls_total{cached="true"}[$__rate_interval]))'
                " / sum by (provider) (rate(tidegate_desk_provider_calls_total[$__rate_interval]))",
                "{{provider}}",
            )
        ],
    ),
    _ready("desk_configuration|postgres|issuer"),
)

_AUDIT: Final = (
    Panel(
        "Sealed",
        A_SECOND,
        "Rows sealed into the audit chain, by partition; one replica seals, the others stand by.",
        [Query("sum by (partition) (rate(tidegate_audit_sealed_total[$__rate_interval]))", "{{partition}}")],
    ),
    Panel(
        "Since the last whole round",
        SECONDS,
        "A round seals all that has settled; beyond two minutes it is in trouble.",
        [Query("tidegate_audit_sealing_age_seconds", "{{replica}}")],
    ),
    Panel(
        "Decided and sealed",
        A_SECOND,
        "What is decided, against what is sealed: over minutes they are the same.",
        [
            Query("sum(rate(tidegate_gate_decisions_total[$__rate_interval]))", "decided"),
            Query("sum(rate(tidegate_audit_sealed_total[$__rate_interval]))", "sealed"),
        ],
    ),
)

DASHBOARDS: Final = (
    Dashboard("gate", "Tidegate: order gate", _GATE),
    Dashboard("feeds", "Tidegate: feeds and announcements", _FEEDS),
    Dashboard("desk", "Tidegate: assessment desk", _DESK),
    Dashboard("audit", "Tidegate: audit chain", _AUDIT),
)


def text_of(dashboard: Dashboard) -> str:
    """Give the file of a dashboard, as Grafana reads it."""
    document = {
        "uid": f"tidegate-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["tidegate"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "links": [{"type": "dashboards", "tags": ["tidegate"], "title": "Tidegate", "asDropdown": False}],
        "panels": [_panel(place, panel) for place, panel in enumerate(dashboard.panels)],
    }
    return json.dumps(document, indent=2) + "\n"


def _panel(place: int, panel: Panel) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    row, column = divmod(place, _PANELS_A_ROW)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": source,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "custom": {"fillOpacity": 8, "showPoints": "never"}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": source, "expr": query.expr, "legendFormat": query.legend}
            for number, query in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for each in DASHBOARDS:
        (FOLDER / f"{each.name}.json").write_text(text_of(each), encoding="utf-8")
