"""The desk officer on a desk that gives its rows page by page."""

from collections.abc import Mapping
from typing import Any

from tidegate.demo.desk_officer import PAGE_MAX, DeskOfficer
from tidegate.demo.desk_rows import ShippedRows


class PagedDesk:
    """Holds rows and gives them in pages; notes what is written."""

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self._rows = rows
        self.written: list[tuple[str, str]] = []

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        query = query or {}
        rows, start = self._rows.get(path.rsplit("/", 1)[1], []), int(query.get("cursor", 0))
        end = start + int(query["limit"])
        return {"items": rows[start:end], "next_cursor": str(end) if end < len(rows) else None}

    async def write(self, method: str, path: str, *, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.written.append((method, path))
        return body


async def test_officer_reads_every_page_before_writing() -> None:
    """PL-123: what stands on the last of many pages stands."""
    codes = [f"R-{place}" for place in range(2 * PAGE_MAX + 1)]
    desk = PagedDesk(rules=[{"rule_code": code} for code in codes])
    shipped = ShippedRows([{"rule_code": codes[-1]}, {"rule_code": "NEW"}], [], {})
    assert await DeskOfficer(desk).prepare(shipped) == 1
    assert desk.written == [("POST", "/v1/rules")]


async def test_officer_takes_a_scope_for_the_same_in_whatever_order_it_is_written() -> None:
    """PL-123: the ranges of a scope are one write; a scope that stands is known by what it says."""
    scope = {"country": ["CH", "LI"], "product_type": ["LOAN"]}
    other = {"product_type": ["LOAN"], "country": ["LI", "CH"]}
    new = {"product_type": ["CARD"]}
    ranges = [{"score_from": 0, "score_to": 499}, {"score_from": 500, "score_to": 1_000}]
    shipped = [{**each, "decision": "APPROVED", "scope": where} for where in (scope, new) for each in ranges]
    desk = PagedDesk(thresholds=[{"scope": other}])
    assert await DeskOfficer(desk).prepare(ShippedRows([], shipped, {})) == 1
    assert desk.written == [("PUT", "/v1/thresholds")]
