"""Lists of sanctioned and politically exposed persons, with versions.

A version and its entries are written once, in one transaction, and never changed after it; a new one is told to all
replicas when it is committed.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE lt_risk_engine.screening_list_version (
    name            varchar NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    version         bigint NOT NULL CHECK (version > 0),
    list_format     varchar NOT NULL,
    published_on    varchar NOT NULL,
    sha256          varchar NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    entry_count     int NOT NULL CHECK (entry_count > 0),
    imported_by     text NOT NULL,
    imported_at     timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);
COMMENT ON COLUMN lt_risk_engine.screening_list_version.published_on IS
    'the date in the publisher''s own file, as it stands there; empty where there is none';

CREATE TABLE lt_risk_engine.screening_list_entry (
    name            varchar NOT NULL,
    version         bigint NOT NULL,
    position        int NOT NULL,
    entry_id        text NOT NULL,
    entry           jsonb NOT NULL CHECK (jsonb_typeof(entry) = 'object'),
    PRIMARY KEY (name, version, position),
    UNIQUE (name, version, entry_id),
    FOREIGN KEY (name, version) REFERENCES lt_risk_engine.screening_list_version (name, version)
);

CREATE FUNCTION lt_risk_engine.keep_screening_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a screening list is never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER keep_version BEFORE UPDATE OR DELETE ON lt_risk_engine.screening_list_version
    FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.keep_screening_list();
CREATE TRIGGER keep_entry BEFORE UPDATE OR DELETE ON lt_risk_engine.screening_list_entry
    FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.keep_screening_list();

CREATE FUNCTION lt_risk_engine.tell_screening_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tidegate_screening_lists', NEW.name);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_version AFTER INSERT ON lt_risk_engine.screening_list_version
    FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.tell_screening_list();
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        """
DROP TABLE lt_risk_engine.screening_list_entry, lt_risk_engine.screening_list_version;
DROP FUNCTION lt_risk_engine.tell_screening_list();
DROP FUNCTION lt_risk_engine.keep_screening_list();
"""
    )
