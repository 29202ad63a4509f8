"""Documents of ``tidegate assess`` become a case to decide, or every fault with its place."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rules.builders import ENGINES
from tests.inbound.scenario.desk_text import REQUEST, desk_document, desk_fault_places, read_desk
from tests.inbound.scenario.scenario_text import ABSENT

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.outside import CallStatus, PastAssessment, ProviderAnswer
from tidegate.core.assessment.risk_rule import Category
from tidegate.core.rules.instants import Instant
from tidegate.inbound.scenario.assessment import read_assessment, read_desk_seed
from tidegate.inbound.scenario.faults import UnreadableScenario

ONE_RULE = desk_document()["rules"][0]
DEEPEST: dict[str, Any] = {"when": {"field": "country", "op": "in", "value": ["CH"]}}
for _ in range(15):
    DEEPEST = {"when": {"all": [DEEPEST["when"]]}}


def test_document_with_everything_is_read() -> None:
    """PL-114: rows as in the REST API, numbers exactly, ids as they are."""
    case = read_desk(desk_document({"/request/context_data/x": 0.1}))
    listed, velocity = (each.rule for each in case.rule_set.active)
    assert (listed.rule_code, listed.category, listed.weight) == ("LIST", Category.COMPLIANCE, 300)
    assert (listed.scope, listed.rule_id, listed.version) == ({"country": frozenset({"CH", "LI"})}, "", 1)
    assert (velocity.rule_id, velocity.version) == ("7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11", 4)
    assert case.rule_set.lists == {"banned": ("CH", Decimal(1), True)}
    assert case.outside == {
        "zefix": ProviderAnswer(CallStatus.SUCCESS, {"found": True, "status": "ACTIVE"}),
        "crif": ProviderAnswer(CallStatus.TIMEOUT, {}),
    }
    assert case.past[0] == PastAssessment("s-1", 1_767_182_400_000_000, Decision.REJECTED, 900)
    assert case.now == Instant(1_767_225_600)
    assert case.request.context_data == {"x": Decimal("0.1")}


def test_document_needs_nothing_but_a_request() -> None:
    """PL-114: missing keys are empty, and so are null ones."""
    for document in ({"request": REQUEST}, {**dict.fromkeys(desk_document()), "request": REQUEST}):
        case = read_desk(document)
        assert (case.rule_set.active, dict(case.outside), case.past, case.now) == ((), {}, (), None)


def test_rows_may_be_taken_from_the_api_as_they_are() -> None:
    """PL-114: who changed a row, and when, stands beside it and is passed over."""
    kept = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "changed_by": "officer"}
    rule, threshold = desk_document()["rules"][0], desk_document()["thresholds"][0]
    case = read_desk(desk_document({"/rules/0": {**rule, **kept}, "/thresholds/0": {**threshold, **kept}}))
    assert case.rule_set.active[0].rule.rule_code == "LIST"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"failure": "failure"}, ProviderAnswer(CallStatus.FAILURE, {})),
        ({"failure": "timeout"}, ProviderAnswer(CallStatus.TIMEOUT, {})),
        ({"failure": "timeout", "more": 1}, ProviderAnswer(CallStatus.SUCCESS, {"failure": "timeout", "more": 1})),
        ({}, ProviderAnswer(CallStatus.SUCCESS, {})),
        ({"call": "SUCCESS", "x": 1}, ProviderAnswer(CallStatus.SUCCESS, {"x": 1})),
        ({"call": "TIMEOUT", "x": 1}, ProviderAnswer(CallStatus.TIMEOUT, {})),
        ({"call": "NOT_CALLED"}, None),
    ],
)
def test_providers_answer_is_the_adapted_object_or_a_failure(
    answer: dict[str, Any], expected: ProviderAnswer | None
) -> None:
    """PL-114: failure is timeout or failure; call, where it is given, says the same."""
    assert read_desk(desk_document({"/providers/zefix": answer})).outside.get("zefix") == expected


@pytest.mark.parametrize("written", [300, 300.0, "3e2", "3.00E+2"])
def test_whole_number_may_be_written_in_any_way(written: object) -> None:
    """PL-114: 300, 300.0 and 3e2 are one number."""
    text = json.dumps(desk_document({"/rules/0/weight": "@"})).replace('"@"', str(written))
    assert read_desk(text.encode()).rule_set.active[0].rule.weight == 300


def test_now_is_needed_only_by_ages_and_the_past() -> None:
    """PL-114: a document without now is refused when an active rule asks for it, and only then."""
    assert desk_fault_places(desk_document({"/now": ABSENT})) == ["/now"]
    assert read_desk(desk_document({"/now": ABSENT, "/rules/1/is_active": False})).now is None
    age = {"when": {"field": "context_data.d", "op": "older_than", "value": "P1D"}}
    assert desk_fault_places(desk_document({"/now": ABSENT, "/rules/1/logic_config": age})) == ["/now"]


WRONG_WEIGHTS: list[object] = [1_001, -1_001, 0.5, "1", None, True, [], 1e30]
FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"/colour": 1}, ["/colour"]),
    ({"/rules/0/colour": 1}, ["/rules/0/colour"]),
    ({"/thresholds/0/colour": 1}, ["/thresholds/0/colour"]),
    ({"/history/0/colour": 1}, ["/history/0/colour"]),
    ({"/request/colour": 1}, ["/request/colour"]),
    ({"/now": 1}, ["/now"]),
    ({"/now": "2026-01-01"}, ["/now"]),
    *[({f"/{key}": 1}, [f"/{key}"]) for key in ("thresholds", "providers", "history", "request")],
    ({"/rules": 1}, ["/rules"]),
    ({"/rules/-": 1}, ["/rules/2"]),
    ({"/rules/0/rule_code": ABSENT}, ["/rules/0/rule_code"]),
    ({"/rules/0/rule_code": ""}, ["/rules/0/rule_code"]),
    ({"/rules/0/rule_code": "x" * 129}, ["/rules/0/rule_code"]),
    ({"/rules/0/rule_code": "NO_THRESHOLD"}, ["/rules/0/rule_code"]),
    ({"/rules/-": ONE_RULE}, ["/rules/2/rule_code"]),
    ({"/rules/-": {**ONE_RULE, "is_active": False}}, ["/rules/2/rule_code"]),
    ({"/rules/0/category": "MONEY"}, ["/rules/0/category"]),
    *[({"/rules/0/weight": weight}, ["/rules/0/weight"]) for weight in WRONG_WEIGHTS],
    ({"/rules/0/logic_config": ABSENT}, ["/rules/0/logic_config"]),
    ({"/rules/0/logic_config": []}, ["/rules/0/logic_config"]),
    ({"/rules/0/logic_config": {}}, ["/rules/0/logic_config"]),
    ({"/rules/0/logic_config/when/op": "is"}, ["/rules/0/logic_config/when"]),
    ({"/rules/0/logic_config/when/value/list": "gone"}, ["/rules/0/logic_config/when"]),
    ({"/lists": ABSENT}, ["/rules/0/logic_config/when"]),
    ({"/rules/1/logic_config/window": "P1Y"}, ["/rules/1/logic_config/window"]),
    ({"/rules/1/logic_config/window": "P1Y", "/rules/1/is_active": False}, ["/rules/1/logic_config/window"]),
    ({"/rules/0/scope": []}, ["/rules/0/scope"]),
    ({"/rules/0/scope/country": []}, ["/rules/0/scope/country"]),
    ({"/rules/0/scope/country/0": "ch"}, ["/rules/0/scope/country/0"]),
    ({"/rules/0/scope/colour": ["a"]}, ["/rules/0/scope/colour"]),
    ({"/rules/0/is_active": "yes"}, ["/rules/0/is_active"]),
    ({"/rules/1/id": "7"}, ["/rules/1/id"]),
    ({"/rules/1/version": 0}, ["/rules/1/version"]),
    ({"/thresholds/0/score_from": -1}, ["/thresholds/0/score_from"]),
    ({"/thresholds/1/score_to": 1_001}, ["/thresholds/1/score_to"]),
    ({"/thresholds/1/score_to": 499}, ["/thresholds/1/score_to"]),
    ({"/thresholds/0/decision": "MAYBE"}, ["/thresholds/0/decision"]),
    ({"/thresholds/0/score_to": 498}, ["/thresholds/1"]),
    ({"/thresholds/0/score_to": 500}, ["/thresholds/1"]),
    ({"/thresholds/0/is_active": False}, ["/thresholds/1"]),
    ({"/lists/banned": "CH"}, ["/lists/banned"]),
    ({"/lists/banned/0": None}, ["/lists/banned/0"]),
    ({"/lists/banned/0": "x" * 4_097}, ["/lists/banned/0"]),
    ({"/lists/": ["CH"]}, ["/lists/"]),
    ({"/providers/zefix": "ACTIVE"}, ["/providers/zefix"]),
    ({"/providers/zefix": None}, ["/providers/zefix"]),
    ({"/providers/zefix": {"failure": "down"}}, ["/providers/zefix"]),
    ({"/providers/zefix": {"failure": None}}, ["/providers/zefix"]),
    ({"/providers/zefix": {"call": "MAYBE"}}, ["/providers/zefix"]),
    ({"/history/0/subject_id": ABSENT}, ["/history/0/subject_id"]),
    ({"/history/0/created_at": "yesterday"}, ["/history/0/created_at"]),
    ({"/history/0/decision": None}, ["/history/0/decision"]),
    ({"/history/0/risk_score": 1_001}, ["/history/0/risk_score"]),
    ({"/history/0/risk_score": -1}, ["/history/0/risk_score"]),
    ({"/request": ABSENT}, ["/request"]),
    ({"/request": None}, ["/request"]),
    ({"/request/country": "XX"}, ["/request/country"]),
    ({"/request/context_data": ABSENT}, ["/request/context_data"]),
    ({"/request/context_data/x": "\u0000"}, ["/request/context_data/x"]),
    ({"/request/context_data/x": "\ud800"}, ["/request/context_data/x"]),
    ({"/request/context_data/x": 10**64}, ["/request/context_data/x"]),
    ({"/rules/0/weight": "a", "/thresholds/0/score_to": 498}, ["/rules/0/weight", "/thresholds/1"]),
    (
        {
            "/now": 1,
            "/rules/0/weight": "a",
            "/rules/1/logic_config/count_gt": True,
            "/thresholds/0/decision": 1,
            "/request/country": "",
        },
        ["/now", "/rules/0/weight", "/thresholds/0/decision", "/rules/1/logic_config/count_gt", "/request/country"],
    ),
]


@pytest.mark.parametrize(("changes", "places"), FAULTS)
def test_document_with_faults_names_each_with_its_place(changes: dict[str, Any], places: list[str]) -> None:
    """PL-114: all that saving the rows or sending the request would refuse, at once."""
    assert desk_fault_places(desk_document(changes)) == places


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b'{"request": NaN}',
        b"[" * 100_000,
        b'{"a": 1e' + b"9" * 600 + b"}",
    ],
)
def test_content_that_is_no_document_is_told(content: bytes) -> None:
    """PL-114: one fault says it all."""
    assert desk_fault_places(content)[0] == ""


def test_keys_that_stand_twice_are_told() -> None:
    """PL-114: at any depth."""
    text = json.dumps(desk_document()).replace('"x": 1', '"x": 1, "x": 2')
    assert desk_fault_places(text.encode()) == ["/request/context_data/x"]


def test_request_nests_32_deep_and_no_deeper() -> None:
    """AS-001: the request and context_data are two of the 32."""
    deep: object = 1
    for _ in range(30):
        deep = [deep]
    assert read_desk(desk_document({"/request/context_data": {"x": deep}})).request.context_data
    assert desk_fault_places(desk_document({"/request/context_data": {"x": [deep]}})) == [
        "/request/context_data/x" + "/0" * 30
    ]


def test_rule_of_the_deepest_tree_is_read() -> None:
    """PL-114: a file has room for 16 levels of a condition; a seventeenth is told as such."""
    assert read_desk(desk_document({"/rules/0/logic_config": DEEPEST})).rule_set.active
    deeper = {"when": {"all": [DEEPEST["when"]]}}
    (place,) = desk_fault_places(desk_document({"/rules/0/logic_config": deeper}))
    assert place == "/rules/0/logic_config/when" + "/all/0" * 16


def test_seed_is_read_beside_what_belongs_to_the_gate() -> None:
    """PL-114: assessment_rules, thresholds and lists, checked together; other keys are left alone."""
    document = desk_document()
    seed = {
        "assessment_rules": document["rules"],
        "instruments": 1,
        **{k: document[k] for k in ("thresholds", "lists")},
    }
    rows = read_desk_seed(json.dumps(seed).encode(), engines=ENGINES)
    assert [len(part) for part in (rows.rules, rows.thresholds, rows.lists)] == [2, 2, 1]
    assert read_desk_seed(b"{}", engines=ENGINES).rules == ()
    seed["assessment_rules"][0]["weight"] = "a"
    seed["assessment_rules"][1]["logic_config"]["by"] = "country"
    with pytest.raises(UnreadableScenario) as unreadable:
        read_desk_seed(json.dumps(seed).encode(), engines=ENGINES)
    places = [fault.field for fault in unreadable.value.faults]
    assert places == ["/assessment_rules/0/weight", "/assessment_rules/1/logic_config/by"]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["\ud800", "\x00"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=5,
)
POINTERS = [
    "/now", "/rules", "/rules/0", "/rules/-", "/rules/0/rule_code", "/rules/0/weight", "/rules/0/category",
    "/rules/0/logic_config", "/rules/0/logic_config/when", "/rules/0/logic_config/when/value",
    "/rules/0/logic_config/when/op", "/rules/0/logic_config/when/field", "/rules/0/logic_config/params",
    "/rules/0/logic_config/on_unknown", "/rules/0/logic_config/reason", "/rules/1/logic_config/type",
    "/rules/1/logic_config/window", "/rules/1/logic_config/count_gt", "/rules/1/logic_config/by", "/rules/1/id",
    "/rules/0/scope", "/rules/0/scope/country", "/rules/0/is_active", "/rules/0/version", "/thresholds",
    "/thresholds/0", "/thresholds/0/score_from", "/thresholds/0/score_to", "/thresholds/0/decision", "/lists",
    "/lists/banned", "/lists/banned/0", "/providers", "/providers/zefix", "/providers/zefix/found", "/history",
    "/history/0", "/history/0/created_at", "/history/0/risk_score", "/request", "/request/country",
    "/request/subject_id", "/request/context_data", "/request/context_data/x", "/request/trace_id", "/more",
]  # fmt: skip


@given(st.sampled_from(POINTERS), json_values)
def test_document_with_anything_anywhere_is_read_or_told(pointer: str, value: object) -> None:
    """PL-114: whatever stands wherever, it is a case or faults with readable places."""
    told: list[str] = []
    try:
        read_desk(desk_document({pointer: value}))
    except UnreadableScenario as unreadable:
        told = [f"{fault.field}: {fault.reason}" for fault in unreadable.faults]
        told.append(str(unreadable))
    assert all(line.encode() for line in told)


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:0123456789eE.-tfn\\u ', max_size=40).map(str.encode))
def test_bytes_of_any_kind_are_told(content: bytes) -> None:
    """PL-114: never another exception."""
    with pytest.raises(UnreadableScenario):
        read_assessment(content, engines=ENGINES)
