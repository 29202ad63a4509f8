"""Finds the groups of rules whose scope a request is in, without looking at the others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Scope: TypeAlias = Mapping[str, frozenset[str]]
"""Attribute name to the values that are in scope; a missing key means any value."""


_FOUND_MAX: Final = 1_024
"""Answers that an index remembers; requests have few different attributes."""


class ScopeIndex:
    """Scopes by number.

    Each scope that has keys is filed under one of them, the one whose values the fewest scopes share; a request then
    meets only the scopes filed under its own values.
    """

    def __init__(self, scopes: Sequence[Scope]) -> None:
        """Raises ValueError for a scope with an empty value set: it could never apply."""
        self._scopes = tuple(scopes)
        self._keys = tuple(sorted({key for scope in scopes for key in scope}))
        self._found: dict[tuple[str | None, ...], tuple[int, ...]] = {}
        self._unscoped = tuple(number for number, scope in enumerate(scopes) if not scope)
        self._filed: dict[str, dict[str, list[int]]] = {}
        sharing = Counter((key, value) for scope in scopes for key, values in scope.items() for value in values)
        for number, scope in enumerate(scopes):
            if any(not values for values in scope.values()):
                raise ValueError("a scope key needs at least one value; leave the key out to mean any")
            if scope:
                best = _least_shared(scope, sharing)
                for value in scope[best]:
                    self._filed.setdefault(best, {}).setdefault(value, []).append(number)

    def matching(self, attributes: Mapping[str, str]) -> Sequence[int]:
        """The numbers of the scopes that a request with these attributes is in, ascending."""
        place = tuple([attributes.get(key) for key in self._keys])
        found = self._found.get(place)
        if found is None:
            if len(self._found) >= _FOUND_MAX:
                self._found.clear()  # who asks with ever new values costs what they would cost without
            found = self._found[place] = self._search(attributes)
        return found

    def _search(self, attributes: Mapping[str, str]) -> tuple[int, ...]:
        found = list(self._unscoped)
        for key, by_value in self._filed.items():
            value = attributes.get(key)
            if value is not None:
                found += [number for number in by_value.get(value, ()) if self._holds(number, attributes)]
        return tuple(sorted(found))

    def _holds(self, number: int, attributes: Mapping[str, str]) -> bool:
        return all(attributes.get(key) in values for key, values in self._scopes[number].items())


def _least_shared(scope: Scope, sharing: Mapping[tuple[str, str], int]) -> str:
    return min(scope, key=lambda key: (max(sharing[key, value] for value in scope[key]), key))
