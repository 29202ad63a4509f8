"""A list prepared for asking many times whether a value is one of its elements."""

from collections.abc import Iterable
from decimal import Decimal

from tidegate.core.rules.truth import Truth, truth_of
from tidegate.core.rules.values import Scalar, normal_text, own_number, plain_decimal


class Membership:
    """The same answer as `operators.is_one_of`, in constant time.

    `texts` holds the texts in NFC, `numbers` the numbers, `decimal_texts` the numbers that texts of the list write:
    these fit a number field only, since two texts compare as texts.
    """

    __slots__ = ("booleans", "decimal_texts", "numbers", "texts")

    def __init__(self, elements: Iterable[Scalar]) -> None:
        texts: set[str] = set()
        numbers: set[Decimal] = set()
        booleans: set[bool] = set()
        for element in elements:
            if isinstance(element, bool):
                booleans.add(element)
            elif isinstance(element, str):
                texts.add(normal_text(element))
            elif (number := own_number(element)) is not None:
                numbers.add(number)
        self.texts = frozenset(texts)
        self.numbers = frozenset(numbers)
        self.booleans = frozenset(booleans)
        self.decimal_texts = frozenset(number for text in self.texts if (number := plain_decimal(text)) is not None)

    @property
    def is_empty(self) -> bool:
        """Whether the list has no element at all."""
        return not (self.texts or self.numbers or self.booleans)

    @property
    def is_textual(self) -> bool:
        """Whether only texts can fit: every element is a text and none is a plain decimal."""
        return bool(self.texts) and not (self.numbers or self.booleans or self.decimal_texts)

    def test(self, value: object) -> Truth:
        """TRUE, FALSE, or UNKNOWN when the value is missing, no scalar, or fits no element."""
        if isinstance(value, bool):
            found, fitting = value in self.booleans, bool(self.booleans)
        elif isinstance(value, str):
            found, fitting = self._test_text(value)
        elif (number := own_number(value)) is not None:
            found = number in self.numbers or number in self.decimal_texts
            fitting = bool(self.numbers or self.decimal_texts)
        else:
            return Truth.UNKNOWN
        return truth_of(found) if fitting or self.is_empty else Truth.UNKNOWN

    def _test_text(self, text: str) -> tuple[bool, bool]:
        if normal_text(text) in self.texts:
            return True, True
        number = plain_decimal(text) if self.numbers else None
        return number in self.numbers, bool(self.texts) or number is not None
