"""Records between the driver and the port."""

from typing import Any, Final

from tidegate.ports.event_bus import BusRecord, Headers

_KEEP_BYTES: Final = "surrogateescape"


def to_record(message: Any) -> BusRecord:  # noqa: ANN401 - the driver has no types
    """Give a message of the driver as a record; a key or value that is absent is an empty one."""
    headers = tuple((name, value or b"") for name, value in message.headers)
    key = b"" if message.key is None else message.key
    return BusRecord(message.topic, message.partition, message.offset, text(key), message.value or b"", headers)


def text(key: bytes) -> str:
    """Give the text of a key; bytes that are not UTF-8 become lone surrogates."""
    return key.decode("utf-8", _KEEP_BYTES)


def key_bytes(key: str) -> bytes | None:
    """Give the bytes of a key back; an empty one is absent."""
    return key.encode("utf-8", _KEEP_BYTES) or None


def header(headers: Headers, name: str) -> bytes | None:
    """Give the first header of a name."""
    return next((value for own, value in headers if own == name), None)
