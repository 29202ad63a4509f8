"""The shared account book: which life of it counts, a copy of it, and news that came before their user's profile.

``require_book_epoch`` is a function and no condition of a statement, since a statement sees the row as it was when it
began to wait for the lock; each query of a volatile function sees what is committed by then.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE account_book_epoch (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch           bigint NOT NULL CHECK (epoch >= 1),
    instance        text
);
COMMENT ON COLUMN account_book_epoch.instance IS 'servers this life was built on; NULL: not whole yet';
CREATE TABLE account_book_mirror (
    user_id         uuid PRIMARY KEY,
    epoch           bigint NOT NULL,
    version         bigint NOT NULL,
    base_version    bigint NOT NULL,
    state           bytea NOT NULL,
    flow            bytea NOT NULL,
    moves           bytea NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE account_book_places (
    topic           text NOT NULL,
    partition       integer NOT NULL,
    next_offset     bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 70);
CREATE TABLE early_profile_news (
    user_id         uuid NOT NULL,
    event_id        text NOT NULL,
    news            bytea NOT NULL,
    PRIMARY KEY (user_id, event_id)
);
"""
# 0x6c696665 ("life") is held shared by whatever is written on a life of the book, and alone by what begins the next.
FUNCTIONS = """
CREATE FUNCTION require_book_epoch(wanted bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF wanted IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock_shared(x'6c696665'::bigint);
        IF NOT EXISTS (SELECT FROM account_book_epoch WHERE epoch = wanted) THEN
            RAISE EXCEPTION 'epoch % of the account book does not count', wanted
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION begin_book_epoch() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE begun bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(x'6c696665'::bigint);
    INSERT INTO account_book_epoch AS standing (epoch) VALUES (1)
        ON CONFLICT (only_row) DO UPDATE SET epoch = standing.epoch + 1, instance = NULL
        RETURNING epoch INTO begun;
    RETURN begun;
END $$;
"""


def upgrade() -> None:
    for statements in (TABLES, FUNCTIONS):
        op.execute(statements)


def downgrade() -> None:
    op.execute(
        """
DROP FUNCTION begin_book_epoch(), require_book_epoch(bigint);
DROP TABLE early_profile_news, account_book_places, account_book_mirror, account_book_epoch;
"""
    )
