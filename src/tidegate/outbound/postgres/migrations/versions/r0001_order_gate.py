"""Tables of the order gate: configuration with its history, the decision journal, the outbox, the embedded bus.

``risk_profiles``, ``risk_rules`` and ``margin_tiers`` have the source's columns, names and types; what is added stands
below a line of its own. A published version is never edited: a trigger keeps every version of a configuration row in
``*_versions``, with the area version at which it became valid and the one at which it ceased.
"""

from alembic import op

revision = "0001"
down_revision = None

CONFIGURATION = """
CREATE TABLE configuration_versions (
    area        text PRIMARY KEY CHECK (area IN ('profiles', 'rules', 'tiers', 'trading_states')),
    version     bigint NOT NULL DEFAULT 0
);
INSERT INTO configuration_versions (area) VALUES ('profiles'), ('rules'), ('tiers'), ('trading_states');

CREATE FUNCTION keep_published_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE %I SET area_version_until = $1 WHERE id = $2 AND area_version_until IS NULL', TG_ARGV[0])
        USING NEW.area_version, NEW.id;
    EXECUTE format('INSERT INTO %I SELECT ($1).*, NULL::bigint', TG_ARGV[0]) USING NEW;
    RETURN NULL;
END $$;

CREATE TABLE risk_profiles (
    id                      bigserial PRIMARY KEY,
    user_id                 uuid NOT NULL UNIQUE,
    kyc_level               varchar(20) NOT NULL CHECK (kyc_level IN ('L0', 'L1', 'L2')),
    exposure_limit_usdt     numeric(30,8) NOT NULL CHECK (exposure_limit_usdt >= 0),
    frozen                  boolean NOT NULL,
    risk_score              numeric(10,4) NOT NULL,
    max_leverage            numeric(30,8) NOT NULL CHECK (max_leverage >= 0),
    last_margin_call        timestamptz,
    last_event_id           text,
    last_event_ts           timestamptz,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    -- added to the source's columns
    repeat_rearmed_at       timestamptz,
    field_times             json NOT NULL DEFAULT '{}',
    version                 bigint NOT NULL,
    area_version            bigint NOT NULL,
    changed_by              text NOT NULL
);
CREATE INDEX risk_profiles_area_version ON risk_profiles (area_version);

CREATE TABLE risk_rules (
    id                      bigserial PRIMARY KEY,
    name                    varchar(128) NOT NULL,
    metric                  varchar(64),
    operator                varchar(20)
        CHECK (operator IN ('GT', 'GTE', 'LT', 'LTE', 'EQ', 'NE', 'IN', 'NOT_IN', 'BETWEEN')),
    threshold               numeric[] NOT NULL,
    severity                varchar(20) NOT NULL CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
    action                  varchar(20) NOT NULL CHECK (action IN ('REJECT', 'WARN')),
    kyc_level               varchar(20) CHECK (kyc_level IN ('L0', 'L1', 'L2')),
    symbol                  varchar(128),
    active                  boolean NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    -- added to the source's columns
    condition               text,
    shadow                  boolean NOT NULL,
    version                 bigint NOT NULL,
    area_version            bigint NOT NULL,
    changed_by              text NOT NULL,
    CONSTRAINT risk_rules_name_key UNIQUE (name),
    CHECK ((condition IS NULL) = (metric IS NOT NULL)),
    CHECK ((metric IS NULL) = (operator IS NULL)),
    CHECK ((condition IS NULL) = (cardinality(threshold) > 0))
);

CREATE TABLE margin_tiers (
    id                      bigserial PRIMARY KEY,
    symbol                  varchar(128),
    tier                    integer NOT NULL CHECK (tier >= 1),
    max_notional            numeric(30,8) NOT NULL CHECK (max_notional > 0),
    maintenance_margin_pct  numeric(30,8) NOT NULL CHECK (maintenance_margin_pct >= 0 AND maintenance_margin_pct < 100),
    max_leverage            numeric(30,8) CHECK (max_leverage >= 1),
    active                  boolean NOT NULL,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    -- added to the source's columns
    version                 bigint NOT NULL,
    area_version            bigint NOT NULL,
    changed_by              text NOT NULL
);
-- the soundness of a whole ladder is judged by the writer under the area's lock; twins cannot slip past it either way
CREATE UNIQUE INDEX margin_tiers_ladder ON margin_tiers (symbol, tier) NULLS NOT DISTINCT WHERE active;

CREATE TABLE trading_states (
    id                      bigserial PRIMARY KEY,
    scope                   varchar(20) NOT NULL CHECK (scope IN ('GLOBAL', 'SYMBOL', 'USER')),
    key                     varchar(128) NOT NULL,
    state                   varchar(20) NOT NULL CHECK (state IN ('ACTIVE', 'REDUCING', 'HALTED')),
    reason                  text NOT NULL CHECK (reason <> ''),
    updated_at              timestamptz NOT NULL,
    version                 bigint NOT NULL,
    area_version            bigint NOT NULL,
    changed_by              text NOT NULL,
    UNIQUE (scope, key),
    CHECK ((scope = 'GLOBAL') = (key = ''))
);

CREATE TABLE risk_profile_versions (LIKE risk_profiles, area_version_until bigint, PRIMARY KEY (id, version));
CREATE TABLE risk_rule_versions (LIKE risk_rules, area_version_until bigint, PRIMARY KEY (id, version));
CREATE TABLE margin_tier_versions (LIKE margin_tiers, area_version_until bigint, PRIMARY KEY (id, version));
CREATE TABLE trading_state_versions (LIKE trading_states, area_version_until bigint, PRIMARY KEY (id, version));

CREATE TRIGGER keep_new AFTER INSERT ON risk_profiles
    FOR EACH ROW EXECUTE FUNCTION keep_published_version('risk_profile_versions');
CREATE TRIGGER keep_changed AFTER UPDATE ON risk_profiles FOR EACH ROW WHEN (old.version <> new.version)
    EXECUTE FUNCTION keep_published_version('risk_profile_versions');
CREATE TRIGGER keep_new AFTER INSERT ON risk_rules
    FOR EACH ROW EXECUTE FUNCTION keep_published_version('risk_rule_versions');
CREATE TRIGGER keep_changed AFTER UPDATE ON risk_rules FOR EACH ROW WHEN (old.version <> new.version)
    EXECUTE FUNCTION keep_published_version('risk_rule_versions');
CREATE TRIGGER keep_new AFTER INSERT ON margin_tiers
    FOR EACH ROW EXECUTE FUNCTION keep_published_version('margin_tier_versions');
CREATE TRIGGER keep_changed AFTER UPDATE ON margin_tiers FOR EACH ROW WHEN (old.version <> new.version)
    EXECUTE FUNCTION keep_published_version('margin_tier_versions');
CREATE TRIGGER keep_new AFTER INSERT ON trading_states
    FOR EACH ROW EXECUTE FUNCTION keep_published_version('trading_state_versions');
CREATE TRIGGER keep_changed AFTER UPDATE ON trading_states FOR EACH ROW WHEN (old.version <> new.version)
    EXECUTE FUNCTION keep_published_version('trading_state_versions');

CREATE TABLE event_sequences (
    topic       text NOT NULL,
    user_id     uuid NOT NULL,
    sequence    bigint NOT NULL,
    PRIMARY KEY (topic, user_id)
);
CREATE TABLE event_receipts (
    event_id    text PRIMARY KEY,
    topic       text NOT NULL,
    user_id     uuid NOT NULL,
    sequence    bigint NOT NULL,
    event_ts    timestamptz NOT NULL,
    applied     text NOT NULL
);
CREATE INDEX event_receipts_age ON event_receipts (event_ts);
"""

