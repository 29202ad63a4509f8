"""Zefix: what is asked, and how its answers are read."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.outbound.providers.builders import JSON, a_call, a_reply, no_json

from tidegate.core.rules.json_exact import write_json
from tidegate.demo.stub_providers.company_book import BOOK, company_full, company_short
from tidegate.outbound.providers.exchange import AttemptFailed, NotAsked, Question
from tidegate.outbound.providers.zefix import ZefixAdapter

UID = BOOK[0].uid
BY_UID = Question("GET", f"/api/v1/company/uid/{UID}")
BY_NAME = Question("POST", "/api/v1/company/search", body={"name": "Tidewater Logistik AG", "activeOnly": False})
ZEFIX = ZefixAdapter()
NOT_FOUND = {"error": {"type": "NOT_FOUND", "message": "no company"}}


def uids(*pairs: tuple[str, str]) -> dict[str, object]:
    return {"uids": [{"key": key, "field": path} for key, path in pairs]}


def asked(context: Mapping[str, object], parameters: Mapping[str, object] | None = None) -> list[Question]:
    return list(ZEFIX.plan(a_call(context, parameters=parameters)).questions.values())


def answered(context: Mapping[str, object], parameters: Mapping[str, object]) -> Mapping[str, object]:
    """What a call gives when the register has the book's companies."""
    call = a_call(context, parameters=parameters)
    plan = ZEFIX.plan(call)
    parts = dict(plan.known)
    for key, question in plan.questions.items():
        uid = question.path.rsplit("/", 1)[1]
        parts[key] = ZEFIX.read(question, a_reply([company_full(each) for each in BOOK if each.uid == uid]))
    return ZEFIX.combine(call, parts)


def test_zefix_asks_by_the_uid_in_compact_form() -> None:
    """AS-520: GET company/uid/CHE and nine digits, from whatever form the request has it in."""
    dashed = f"CHE-{UID[3:6]}.{UID[6:9]}.{UID[9:]} MWST"
    assert asked({"uid": dashed}) == [BY_UID]
    assert asked({"firm": {"number": dashed}}, uids(("k1", "context_data.firm.number"))) == [BY_UID]


def test_zefix_asks_once_for_a_uid_that_several_rules_name() -> None:
    """AS-520: two keys, one company, one request; each key has its answer, the first stands at the top too."""
    context = {"a": UID, "b": f"CHE {UID[3:]}", "c": BOOK[2].uid}
    told = uids(("k1", "context_data.c"), ("k2", "context_data.a"), ("k3", "context_data.b"))
    assert len(asked(context, told)) == 2
    answer = answered(context, told)
    by_key: Any = answer["by_key"]
    assert (answer["status"], by_key["k1"]["status"], by_key["k2"]["status"]) == (
        "BEING_CANCELLED",
        "BEING_CANCELLED",
        "ACTIVE",
    )
    assert by_key["k2"] == by_key["k3"]


def test_zefix_leaves_out_what_the_request_does_not_have() -> None:
    """AS-520: the answer of a key whose field is missing is not there, so that its rule is UNKNOWN; others are."""
    answer = answered({"b": UID}, uids(("k1", "context_data.a"), ("k2", "context_data.b")))
    assert answer["found"] is True
    assert isinstance(answer["by_key"], dict)
    assert list(answer["by_key"]) == ["k2"]


@pytest.mark.parametrize("uid", ["CHE-107.787.578", "107787577", "", Decimal(107787577), True, ["CHE107787577"]])
def test_zefix_is_not_asked_for_a_uid_that_cannot_be(uid: object) -> None:
    """AS-503: a wrong check digit or form is answered found false, without a call."""
    plan = ZEFIX.plan(a_call({"uid": uid}))
    assert not plan.questions
    assert ZEFIX.combine(a_call({"uid": uid}), plan.known) == {"found": False, "uid_valid": False}


