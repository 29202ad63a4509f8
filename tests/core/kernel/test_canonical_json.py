"""Canonical JSON is that of RFC 8785, numbers as ECMAScript writes them."""

import json
import math
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.kernel.canonical_json import canonical_json
from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.es_number import es_number

# RFC 8785, appendix B: bits of a binary64 and its text.
BITS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


def a_double(bits: str) -> float:
    number: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return number


@pytest.mark.parametrize(("bits", "text"), BITS)
def test_number_is_written_as_ecmascript_writes_it(bits: str, text: str) -> None:
    """AS-011: the samples of RFC 8785; from the exact value, and from its own text."""
    assert es_number(Decimal(a_double(bits))) == text
    assert es_number(Decimal(text)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1E+400", None),
        ("1.7976931348623159E+308", None),
        ("NaN", None),
        ("Infinity", None),
        ("1E-400", "0"),
        ("2.4703282292062327E-324", "0"),
        ("2.4703282292062328E-324", "5e-324"),
        ("9007199254740993", "9007199254740992"),
        ("0.10000000000000000001", "0.1"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.0", "0"),
    ],
)
def test_number_beyond_binary64_is_rounded_or_refused(number: str, text: str | None) -> None:
    """AS-011: to the nearest, half to even; too large is no number of JSON's canonical form."""
    if text is None:
        with pytest.raises(ValueError, match=r"too large|no JSON form"):
            es_number(Decimal(number))
    else:
        assert es_number(Decimal(number)) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_is_the_shortest_text_of_its_binary64(number: float) -> None:
    """AS-011: digits as the shortest text that reads back, read back to the same binary64."""
    written = es_number(Decimal(number))
    assert float(written) == number
    assert Decimal(written).normalize() == Decimal(repr(number)).normalize()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None))
def test_number_of_any_digits_is_that_of_the_nearest_binary64(number: Decimal) -> None:
    """AS-011: reading is correctly rounded."""
    nearest = float(number)
    if math.isinf(nearest):
        return
    assert float(es_number(number)) == nearest


@pytest.mark.parametrize("exponent", range(-1_074, 1_024, 7))
def test_number_at_a_power_of_two_is_the_shortest_too(exponent: int) -> None:
    """AS-011: there the gaps below and above differ."""
    number = math.ldexp(1.0, exponent)
    assert Decimal(es_number(Decimal(number))) == Decimal(repr(number))


def test_canonical_form_sorts_keys_by_utf16_and_escapes_what_it_must() -> None:
    """AS-011: a supplementary character sorts below U+FB33; control characters are escaped, nothing else is."""
    value = {"\ufb33": 1, "\U0001f602": 2, "\u20ac": 3, "\r": 4, "1": 5, "\u0080": '\u007f\u2028\u0001\n\\"/'}
    assert canonical_json(value) == (
        '{"\\r":4,"1":5,"\u0080":"\u007f\u2028\\u0001\\n\\\\\\"/","\u20ac":3,"\U0001f602":2,"\ufb33":1}'
    )


def test_canonical_form_can_keep_every_digit() -> None:
    """AS-011: with plain decimals equal values have equal texts, and no digit is lost."""
    value = [Decimal("0.10000000000000000001"), Decimal("1.50"), 7, True]
    assert canonical_json(value, number=plain) == "[0.10000000000000000001,1.5,7,true]"


@pytest.mark.parametrize(
    ("value", "trouble"),
    [("\ud800", ValueError), ({"\ud800": 1}, ValueError), ({1: 2}, TypeError), (1.5, TypeError), ({1}, TypeError)],
)
def test_what_has_no_canonical_form_is_refused(value: object, trouble: type[Exception]) -> None:
    """AS-011: unpaired surrogates, keys that are no texts, floats and other types."""
    with pytest.raises(trouble):
        canonical_json(value)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-(10**15), 10**15),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_canonical_form_reads_back_and_is_its_own_canonical_form(value: object) -> None:
    """AS-011: nothing is lost, and writing it again changes nothing."""
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@pytest.mark.shared_data
def test_published_pairs_are_met_byte_by_byte(shared_data_dir: Path) -> None:
    """AS-011: inputs and outputs of the RFC's own test files."""
    folder = shared_data_dir / "conformance" / "jcs"
    inputs = sorted((folder / "input").glob("*.json"))
    assert len(inputs) == 6
    for path in inputs:
        value = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
        written = canonical_json(value).encode()
        assert written == (folder / "output" / path.name).read_bytes().strip(), path.name
        assert written == bytes.fromhex((folder / "outhex" / f"{path.stem}.txt").read_text())
