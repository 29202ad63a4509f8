"""A cursor over one JSON object: reads members by kind, notes every fault with its pointer, and refuses the rest.

After a fault a reading gives a placeholder so that the reading can go on; a scenario with faults is never handed out.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from tidegate.core.kernel.decimals import ONE
from tidegate.core.kernel.readings import Unreadable, read_bounded, read_identifier, read_instant_us
from tidegate.inbound.scenario.faults import ScenarioFault
from tidegate.inbound.scenario.json_text import JsonObject, JsonValue, Number, pointer_to

COUNT_MAX: Final = 10**15
"""Largest whole number of a count, a version or milliseconds (at the bound passes)."""

EnumT = TypeVar("EnumT", bound=StrEnum)


class Row:
    """One object of the file; close it when its members have been read, so that unknown keys are found."""

    def __init__(self, value: JsonValue, pointer: str, *, faults: list[ScenarioFault]) -> None:
        self.pointer = pointer
        self.faults = faults
        self._faults_before = len(faults)
        self._known: set[str] = set()
        self._is_object = isinstance(value, JsonObject)
        self._members: Mapping[str, JsonValue] = value.members if isinstance(value, JsonObject) else {}
        if not self._is_object:
            faults.append(ScenarioFault(pointer, "must be an object"))

    @property
    def sound(self) -> bool:
        """True while nothing was wrong with this row or what stands in it."""
        return len(self.faults) == self._faults_before

    def at(self, key: str) -> str:
        """The pointer of a member."""
        return pointer_to(self.pointer, key)

    def fault(self, key: str, reason: str) -> None:
        """Note a fault of a member; what is no object has no members, so that one fault says it all."""
        if self._is_object:
            self.faults.append(ScenarioFault(self.at(key), reason))

    def has(self, key: str) -> bool:
        """True when the member is there and not null."""
        self._known.add(key)
        return self._members.get(key) is not None

    def value(self, key: str) -> JsonValue:
        """The member as it stands; null when absent."""
        self._known.add(key)
        return self._members.get(key)

    def close(self, tolerated: frozenset[str] = frozenset()) -> None:
        """Refuse every key that nobody asked for and that is not tolerated."""
        for key in self._members:
            if key not in self._known and key not in tolerated:
                self.fault(key, "is not a known key")

    def text(self, key: str, *, reader: Callable[[str], str] = read_identifier) -> str:
        """A required text."""
        value = self._required(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.fault(key, "must be a text")
            return ""
        try:
            return reader(value)
        except Unreadable as unreadable:
            self.fault(key, str(unreadable))
            return ""

    def optional_text(self, key: str) -> str | None:
        """A text, or ``None`` when absent or null."""
        return self.text(key) if self.has(key) else None

    def decimal(self, key: str, *, at_least: Decimal | None = None, above: Decimal | None = None) -> Decimal:
        """A required decimal: a text (``"0.1"``) or a JSON number without exponent, at most 38 digits."""
        value = self._required(key)
        return ONE if value is None else self.decimal_of(value, key, at_least=at_least, above=above)

    def optional_decimal(
        self, key: str, *, at_least: Decimal | None = None, above: Decimal | None = None
    ) -> Decimal | None:
        """A decimal, or ``None`` when absent or null."""
        return self.decimal(key, at_least=at_least, above=above) if self.has(key) else None

    def decimal_of(
        self, value: JsonValue, key: str, *, at_least: Decimal | None = None, above: Decimal | None = None
    ) -> Decimal:
        """Read a decimal that stands at ``key``."""
        digits = value.text if isinstance(value, Number) else value
        if not isinstance(digits, str):
            self.fault(key, "must be a decimal text such as 0.25")
            return ONE
        try:
            return read_bounded(digits, at_least=at_least, above=above)
        except Unreadable as unreadable:
            self.fault(key, str(unreadable))
            return ONE

    def count(self, key: str, *, default: int | None = None, at_least: int = 0) -> int:
        """A whole JSON number; the default stands for an absent or null member, without one it is required."""
        if default is not None and not self.has(key):
            return default
        value = self._required(key)
        if value is None:
            return at_least
        digits = value.text if isinstance(value, Number) else ""
        if not digits.removeprefix("-").isdigit() or len(digits) > len(str(COUNT_MAX)) + 1:
            self.fault(key, "must be a whole number")
            return at_least
        number = int(digits)
        if not at_least <= number <= COUNT_MAX:
            self.fault(key, f"must be {at_least} to {COUNT_MAX}")
            return at_least
        return number

    def optional_count(self, key: str) -> int | None:
        """A whole JSON number, or ``None`` when absent or null."""
        return self.count(key) if self.has(key) else None

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """True or false; the default stands for an absent member, without one it is required."""
        if default is not None and not self.has(key):
            return default
        value = self._required(key)
        if not isinstance(value, bool):
            if value is not None:
                self.fault(key, "must be true or false")
            return False
        return value

    def choice(self, key: str, choices: type[EnumT], *, default: EnumT | None = None) -> EnumT:
        """One of the names of an enum; the default stands for an absent member, without one it is required."""
        if default is not None and not self.has(key):
            return default
        placeholder = default or next(iter(choices))
        value = self._required(key)
        if value is None:
            return placeholder
        if isinstance(value, str) and value in choices.__members__.values():
            return choices(value)
        self.fault(key, f"must be one of {', '.join(choices)}")
        return placeholder

    def instant_us(self, key: str) -> int:
        """A required RFC 3339 date-time, as microseconds since 1970."""
        value = self._required(key)
        if value is None:
            return 0
        if not isinstance(value, str):
            self.fault(key, "must be an RFC 3339 date-time")
            return 0
        try:
            return read_instant_us(value)
        except Unreadable as unreadable:
            self.fault(key, str(unreadable))
            return 0

    def optional_instant_us(self, key: str) -> int | None:
        """An RFC 3339 date-time, or ``None`` when absent or null."""
        return self.instant_us(key) if self.has(key) else None

    def row(self, key: str) -> "Row | None":
        """An object, or ``None`` when absent or null."""
        return Row(self.value(key), self.at(key), faults=self.faults) if self.has(key) else None

    def elements(self, key: str) -> list[JsonValue]:
        """A list as it stands; empty when absent or null."""
        value = self.value(key)
        if isinstance(value, list):
            return value
        if value is not None:
            self.fault(key, "must be a list")
        return []

    def rows(self, key: str) -> "Iterator[Row]":
        """The objects of a list; none when it is absent or null. Each is to be closed by its reader."""
        for place, element in enumerate(self.elements(key)):
            yield Row(element, f"{self.at(key)}/{place}", faults=self.faults)

    def keys(self) -> tuple[str, ...]:
        """The keys of the row, all of them asked for."""
        self._known.update(self._members)
        return tuple(self._members)

    def _required(self, key: str) -> JsonValue:
        if not self.has(key):
            self.fault(key, "is required")
        return self._members.get(key)
