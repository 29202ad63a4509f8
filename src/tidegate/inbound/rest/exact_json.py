"""JSON out as JSON came in: money as text, numbers digit by digit, nothing through float."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum

from starlette.responses import JSONResponse

from tidegate.core.kernel.decimals import plain
from tidegate.core.rules.json_exact import write_json

PROBLEM_TYPE = "application/problem+json"


class ExactJson(JSONResponse):
    """Writes mappings, lists, texts, whole numbers and Decimals (as numbers, digit by digit)."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return write_json(content).encode()


class ProblemJson(ExactJson):
    """A problem document (RFC 9457)."""

    media_type = PROBLEM_TYPE


def jsonable(value: object) -> object:
    """Turn dataclasses into objects and Decimals into plain texts, all the way down; bytes become hex.

    Raises:
        TypeError: a value of any other kind, a float among them.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(jsonable(key)): jsonable(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        ordered = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [jsonable(element) for element in ordered]
    raise TypeError(f"{type(value).__name__} has no JSON form here")
