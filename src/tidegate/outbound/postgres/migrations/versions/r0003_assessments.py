"""Assessments of the desk, the log of outside calls, and the desk's outbox, in the schema lt_risk_engine.

``risk_assessment`` and ``external_data_log`` have the source's columns, names and types; what is added stands below a
line of its own. ``created_at`` is UTC.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

ASSESSMENTS = """
CREATE TABLE lt_risk_engine.risk_assessment (
    id                      uuid PRIMARY KEY,
    created_at              timestamp NOT NULL,
    trace_id                uuid NOT NULL,
    subject_id              varchar NOT NULL,
    source_system           varchar NOT NULL,
    request_hash            varchar NOT NULL,
    status                  varchar NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
    total_score             int CHECK (total_score BETWEEN 0 AND 1000),
    decision                varchar CHECK (decision IN ('APPROVED', 'REJECTED', 'MANUAL_REVIEW')),
    input_data_snapshot     jsonb NOT NULL,
    rule_execution_log      jsonb,
    -- added to the source's columns
    holds_claim             boolean NOT NULL,
    versions                jsonb NOT NULL,
    answer                  jsonb,
    rules_in_progress       uuid[],
    ended_at                timestamptz,
    processing_time_ms      int,
    fault                   text NOT NULL DEFAULT '',
    CONSTRAINT risk_assessment_whole CHECK (
        CASE status
            WHEN 'COMPLETED' THEN num_nulls(total_score, decision, rule_execution_log, answer, ended_at) = 0
            ELSE num_nonnulls(total_score, decision, rule_execution_log, answer) = 0
        END),
    CONSTRAINT risk_assessment_claim CHECK (
        CASE status WHEN 'IN_PROGRESS' THEN holds_claim WHEN 'FAILED' THEN NOT holds_claim ELSE true END)
);
COMMENT ON COLUMN lt_risk_engine.risk_assessment.holds_claim IS
    'it stands for its subject and request hash: a duplicate waits for it or gets its answer';
COMMENT ON COLUMN lt_risk_engine.risk_assessment.rules_in_progress IS
    'the rules in scope while it is made; afterwards they are in rule_execution_log';
-- what decides that the same is never evaluated twice at once, nor again while its answer stands
CREATE UNIQUE INDEX risk_assessment_claimed ON lt_risk_engine.risk_assessment (subject_id, request_hash)
    WHERE holds_claim;
CREATE INDEX risk_assessment_newest ON lt_risk_engine.risk_assessment (created_at, id);
CREATE INDEX risk_assessment_of_subject ON lt_risk_engine.risk_assessment (subject_id, created_at, id) INCLUDE (status);
CREATE INDEX risk_assessment_of_trace ON lt_risk_engine.risk_assessment (trace_id);
CREATE INDEX risk_assessment_of_decision ON lt_risk_engine.risk_assessment (decision, created_at, id);
CREATE INDEX risk_assessment_in_progress ON lt_risk_engine.risk_assessment (created_at) WHERE status = 'IN_PROGRESS';

CREATE FUNCTION lt_risk_engine.keep_ended_assessment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    OLD.holds_claim := NEW.holds_claim;
    IF NEW.holds_claim OR OLD IS DISTINCT FROM NEW THEN
        RAISE EXCEPTION 'assessment % has ended and is not changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_ended BEFORE UPDATE ON lt_risk_engine.risk_assessment FOR EACH ROW
    WHEN (OLD.status <> 'IN_PROGRESS') EXECUTE FUNCTION lt_risk_engine.keep_ended_assessment();

CREATE TABLE lt_risk_engine.external_data_log (
    id                      uuid PRIMARY KEY,
    assessment_id           uuid NOT NULL REFERENCES lt_risk_engine.risk_assessment (id),
    provider_name           varchar NOT NULL,
    status                  varchar NOT NULL CHECK (status IN ('SUCCESS', 'FAILURE', 'TIMEOUT')),
    latency_ms              int NOT NULL CHECK (latency_ms >= 0),
    raw_response            jsonb,
    -- added to the source's columns
    called_at               timestamptz NOT NULL,
    fault                   text NOT NULL,
    from_cache              boolean NOT NULL,
    cost_micros             bigint NOT NULL CHECK (cost_micros >= 0)
);
CREATE INDEX external_data_log_of_assessment ON lt_risk_engine.external_data_log (assessment_id);
"""

BESIDE = """
CREATE TABLE lt_risk_engine.assessment_repeat (
    position        bigserial PRIMARY KEY,
    trace_id        uuid NOT NULL,
    assessment_id   uuid NOT NULL REFERENCES lt_risk_engine.risk_assessment (id),
    asked_at        timestamptz NOT NULL
);
CREATE INDEX assessment_repeat_of_trace ON lt_risk_engine.assessment_repeat (trace_id);
CREATE INDEX assessment_repeat_of_assessment ON lt_risk_engine.assessment_repeat (assessment_id, position);

CREATE TABLE lt_risk_engine.idempotency_key (
    key_digest      bytea PRIMARY KEY,
    request_hash    varchar NOT NULL,
    assessment_id   uuid,
    used_at         timestamptz NOT NULL
);
COMMENT ON COLUMN lt_risk_engine.idempotency_key.key_digest IS 'SHA-256 over the token''s subject and the key';
CREATE INDEX idempotency_key_age ON lt_risk_engine.idempotency_key (used_at);

-- which rules were evaluated in which minute: whether a rule may be deleted is answered without reading assessments
CREATE TABLE lt_risk_engine.rule_use (
    rule_id         uuid NOT NULL,
    minute          timestamp NOT NULL,
    PRIMARY KEY (rule_id, minute)
);
CREATE INDEX rule_use_age ON lt_risk_engine.rule_use (minute);

CREATE TABLE lt_risk_engine.assessment_outbox (
    position        bigserial PRIMARY KEY,
    assessment_id   uuid NOT NULL,
    topic           text NOT NULL
);
"""


def upgrade() -> None:
    op.execute(ASSESSMENTS)
    op.execute(BESIDE)


def downgrade() -> None:
    op.execute(
        """
DROP TABLE lt_risk_engine.assessment_outbox, lt_risk_engine.rule_use, lt_risk_engine.idempotency_key,
    lt_risk_engine.assessment_repeat, lt_risk_engine.external_data_log, lt_risk_engine.risk_assessment;
DROP FUNCTION lt_risk_engine.keep_ended_assessment();
"""
    )
