"""Decisions as JSON text and back."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ports.builders import a_record, a_refusal

from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.reasons import Decision
from tidegate.outbound.postgres.decision_codec import (
    decode_answer,
    decode_decision,
    encode_announces,
    encode_decision,
)
from tidegate.ports.decision_journal import DecisionRecord

PLAIN: dict[object, st.SearchStrategy[Any]] = {
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    bytes: st.binary(max_size=16),
    type(None): st.none(),
}


@cache
def anything(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any type a field can be annotated with
    """Draw any value of an annotated type."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin in {Union, UnionType}:
        return st.one_of([anything(part) for part in parts])
    if origin is tuple and parts[-1] is ...:
        return st.lists(anything(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(anything, parts))
    if origin is Mapping:
        return st.dictionaries(anything(parts[0]), anything(parts[1]), max_size=2)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: anything(hints[field.name]) for field in fields(kind) if field.init})
    return st.sampled_from(kind)


def round_trip(record: DecisionRecord) -> DecisionRecord:
    """Write a decision and read it."""
    return decode_decision(encode_decision(record), announces=encode_announces(record.announces))


@settings(max_examples=25)  # each holds some 300 values
@given(anything(DecisionRecord))
def test_decision_is_written_part_by_part_as_it_would_be_whole(record: DecisionRecord) -> None:
    """PL-309: the texts that are kept and put together are the text of the whole, the second time too."""
    whole = msgspec.json.encode(record)
    if not record.traceparent:
        whole = whole.removesuffix(b',"traceparent":""}') + b"}"
    assert encode_decision(record) == whole
    assert encode_decision(record) == whole


@settings(max_examples=25)  # each holds some 300 values
@given(anything(DecisionRecord), st.lists(st.sampled_from(["risk.violation.v1", "risk.margin_call.v1"])).map(tuple))
def test_codec_any_decision_comes_back_equal(record: DecisionRecord, announces: tuple[str, ...]) -> None:
    """PL-309: what a decision was made on is read back as it was, to the last digit of any number."""
    announced = replace(record, announces=announces)  # names of topics have no blanks
    assert round_trip(announced) == announced


def test_codec_keeps_the_digits_of_numbers() -> None:
    """PL-309: trailing zeros and exponents are part of the evidence."""
    for text in ("1E+400", "1E-400", "0.12300000000000000000", "-0", "9" * 38):
        metrics = Metrics(order_notional=Decimal(text))
        read = round_trip(replace(a_record(), metrics=metrics)).metrics.order_notional
        assert str(read) == text


def test_codec_gives_back_the_types_of_the_core() -> None:
    """PL-309: words come back as members of their enumerations, lists as tuples, so that the core can decide again."""
    record = a_refusal()
    read = round_trip(record)
    assert read == record
    assert read.answer.decision is Decision.REJECTED
    assert isinstance(read.evidence.accounts, tuple)
    assert isinstance(read.evidence.instruments[0], Instrument)
    assert read.evidence.instruments[0].settle == "USDT"


def test_codec_decision_in_no_trace_has_the_text_of_before() -> None:
    """RE-405: where an order is in no trace, not a byte of its decision tells that there could be one."""
    record = a_record()
    assert b"traceparent" not in encode_decision(record)
    traced = replace(record, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert encode_decision(traced).startswith(encode_decision(record)[:-1])
    assert round_trip(traced) == traced


def test_codec_reads_the_answer_alone() -> None:
    """PT-103: a repeated order is answered word for word."""
    record = a_record()
    assert decode_answer(encode_decision(record)) == record.answer


def test_codec_announces_are_those_of_the_column() -> None:
    """PT-713: a margin call that the journal took back is not read from the text."""
    record = a_record(announces=("risk.pretrade_decision.v1", "risk.margin_call.v1"))
    read = decode_decision(encode_decision(record), announces="risk.pretrade_decision.v1")
    assert read == replace(record, announces=("risk.pretrade_decision.v1",))
