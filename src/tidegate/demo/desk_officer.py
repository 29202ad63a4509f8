"""The desk officer of the demo: writes lists, rules and thresholds through the REST API, and only what is not there."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Protocol

from tidegate.demo.desk_rows import ShippedRows

PAGE_MAX: Final = 200
"""Rows of a page at most, as the API allows."""


class OfficersDesk(Protocol):
    """What an officer needs of the desk. Failure contract: ``DeskRefused`` with HTTP's status."""

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Read a page of rows."""

    async def write(self, method: str, path: str, *, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write a row, or all ranges of a scope."""


class DeskOfficer:
    """Writes the shipped rows. What is there under the same name, code or scope is left as its officers have it."""

    def __init__(self, desk: OfficersDesk) -> None:
        self._desk = desk

    async def prepare(self, shipped: ShippedRows) -> int:
        """Write what is missing, in the order in which rows need each other; give the number of writes.

        Raises:
            DeskRefused: the API does not take a write.
        """
        return await self._lists(shipped) + await self._rules(shipped) + await self._thresholds(shipped)

    async def _lists(self, shipped: ShippedRows) -> int:
        there = {row["name"] async for row in self._rows("/v1/lists")}
        missing = [name for name in shipped.lists if name not in there]
        for name in missing:
            await self._desk.write("POST", "/v1/lists", body={"name": name, "entries": shipped.lists[name]})
        return len(missing)

    async def _rules(self, shipped: ShippedRows) -> int:
        there = {row["rule_code"] async for row in self._rows("/v1/rules")}
        missing = [rule for rule in shipped.rules if rule["rule_code"] not in there]
        for rule in missing:
            await self._desk.write("POST", "/v1/rules", body=rule)
        return len(missing)

    async def _thresholds(self, shipped: ShippedRows) -> int:
        there = {_scope_key(row["scope"]) async for row in self._rows("/v1/thresholds")}
        wanted: dict[tuple[tuple[str, tuple[str, ...]], ...], list[Mapping[str, Any]]] = {}
        for row in shipped.thresholds:
            wanted.setdefault(_scope_key(row["scope"]), []).append(row)
        missing = [rows for key, rows in wanted.items() if key not in there]
        for rows in missing:
            ranges = [{name: row[name] for name in ("score_from", "score_to", "decision")} for row in rows]
            await self._desk.write("PUT", "/v1/thresholds", body={"scope": rows[0]["scope"], "ranges": ranges})
        return len(missing)

    async def _rows(self, path: str) -> AsyncIterator[Mapping[str, Any]]:
        query = {"limit": str(PAGE_MAX)}
        while True:
            page = await self._desk.read(path, query)
            for row in page["items"]:
                yield row
            if page["next_cursor"] is None:
                return
            query = {"limit": str(PAGE_MAX), "cursor": page["next_cursor"]}


def _scope_key(scope: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Name a scope by what it says, in whatever order it is written."""
    return tuple(sorted((name, tuple(sorted(values))) for name, values in scope.items()))
