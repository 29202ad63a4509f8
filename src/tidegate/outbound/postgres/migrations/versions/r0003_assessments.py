"""Assessments of the desk, the log of outside calls, and the desk's outbox, in the schema lt_risk_engine."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        """
"""
    )
