"""Which requests are the same."""

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from tests.core.assessment.builders import a_request

from tidegate.core.assessment.request_hash import request_hash

TRACE = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"


def test_hash_is_sha256_of_the_canonical_form_without_the_trace_id() -> None:
    """AS-010: keys sorted, no blanks, each number as {"$n": its plain decimal}."""
    request = a_request(trace_id=TRACE, context_data={"b": [Decimal("1.50"), True, None], "a": {"\u00e9": "x"}})
    canonical = (
        '{"context_data":{"a":{"\u00e9":"x"},"b":[{"$n":"1.5"},true,null]},"country":"CH","product_type":"LOAN",'
        '"risk_category":"STANDARD","source_system":"kyc","subject_id":"s-1"}'
    )
    assert request_hash(request) == hashlib.sha256(canonical.encode()).hexdigest()
    assert request_hash(request) == request_hash(a_request(context_data=request.context_data))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", "1.0", True),
        ("100", "1E+2", True),
        ("0", "-0.0", True),
        ("0.1", "0.10000000000000000001", False),
        ("9007199254740993", "9007199254740992", False),
        ("1E-400", "0", False),
        ("1", "-1", False),
    ],
)
def test_numbers_count_by_value_to_the_last_digit(one: str, other: str, *, same: bool) -> None:
    """AS-010: no number passes through a binary64."""
    hashes = [request_hash(a_request(context_data={"x": Decimal(text)})) for text in (one, other)]
    assert (hashes[0] == hashes[1]) is same


@pytest.mark.parametrize(
    "fields",
    [
        {"subject_id": "s-2"},
        {"source_system": "x"},
        {"country": "LI"},
        {"product_type": "x"},
        {"risk_category": "x"},
        {"context_data": {"x": "1"}},
    ],
)
def test_every_field_but_the_trace_id_counts(fields: dict[str, Any]) -> None:
    """AS-010: a request that differs anywhere is another one; a text is no number."""
    assert request_hash(a_request(**fields)) != request_hash(a_request())
    assert request_hash(a_request(context_data={"x": "1"})) != request_hash(a_request(context_data={"x": Decimal(1)}))


def test_numbers_are_replaced_everywhere_and_nothing_else() -> None:
    """AS-010: booleans are no numbers; the hash is that of RFC 8785 over the replaced form, keys in order."""
    context = {"a": [1, Decimal("2.50"), {"b": Decimal("1E+3")}], "c": True, "d": None, "e": "5"}
    replaced = {"a": [{"$n": "1"}, {"$n": "2.5"}, {"b": {"$n": "1000"}}], "c": True, "d": None, "e": "5"}
    request = a_request(context_data=context)
    members = {"subject_id": request.subject_id, **request.attributes(), "context_data": replaced}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert request_hash(request) == hashlib.sha256(text.encode()).hexdigest()
