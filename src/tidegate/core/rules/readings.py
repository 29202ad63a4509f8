"""The views of a request that compiled rules compare with, each read at most once an evaluation.

A view is None when the field has no such value; then no comparison on it holds either way, which is how UNKNOWN comes
out of plain Python expressions.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tidegate.core.rules.instants import Duration, Instant, before, parse_date_time, parse_moment
from tidegate.core.rules.tree import CelProgram
from tidegate.core.rules.values import Lookup, folded_text, normal_text

Reader: TypeAlias = Callable[["Readings"], object]
Conversion: TypeAlias = Callable[[object], object]


class Readings(dict[int, object]):
    """The views of one evaluation by slot number; a slot is computed when it is first asked for."""

    __slots__ = ("lookup", "now", "readers")

    def __init__(self, readers: Sequence[Reader], lookup: Lookup, *, now: Instant) -> None:
        self.readers = readers
        self.lookup = lookup
        self.now = now

    def __missing__(self, slot: int) -> object:
        value = self[slot] = self.readers[slot](self)
        return value


class SlotTable:
    """Hands out slot numbers while rules are compiled, one for each distinct view."""

    def __init__(self) -> None:
        self.readers: list[Reader] = []
        self._numbers: dict[tuple[object, object], int] = {}

    def field(self, path: str) -> int:
        """The slot of the field's value as the lookup gives it."""
        return self._slot(("field", path), lambda readings: readings.lookup(path))

    def view(self, path: str, convert: Conversion) -> int:
        """The slot of the field's value as `convert` sees it."""

        def read(readings: Readings) -> object:
            # Read anew for each view: most fields have one, and keeping the field itself costs more than a second look.
            return convert(readings.lookup(path))

        return self._slot((convert, path), read)

    def cutoff(self, duration: Duration) -> int:
        """The slot of the instant that lies `duration` before now."""
        return self._slot(("cutoff", duration), lambda readings: before(readings.now, duration))

    def cel(self, program: CelProgram) -> int:
        """The slot of the value of a CEL expression."""
        return self._slot(("cel", program), lambda readings: program(readings.lookup))

    def _slot(self, key: tuple[object, object], reader: Reader) -> int:
        number = self._numbers.setdefault(key, len(self.readers))
        if number == len(self.readers):
            self.readers.append(reader)
        return number


def text_view(value: object) -> str | None:
    """A text in NFC."""
    return normal_text(value) if isinstance(value, str) else None


def folded_view(value: object) -> str | None:
    """The casefold of a text in NFC."""
    return folded_text(value) if isinstance(value, str) else None


def boolean_view(value: object) -> bool | None:
    """A value that is true or false."""
    return value if isinstance(value, bool) else None


def instant_view(value: object) -> Instant | None:
    """The instant of an RFC 3339 date-time."""
    return parse_date_time(value) if isinstance(value, str) else None


def moment_view(value: object) -> Instant | None:
    """The instant of an RFC 3339 date-time or a bare date."""
    return parse_moment(value) if isinstance(value, str) else None
