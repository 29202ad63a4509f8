"""Chain and audited rows on one implementation, and rows for them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidegate.core.kernel.audit_chain import AuditedRow
from tidegate.outbound.memory.audit_chain import MemoryAuditChain, MemoryAuditedRows
from tidegate.outbound.postgres.audit_chain import PostgresAuditChain
from tidegate.outbound.postgres.audited_rows import PostgresAuditedRows
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.audit_chain import AuditChain, AuditedRows

PARTITION = "decisions"

_DECISION = """
INSERT INTO decisions (decision_id, user_id, account_id, order_id, symbol, decision, reason, evaluated_at,
    reservation_expires_at, fingerprint, announces, notional_usdt, payload)
VALUES ($1::uuid, '7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11', 'main', 'o-1', 'BTCUSDT', 'REJECTED', 'STALE_DATA', $2, $2,
    '\\x0102', 'risk.pretrade_decision.v1', 12.50, '{"a": "\u00e9"}'::text::bytea)
"""


@dataclass(frozen=True, slots=True)
class AuditStores:
    """One implementation of each port, on the same rows; ``add`` adds a row of PARTITION at a position."""

    chain: AuditChain
    rows: AuditedRows
    add: Callable[[int, str], Awaitable[None]]


def an_id(number: int) -> str:
    """Give the id of the n-th row."""
    return f"00000000-0000-4000-8000-{number:012x}"


async def add_decision(connection: Connection, position: int, *, row_id: str) -> None:
    """Write a decision as plainly as the table lets one."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=position)
    await connection.execute(_DECISION, row_id, at)


def memory_audit() -> AuditStores:
    """Make empty stores in memory."""
    kept: list[AuditedRow] = []

    async def add(position: int, row_id: str) -> None:
        kept.append(AuditedRow(position, row_id, {"decision": "REJECTED"}))

    return AuditStores(MemoryAuditChain(), MemoryAuditedRows({PARTITION: lambda: kept}), add)


def postgres_audit(pool: PostgresPool) -> AuditStores:
    """Make the stores of a database."""

    async def add(position: int, row_id: str) -> None:
        async with pool.connection() as connection:
            await add_decision(connection, position, row_id=row_id)

    return AuditStores(PostgresAuditChain(pool), PostgresAuditedRows(pool), add)
