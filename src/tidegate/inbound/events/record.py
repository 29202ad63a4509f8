"""A cursor over one decoded record: reads fields by kind and names every fault.

Avro has seen to names and types; what is left is what a schema cannot say: money is a plain decimal, ids are short
and printable, bounds hold. After a fault a reading gives a placeholder so that the reading can go on.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from tidegate.core.kernel.decimals import ONE
from tidegate.core.kernel.readings import FieldFault, Unreadable, read_bounded, read_identifier
from tidegate.core.pretrade.feeds import EventStamp

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

EnumT = TypeVar("EnumT", bound=StrEnum)


class FaultyRecord(ValueError):
    """A record whose fields cannot all be read; ``faults`` names every one that cannot."""

    def __init__(self, faults: list[FieldFault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.reason}" for fault in faults))
        self.faults = tuple(faults)


def instant_us(moment: datetime) -> int:
    """Give an aware time as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


class RecordRow:
    """One record, or one row of it (``place`` tells which)."""

    def __init__(self, fields: Mapping[str, Any], *, faults: list[FieldFault] | None = None, place: str = "") -> None:
        self._fields = fields
        self._place = place
        self.faults: list[FieldFault] = [] if faults is None else faults

    def raise_if_faulty(self) -> None:
        """Raise what was found to be wrong, if anything was.

        Raises:
            FaultyRecord: at least one field cannot be read.
        """
        if self.faults:
            raise FaultyRecord(self.faults)

    def fault(self, key: str, reason: str) -> None:
        """Note a fault of a field."""
        self.faults.append(FieldFault(self._place + key, reason))

    def has(self, key: str) -> bool:
        """True when the field is not null."""
        return self._fields.get(key) is not None

    def stamp(self, topic: str) -> EventStamp:
        """The identity of the event."""
        fields = self._fields
        return EventStamp(str(fields["event_id"]), topic, fields["sequence"], instant_us(fields["event_ts"]))

    def user_id(self) -> str:
        """The user, lower-case and hyphenated."""
        return self.uuid("user_id")

    def text(self, key: str) -> str:
        """An identifier of 1 to 128 bytes."""
        try:
            return read_identifier(self._fields[key])
        except Unreadable as unreadable:
            self.fault(key, str(unreadable))
            return ""

    def words(self, key: str) -> str:
        """A text for people, as it stands."""
        return str(self._fields[key])

    def uuid(self, key: str) -> str:
        """A UUID, lower-case and hyphenated."""
        return str(self._fields[key])

    def decimal(self, key: str, *, at_least: Decimal | None = None, above: Decimal | None = None) -> Decimal:
        """A plain decimal within its bounds."""
        try:
            return read_bounded(self._fields[key], at_least=at_least, above=above)
        except Unreadable as unreadable:
            self.fault(key, str(unreadable))
            return ONE

    def optional_decimal(
        self, key: str, *, at_least: Decimal | None = None, above: Decimal | None = None
    ) -> Decimal | None:
        """A plain decimal, or ``None`` when null."""
        return self.decimal(key, at_least=at_least, above=above) if self.has(key) else None

    def choice(self, key: str, choices: type[EnumT]) -> EnumT:
        """A name of an enum; the schema has checked it."""
        return choices(self._fields[key])

    def flag(self, key: str) -> bool:
        """True or false."""
        return bool(self._fields[key])

    def count(self, key: str) -> int:
        """A whole number from 0."""
        number = int(self._fields[key])
        if number < 0:
            self.fault(key, "must not be below 0")
        return number

    def instant_us(self, key: str) -> int:
        """A time, as microseconds since 1970."""
        return instant_us(self._fields[key])

    def heals(self) -> Mapping[str, int] | None:
        """For each sister topic the sequence up to which a snapshot has it in it; ``None`` for a row."""
        heals: Mapping[str, int] | None = self._fields["heals"]
        return heals

    def row(self, key: str) -> "RecordRow":
        """A record inside this one."""
        return RecordRow(self._fields[key], faults=self.faults, place=f"{self._place}{key}.")

    def rows(self, key: str) -> "list[RecordRow]":
        """The records of a list."""
        return [
            RecordRow(fields, faults=self.faults, place=f"{self._place}{key}[{place}].")
            for place, fields in enumerate(self._fields[key])
        ]