@pytest.mark.parametrize("context", [{}, {"uid": None}, {"company_name": "AB"}, {"company_name": "***"}])
def test_zefix_is_not_asked_when_the_request_has_neither_uid_nor_name(context: Mapping[str, object]) -> None:
    """AS-521: nothing to look up is no answer, not found false."""
    with pytest.raises(NotAsked, match="neither"):
        ZEFIX.plan(a_call(context))


def test_zefix_searches_by_name_when_the_request_has_no_uid_or_a_rule_asks() -> None:
    """AS-521: POST company/search with the name, without the register's own wildcard."""
    assert asked({"company_name": " Tidewater  Logistik AG*"}) == [BY_NAME]
    named = {"names": [{"key": "n1", "field": "context_data.employer"}]}
    assert asked({"employer": "Tidewater Logistik AG", "uid": UID}, named) == [BY_NAME]


@pytest.mark.parametrize(
    ("names", "found", "matches", "exact"),
    [
        ([], False, 0, 0),
        (["Tidewater Logistik AG Filiale"], False, 1, 0),
        (["TIDEWATER  Logistik ag", "Tidewater Logistik AG Filiale"], True, 2, 1),
    ],
)
def test_zefix_by_name_finds_the_company_that_is_called_so(
    names: list[str], found: bool, matches: int, exact: int
) -> None:
    """AS-521: the search gives names that begin so; found is the one that is equal, case and blanks aside."""
    rows = [{**company_short(BOOK[0]), "name": name} for name in names]
    fields = ZEFIX.read(BY_NAME, a_reply(rows))
    assert (fields["found"], fields["matches"], fields["exact_matches"]) == (found, matches, exact)
    assert ("status" in fields) == found


def test_zefix_answer_is_adapted_field_by_field() -> None:
    """AS-522: names as in docs/providers.md; capital is a number, legal form, address and publications are objects."""
    fields = ZEFIX.read(BY_UID, a_reply([company_full(BOOK[0])]))
    assert {
        "found": True,
        "uid_valid": True,
        "uid": UID,
        "name": "Tidewater Logistik AG",
        "status": "ACTIVE",
        "legal_seat": "Basel",
        "canton": "BS",
        "capital_nominal": Decimal("2500000.00"),
        "capital_currency": "CHF",
        "sogc_date": "2009-04-01",
        "entries": Decimal(1),
        "old_names": ["Tidewater Logistik AG (vormals)"],
    }.items() <= fields.items()
    assert fields["legal_form"] == {
        "id": Decimal(3),
        "uid": "0106",
        "name": {"de": "Aktiengesellschaft"},
        "short_name": {"de": "AG"},
    }
    assert fields["sogc"] == {
        "count": Decimal(1),
        "first_date": "2009-04-01",
        "last_date": "2009-04-01",
        "mutation_types": ["status.neu"],
    }


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("100000", "100000"),
        ("100'000.00", "100000.00"),
        ("1\u2019234\u2019567.05", "1234567.05"),
        ("12 000", "12000"),
        ("1,5 Mio.", None),
        ("", None),
        ("NaN", None),
    ],
)
def test_zefix_capital_is_read_exactly_or_left_out(text: str, amount: str | None) -> None:
    """AS-522: capitalNominal is a text; what is no number is missing, never a guess."""
    fields = ZEFIX.read(BY_UID, a_reply([{**company_full(BOOK[0]), "capitalNominal": text}]))
    assert fields.get("capital_nominal") == (None if amount is None else Decimal(amount))


def test_zefix_of_a_company_with_several_entries_takes_the_living_one() -> None:
    """AS-522: a company that moved has an entry in each canton; order does not matter."""
    entries = [company_full(company) for company in BOOK if company.body == "20000007"]
    question = Question("GET", f"/api/v1/company/uid/{entries[0]['uid']}")
    for rows in (entries, entries[::-1]):
        fields = ZEFIX.read(question, a_reply(rows))
        assert (fields["status"], fields["canton"], fields["entries"]) == ("ACTIVE", "TI", 2)


def test_zefix_that_has_no_such_company_found_nothing() -> None:
    """AS-515: an empty list, an empty 404 and a 404 of type NOT_FOUND are answers."""
    for reply in (a_reply([]), a_reply(NOT_FOUND, status=404), no_json("", status=404)):
        assert ZEFIX.read(BY_UID, reply) == {"found": False, "uid_valid": True}


