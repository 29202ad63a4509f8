from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastavro.schema import SchemaParseException, parse_schema

SCHEMA_NODES_MAX: Final = 10_000  # every type, named ones counted at each mention: bounds what one record can unfold to
SCHEMA_DEPTH_MAX: Final = 32  # a recursive schema is deeper than any bound, and the reader recurses with it


class UnsuitableSchema(ValueError):
    """A writer's schema by which a small record could keep the reader busy or exhaust its stack."""


def parse_writer_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Parses a schema that somebody else wrote, within bounds.

    Refused are schemas that are recursive, deeper than SCHEMA_DEPTH_MAX, larger than SCHEMA_NODES_MAX, or that have
    arrays whose items take no bytes (three bytes on the wire could then stand for 2^62 items).

    Raises:
        UnsuitableSchema: it is one of these, or no Avro record schema at all.
    """
    try:
        parsed = parse_schema(dict(schema))
    except (SchemaParseException, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UnsuitableSchema(f"not an Avro schema: {error}") from error
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise UnsuitableSchema("not a record")
    _Walk(parsed["__named_schemas"]).takes_bytes(parsed, depth=0)
    return parsed


class _Walk:
    """Visits a schema as a reader would, counting."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._nodes = 0

    def takes_bytes(self, schema: object, *, depth: int) -> bool:
        """True when every value of the type is at least one byte long."""
        self._nodes += 1
        if self._nodes > SCHEMA_NODES_MAX or depth > SCHEMA_DEPTH_MAX:
            raise UnsuitableSchema("recursive, too deep or too large")
        match schema:
            case str() if schema in self._named:
                return self.takes_bytes(self._named[schema], depth=depth + 1)
            case list():
                for branch in schema:
                    self.takes_bytes(branch, depth=depth + 1)
                return True
            case {"type": "record" | "error", "fields": list() as fields}:
                taking = [self.takes_bytes(field["type"], depth=depth + 1) for field in fields]
                return any(taking)
            case {"type": "array", "items": items}:
                if not self.takes_bytes(items, depth=depth + 1):
                    raise UnsuitableSchema("an array whose items take no bytes")
                return True
            case {"type": "map", "values": values}:
                self.takes_bytes(values, depth=depth + 1)
                return True
            case {"type": "fixed", "size": size}:
                return bool(size)
            case {"type": list() | dict() as inner}:
                return self.takes_bytes(inner, depth=depth + 1)
            case {"type": str() as primitive}:
                return primitive != "null"
            case _:
                return schema != "null"