JOURNAL = """
CREATE TABLE decisions (
    decision_id             uuid PRIMARY KEY,
    user_id                 uuid NOT NULL,
    account_id              text NOT NULL,
    order_id                text NOT NULL,
    symbol                  text NOT NULL,
    decision                text NOT NULL,
    reason                  text,
    evaluated_at            timestamptz NOT NULL,
    reservation_expires_at  timestamptz,
    fingerprint             bytea NOT NULL,
    announces               text NOT NULL,
    withdrawn               boolean NOT NULL DEFAULT false,
    notional_usdt           numeric,
    payload                 bytea NOT NULL
);
COMMENT ON COLUMN decisions.notional_usdt IS 'what the order adds to the notional of 24 h of its user; null: not known';
COMMENT ON COLUMN decisions.payload IS 'JSON text as bytes: a json column would parse it once more at each write';
-- kept in the row while it fits a page, else stored aside as it is: compressing it would cost more than the decision
ALTER TABLE decisions ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE decisions SET (toast_tuple_target = 8160);
CREATE VIEW decision_documents AS
    SELECT decision_id, user_id, order_id, evaluated_at, announces, withdrawn,
        convert_from(payload, 'UTF8')::json AS document
    FROM decisions;
-- with what the flow windows count, so that a start reads a day of them without the rows
CREATE INDEX decisions_newest ON decisions (evaluated_at, decision_id)
    INCLUDE (user_id, decision, notional_usdt, withdrawn);
ALTER TABLE decisions SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000);
CREATE INDEX decisions_of_user ON decisions (user_id, evaluated_at, decision_id);
-- expiries rise with time, so a summary of page ranges finds the live ones and costs next to nothing to keep
CREATE INDEX decisions_expiry ON decisions USING brin (reservation_expires_at);

CREATE TABLE order_answers (
    user_id         uuid NOT NULL,
    order_id        text NOT NULL,
    decision_id     uuid NOT NULL,
    evaluated_at    timestamptz NOT NULL,
    PRIMARY KEY (user_id, order_id)
);
CREATE INDEX order_answers_age ON order_answers (evaluated_at);

CREATE TABLE outbox (
    position        bigserial PRIMARY KEY,
    decision_id     uuid NOT NULL
);
"""

