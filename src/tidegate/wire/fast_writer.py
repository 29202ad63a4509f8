"""Avro's binary encoding of one record in one generated function: the fast path of the codec.

The careful writer (``record_writer.py``) calls a function for each field and says which one is wrong. This one is
straight code for records that are right: whatever it does not expect, it raises, and the codec asks the careful writer,
whose word counts. A property test holds the bytes of the two together.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tidegate.wire.record_writer import compile_writer, value_writer, varint

FastWriter = Callable[[Callable[[bytes], object], Mapping[str, Any]], None]

_SIZES: Final = tuple(varint(number) for number in range(1_024))


def compile_fast_writer(schema: Mapping[str, Any]) -> FastWriter:
    """Generate a function that appends a record's body, in pieces, under a schema parsed by fastavro.

    The function raises ValueError, TypeError, LookupError or AttributeError on anything out of the ordinary, be it
    wrong or only rare.
    """
    source = _Source(schema["__named_schemas"])
    name = source.record(schema)
    # The source is written from our own schemas; texts of theirs are bound, never part of it.
    exec(compile("\n".join(source.lines), "<avro>", "exec", dont_inherit=True), source.namespace)  # noqa: S102 - see above
    made: FastWriter = source.namespace[name]
    return made


class _Source:
    """Functions by record, innermost first, and the namespace they run in."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {"__builtins__": {}, "sizes": _SIZES, "varint": varint, "odd": _odd}
        self.namespace |= {kind.__name__: kind for kind in (int, list, tuple, len, type)}
        self._functions: dict[str, str] = {}

    def record(self, schema: Mapping[str, Any]) -> str:
        """Write the function of a record; give its name."""
        name = schema["name"]
        if name in self._functions:
            return self._functions[name]
        body: list[str] = []
        for column in schema["fields"]:
            key = self._bound(column["name"])
            if "default" in column:
                default = self._bound(_default_bytes(column, self._named))
                body += [f"if {key} in record:", f"    v = record[{key}]; left -= 1"]
                body += [f"    {line}" for line in self._value(column["type"])]
                body += ["else:", f"    append({default})"]
            else:
                body += [f"v = record[{key}]; left -= 1", *self._value(column["type"])]
        function = f"write_{len(self._functions)}"
        self._functions[name] = function
        self.lines += [f"def {function}(append, record):", "    left = len(record)", *(f"    {line}" for line in body)]
        self.lines += ["    if left: odd(record)", ""]
        return function

    def _value(self, schema: Any) -> Iterator[str]:  # noqa: ANN401 - Avro's schemas are text, list or object
        """Lines that write ``v``."""
        if isinstance(schema, str) and schema in self._named:
            schema = self._named[schema]
        match schema:
            case ["null", value]:
                yield "if v is None: append(b'\\x00')"
                yield "else:"
                yield "    append(b'\\x02')"
                yield from (f"    {line}" for line in self._value(value))
            case {"type": "record"}:
                yield f"{self.record(schema)}(append, v)"
            case {"type": "enum", "symbols": symbols}:
                encoded = {symbol: varint(place) for place, symbol in enumerate(symbols)}
                yield f"append({self._bound(encoded)}[v])"
            case {"type": "array", "items": items}:
                yield "if type(v) is not list and type(v) is not tuple: odd(v)"
                yield "if v:"
                yield "    append(varint(len(v)))"
                yield "    for v in v:"
                yield from (f"        {line}" for line in self._value(items))
                yield "append(b'\\x00')"
            case {"type": "map", "values": "string"}:
                yield "if v:"
                yield "    append(varint(len(v)))"
                yield "    for k, w in v.items():"
                yield "        b = k.encode(); append(sizes[len(b)]); append(b)"
                yield "        b = w.encode(); append(sizes[len(b)]); append(b)"
                yield "append(b'\\x00')"
            case "string" | {"type": "string"}:
                yield "b = v.encode(); append(sizes[len(b)]); append(b)"  # nothing but text can be encoded
            case "boolean":
                yield "append(b'\\x01' if v is True else b'\\x00' if v is False else odd(v))"
            case "int" | "long" | {"type": "long"}:
                bits = 31 if schema == "int" else 63
                yield f"if type(v) is not int or not -{1 << bits} <= v < {1 << bits}: odd(v)"
                yield "append(varint(v))"
            case _:
                yield f"{self._bound(value_writer(schema, self._named))}(append, v)"

    def _bound(self, value: object) -> str:
        name = f"k{len(self.namespace)}"
        self.namespace[name] = value
        return name


def _default_bytes(column: Mapping[str, Any], named: Mapping[str, Any]) -> bytes:
    """What the careful writer makes of a field that is left out."""
    pieces: list[bytes] = []
    alone = {"type": "record", "name": "Alone", "fields": [column], "__named_schemas": named}
    compile_writer(alone)(pieces.append, {})
    return b"".join(pieces)


def _odd(value: object) -> None:
    raise ValueError(f"out of the ordinary: {value!r}")
