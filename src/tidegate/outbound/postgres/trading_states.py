"""``trading_states`` in PostgreSQL: the kill switch."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from tidegate.core.pretrade.account import TradingState
from tidegate.outbound.postgres.configuration_area import area_version, lock_area, publish_area, require_version
from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.configuration import Scope, TradingStateRow
from tidegate.ports.configuration_watch import Area
from tidegate.ports.storable import trading_state_faults
from tidegate.ports.stored import Conflict

_ALL: Final = "SELECT * FROM trading_states ORDER BY scope, key"
_PUT: Final = """
INSERT INTO trading_states AS stored (scope, key, state, reason, updated_at, version, area_version, changed_by)
VALUES ($1, $2, $3, $4, $5, 1, $6, $7)
ON CONFLICT (scope, key) DO UPDATE SET
    state = excluded.state, reason = excluded.reason, updated_at = excluded.updated_at,
    version = stored.version + 1, area_version = excluded.area_version, changed_by = excluded.changed_by
"""


class PostgresTradingStates:
    """``TradingStates`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def all(self) -> tuple[int, Sequence[TradingStateRow]]:
        async with self._pool.snapshot() as connection:
            version = await area_version(connection, Area.TRADING_STATES)
            return version, [_state(row) for row in await connection.fetch(_ALL)]

    async def put(self, row: TradingStateRow, *, version: int | None) -> tuple[int, TradingStateRow]:
        faults = trading_state_faults(row)
        if faults:
            raise Conflict(faults)
        async with self._pool.transaction() as connection:
            publishes = await lock_area(connection, Area.TRADING_STATES)
            require_version(publishes - 1, seen=version)
            await connection.execute(
                _PUT, row.scope, row.key, row.state, row.reason, to_timestamp(row.at_us), publishes, row.actor
            )
            await publish_area(connection, Area.TRADING_STATES, version=publishes)
        return publishes, row


def _state(row: asyncpg.Record) -> TradingStateRow:
    return TradingStateRow(
        scope=Scope(row["scope"]),
        key=row["key"],
        state=TradingState(row["state"]),
        reason=row["reason"],
        actor=row["changed_by"],
        at_us=to_us(row["updated_at"]),
    )
