"""Avro's binary encoding of records under our own schemas, with the schema compiled into functions once.

Why not fastavro's writer: it walks the schema with every record and tries each branch of a union by validating the
value against it; a decision has thirty nullable fields. It stays the reference that tests hold this one against.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

_Append = Callable[[bytes], object]
_Write = Callable[[_Append, Any], None]
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_TICKS: Final = {
    "timestamp-millis": datetime.timedelta(milliseconds=1),
    "timestamp-micros": datetime.timedelta(microseconds=1),
}
_ABSENT: Final = object()
_END: Final = b"\x00"
_SHORT: Final = tuple(bytes([number << 1]) for number in range(64))


def compile_writer(schema: Mapping[str, Any]) -> Callable[[_Append, Mapping[str, Any]], None]:
    """A function that appends a record's body, in pieces, under a schema parsed by fastavro.

    What is written is checked as it is written, more strictly than Avro libraries do: text is str, a number is an int
    and no bool, a bool is a bool, a time is an aware datetime or an integer in its unit, no field is unknown, and one
    without a default is there. The function raises ValueError, TypeError, LookupError or AttributeError otherwise.

    Raises:
        ValueError: the schema uses what our schemas do not use: bytes, floating point, or unions other than nullable.
    """
    return value_writer(schema, schema["__named_schemas"])


def value_writer(schema: object, named: Mapping[str, Any]) -> _Write:
    """A function that appends one value of any schema; ``named`` are the schemas it may refer to by name.

    Raises:
        ValueError: the schema uses what our schemas do not use.
    """
    match schema:
        case str() if schema in named:
            return value_writer(named[schema], named)
        case ["null", value]:
            return _nullable(value_writer(value, named))
        case {"type": "record", "fields": fields}:
            return _record([(f["name"], value_writer(f["type"], named), f.get("default", _ABSENT)) for f in fields])
        case {"type": "enum", "symbols": symbols}:
            return _enum(symbols)
        case {"type": "array", "items": items}:
            return _array(value_writer(items, named))
        case {"type": "map", "values": values}:
            return _map(value_writer(values, named))
        case {"type": "string", "logicalType": "uuid"}:
            return _uuid
        case {"type": "long", "logicalType": str() as logical} if logical in _TICKS:
            return _time(_TICKS[logical])
        case "string" | {"type": "string"}:
            return _text
        case "boolean":
            return _boolean
        case "int":
            return _integer(32)
        case "long":
            return _integer(64)
        case _:
            raise ValueError(f"not used in our schemas: {schema}")


def varint(number: int) -> bytes:
    """A whole number in Avro's variable-length zigzag form."""
    zigzag = number << 1 if number >= 0 else ~(number << 1)
    encoded = bytearray()
    while zigzag > 0x7F:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def _text(append: _Append, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"not text: {value!r}")
    encoded = value.encode()
    size = len(encoded)
    append(_SHORT[size] if size < len(_SHORT) else varint(size))
    append(encoded)


def _uuid(append: _Append, value: object) -> None:
    _text(append, str(value) if isinstance(value, uuid.UUID) else value)


def _boolean(append: _Append, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"not a boolean: {value!r}")
    append(b"\x01" if value else b"\x00")


def _integer(bits: int) -> _Write:
    bound = 1 << (bits - 1)

    def write(append: _Append, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"not an integer: {value!r}")
        if not -bound <= value < bound:
            raise ValueError(f"more than {bits} bits: {value}")
        append(varint(value))

    return write


def _time(tick: datetime.timedelta) -> _Write:
    write_integer = _integer(64)

    def write(append: _Append, value: object) -> None:
        # A time without zone raises here: it cannot be subtracted from one with.
        write_integer(append, (value - _EPOCH) // tick if isinstance(value, datetime.datetime) else value)

    return write


def _enum(symbols: list[str]) -> _Write:
    encoded = {symbol: varint(place) for place, symbol in enumerate(symbols)}

    def write(append: _Append, value: str) -> None:
        append(encoded[value])

    return write


def _nullable(write_value: _Write) -> _Write:
    def write(append: _Append, value: Any) -> None:  # noqa: ANN401 - whatever the branch takes
        if value is None:
            append(b"\x00")
        else:
            append(b"\x02")
            write_value(append, value)

    return write


def _array(write_item: _Write) -> _Write:
    def write(append: _Append, value: object) -> None:
        if not isinstance(value, list | tuple):
            raise TypeError(f"not a list: {value!r}")
        if value:
            append(varint(len(value)))
            for item in value:
                write_item(append, item)
        append(_END)

    return write


def _map(write_value: _Write) -> _Write:
    def write(append: _Append, value: Mapping[str, Any]) -> None:
        items = value.items()
        if items:
            append(varint(len(items)))
            for key, item in items:
                _text(append, key)
                write_value(append, item)
        append(_END)

    return write


def _record(fields: list[tuple[str, _Write, Any]]) -> _Write:
    names = {name for name, _, _ in fields}

    def write(append: _Append, value: Mapping[str, Any]) -> None:
        get, given = value.get, 0
        for name, write_field, default in fields:
            item = get(name, _ABSENT)
            if item is _ABSENT:
                if default is _ABSENT:
                    raise KeyError(f"{name} is missing")
                item = default
            else:
                given += 1
            try:
                write_field(append, item)
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                raise ValueError(f"{name}: {error}") from error
        if given != len(value):
            raise ValueError(f"unknown fields: {sorted(value.keys() - names)}")

    return write
