"""One self-contained evaluation: what `tidegate rules eval` takes and gives."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

import pytest
from tests.core.rules.builders import ENGINES

from tidegate.core.rules.document import evaluate_document
from tidegate.core.rules.faults import InvalidDocument, InvalidRule
from tidegate.core.rules.json_exact import write_json

Document: TypeAlias = bytes | Mapping[str, object]
LEAF = {"field": "country", "op": "in", "value": {"param": "banned"}}


def refusal_of(document: Document) -> InvalidRule:
    with pytest.raises(InvalidRule) as refusal:
        evaluate_document(document, engines=ENGINES)
    return refusal.value


def test_document_gives_result_and_every_leaf_in_tree_order() -> None:
    """RU-501: pointers from the condition's root, leaves that did not matter included."""
    document = b"""{"condition": {"all": [
         {"field": "country", "op": "in", "value": {"param": "banned_countries"}},
         {"any": [ {"field": "context_data.debt_ratio", "op": "gt", "value": "0.4"},
                   {"not": {"field": "providers.zefix.status", "op": "eq", "value": "ACTIVE"}} ]},
         {"field": "subject_id", "op": "in", "value": {"list": "watched"}},
         {"field": "context_data.since", "op": "older_than", "value": "P1D"}]},
       "params": {"banned_countries": ["XX", "CH"]},
       "lists": {"watched": ["s-1"]},
       "data": {"country": "CH", "subject_id": "s-1", "context_data": {"debt_ratio": 0.470, "since": "2025-06-01"}},
       "now": "2026-01-01T00:00:00Z"}"""
    answer = evaluate_document(document, engines=ENGINES)
    assert answer["result"] == "TRUE"
    columns = ("pointer", "field", "op", "expected", "actual", "result")
    assert [tuple(leaf[column] for column in columns) for leaf in answer["leaves"]] == [  # type: ignore[attr-defined] # JSON shape
        ("/all/0", "country", "in", ["XX", "CH"], "CH", "TRUE"),
        ("/all/1/any/0", "context_data.debt_ratio", "gt", "0.4", Decimal("0.470"), "TRUE"),
        ("/all/1/any/1/not", "providers.zefix.status", "eq", "ACTIVE", None, "UNKNOWN"),
        ("/all/2", "subject_id", "in", {"list": "watched"}, "s-1", "TRUE"),
        ("/all/3", "context_data.since", "older_than", "P1D", "2025-06-01", "TRUE"),
    ]
    assert '"actual": 0.470' in write_json(answer)


def test_document_needs_nothing_but_the_condition() -> None:
    """RU-201: no data, so every field is missing; desk is the context that is meant."""
    answer = evaluate_document({"condition": {"field": "country", "op": "eq", "value": "CH"}})
    assert answer == {
        "result": "UNKNOWN",
        "leaves": [
            {
                "pointer": "",
                "field": "country",
                "op": "eq",
                "expected": "CH",
                "actual": None,
                "result": "UNKNOWN",
            }
        ],
    }


def test_gate_document_takes_the_gate_vocabulary() -> None:
    """RU-112 RU-301: metrics and order fields, no desk fields, no CEL."""
    condition = {"field": "order_notional", "op": "gt", "value": "50000"}
    answer = evaluate_document({"condition": condition, "data": {"order_notional": "60000"}, "context": "gate"})
    assert answer["result"] == "TRUE"
    assert refusal_of({"condition": {"cel": "1 < 2"}, "context": "gate"}).faults[0].code == "cel_not_allowed"
    assert (
        refusal_of({"condition": LEAF, "params": {"banned": []}, "context": "gate"}).faults[0].code == "unknown_field"
    )


def test_faults_of_the_condition_point_from_its_root() -> None:
    """RU-301 RU-105: whether the reader or the checker found them."""
    refusal = refusal_of(b'{"condition": {"all": [{"field": "country", "op": "gt", "value": 5}, {"any": []}]}}')
    assert not isinstance(refusal, InvalidDocument)
    assert [fault.pointer for fault in refusal.faults] == ["/all/0", "/all/1"]
    refusal = refusal_of(b'{"condition": {"all": [{"field": "country", "op": "eq", "value": 1E401}]}}')
    assert not isinstance(refusal, InvalidDocument)
    assert [fault.pointer for fault in refusal.faults] == ["/all/0/value"]


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (b"[]", "", "not_an_object"),
        (b"{", "", "invalid_json"),
        (b"{}", "", "missing_key"),
        (b'{"data": {"x": 1E401}, "condition": 1}', "/data/x", "number_out_of_bounds"),
        (b'{"data": {"x": 1, "x": 1}, "condition": 1}', "/data", "duplicate_key"),
        ({"condition": LEAF, "param": {}}, "/param", "unknown_key"),
        ({"condition": LEAF, "context": "moon"}, "/context", "unknown_context"),
        ({"condition": LEAF, "context": ["gate"]}, "/context", "unknown_context"),
        ({"condition": LEAF, "params": []}, "/params", "not_an_object"),
        ({"condition": LEAF, "data": None}, "/data", "not_an_object"),
        ({"condition": LEAF, "lists": {"a": "CH"}}, "/lists/a", "not_a_list"),
        ({"condition": LEAF, "lists": {"a": ["CH", None]}}, "/lists/a/1", "bad_entry"),
        ({"condition": LEAF, "lists": {"a/b": ["x" * 4_097]}}, "/lists/a~1b/0", "text_too_long"),
        ({"condition": LEAF, "now": "2026-01-01"}, "/now", "bad_instant"),
        ({"condition": LEAF, "now": 5}, "/now", "bad_instant"),
        ({"condition": LEAF, "now": "2026-01-01T00:00:00." + "1" * 5_000 + "Z"}, "/now", "bad_instant"),
        ({"condition": {"field": "context_data.at", "op": "older_than", "value": "P1D"}}, "", "missing_key"),
    ],
)
def test_document_that_cannot_be_read_is_refused_with_its_place(document: Document, pointer: str, code: str) -> None:
    """RU-301: pointers of what is not the condition's own start at the document's root."""
    refusal = refusal_of(document)
    assert isinstance(refusal, InvalidDocument)
    assert [(fault.pointer, fault.code) for fault in refusal.faults] == [(pointer, code)]
