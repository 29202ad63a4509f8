"""JSON without loss."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.rules.faults import InvalidJson
from tidegate.core.rules.json_exact import checked_json, read_json, write_json

REFUSED = [
    (b'{"a": 1, "a": 1}', "", "duplicate_key"),
    (b'{"x": [{"a": 1, "a": 2}]}', "/x/0", "duplicate_key"),
    (b'{"a": NaN}', "/a", "number_out_of_bounds"),
    (b"[Infinity]", "/0", "number_out_of_bounds"),
    (b"[-Infinity]", "/0", "number_out_of_bounds"),
    (b"1E401", "", "number_out_of_bounds"),
    (b"1e-401", "", "number_out_of_bounds"),
    (b"10E400", "", "number_out_of_bounds"),
    (b"1e99999999999999999999999", "", "number_out_of_bounds"),
    (b"1e-99999999999999999999999", "", "number_out_of_bounds"),
    (b"0E999", "", "number_out_of_bounds"),
    (b"1" * 65, "", "number_out_of_bounds"),
    (b"0." + b"1" * 65, "", "number_out_of_bounds"),
    (b"1" * 100_000, "", "number_out_of_bounds"),
    (b'{"a/b~c": 1E999}', "/a~1b~0c", "number_out_of_bounds"),
    (rb'"\u0000"', "", "forbidden_character"),
    (rb'["\ud800"]', "/0", "forbidden_character"),
    (rb'{"\udc00": 1}', "", "forbidden_character"),
    (b'"\xff"', "", "invalid_utf8"),
    (b"\xef\xbb\xbf1", "", "invalid_json"),
    (b"", "", "invalid_json"),
    (b"{", "", "invalid_json"),
    (b"01", "", "invalid_json"),
    (b"1.", "", "invalid_json"),
    (b"[1,]", "", "invalid_json"),
    (b"1 2", "", "invalid_json"),
]


@pytest.mark.parametrize(("source", "pointer", "code"), REFUSED)
def test_json_that_is_ambiguous_or_out_of_bounds_is_refused_with_its_place(
    source: bytes, pointer: str, code: str
) -> None:
    """RU-105: nothing is guessed, rounded or dropped."""
    with pytest.raises(InvalidJson) as refusal:
        read_json(source)
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [(pointer, code)]


def test_every_fault_of_a_text_is_told() -> None:
    """RU-301: one answer names everything that is wrong."""
    with pytest.raises(InvalidJson) as refusal:
        read_json(rb'{"a": NaN, "b": ["\u0000", 1E500], "c": {"d": 1, "d": 2}}')
    assert [fault.pointer for fault in refusal.value.faults] == ["/a", "/b/0", "/b/1", "/c"]


AT_THE_BOUND = [b"1E400", b"1e-400", b"9" * 64, b"0." + b"9" * 64, b"-" + b"9" * 64, b"9.99E+400"]


@pytest.mark.parametrize("source", AT_THE_BOUND)
def test_number_at_the_bound_is_read_exactly(source: bytes) -> None:
    """RU-105: at most 64 significant digits and an exponent within +-400."""
    value = read_json(source)
    assert isinstance(value, Decimal)
    assert value == Decimal(source.decode())


def test_number_is_not_rounded_through_float() -> None:
    """RU-105: 0.1 is a tenth, and 2**53 + 1 keeps its last digit."""
    assert read_json("[0.1, 9007199254740993]") == [Decimal("0.1"), Decimal(9007199254740993)]


@pytest.mark.parametrize("depth", [200, 5_000, 200_000])
@pytest.mark.parametrize("pattern", ["[", '{"a":'])
def test_deep_nesting_is_refused_without_a_crash(depth: int, pattern: str) -> None:
    """RU-302: depth is bounded before it can exhaust the stack."""
    closing = "]" if pattern == "[" else "}"
    with pytest.raises(InvalidJson) as refusal:
        read_json(pattern * depth + "1" + closing * depth)
    assert refusal.value.faults[0].code == "json_too_deep"


def test_nesting_at_the_bound_is_read() -> None:
    """RU-302: at the bound passes."""
    assert read_json("[[[1]]]", depth_max=3) == [[[1]]]
    with pytest.raises(InvalidJson):
        read_json("[[[[1]]]]", depth_max=3)


def test_value_that_was_read_elsewhere_is_held_to_the_same() -> None:
    """RU-105: an int becomes a Decimal, a float is refused."""
    assert checked_json({"a": [1, True, None]}) == {"a": [Decimal(1), True, None]}
    with pytest.raises(InvalidJson) as refusal:
        checked_json({"a": 0.1, "b": {1, 2}})
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [("/a", "not_json"), ("/b", "not_json")]


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=20)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda below: st.lists(below) | st.dictionaries(st.text('abc/~" \u00e9'), below),
    max_leaves=20,
)


@given(values)
def test_written_json_is_read_back_the_same(value: object) -> None:
    """RU-105: digit by digit, trailing zeros and all."""
    back = read_json(write_json(value))
    assert back == value
    assert repr(back) == repr(value)


@pytest.mark.parametrize("write", [write_json])
def test_value_without_exact_form_is_not_written(write: Callable[[object], str]) -> None:
    """RU-105: a float never leaves here as if it were a number."""
    with pytest.raises(TypeError, match="float"):
        write(0.1)
