"""The hash chain over what was decided, and its signed heads."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        """
"""
    )
