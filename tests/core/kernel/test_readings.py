"""Readings of text that every way in shares."""

from decimal import Decimal

import pytest

from tidegate.core.kernel.readings import Unreadable, read_bounded


@pytest.mark.parametrize(
    ("text", "at_least", "above", "wrong"),
    [
        ("1", "1", None, None),
        ("0.99", "1", None, "must not be below 1"),
        ("1", None, "1", "must be above 1"),
        ("1.00000001", None, "1", None),
        ("-5", None, None, None),
        ("1e3", "0", None, "must be a plain decimal such as 0.25, without exponent"),
    ],
)
def test_decimal_is_read_within_its_bounds_alone(
    text: str, at_least: str | None, above: str | None, wrong: str | None
) -> None:
    """PT-102: at the lower bound passes, at the one it must be above does not, and the fault names the bound."""
    bounds = {
        name: None if bound is None else Decimal(bound) for name, bound in (("at_least", at_least), ("above", above))
    }
    if wrong is None:
        assert read_bounded(text, **bounds) == Decimal(text)
        return
    with pytest.raises(Unreadable) as refused:
        read_bounded(text, **bounds)
    assert str(refused.value) == wrong