BUS = """
CREATE TABLE bus_topics (
    topic           text PRIMARY KEY,
    next_offset     bigint NOT NULL
);
CREATE TABLE bus_events (
    topic           text NOT NULL,
    "offset"        bigint NOT NULL,
    position        bigserial NOT NULL,
    event_id        text NOT NULL,
    key             text NOT NULL,
    value           bytea NOT NULL,
    published_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, "offset")
);
CREATE TABLE bus_consumers (
    consumer_group  text NOT NULL,
    topic           text NOT NULL,
    next_offset     bigint NOT NULL,
    PRIMARY KEY (consumer_group, topic)
);
CREATE TABLE dead_letters (
    id              bigserial PRIMARY KEY,
    topic           text NOT NULL,
    partition       integer NOT NULL,
    "offset"        bigint NOT NULL,
    key             text NOT NULL,
    value           bytea NOT NULL,
    error           text NOT NULL,
    sent_at         timestamptz NOT NULL,
    UNIQUE (topic, partition, "offset")
);
"""


def upgrade() -> None:
    for statements in (CONFIGURATION, JOURNAL, BUS):
        op.execute(statements)


def downgrade() -> None:
    op.execute(
        """
DROP VIEW decision_documents;
DROP TABLE dead_letters, bus_consumers, bus_events, bus_topics, outbox, order_answers, decisions, event_receipts,
    event_sequences, trading_state_versions, margin_tier_versions, risk_rule_versions, risk_profile_versions,
    trading_states, margin_tiers, risk_rules, risk_profiles, configuration_versions;
DROP FUNCTION keep_published_version();
"""
    )
