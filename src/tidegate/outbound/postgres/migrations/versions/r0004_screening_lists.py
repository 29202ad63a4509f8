"""Lists of sanctioned and politically exposed persons, with versions."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        """
"""
    )
