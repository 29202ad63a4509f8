"""Records of every topic, drawn from the schemas themselves."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import strategies as st

from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.snapshots import HEALED_WITH

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_ROW_FIELDS = ("position", "order", "balance")
_TICKS = {"timestamp-millis": 1_000, "timestamp-micros": 1}


@pytest.fixture(scope="session")
def catalogue() -> SchemaCatalogue:
    return SchemaCatalogue.load()


@pytest.fixture(scope="session")
def codec(catalogue: SchemaCatalogue) -> AvroCodec:
    """A codec without registry; tests that teach a codec registry ids make their own."""
    return AvroCodec(catalogue)


@pytest.fixture(scope="session")
def records_of() -> Callable[[str, Mapping[str, Any]], st.SearchStrategy[dict[str, Any]]]:
    """For a topic and a schema of it: records as the codec reads them, consistent in themselves."""

    def records(topic: str, parsed: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        return _values(parsed, parsed["__named_schemas"]).flatmap(lambda record: _consistent(topic, record=record))

    return records


def _values(schema: object, named: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match schema:
        case list():
            return st.one_of(*[_values(branch, named) for branch in schema])
        case str() if schema in named:
            return _values(named[schema], named)
        case {"type": "record", "fields": fields}:
            return st.fixed_dictionaries({field["name"]: _values(field["type"], named) for field in fields})
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "array", "items": items}:
            return st.lists(_values(items, named), max_size=3)
        case {"type": "map", "values": values}:
            return st.dictionaries(st.text(max_size=5), _values(values, named), max_size=3)
        case {"logicalType": "uuid"}:
            return st.uuids()
        case {"logicalType": str() as logical}:
            tick = _TICKS[logical]
            return st.integers(0, 4_000_000_000 * 1_000_000 // tick).map(
                lambda ticks: _EPOCH + datetime.timedelta(microseconds=ticks * tick)
            )
        case {"type": str() as primitive}:
            return _primitive(primitive)
        case _:
            return _primitive(str(schema))


def _primitive(name: str) -> st.SearchStrategy[Any]:
    return {
        "null": st.none(),
        "boolean": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "string": st.text(max_size=12),
    }[name]


@st.composite
def _consistent(draw: st.DrawFn, topic: str, *, record: dict[str, Any]) -> dict[str, Any]:
    """The record with the fields that depend on each other brought into line (wire/snapshots.py)."""
    changed: dict[str, Any] = {"schema_version": 1}
    if "sequence" in record:
        changed["sequence"] = draw(st.integers(1, 2**63 - 1))
    if topic in HEALED_WITH:
        heals = {healed: draw(st.integers(0, 2**63 - 1)) for healed in HEALED_WITH[topic]}
        row_field = next((field for field in _ROW_FIELDS if field in record), None)
        if row_field is None:
            changed["heals"] = None
        elif record["snapshot"] is None and record[row_field] is not None:
            changed |= {"heals": None}
            if "command" in record:
                changed["command"] = draw(st.sampled_from(["NEW", "AMEND", "CANCEL"]))
        else:
            rows = (record["snapshot"] or [])[:1]
            changed |= {row_field: None, "snapshot": rows, "heals": heals}
            if "command" in record:
                changed["command"] = "SNAPSHOT"
    return record | changed
