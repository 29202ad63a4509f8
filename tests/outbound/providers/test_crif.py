"""CRIF: the order that is sent, and how a report is read."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from tests.outbound.providers.builders import A_PERSON, a_call, a_crif, a_reply, no_json

from tidegate.outbound.providers.exchange import AttemptFailed, NotAsked, Question

CRIF = a_crif()
A_REPORT = {
    "archivingId": 12345,
    "addressMatchResult": {"type": "MATCH"},
    "decisionMatrix": {
        "decision": "LIGHT_GREEN",
        "decisionText": "small risk",
        "creditScore": "512.50",
        "isFinal": True,
        "ratings": ["A", "B"],
        "limit": {"amountMax": 5000, "currency": "CHF"},
        "subdecisions": [
            {"type": "NEGATIVE_PAYMENT", "value": "no", "decision": "GREEN"},
            {"type": "age", "value": "42", "decision": "GREEN"},
        ],
        "matrix": [[1], [2]],
        "remark": None,
        "found": "yes",
    },
}


def the_order(context: Mapping[str, object]) -> Question:
    (question,) = CRIF.plan(a_call(context)).questions.values()
    return question


def test_crif_order_has_the_headers_and_the_person() -> None:
    """AS-530: the assessment's id is the reference number; what the request does not have is left out."""
    address = {"street": "Hafenstrasse", "house_number": Decimal(7), "zip": "3000", "city": "Bern", "country": "CH"}
    question = the_order({**A_PERSON, "birth_date": "1980-02-29", "address": address, "sex": None})
    assert (question.method, question.path) == ("POST", "/reports/personAddress")
    assert question.headers == {
        "api-version": "1.0",
        "reference-number": "11111111-1111-4111-8111-111111111111",
        "end-user-id": "desk",
        "cost-group-id": "group-7",
    }
    assert question.body == {
        "reportType": "CREDIT_CHECK_CONSUMER",
        "personIdentity": {
            "firstName": "Anna",
            "lastName": "Muster",
            "birthDate": "1980-02-29",
            "address": {"street": "Hafenstrasse", "houseNumber": "7", "zip": "3000", "city": "Bern", "country": "CH"},
        },
    }


def test_crif_orders_on_one_person_under_two_references_ask_the_same() -> None:
    """AS-512: who waits for the same report shares it; the reference number alone makes no other question."""
    one, other = (CRIF.plan(a_call(A_PERSON, assessment_id=number)) for number in ("1", "2"))
    assert one.questions["report"].identity == other.questions["report"].identity
    assert the_order(A_PERSON).identity != the_order({**A_PERSON, "birth_date": "1980-01-01"}).identity


@pytest.mark.parametrize(
    "context", [{}, {"first_name": "Anna"}, {"last_name": "Muster"}, {**A_PERSON, "last_name": ""}]
)
def test_crif_is_not_paid_for_a_person_without_a_name(context: Mapping[str, object]) -> None:
    """AS-530: without first and last name nobody is meant."""
    with pytest.raises(NotAsked, match=r"lacks context_data\.(first|last)_name"):
        CRIF.plan(a_call(context))


def test_crif_report_is_adapted_from_its_decision_matrix() -> None:
    """AS-531: names in snake case, subdecisions by type, a score as a number; nothing takes the place of found."""
    assert CRIF.read(the_order(A_PERSON), a_reply(A_REPORT)) == {
        "found": True,
        "address_match": "MATCH",
        "decision": "LIGHT_GREEN",
        "decision_text": "small risk",
        "credit_score": Decimal("512.50"),
        "is_final": True,
        "ratings": ["A", "B"],
        "limit": {"amount_max": Decimal(5000), "currency": "CHF"},
        "subdecisions": {
            "negative_payment": {"type": "NEGATIVE_PAYMENT", "value": "no", "decision": "GREEN"},
            "age": {"type": "age", "value": "42", "decision": "GREEN"},
        },
    }


def test_crif_that_knows_nobody_of_that_name_found_nothing() -> None:
    """AS-515: no match of the address, and a 404 of code NOT_FOUND, are answers."""
    question = the_order(A_PERSON)
    no_match = a_reply({"addressMatchResult": {"type": "NO_MATCH"}})
    assert CRIF.read(question, no_match) == {"found": False, "address_match": "NO_MATCH"}
    assert CRIF.read(question, a_reply({"error": {"code": "NOT_FOUND"}}, status=404)) == {"found": False}


@pytest.mark.parametrize(
    ("status", "document", "told"),
    [
        (400, {"error": {"code": "INVALID_REQUEST", "message": "Anna Muster is unknown"}}, "400 (INVALID_REQUEST)"),
        (403, {"errorCode": "NO_PERMISSION"}, "403 (NO_PERMISSION)"),
        (404, {"path": "/reports"}, "answered 404"),
        (503, [], "answered 503"),
        (200, {}, "/decisionMatrix is null"),
        (200, {"decisionMatrix": []}, "/decisionMatrix is a list"),
        (200, {"decisionMatrix": {"decision": 1}}, "/decisionMatrix/decision is a number"),
        (200, {"addressMatchResult": "MATCH", "decisionMatrix": {"decision": "RED"}}, "/addressMatchResult is a text"),
        (200, {"decisionMatrix": {"decision": "RED", "a": {"b": {"c": {"d": {"e": 1}}}}}}, "at most 4 levels"),
    ],
)
def test_crif_answer_of_another_schema_is_a_failure_that_names_nobody(status: int, document: object, told: str) -> None:
    """AS-510, AS-531: codes are told, messages are not, for they may name the person."""
    with pytest.raises(AttemptFailed) as failed:
        CRIF.read(the_order(A_PERSON), a_reply(document, status=status))
    assert told in failed.value.fault.words
    assert "Anna" not in failed.value.fault.words


def test_crif_report_that_cannot_be_read_may_have_been_charged() -> None:
    """AS-513: what came with status 200 was delivered, whatever it was."""
    with pytest.raises(AttemptFailed) as failed:
        CRIF.read(the_order(A_PERSON), no_json("<html>", status=200))
    assert failed.value.fault.chargeable
