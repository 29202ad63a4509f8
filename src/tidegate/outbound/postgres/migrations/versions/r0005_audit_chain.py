"""The hash chain over what was decided, and its signed heads.

The gate writes nothing here: a sealer reads what was committed and appends. Only what is rare notes itself: a
withdrawal, and a decision written long after it was made; so both can be told from what anybody else has changed.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE audit_entries (
    partition       text NOT NULL,
    sequence        bigint NOT NULL CHECK (sequence >= 1),
    position        bigint NOT NULL,
    row_id          text NOT NULL,
    content_hash    bytea NOT NULL CHECK (length(content_hash) = 32),
    entry_hash      bytea NOT NULL CHECK (length(entry_hash) = 32),
    PRIMARY KEY (partition, sequence)
);
COMMENT ON COLUMN audit_entries.position IS 'microseconds since 1970 of the row, or the version of its area';
CREATE TABLE audit_heads (
    partition       text NOT NULL,
    number          bigint NOT NULL CHECK (number >= 1),
    kind            text NOT NULL CHECK (kind IN ('SEAL', 'CUT')),
    sequence        bigint NOT NULL CHECK (sequence >= 0),
    covered_to      bigint NOT NULL,
    entry_hash      bytea NOT NULL,
    made_us         bigint NOT NULL,
    note            text NOT NULL,
    key_id          text NOT NULL,
    signature       bytea NOT NULL,
    PRIMARY KEY (partition, number)
);
CREATE INDEX audit_heads_cuts ON audit_heads (partition, number) WHERE kind = 'CUT';

CREATE TABLE decision_withdrawals (
    decision_id     uuid PRIMARY KEY,
    withdrawn_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX decision_withdrawals_time ON decision_withdrawals (withdrawn_at, decision_id);
CREATE TABLE late_decisions (
    decision_id     uuid PRIMARY KEY,
    written_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX late_decisions_time ON late_decisions (written_at, decision_id);
INSERT INTO decision_withdrawals (decision_id, withdrawn_at)
    SELECT decision_id, evaluated_at FROM decisions WHERE withdrawn;

CREATE INDEX risk_assessment_ended ON lt_risk_engine.risk_assessment (ended_at, id) WHERE ended_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        """
DROP INDEX lt_risk_engine.risk_assessment_ended;
DROP TABLE late_decisions, decision_withdrawals, audit_heads, audit_entries;
"""
    )
