"""A document of ``tidegate assess`` to change, and where its faults are."""

import copy
import json
from typing import Any

import pytest
from tests.core.rules.builders import ENGINES
from tests.inbound.scenario.scenario_text import ABSENT

from tidegate.inbound.scenario.assessment import AssessmentCase, read_assessment
from tidegate.inbound.scenario.faults import UnreadableScenario

REQUEST: dict[str, Any] = {
    "subject_id": "s-1",
    "source_system": "kyc",
    "country": "CH",
    "product_type": "LOAN",
    "risk_category": "STANDARD",
    "context_data": {"x": 1},
}
_DOCUMENT: dict[str, Any] = {
    "now": "2026-01-01T00:00:00Z",
    "rules": [
        {
            "rule_code": "LIST",
            "category": "COMPLIANCE",
            "weight": 300,
            "logic_config": {"when": {"field": "country", "op": "in", "value": {"list": "banned"}}},
            "scope": {"country": ["CH", "LI"]},
        },
        {
            "rule_code": "VELOCITY",
            "category": "FRAUD",
            "weight": -20,
            "logic_config": {"type": "velocity", "window": "PT24H", "count_gt": 0, "by": "subject_id"},
            "scope": {},
            "is_active": True,
            "id": "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11",
            "version": 4,
        },
    ],
    "thresholds": [
        {"score_from": 0, "score_to": 499, "decision": "APPROVED", "scope": {}},
        {"score_from": 500, "score_to": 1000, "decision": "REJECTED", "scope": {}, "is_active": True},
    ],
    "lists": {"banned": ["CH", 1, True]},
    "providers": {"zefix": {"found": True, "status": "ACTIVE"}, "crif": {"failure": "timeout"}},
    "history": [
        {"subject_id": "s-1", "created_at": "2025-12-31T12:00:00Z", "decision": "REJECTED", "risk_score": 900},
        {"subject_id": "s-2", "created_at": "2025-12-31T12:00:00Z", "decision": "APPROVED", "risk_score": 0},
    ],
    "request": REQUEST,
}


def desk_document(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The document with members set by JSON pointer (``ABSENT`` takes one out, ``-`` appends)."""
    document = copy.deepcopy(_DOCUMENT)
    for pointer, value in (changes or {}).items():
        *path, last = pointer.removeprefix("/").split("/")
        place: Any = document
        for step in path:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if isinstance(place, list) and last == "-":
            place.append(value)
        elif value is ABSENT:
            del place[last]
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return document


def read_desk(document: object) -> AssessmentCase:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_assessment(content, engines=ENGINES)


def desk_fault_places(document: object) -> list[str]:
    with pytest.raises(UnreadableScenario) as unreadable:
        read_desk(document)
    return [fault.field for fault in unreadable.value.faults]
