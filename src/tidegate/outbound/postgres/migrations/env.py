"""What Alembic runs: it writes the statements of the pending revisions; ``migrate.py`` sends them through asyncpg.

Written, not sent, because SQLAlchemy would need a driver of its own beside asyncpg. The transaction is ``migrate``'s.
"""

from alembic import context

context.configure(
    dialect_name="postgresql",
    dialect_opts={"paramstyle": "named"},  # else each % of a statement is doubled
    as_sql=True,
    transactional_ddl=False,
    output_buffer=context.config.output_buffer,
)
context.run_migrations()
