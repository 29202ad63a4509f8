"""Which fields a context knows, and which ops and values fit their types."""

import pytest
from tests.core.rules.builders import a_leaf, cell, codes_of, faults_of, rows

from tidegate.core.rules.vocabularies import DESK_VOCABULARY, GATE_VOCABULARY
from tidegate.core.rules.vocabulary import FieldType, Vocabulary

TYPED = Vocabulary(
    context="typed",
    fields={
        "text": FieldType.TEXT,
        "other_text": FieldType.TEXT,
        "number": FieldType.NUMBER,
        "flag": FieldType.BOOLEAN,
        "at": FieldType.INSTANT,
        "list": FieldType.LIST,
        "object": FieldType.OBJECT,
    },
    open_prefixes=("open",),
)

# Columns: the field's type by name, the op, the value, the code or "fine".
TYPES = r"""
text   | gt          | "5"                     | op_misfit
text   | between     | ["1", "2"]              | op_misfit
text   | older_than  | "P1D"                   | op_misfit
text   | eq          | 5                       | literal_misfit
text   | eq          | true                    | literal_misfit
text   | in          | [1, 2]                  | literal_misfit
text   | in          | ["CH", 2]               | fine
text   | in          | []                      | fine
text   | matches     | "^C"                    | fine
text   | contains    | "C"                     | fine
text   | contains    | 5                       | literal_misfit
number | gt          | 5                       | fine
number | gt          | "5.0"                   | fine
number | gt          | "five"                  | literal_misfit
number | eq          | "five"                  | literal_misfit
number | eq          | true                    | literal_misfit
number | between     | [1, "2"]                | fine
number | starts_with | "5"                     | op_misfit
number | matches     | "5"                     | op_misfit
number | contains    | 5                       | op_misfit
number | in          | ["a"]                   | literal_misfit
number | gt          | "2026-01-01T00:00:00Z"  | literal_misfit
flag   | eq          | true                    | fine
flag   | eq          | "true"                  | literal_misfit
flag   | eq          | 1                       | literal_misfit
flag   | gt          | 1                       | op_misfit
at     | gt          | "2026-01-01T00:00:00Z"  | fine
at     | gt          | "2026-01-01"            | literal_misfit
at     | gt          | 5                       | literal_misfit
at     | older_than  | "P1D"                   | fine
at     | eq          | "2026-01-01"            | fine
at     | eq          | 5                       | literal_misfit
at     | between     | [1, 2]                  | literal_misfit
list   | contains    | "CH"                    | fine
list   | contains    | 5                       | fine
list   | eq          | "CH"                    | op_misfit
list   | in          | ["CH"]                  | op_misfit
object | eq          | "CH"                    | op_misfit
object | contains    | "CH"                    | op_misfit
text   | eq          | {"field": "other_text"} | fine
text   | eq          | {"field": "at"}         | fine
text   | eq          | {"field": "number"}     | literal_misfit
number | gt          | {"field": "number"}     | fine
number | gt          | {"field": "text"}       | fine
number | gt          | {"field": "flag"}       | literal_misfit
number | gt          | {"field": "at"}         | literal_misfit
number | gt          | {"field": "open.x"}     | fine
open.x | gt          | {"field": "flag"}       | literal_misfit
open.x | eq          | {"field": "flag"}       | fine
open.x | eq          | {"field": "list"}       | literal_misfit
open.x | eq          | {"field": "object"}     | literal_misfit
text   | in          | {"field": "list"}       | fine
text   | in          | {"field": "open.x"}     | fine
text   | in          | {"field": "other_text"} | literal_misfit
list   | contains    | {"field": "text"}       | fine
open.x | eq          | "anything"              | fine
open.x | gt          | "anything"              | fine
"""


@pytest.mark.parametrize(("field", "op", "value", "code"), list(rows(TYPES)))
def test_declared_type_decides_which_ops_and_values_fit(field: str, op: str, value: str, code: str) -> None:
    """RU-301: ops that fit and values that fit, by the vocabulary's types."""
    found = codes_of(a_leaf(field, op, value=cell(value)), vocabulary=TYPED)
    assert found == ([] if code == "fine" else [("", code)])


@pytest.mark.parametrize("field", ["text", "number", "flag", "at", "list", "object", "open.x"])
def test_presence_fits_every_type(field: str) -> None:
    """RU-104: exists and missing look at whether, not at what."""
    for op in ("exists", "missing"):
        assert codes_of({"field": field, "op": op}, vocabulary=TYPED) == []


@pytest.mark.parametrize(
    ("vocabulary", "condition", "codes"),
    [
        (GATE_VOCABULARY, a_leaf("order_notional", "gt", value="1000000"), []),
        (GATE_VOCABULARY, a_leaf("reduce_only", "eq", value=False), []),
        (GATE_VOCABULARY, a_leaf("kyc_level", "in", value=["L0", "L1"]), []),
        (GATE_VOCABULARY, a_leaf("quantity", "gte", value={"field": "open_orders_count"}), []),
        (GATE_VOCABULARY, a_leaf("order_notional", "gt", value="much"), ["literal_misfit"]),
        (GATE_VOCABULARY, a_leaf("side", "gt", value="BUY"), ["op_misfit"]),
        (GATE_VOCABULARY, a_leaf("country", "eq", value="CH"), ["unknown_field"]),
        (GATE_VOCABULARY, a_leaf("context_data.x", "eq", value="CH"), ["unknown_field"]),
        (GATE_VOCABULARY, a_leaf("providers.zefix.status", "eq", value="ACTIVE"), ["unknown_field"]),
        (DESK_VOCABULARY, a_leaf("providers.zefix.status", "eq", value="ACTIVE"), []),
        (DESK_VOCABULARY, a_leaf("providers.zefix.found", "eq", value="yes"), ["literal_misfit"]),
        (DESK_VOCABULARY, a_leaf("providers.zefix.call", "eq", value="SUCCESS"), []),
        (DESK_VOCABULARY, a_leaf("providers.zefix.address.town", "gt", value=5), []),
        (DESK_VOCABULARY, a_leaf("history.completed_count", "gt", value=3), []),
        (DESK_VOCABULARY, {"field": "context_data", "op": "exists"}, []),
        (DESK_VOCABULARY, a_leaf("context_data", "eq", value="x"), ["op_misfit"]),
        (DESK_VOCABULARY, a_leaf("order_notional", "gt", value=5), ["unknown_field"]),
    ],
)
def test_each_context_knows_its_own_fields(vocabulary: Vocabulary, condition: object, codes: list[str]) -> None:
    """RU-301: known fields are those that the context's vocabulary declares."""
    assert [fault.code for fault in faults_of(condition, vocabulary=vocabulary)] == codes
