"""Reads messages of upstream services into values of the core and names every fault: a snapshot is whole, or none."""

from collections.abc import Collection, Hashable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol, TypeVar
from uuid import UUID, uuid5

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.core.kernel.decimals import ONE
from tidegate.core.kernel.readings import FieldFault, Unreadable, read_bounded, read_identifier, read_uuid
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.ports.upstream import AccountKey

_SNAPSHOT_IDS: Final = UUID("5c1f2c9e-7d0a-4d0b-9d53-0e6f3b7a9c41")
_NANOS_MS: Final = 1_000_000
_SHOWN_FAULTS_MAX: Final = 5

EnumT = TypeVar("EnumT", bound=StrEnum)


class Snapshot(Protocol):
    """A message that tells the last record which it has in it."""

    @property
    def sequence(self) -> int:
        """Sequence of that record; 0: there is none."""

    @property
    def event_ts(self) -> Timestamp:
        """Its time."""


class UnreadableAnswer(ValueError):
    """An answer that says what cannot be; the message names the places."""


class AnswerReader:
    """Reads one answer, or one row of it (``place`` tells which). After a fault a reading gives a placeholder so that
    the reading can go on; ``raise_if_faulty`` ends it.
    """

    def __init__(self, *, place: str = "", faults: list[FieldFault] | None = None) -> None:
        self._place = place
        self._faults: list[FieldFault] = [] if faults is None else faults

    def at(self, place: str) -> "AnswerReader":
        """Read on inside a field."""
        return AnswerReader(place=f"{self._place}{place}.", faults=self._faults)

    def fault(self, key: str, reason: str) -> None:
        """Note a fault of a field."""
        self._faults.append(FieldFault(self._place + key, reason))

    def raise_if_faulty(self) -> None:
        """Raise what was found to be wrong, if anything was.

        Raises:
            UnreadableAnswer: at least one field cannot be read.
        """
        if self._faults:
            shown = "; ".join(f"{fault.field}: {fault.reason}" for fault in self._faults[:_SHOWN_FAULTS_MAX])
            more = len(self._faults) - _SHOWN_FAULTS_MAX
            raise UnreadableAnswer(f"{shown} and {more} more" if more > 0 else shown)

    def text(self, key: str, value: str) -> str:
        """An identifier of 1 to 128 bytes."""
        try:
            return read_identifier(value)
        except Unreadable as unreadable:
            self.fault(key, str(unreadable))
            return ""

    def account(self, user_id: str, account_id: str) -> AccountKey:
        """An account."""
        try:
            user_id = read_uuid(user_id)
        except Unreadable as unreadable:
            self.fault("user_id", str(unreadable))
        return user_id, self.text("account_id", account_id)

    def decimal(
        self, key: str, value: str, *, at_least: Decimal | None = None, above: Decimal | None = None
    ) -> Decimal:
        """A plain decimal within its bounds."""
        try:
            return read_bounded(value, at_least=at_least, above=above)
        except Unreadable as unreadable:
            self.fault(key, str(unreadable))
            return ONE

    def optional_decimal(
        self, key: str, value: str, *, at_least: Decimal | None = None, above: Decimal | None = None
    ) -> Decimal | None:
        """A plain decimal, or ``None`` when empty."""
        return self.decimal(key, value, at_least=at_least, above=above) if value else None

    def choice(self, key: str, message: Message, *, choices: type[EnumT]) -> EnumT:
        """A field that is an enum, by its value's name; one that is unspecified, or not known, is a fault."""
        named = message.DESCRIPTOR.fields_by_name[key].enum_type
        assert named is not None, "the field is an enum"
        told = named.values_by_number.get(getattr(message, key))
        try:
            return choices("" if told is None else told.name)
        except ValueError:
            self.fault(key, f"must be one of {', '.join(choices)}")
            return next(iter(choices))

    def count(self, key: str, value: int) -> int:
        """A whole number from 0."""
        if value < 0:
            self.fault(key, "must not be below 0")
            return 0
        return value

    def instant_us(self, key: str, moment: Timestamp) -> int:
        """A time, as microseconds since 1970, cut to the millisecond as event_ts is: a record that follows within the
        same one is not older. One that is unset is a fault.
        """
        if moment.seconds <= 0 or not 0 <= moment.nanos < 1_000 * _NANOS_MS:
            self.fault(key, "must be a time after 1970")
            return 0
        return (moment.seconds * 1_000 + moment.nanos // _NANOS_MS) * 1_000

    def stamp(self, topic: str, told: Snapshot, *, account: AccountKey, heals: Mapping[str, int]) -> EventStamp:
        """The stamp of a snapshot. The same one has the same id, however often it is read."""
        sequence = self.count("sequence", told.sequence)
        at_us = self.instant_us("event_ts", told.event_ts) if sequence else 0
        sisters = "/".join(f"{sister}:{up_to}" for sister, up_to in sorted(heals.items()))
        event_id = uuid5(_SNAPSHOT_IDS, f"{topic}/{'/'.join(account)}/{sequence}/{sisters}")
        return EventStamp(str(event_id), topic, sequence, at_us)

    def rows(self, key: str, identities: Collection[Hashable], *, sequence: int) -> None:
        """Hold a snapshot's rows to what makes them one: none twice, and none before the first record."""
        if len(set(identities)) != len(identities):
            self.fault(key, "names one row twice")
        if identities and not sequence:
            self.fault("sequence", "must be above 0 where there are rows")
