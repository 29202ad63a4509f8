"""Bytes that are no message: what of them can be read, and which fields cannot.

Without this the transport answers INTERNAL to bytes that protobuf refuses, though the fault is the caller's (PT-102).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from tidegate.core.kernel.readings import FieldFault

MessageT = TypeVar("MessageT", bound=Message)

WHOLE: Final = "request"
"""Stands for the whole request where no field can be told."""

_VARINT: Final = 0
_LENGTH_DELIMITED: Final = 2


@dataclass(frozen=True, slots=True)
class Salvaged(Generic[MessageT]):
    """A request that is no message: the fields that could be read, and every one that could not."""

    request: MessageT
    faults: tuple[FieldFault, ...]


def reader_of(message: type[MessageT]) -> Callable[[bytes], MessageT | Salvaged[MessageT]]:
    """Give a deserializer that never fails: a message, or what could be salvaged of it."""

    def read(payload: bytes) -> MessageT | Salvaged[MessageT]:
        try:
            return message.FromString(payload)
        except DecodeError:
            faults: list[FieldFault] = []
            salvaged = message()
            _salvage(payload, salvaged, place="", faults=faults)
            return Salvaged(salvaged, tuple(faults) or (FieldFault(WHOLE, _NO_MESSAGE),))

    return read


_NO_MESSAGE: Final = "must be a protocol buffer message of this method"


def _salvage(payload: bytes, message: Message, *, place: str, faults: list[FieldFault]) -> None:
    """Read the fields one by one; a message that ends in the middle of a field has none that can be trusted."""
    raw = Empty()
    try:
        raw.ParseFromString(payload)
    except DecodeError:
        faults.append(FieldFault(place.rstrip(".") or WHOLE, _NO_MESSAGE))
        return
    fields = message.DESCRIPTOR.fields_by_number
    parts = UnknownFieldSet(raw)
    for part in (parts[index] for index in range(len(parts))):
        field = fields.get(part.field_number)
        if field is None or part.wire_type != _wire_type(field.type):
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            _salvage(part.data, getattr(message, field.name), place=f"{place}{field.name}.", faults=faults)
        elif field.type == FieldDescriptor.TYPE_STRING:
            try:
                setattr(message, field.name, part.data.decode())
            except UnicodeDecodeError:
                faults.append(FieldFault(f"{place}{field.name}", "must be UTF-8 text"))
        elif field.type == FieldDescriptor.TYPE_BOOL:
            setattr(message, field.name, bool(part.data))
        else:
            setattr(message, field.name, _int32(part.data))


def _wire_type(field_type: int) -> int:
    texts_and_messages = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE)
    return _LENGTH_DELIMITED if field_type in texts_and_messages else _VARINT


def _int32(varint: int) -> int:
    """Give the enum number that a varint stands for: its lower 32 bits, signed."""
    lower = varint & 0xFFFF_FFFF
    return lower - (1 << 32) if lower >= 1 << 31 else lower
