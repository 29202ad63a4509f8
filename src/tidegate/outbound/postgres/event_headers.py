"""What comes beside the bytes of an event, as columns: headers as msgpack (``NULL``: none), keys as text."""

from typing import Final

import msgspec

from tidegate.ports.event_bus import Headers

_NUL: Final = "\x00"


def to_column(headers: Headers) -> bytes | None:
    """Give the column that keeps headers."""
    return msgspec.msgpack.encode(headers) if headers else None


def from_column(kept: bytes | None) -> Headers:
    """Give the headers that a column keeps."""
    return msgspec.msgpack.decode(kept, type=Headers) if kept is not None else ()


def storable(text: str) -> str:
    """Write what a text column cannot hold (NUL, lone surrogates) as an escape."""
    return text.replace(_NUL, "\\x00").encode(errors="backslashreplace").decode()
