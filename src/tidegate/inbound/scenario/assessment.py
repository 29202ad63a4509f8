"""Reading a document of ``tidegate assess``, and the desk's part of a seed file (``spec/platform.md``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.outside import CallStatus, PastAssessment, ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.request_checks import InvalidRequest, checked_request
from tidegate.core.assessment.risk_threshold import SCORE_MAX
from tidegate.core.assessment.rule_set import RuleSet
from tidegate.core.kernel.readings import read_identifier
from tidegate.core.rules.instants import Instant, parse_date_time
from tidegate.core.rules.lookup import CALL_NOT_CALLED, CALL_SUCCESS
from tidegate.core.rules.parse import Engines
from tidegate.inbound.scenario.assessment_rows import DeskRows, note_logic_faults, read_desk_rows, rule_set_of
from tidegate.inbound.scenario.exact_values import exact, exact_value, note_faults
from tidegate.inbound.scenario.faults import ScenarioFault, UnreadableScenario
from tidegate.inbound.scenario.json_text import JsonObject, NotJson, parse_json, twin_faults
from tidegate.inbound.scenario.row import Row

REQUEST_NESTING_MAX: Final = 32
"""Objects and lists inside each other in a request, the request itself included (at the bound passes)."""

_NOW_CHARACTERS_MAX: Final = 64
_FAILURES: Final[Mapping[str, CallStatus]] = {"timeout": CallStatus.TIMEOUT, "failure": CallStatus.FAILURE}
_CALLS: Final = (*CallStatus, CALL_NOT_CALLED)


@dataclass(frozen=True, slots=True)
class AssessmentCase:
    """One document: a request and all that its decision hangs on.

    ``now`` is None where the document names none; then nothing in the rule set asks for it.
    """

    request: AssessmentRequest
    rule_set: RuleSet
    outside: Mapping[str, ProviderAnswer]
    past: tuple[PastAssessment, ...]
    now: Instant | None


def read_assessment(content: bytes, *, engines: Engines) -> AssessmentCase:
    """Read one document of ``tidegate assess``; all but ``request`` may be left out, missing keys are empty.

    Rules, thresholds and lists are checked as saving them would. ``now`` is required when an active rule asks for an
    age or for the past.

    Raises:
        UnreadableScenario: naming everything that is wrong, each fault with a JSON pointer.
    """
    file = _file(content)
    now = _now(file)
    rule_set = _rule_set(file, engines=engines)
    if rule_set is not None and rule_set.reads_now and not file.has("now"):
        file.fault("now", "is required: a rule asks for an age or for the past")
    outside = dict(_answers(file))
    past = tuple(_past(row) for row in file.rows("history"))
    request = _request(file)
    file.close()
    if file.faults or rule_set is None or request is None:
        raise UnreadableScenario(file.faults)
    return AssessmentCase(request, rule_set, outside, past, now)


def read_desk_seed(content: bytes, *, engines: Engines) -> DeskRows:
    """Read ``assessment_rules``, ``thresholds`` and ``lists`` of a seed file, checked as saving them would.

    Whatever else stands in the file is left to the order gate's reader.

    Raises:
        UnreadableScenario: naming everything that is wrong, each fault with a JSON pointer.
    """
    file = _file(content)
    rows = read_desk_rows(file, rules_key="assessment_rules")
    if file.sound:
        rule_set_of(rows, file, engines=engines)
    else:
        note_logic_faults(rows, file, engines=engines)
    if file.faults:
        raise UnreadableScenario(file.faults)
    return rows


def _file(content: bytes) -> Row:
    try:
        value = parse_json(content)
    except NotJson as fault:
        raise UnreadableScenario([ScenarioFault("", str(fault))]) from None
    twins = [ScenarioFault(twin.field, twin.reason) for twin in twin_faults(value)]
    if twins:
        raise UnreadableScenario(twins)
    return Row(value, "", faults=[])


def _rule_set(file: Row, *, engines: Engines) -> RuleSet | None:
    before = len(file.faults)
    rows = read_desk_rows(file)
    if len(file.faults) == before:
        return rule_set_of(rows, file, engines=engines)
    note_logic_faults(rows, file, engines=engines)
    return None


def _now(file: Row) -> Instant | None:
    if not file.has("now"):
        return None
    value = file.value("now")
    now = parse_date_time(value) if isinstance(value, str) and len(value) <= _NOW_CHARACTERS_MAX else None
    if now is None:
        file.fault("now", "must be an RFC 3339 date-time such as 2026-01-01T00:00:00Z")
    return now


def _answers(file: Row) -> Iterable[tuple[str, ProviderAnswer]]:
    """The providers' answers by name; one that was not called gives none."""
    row = file.row("providers")
    if row is None:
        return
    for name in row.keys():  # noqa: SIM118 - a row is no mapping
        answer = exact(row, row.value(name), pointer=row.at(name))
        if not isinstance(answer, dict):
            row.fault(name, 'must be an object: the adapted answer, or {"failure": "timeout"}')
            continue
        status = _status(row, name, answer=answer)
        if status is CallStatus.SUCCESS:
            yield name, ProviderAnswer(status, {key: value for key, value in answer.items() if key != "call"})
        elif status is not None:
            yield name, ProviderAnswer(status, {})


def _status(row: Row, name: str, *, answer: Mapping[str, object]) -> CallStatus | None:
    if set(answer) == {"failure"}:
        failure = answer["failure"]
        if isinstance(failure, str) and failure in _FAILURES:
            return _FAILURES[failure]
        row.fault(name, f"failure must be one of {', '.join(_FAILURES)}")
        return None
    call = answer.get("call", CALL_SUCCESS)
    if not isinstance(call, str) or call not in _CALLS:
        row.fault(name, f"call must be one of {', '.join(_CALLS)}")
        return None
    return None if call == CALL_NOT_CALLED else CallStatus(call)


def _past(row: Row) -> PastAssessment:
    past = PastAssessment(
        subject_id=row.text("subject_id", reader=str),
        created_us=row.instant_us("created_at"),
        decision=row.choice("decision", Decision),
        risk_score=min(row.count("risk_score"), SCORE_MAX + 1),
    )
    if past.risk_score > SCORE_MAX:
        row.fault("risk_score", f"must be 0 to {SCORE_MAX}")
    if row.has("id"):
        row.text("id", reader=read_identifier)
    row.close()
    return past


def _request(file: Row) -> AssessmentRequest | None:
    if not file.has("request"):
        file.fault("request", "is required")
        return None
    if not isinstance(file.value("request"), JsonObject):
        file.fault("request", "must be an object")
        return None
    before = len(file.faults)
    members = exact_value(file, "request", depth_max=REQUEST_NESTING_MAX)
    if len(file.faults) > before:
        return None
    try:
        return checked_request(members)
    except InvalidRequest as invalid:
        note_faults(file, invalid.faults, pointer=file.at("request"))
        return None
