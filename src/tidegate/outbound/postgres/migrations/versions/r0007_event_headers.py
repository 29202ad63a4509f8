"""What travels beside an event, and which dead letters were put back on their topic."""

from alembic import op

revision = "0007"
down_revision = "0006"

COLUMNS = """
ALTER TABLE bus_events ADD COLUMN headers bytea;
COMMENT ON COLUMN bus_events.headers IS 'msgpack, pairs of name and value; NULL: none';
ALTER TABLE dead_letters ADD COLUMN headers bytea, ADD COLUMN replayed_at timestamptz;
CREATE INDEX dead_letters_waiting ON dead_letters (topic, id) WHERE replayed_at IS NULL;
"""


def upgrade() -> None:
    op.execute(COLUMNS)


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE bus_events DROP COLUMN headers;
        ALTER TABLE dead_letters DROP COLUMN headers, DROP COLUMN replayed_at;
        """
    )
