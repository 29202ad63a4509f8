"""Decisions as JSON text and back."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
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

st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False))
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"]), max_size=12))


def round_trip(record: DecisionRecord) -> DecisionRecord:
    """Write a decision and read it."""
    return decode_decision(encode_decision(record), announces=encode_announces(record.announces))


def records() -> st.SearchStrategy[DecisionRecord]:
    """Decisions with anything in any field; topic names have no blanks."""
    topics = st.lists(st.sampled_from(["risk.pretrade_decision.v1", "risk.margin_call.v1"])).map(tuple)
    return st.builds(replace, st.from_type(DecisionRecord), announces=topics)


@given(records())
def test_codec_any_decision_comes_back_equal(record: DecisionRecord) -> None:
    """PL-309: what a decision was made on is read back as it was, to the last digit of any number."""
    assert round_trip(record) == record


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


def test_codec_reads_the_answer_alone() -> None:
    """PT-103: a repeated order is answered word for word."""
    record = a_record()
    assert decode_answer(encode_decision(record)) == record.answer


def test_codec_announces_are_those_of_the_column() -> None:
    """PT-713: a margin call that the journal took back is not read from the text."""
    record = a_record(announces=("risk.pretrade_decision.v1", "risk.margin_call.v1"))
    read = decode_decision(encode_decision(record), announces="risk.pretrade_decision.v1")
    assert read == replace(record, announces=("risk.pretrade_decision.v1",))
