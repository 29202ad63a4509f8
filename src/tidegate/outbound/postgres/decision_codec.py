"""A decision as JSON text and back: exact (decimals as text), typed, every field.

What must be found, changed or joined has columns of its own beside it: ``announces`` is one, because the journal may
take a margin call out of it after the text was written.
"""

from dataclasses import replace
from functools import cache

import msgspec

from tidegate.core.pretrade.answer import Answer
from tidegate.outbound.postgres.decision_writer import DecisionWriter
from tidegate.ports.decision_journal import DecisionRecord

_SEPARATOR = " "


class _AnswerOnly(msgspec.Struct):
    answer: Answer


def encode_decision(record: DecisionRecord) -> bytes:
    """Write a decision as JSON."""
    return _writer().encode(record)


def decode_decision(payload: bytes, *, announces: str) -> DecisionRecord:
    """Read a decision; ``announces`` as the column beside it holds them now."""
    return replace(_decision_decoder().decode(payload), announces=decode_announces(announces))


def decode_answer(payload: bytes) -> Answer:
    """Read only the answer of a decision."""
    return _answer_decoder().decode(payload).answer


def encode_announces(announces: tuple[str, ...]) -> str:
    """Write topic names as one text."""
    return _SEPARATOR.join(announces)


def decode_announces(announces: str) -> tuple[str, ...]:
    """Read topic names."""
    return tuple(announces.split())


@cache
def _writer() -> DecisionWriter:
    return DecisionWriter()


@cache
def _decision_decoder() -> msgspec.json.Decoder[DecisionRecord]:
    return msgspec.json.Decoder(DecisionRecord)


@cache
def _answer_decoder() -> msgspec.json.Decoder[_AnswerOnly]:
    return msgspec.json.Decoder(_AnswerOnly)
