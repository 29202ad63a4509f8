"""Scopes of rules and thresholds: which requests they are for, and when two are the same."""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from tidegate.core.assessment.request import SCOPE_KEYS, TEXT_CHARACTERS_MAX
from tidegate.core.rules.faults import RuleFault, pointer_to
from tidegate.core.rules.scope import Scope
from tidegate.core.rules.values import type_name

SCOPE_VALUES_MAX: Final = 1_000
"""Values of one key of a scope (at the bound passes)."""

ScopeId: TypeAlias = frozenset[tuple[str, frozenset[str]]]
"""A scope by its keys and their sets of values: equal for equal scopes, in whatever order they were written."""

_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)


def read_scope(source: object) -> tuple[Scope, tuple[RuleFault, ...]]:
    """Read a scope from JSON: an object of lists of texts by the request's fields. Pointers start at the scope."""
    if not isinstance(source, Mapping):
        return {}, (RuleFault("", "not_an_object", f"scope is an object, not {type_name(source)}"),)
    faults: list[RuleFault] = []
    scope: dict[str, frozenset[str]] = {}
    for key, values in source.items():
        pointer = pointer_to("", key)
        if key not in SCOPE_KEYS:
            message = f"not a key of a scope; its keys are {', '.join(SCOPE_KEYS)}"
            faults.append(RuleFault(pointer, "unknown_key", message))
        elif not isinstance(values, list):
            faults.append(RuleFault(pointer, "not_a_list", f"{key} is a list of texts, not {type_name(values)}"))
        elif not values:
            message = "an empty list would never apply; leave the key out to mean any"
            faults.append(RuleFault(pointer, "empty_list", message))
        elif len(values) > SCOPE_VALUES_MAX:
            faults.append(RuleFault(pointer, "list_too_long", f"{key} has at most {SCOPE_VALUES_MAX} values"))
        else:
            wrong = ((at, _value_fault(key, value)) for at, value in enumerate(values))
            faults += [RuleFault(pointer_to(pointer, at), "bad_scope_value", told) for at, told in wrong if told]
            scope[key] = frozenset(value for value in values if isinstance(value, str))
    return scope, tuple(faults)


def scope_id(scope: Scope) -> ScopeId:
    """Name a scope by what it says."""
    return frozenset((key, frozenset(values)) for key, values in scope.items())


def can_match_together(one: Scope, other: Scope) -> bool:
    """Tell whether one request can be in both scopes: no key that both have is without a common value."""
    return all(set(one[key]) & set(other[key]) for key in one.keys() & other.keys())


def scope_text(scope: Scope) -> str:
    """Say a scope in words: ``country CH, LI and product_type LOAN``; ``every request`` for the one without keys."""
    parts = [f"{key} {', '.join(sorted(scope[key]))}" for key in SCOPE_KEYS if key in scope]
    return " and ".join(parts) or "every request"


def _value_fault(key: str, value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_CHARACTERS_MAX:
        return f"a value of {key} is a text of 1 to {TEXT_CHARACTERS_MAX} characters"
    if key == "country" and not _COUNTRY.fullmatch(value):
        return "a country is an ISO 3166-1 alpha-2 code in upper case, such as CH"
    return None
