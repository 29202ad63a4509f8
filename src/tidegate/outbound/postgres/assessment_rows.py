"""Assessments as rows: JSON through exact texts, ``created_at`` in UTC without a zone as the source has it."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import asyncpg
import msgspec

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.risk_assessment import AssessmentStatus, ExternalCall, RiskAssessment
from tidegate.core.rules.json_exact import read_json, write_json
from tidegate.outbound.postgres.instants import to_timestamp, to_us

COLUMNS: Final = """id, created_at, trace_id, subject_id, source_system, request_hash, status, total_score, decision,
    input_data_snapshot, rule_execution_log, versions, answer, ended_at, processing_time_ms, fault"""
"""What ``assessment_of`` reads, in any order."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_WRITER: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=dict)  # what it does not know are mappings
_NULL: Final = rb"\u0000"
_INSTEAD: Final = "\N{REPLACEMENT CHARACTER}"


def naive(instant_us: int) -> datetime:
    """Give the instant for a ``timestamp`` column that is kept in UTC."""
    return to_timestamp(instant_us).replace(tzinfo=None)


def naive_us(instant: datetime) -> int:
    """Give microseconds since 1970 of what such a column held."""
    return to_us(instant.replace(tzinfo=UTC))


def json_text(value: object) -> str:
    """Write a value for a ``jsonb`` column; U+0000 and unpaired surrogates, which it cannot hold, are replaced."""
    try:
        written = _WRITER.encode(value)
    except UnicodeEncodeError:  # an unpaired surrogate
        return write_json(_storable(value))
    return written.decode() if _NULL not in written else write_json(_storable(value))


def assessment_of(row: asyncpg.Record) -> RiskAssessment:
    """Read an assessment of a row that has ``COLUMNS``."""
    decision = row["decision"]
    return RiskAssessment(
        assessment_id=str(row["id"]),
        created_us=naive_us(row["created_at"]),
        trace_id=str(row["trace_id"]),
        subject_id=row["subject_id"],
        source_system=row["source_system"],
        request_hash=row["request_hash"],
        status=AssessmentStatus(row["status"]),
        input_data_snapshot=json_object(row["input_data_snapshot"]),
        versions=versions_of(row["versions"]),
        total_score=row["total_score"],
        decision=None if decision is None else Decision(decision),
        rule_execution_log=None if (log := row["rule_execution_log"]) is None else _objects(log),
        answer=None if (answer := row["answer"]) is None else json_object(answer),
        processing_time_ms=row["processing_time_ms"],
        ended_us=to_us(row["ended_at"]),
        fault=row["fault"],
    )


def call_of(row: asyncpg.Record) -> ExternalCall:
    """Read a call of a row of ``external_data_log``."""
    raw = row["raw_response"]
    return ExternalCall(
        call_id=str(row["id"]),
        assessment_id=str(row["assessment_id"]),
        provider_name=row["provider_name"],
        status=CallStatus(row["status"]),
        latency_ms=row["latency_ms"],
        raw_response=None if raw is None else read_json(raw),
        called_us=to_us(row["called_at"]),
        fault=row["fault"],
        from_cache=row["from_cache"],
        cost_micros=row["cost_micros"],
    )


def call_columns(calls: Sequence[ExternalCall]) -> list[list[object]]:
    """Give calls as one array a column: id, provider_name, status, latency_ms, raw_response, called_at, fault,
    from_cache, cost_micros.
    """
    rows = [
        (
            call.call_id,
            call.provider_name,
            call.status,
            call.latency_ms,
            None if call.raw_response is None else json_text(call.raw_response),
            to_timestamp(call.called_us),
            _storable(call.fault),
            call.from_cache,
            call.cost_micros,
        )
        for call in calls
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(9)]


def json_object(text: str) -> Mapping[str, object]:
    """Read a JSON object of a ``jsonb`` column."""
    value = read_json(text)
    assert isinstance(value, dict), "the column is written with objects alone"
    return value


def versions_of(text: str) -> Mapping[str, int]:
    """Read versions by name."""
    return {name: int(str(version)) for name, version in json_object(text).items()}


def _objects(text: str) -> Sequence[Mapping[str, object]]:
    value = read_json(text)
    assert isinstance(value, list), "the column is written with lists alone"
    return value


def _storable(value: object) -> object:
    if isinstance(value, str):
        return _UNSTORABLE.sub(_INSTEAD, value)
    if isinstance(value, Mapping):
        return {_UNSTORABLE.sub(_INSTEAD, str(key)): _storable(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return value
