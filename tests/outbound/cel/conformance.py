"""The conformance cases of CEL as conditions of one leaf: a case's value is compared inside the expression."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tidegate.core.rules.truth import Truth

Case = Mapping[str, Any]

# The engine is built with the standard functions and macros; these files are about extensions of them.
_EXTENSIONS = re.compile(r".*_ext|optionals|macros2")
_MESSAGES = re.compile(r"TestAllTypes|TestRequired|NestedMessage|google\.protobuf\.|GlobalEnum|protobuf")
_PLAIN_NAME = re.compile(r"(?!(?:true|false|null)$)[a-z]\w*")

KNOWN_DEVIATIONS = {
    ("fields", "map_value_repeat_key_heterogeneous"): "the engine takes 0 and 0u for two keys of one map",
    ("parse", "parens"): "the comparison that makes it a condition is one level more than the 32 that the engine reads",
}


@dataclass(frozen=True, slots=True)
class AsLeaf:
    """A case as a leaf: its text, the request, and what it must say (None: refused at save, or UNKNOWN)."""

    text: str
    fields: Mapping[str, object]
    expected: Truth | None


def reason_to_leave_out(case: Case) -> str | None:
    """Why a case says nothing about rules over JSON; None when it does."""
    if _EXTENSIONS.fullmatch(case["file"]):
        return "an extension that the leaf does not have"
    if case.get("container") or _MESSAGES.search(json.dumps(case)):
        return "protobuf messages and their namespaces"
    if case.get("disable_check") or case.get("check_only"):
        return "the checker alone, or none: a leaf is always checked and always evaluated"
    if any("function" in declared for declared in case.get("type_env", ())):
        return "functions of the caller's own"
    if not all(_PLAIN_NAME.fullmatch(name) for name in case.get("bindings", {})):
        return "variables that no member of a path can be named"
    if any(_json_of(bound.get("value", {})) is ... for bound in case.get("bindings", {}).values()):
        return "variables that no JSON value is"
    if case.get("typed_result") and "result" not in case["typed_result"]:
        return "the checker alone, or none: a leaf is always checked and always evaluated"
    if "eval_error" not in case and _literal_of(_value_of(case)) is None:
        return "values that cannot be written as an expression (types, NaN)"
    return None


def as_leaf(case: Case) -> AsLeaf:
    """Write a case as a leaf over ``context_data``, where its variables are members."""
    bindings = case.get("bindings", {})
    text = case["expr"]
    for name in bindings:
        text = re.sub(rf"(?<![\w.'\"]){name}(?![\w'\"])", f"context_data.{name}", text)
    fields = {name: _json_of(bound["value"]) for name, bound in bindings.items()}
    if "eval_error" in case:
        return AsLeaf(f"dyn({text}) == dyn({text})", fields, None)
    value = _value_of(case)
    if "bool_value" in value:
        return AsLeaf(text, fields, Truth.TRUE if value["bool_value"] else Truth.FALSE)
    literal = _literal_of(value)
    return AsLeaf(f"dyn({text}) == dyn({literal}) && type({text}) == type({literal})", fields, Truth.TRUE)


def _value_of(case: Case) -> Mapping[str, Any]:
    if "typed_result" in case:
        return dict(case["typed_result"]["result"])
    return dict(case.get("value", {"bool_value": True}))


def _parts_of(value: Mapping[str, Any]) -> tuple[str, Any]:
    return next(iter(value.items())) if len(value) == 1 else ("", None)


def _json_of(value: Mapping[str, Any]) -> object:
    kind, content = _parts_of(value)
    if kind in ("bool_value", "string_value"):
        return content
    if kind == "int64_value":
        return Decimal(content)
    if kind == "double_value":
        # a double that is whole is an integer in JSON, so it would come back as int
        number = float(content)
        return Decimal(repr(number)) if math.isfinite(number) and not number.is_integer() else ...
    if kind == "list_value":
        elements = [_json_of(each) for each in content.get("values", ())]
        return ... if ... in elements else elements
    if kind == "map_value":
        entries = {json.dumps(each["key"]): _json_of(each["value"]) for each in content.get("entries", ())}
        keys = [each["key"].get("string_value") for each in content.get("entries", ())]
        return ... if ... in entries.values() or None in keys else dict(zip(keys, entries.values(), strict=True))
    return ...


def _literal_of(value: Mapping[str, Any]) -> str | None:
    kind, content = _parts_of(value)
    if kind == "null_value":
        return "null"
    if kind == "bool_value":
        return "true" if content else "false"
    if kind == "int64_value":
        return str(content)
    if kind == "uint64_value":
        return f"{content}u"
    if kind == "double_value":
        number = float(content)
        return None if math.isnan(number) else f"double('{number!r}')"
    if kind == "string_value":
        return '"' + "".join(f"\\U{ord(character):08x}" for character in content) + '"'
    if kind == "list_value":
        elements = [_literal_of(each) for each in content.get("values", ())]
        return None if None in elements else f"[{', '.join(map(str, elements))}]"
    if kind == "map_value":
        entries = [(_literal_of(each["key"]), _literal_of(each["value"])) for each in content.get("entries", ())]
        if any(None in entry for entry in entries):
            return None
        return "{" + ", ".join(f"{key}: {member}" for key, member in entries) + "}"
    return None
