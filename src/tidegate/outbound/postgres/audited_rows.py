"""The rows that the audit chain is about, read in their order, page by page over an index."""

from collections.abc import Sequence
from typing import Final

from tidegate.core.kernel.audit_chain import AFTER_ALL_IDS, AuditedRow, Place
from tidegate.outbound.postgres.audited_tables import AUDITED, AuditedTable
from tidegate.outbound.postgres.instants import to_timestamp
from tidegate.outbound.postgres.pool import PostgresPool

_LAST_UUID: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"

# Transactions get their ids in the order in which they begin to write. All of those that had one when a mark was taken
# have ended once the oldest that still runs is none of them; then nothing can commit any more that began before it.
_RUNNING: Final = """
SELECT pg_snapshot_xmin(seen)::text::bigint AS oldest, pg_snapshot_xmax(seen)::text::bigint AS next,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us
FROM pg_current_snapshot() AS seen
"""
# An area's versions are given under its row's lock, so that all of them up to the committed one are there.
_PUBLISHED: Final = "SELECT version FROM configuration_versions WHERE area = $1"
_BY_TIME: Final = """
SELECT (extract(epoch FROM {time}) * 1000000)::bigint AS position, {row_id} AS row_id,
    ARRAY[{columns}]::text[] AS columns
FROM {table} WHERE ({time}, {id}) > ($1::timestamptz, $2::uuid) AND {time} <= $3::timestamptz AND NOT ({elsewhere})
ORDER BY {time}, {id} LIMIT $4
"""
_BY_VERSION: Final = """
SELECT area_version AS position, {row_id} AS row_id, ARRAY[{columns}]::text[] AS columns
FROM {table}
WHERE area_version >= $1 AND (area_version, ({row_id}) COLLATE "C") > ($1, $2 COLLATE "C") AND area_version <= $3
ORDER BY area_version, ({row_id}) COLLATE "C" LIMIT $4
"""


class PostgresAuditedRows:
    """``AuditedRows`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._tables = {table.partition: table for table in AUDITED}
        self._statements = {table.partition: _statement(table) for table in AUDITED}
        self._marks: list[tuple[int, int]] = []

    def partitions(self) -> Sequence[str]:
        return tuple(self._tables)

    async def settled(self, partition: str, *, now_us: int, settle_us: int) -> int:
        area = self._tables[partition].area
        async with self._pool.connection() as connection:
            if area:
                return int(await connection.fetchval(_PUBLISHED, area))
            row = await connection.fetchrow(_RUNNING)
        assert row is not None, "a SELECT of a function gives a row"
        # the database's clock judges what is late, so no clock of ours may be ahead of it here
        self._marks.append((min(now_us, row["now_us"]), row["next"]))
        ended = [mark for mark in self._marks if mark[1] <= row["oldest"]]
        if not ended:
            return -(2**62)
        self._marks = [ended[-1], *(mark for mark in self._marks if mark[1] > row["oldest"])]
        return ended[-1][0] - settle_us

    async def rows(self, partition: str, *, after: Place, until: int, limit: int) -> Sequence[AuditedRow]:
        table = self._tables[partition]
        values: tuple[object, ...] = (*after, until)
        if table.time_column:
            row_id = _LAST_UUID if after[1] == AFTER_ALL_IDS else after[1]
            values = (to_timestamp(after[0]), row_id, to_timestamp(until))
        async with self._pool.connection() as connection:
            found = await connection.fetch(self._statements[partition], *values, limit)
        names = tuple(table.columns)
        return [
            AuditedRow(row["position"], row["row_id"], dict(zip(names, row["columns"], strict=True))) for row in found
        ]


def _statement(table: AuditedTable) -> str:
    shape = _BY_TIME if table.time_column else _BY_VERSION
    return shape.format(
        table=f"{table.table} JOIN {table.joined} USING ({table.id_column})" if table.joined else table.table,
        elsewhere=table.elsewhere,
        columns=", ".join(table.columns.values()),
        row_id=table.row_id,
        time=table.time_column,
        id=table.id_column,
    )
