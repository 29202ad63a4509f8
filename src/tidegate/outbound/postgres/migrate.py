"""Migrations: bring a database to the schema that this version of the code needs."""

import asyncio
import io
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tidegate.outbound.postgres.trouble import dependency

_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x7469_6465  # "tide": one migration at a time on one database
_TIMEOUT_S: Final = 60.0


async def migrate(dsn: str) -> tuple[str, ...]:
    """Apply every pending revision in one transaction and give their ids; replicas that start together wait in line.

    Raises:
        DependencyFailed: the database does not answer or refuses a statement; nothing was changed.
    """
    with dependency():
        connection = await asyncpg.connect(dsn, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                current = await _current_revision(connection)
                pending, statements = await asyncio.to_thread(_pending_statements, current)
                if pending:
                    await connection.execute(statements)
        finally:
            await connection.close(timeout=_TIMEOUT_S)
    return pending


async def _current_revision(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


def _pending_statements(current: str | None) -> tuple[tuple[str, ...], str]:
    written = io.StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    revisions = ScriptDirectory.from_config(config).iterate_revisions("head", current or "base")
    pending = tuple(reversed([script.revision for script in revisions]))
    if pending:
        command.upgrade(config, f"{current or 'base'}:head", sql=True)
    return pending, written.getvalue()
