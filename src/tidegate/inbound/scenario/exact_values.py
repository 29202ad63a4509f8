"""Parts of a file whose shape is open, read as the rule language reads JSON: numbers as Decimal, bounds kept."""

from collections.abc import Iterable

from tidegate.core.rules.faults import InvalidJson, RuleFault
from tidegate.core.rules.json_exact import read_json
from tidegate.core.rules.limits import JSON_DEPTH_MAX
from tidegate.inbound.scenario.faults import ScenarioFault
from tidegate.inbound.scenario.json_text import JsonValue, canonical_text
from tidegate.inbound.scenario.row import Row


def exact_value(row: Row, key: str, *, depth_max: int = JSON_DEPTH_MAX) -> object:
    """Read a member as plain JSON values; None when it is absent or null, and after a fault."""
    return exact(row, row.value(key), pointer=row.at(key), depth_max=depth_max)


def exact(row: Row, value: JsonValue, *, pointer: str, depth_max: int = JSON_DEPTH_MAX) -> object:
    """Read a value that stands at ``pointer`` as plain JSON values; its faults are noted with the row's."""
    try:
        return read_json(canonical_text(value), depth_max=depth_max)
    except InvalidJson as invalid:
        note_faults(row, invalid.faults, pointer=pointer)
        return None


def note_faults(row: Row, faults: Iterable[RuleFault], *, pointer: str) -> None:
    """Note faults whose own pointers start at ``pointer``."""
    row.faults.extend(ScenarioFault(_printable(pointer + fault.pointer), _printable(fault.message)) for fault in faults)


def _printable(text: str) -> str:
    # what is refused for an unpaired surrogate is told all the same
    return text.encode("utf-8", "backslashreplace").decode()
