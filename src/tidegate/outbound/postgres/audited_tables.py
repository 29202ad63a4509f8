"""Which tables are audited, and which of their columns: all but those that say nothing about what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class AuditedTable:
    """One partition. ``columns`` are names with the SQL that gives each as text; ``left_out`` are the others, with why.

    ``row_id`` gives a row's id. ``joined`` is a second table that holds more of the same row; rows that fulfil
    ``elsewhere`` are another partition's. By time: ``time_column`` and ``id_column`` are what an index holds. By
    version: ``area`` is whose.
    """

    partition: str
    table: str
    columns: Mapping[str, str]
    row_id: str
    time_column: str = ""
    id_column: str = ""
    area: str = ""
    joined: str = ""
    elsewhere: str = "false"
    left_out: Mapping[str, str] = field(default_factory=dict)


def _texts(*names: str) -> dict[str, str]:
    return {name: f"{name}::text" for name in names}


def _times(*names: str) -> dict[str, str]:
    """Times as microseconds, so that no setting of a session changes how they are written."""
    return {name: f"(extract(epoch FROM {name}) * 1000000)::bigint::text" for name in names}


def _bytes(*names: str) -> dict[str, str]:
    return {name: f"encode({name}, 'hex')" for name in names}


_SUPERSEDED: Final = "changes when a later version is published; that version has a row of its own"
_MADE: Final = ("created_at", "updated_at")
_VERSIONED: Final = ("version", "area_version", "changed_by")


def _versions(partition: str, table: str, *, columns: Mapping[str, str]) -> AuditedTable:
    return AuditedTable(
        partition=partition,
        table=table,
        columns={**columns, **_texts("id", *_VERSIONED)},
        row_id="id::text || '/' || version",
        area=partition,
        left_out={"area_version_until": _SUPERSEDED},
    )


_CALLS: Final = """(
    SELECT json_agg(json_build_array(call.id, call.assessment_id, call.provider_name, call.status, call.latency_ms,
        call.raw_response::text, (extract(epoch FROM call.called_at) * 1000000)::bigint, call.fault, call.from_cache,
        call.cost_micros) ORDER BY call.id)::text
    FROM lt_risk_engine.external_data_log AS call WHERE call.assessment_id = risk_assessment.id
)"""
CALL_COLUMNS: Final = (
    "id",
    "assessment_id",
    "provider_name",
    "status",
    "latency_ms",
    "raw_response",
    "called_at",
    "fault",
    "from_cache",
    "cost_micros",
)
"""Columns of ``external_data_log``, which are audited with their assessment."""

_DECISION: Final = {
    **_texts("decision_id", "user_id", "account_id", "order_id", "symbol", "decision", "reason", "announces"),
    **_texts("notional_usdt"),
    **_times("evaluated_at", "reservation_expires_at"),
    **_bytes("fingerprint", "payload"),
    # a withdrawal may come after the row was sealed, and then it has noted itself
    "withdrawn": """(withdrawn = EXISTS (SELECT FROM decision_withdrawals AS noted
        WHERE noted.decision_id = decisions.decision_id))::text""",
}

AUDITED: Final = (
    AuditedTable(
        partition="decisions",
        table="decisions",
        columns=_DECISION,
        row_id="decision_id::text",
        time_column="evaluated_at",
        id_column="decision_id",
        elsewhere="EXISTS (SELECT FROM late_decisions AS late WHERE late.decision_id = decisions.decision_id)",
    ),
    AuditedTable(
        partition="late_decisions",
        table="late_decisions",
        joined="decisions",
        columns={**_DECISION, **_times("written_at")},
        row_id="decision_id::text",
        time_column="written_at",
        id_column="decision_id",
    ),
    AuditedTable(
        partition="withdrawals",
        table="decision_withdrawals",
        columns={**_texts("decision_id"), **_times("withdrawn_at")},
        row_id="decision_id::text",
        time_column="withdrawn_at",
        id_column="decision_id",
    ),
    AuditedTable(
        partition="assessments",
        table="lt_risk_engine.risk_assessment",
        columns={
            **_texts("id", "trace_id", "subject_id", "source_system", "request_hash", "status", "total_score"),
            **_texts("decision", "input_data_snapshot", "rule_execution_log", "versions", "answer"),
            **_texts("processing_time_ms", "fault"),
            **_times("created_at", "ended_at"),
            "external_data_log": _CALLS,
        },
        row_id="id::text",
        time_column="ended_at",
        id_column="id",
        left_out={
            "holds_claim": "ends when the duplicate window does; a trigger lets it go one way only",
            "rules_in_progress": "empty in what has ended",
        },
    ),
    _versions(
        "rules",
        "risk_rule_versions",
        columns={
            **_texts("name", "metric", "operator", "threshold", "severity", "action", "kyc_level", "symbol", "active"),
            **_texts("condition", "shadow"),
            **_times(*_MADE),
        },
    ),
    _versions(
        "tiers",
        "margin_tier_versions",
        columns={
            **_texts("symbol", "tier", "max_notional", "maintenance_margin_pct", "max_leverage", "active"),
            **_times(*_MADE),
        },
    ),
    _versions(
        "trading_states",
        "trading_state_versions",
        columns={**_texts("scope", "key", "state", "reason"), **_times("updated_at")},
    ),
    _versions(
        "desk_rules",
        "lt_risk_engine.risk_rule_versions",
        columns={
            **_texts("rule_code", "category", "weight", "logic_config", "scope", "is_active", "logic_text"),
            **_texts("lists_named", "position", "is_deleted"),
            **_times(*_MADE),
        },
    ),
    _versions(
        "desk_thresholds",
        "lt_risk_engine.risk_threshold_versions",
        columns={
            **_texts("score_from", "score_to", "decision", "scope", "is_active", "scope_number", "position"),
            **_texts("is_deleted"),
            **_times(*_MADE),
        },
    ),
    _versions(
        "desk_lists",
        "lt_risk_engine.managed_list_versions",
        columns={**_texts("name", "entries", "is_active", "entries_text", "position", "is_deleted"), **_times(*_MADE)},
    ),
)
"""Every partition. Profiles are not among them: they are what user events say, and every decision holds its own."""