@pytest.mark.parametrize(
    ("status", "document", "told"),
    [
        (
            400,
            {"error": {"type": "RESULTLIST_TO_LARGE", "message": "narrow it"}},
            "400 (RESULTLIST_TO_LARGE: narrow it)",
        ),
        (400, {"error": {"type": "INVALID_QUERY_WORDS"}}, "400 (INVALID_QUERY_WORDS)"),
        (500, {"error": {"type": "INTERNAL_SERVER_ERROR", "message": "x"}}, "500 (INTERNAL_SERVER_ERROR: x)"),
        (404, {"message": "no route"}, "answered 404"),
        (401, "who?", "answered 401"),
        (204, [], "answered 204"),
        (200, {}, "the answer is an object, expected a list"),
        (200, [[]], "/0 is a list, expected an object"),
        (200, [{**company_full(BOOK[0]), "status": "GONE"}], "/0/status"),
        (200, [{**company_full(BOOK[0]), "uid": None}], "/0/uid is null"),
        (200, [{**company_full(BOOK[0]), "purpose": 7}], "/0/purpose is a number"),
        (200, [{**company_full(BOOK[0]), "capitalNominal": 100000}], "/0/capitalNominal is a number"),
        (200, [{**company_full(BOOK[0]), "legalForm": "AG"}], "/0/legalForm is a text"),
        (200, [{**company_full(BOOK[0]), "sogcPub": {}}], "/0/sogcPub is an object"),
        (200, [{**company_full(BOOK[0]), "sogcPub": [{}]}], "/0/sogcPub/0/sogcDate is null"),
        (200, [company_full(BOOK[2])], "/0/uid"),
    ],
)
def test_zefix_answer_of_another_schema_is_a_failure_in_words(status: int, document: object, told: str) -> None:
    """AS-510, AS-522: an error says its type; a member of another type, or another company, is not read at all."""
    with pytest.raises(AttemptFailed) as failed:
        ZEFIX.read(BY_UID, a_reply(document, status=status))
    assert told in failed.value.fault.words


@given(key=st.sampled_from(sorted(company_full(BOOK[0]))), value=JSON)
def test_zefix_answer_with_any_member_changed_is_read_or_a_failure(key: str, value: object) -> None:
    """AS-514: whatever one member holds, nothing but an answer or a failure in words comes of it."""
    try:
        fields = ZEFIX.read(BY_UID, a_reply([{**company_full(BOOK[0]), key: value}]))
    except AttemptFailed:
        return
    assert fields["found"] is True
    assert write_json(fields)


@pytest.mark.shared_data
def test_stand_in_of_zefix_has_the_shapes_of_its_openapi(shared_data_dir: Path) -> None:
    """AS-550, AS-522: every member that the stand-in gives is in the published schema and of its type."""
    text = (shared_data_dir / "register" / "zefix_openapi_v3.json").read_text(encoding="utf-8")
    schemas = json.loads(text)["components"]["schemas"]
    for company in BOOK:
        assert list(strangers(company_full(company), schemas["CompanyFull"], schemas=schemas)) == []
        assert list(strangers(company_short(company), schemas["CompanyShort"], schemas=schemas)) == []
    assert write_json(company_full(BOOK[0]))


def strangers(value: object, schema: Mapping[str, Any], *, schemas: Mapping[str, Any]) -> list[str]:
    """Names of members that a schema does not know, or knows as another type."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if value is None:
        return []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        inner = (strangers(member, known[key], schemas=schemas) for key, member in value.items() if key in known)
        return [key for key in value if key not in known] + [name for names in inner for name in names]
    if isinstance(value, list):
        return [name for element in value for name in strangers(element, schema["items"], schemas=schemas)]
    wanted = {"string": str, "integer": int, "boolean": bool}[schema["type"]]
    fits = isinstance(value, wanted) and ("enum" not in schema or value in schema["enum"])
    return [] if fits else [str(value)]
