"""CRIF's credit report on a person (``POST .../reports/personAddress``): Basic, billed by the report.

The source fixes path, headers, ``reportType``, ``personIdentity`` and ``decisionMatrix``; what it leaves open is read
as docs/decisions/0015-providers.md says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tidegate.core.rules.values import plain_decimal
from tidegate.outbound.providers.exchange import (
    NOT_FOUND,
    OK,
    NotAsked,
    Plan,
    Question,
    Reply,
    document_of,
    status_fault,
)
from tidegate.outbound.providers.reading import object_at, request_lookup, text_in, wrong_schema
from tidegate.ports.external_data import ProviderCall

NAME: Final = "crif"

IDENTITY_FIELDS: Final[Mapping[str, str]] = {
    "firstName": "context_data.first_name",
    "lastName": "context_data.last_name",
    "birthDate": "context_data.birth_date",
    "sex": "context_data.sex",
    "address.street": "context_data.address.street",
    "address.houseNumber": "context_data.address.house_number",
    "address.zip": "context_data.address.zip",
    "address.city": "context_data.address.city",
    "address.country": "context_data.address.country",
}
"""Where in a request the members of ``personIdentity`` are looked for."""

IDENTITY_REQUIRED: Final = ("firstName", "lastName")
"""Without these nobody is meant, and a report would be paid for nothing."""

_PATH: Final = "/reports/personAddress"
_REPORT: Final = "report"
_DEPTH_MAX: Final = 4
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_NAME: Final = re.compile(r"[^a-z0-9_]+")
_NO_MATCH: Final = "NO_MATCH"
_RESERVED: Final = frozenset({"found", "call", "failure"})


@dataclass(frozen=True, slots=True)
class CrifAdapter:
    """Asks for one report a person; the assessment's id is the reference number on CRIF's invoice."""

    api_version: str
    end_user_id: str
    cost_group_id: str
    report_type: str
    identity_fields: Mapping[str, str] = field(default_factory=lambda: IDENTITY_FIELDS)

    @property
    def name(self) -> str:
        return NAME

    def plan(self, call: ProviderCall) -> Plan:
        look = request_lookup(call.request)
        identity: dict[str, object] = {}
        for place, path in self.identity_fields.items():
            value = look(path)
            if isinstance(value, str | Decimal) and value != "":
                _put(identity, place, value=str(value))
        lacking = [self.identity_fields.get(name, name) for name in IDENTITY_REQUIRED if name not in identity]
        if lacking:
            raise NotAsked(f"the request lacks {' and '.join(lacking)}")
        headers = {
            "api-version": self.api_version,
            "reference-number": call.assessment_id,
            "end-user-id": self.end_user_id,
            "cost-group-id": self.cost_group_id,
        }
        body = {"reportType": self.report_type, "personIdentity": identity}
        return Plan({_REPORT: Question("POST", _PATH, headers=headers, body=body)})

    def read(self, question: Question, reply: Reply) -> dict[str, object]:  # noqa: ARG002 - there is one question
        document = reply.document if isinstance(reply.document, Mapping) else {}
        if reply.status == NOT_FOUND and _error_code(document) == "NOT_FOUND":
            return {"found": False}
        if reply.status != OK:
            raise status_fault(reply, _error_code(document))
        report = object_at(document_of(reply), "")
        matched = report.get("addressMatchResult")
        match_type = object_at(matched, "/addressMatchResult").get("type") if matched is not None else None
        if match_type == _NO_MATCH:
            return {"found": False, "address_match": _NO_MATCH}
        matrix = object_at(report.get("decisionMatrix"), "/decisionMatrix")
        text_in(matrix, "decision", pointer="/decisionMatrix")
        fields = _adapted(matrix, depth=1)
        # A member of the matrix that is called like one of ours gives way.
        fields = {name: value for name, value in fields.items() if name not in _RESERVED}
        if isinstance(match_type, str):
            fields["address_match"] = match_type
        return {**fields, "found": True}

    def combine(self, call: ProviderCall, parts: Mapping[str, Mapping[str, object]]) -> dict[str, object]:  # noqa: ARG002 - one part
        return dict(parts[_REPORT])


def _put(holder: dict[str, object], place: str, *, value: str) -> None:
    first, _, rest = place.partition(".")
    if not rest:
        holder[first] = value
        return
    inner = holder.setdefault(first, {})
    assert isinstance(inner, dict)
    _put(inner, rest, value=value)


def _adapted(matrix: Mapping[str, object], *, depth: int) -> dict[str, object]:
    """Rename every member to snake case; texts that are plain decimals in a ``score`` become numbers.

    A list of ``{"type", ...}`` becomes an object by type, since rules have no array index; a list of texts, numbers
    and booleans stays; what else there is, and what lies deeper than four levels, is left to the raw answer.
    """
    if depth > _DEPTH_MAX:
        wrong_schema("/decisionMatrix", f"at most {_DEPTH_MAX} levels", got=matrix)
    fields: dict[str, object] = {}
    for key, value in matrix.items():
        name = _snake(key)
        if isinstance(value, Mapping):
            fields[name] = _adapted(value, depth=depth + 1)
        elif isinstance(value, list):
            if (adapted := _list(value, depth=depth)) is not None:
                fields[name] = adapted
        elif value is not None:
            number = plain_decimal(value) if isinstance(value, str) and name.endswith("score") else None
            fields[name] = value if number is None else number
    return fields


def _list(rows: list[object], *, depth: int) -> object:
    if all(isinstance(row, str | Decimal | bool) for row in rows):
        return rows
    typed = [row for row in rows if isinstance(row, Mapping) and isinstance(row.get("type"), str)]
    if len(typed) != len(rows):
        return None
    return {_snake(str(row["type"])): _adapted(row, depth=depth + 1) for row in typed}


def _snake(key: str) -> str:
    return _NO_NAME.sub("_", _WORD_START.sub("_", key).lower()) or "_"


def _error_code(document: Mapping[str, object]) -> str:
    """Give the code of an error object; its message is left out, for it may name the person."""
    error = document.get("error")
    code = error.get("code", error.get("type")) if isinstance(error, Mapping) else document.get("errorCode")
    return code[:100] if isinstance(code, str) else ""
