"""Rules, thresholds and managed lists of the assessment desk, in the schema lt_risk_engine.

``risk_rule`` and ``risk_threshold`` have the source's columns, names and types; what is added stands below a line of
its own and fills itself in, so that a plain SQL statement on the source's columns is a change like any other: it takes
the area's lock, makes a version with actor and time, tells the replicas, and is refused where it would break an
invariant.

* ``stamp_desk_row`` runs before each write: area, versions, actor (``tidegate.actor``, else the session's user), time.
* ``keep_desk_version`` keeps every version of a row, its deletion too.
* ``demand_*`` judge what a whole transaction leaves, when it commits. They see all that was committed before, because
  the area's row stays locked from the first write to the commit.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

AREAS = """
ALTER TABLE configuration_versions DROP CONSTRAINT configuration_versions_area_check;
ALTER TABLE configuration_versions ADD CONSTRAINT configuration_versions_area_check CHECK (area IN
    ('profiles', 'rules', 'tiers', 'trading_states', 'desk_rules', 'desk_thresholds', 'desk_lists'));
INSERT INTO configuration_versions (area) VALUES ('desk_rules'), ('desk_thresholds'), ('desk_lists');
CREATE SCHEMA lt_risk_engine;
"""

VALUES = """
CREATE FUNCTION lt_risk_engine.is_scope(scope jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    key text;
    named jsonb;
BEGIN
    IF jsonb_typeof(scope) IS DISTINCT FROM 'object' THEN
        RETURN false;
    END IF;
    FOR key, named IN SELECT * FROM jsonb_each(scope) LOOP
        IF key NOT IN ('country', 'product_type', 'risk_category', 'source_system')
            OR jsonb_typeof(named) <> 'array' OR jsonb_array_length(named) = 0 THEN
            RETURN false;
        END IF;
        IF EXISTS (SELECT FROM jsonb_array_elements(named) AS value WHERE jsonb_typeof(value) <> 'string'
                OR char_length(value #>> '{}') NOT BETWEEN 1 AND 256) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END $$;

-- one writing for each scope: values sorted, each once; so that equal scopes are equal as jsonb
CREATE FUNCTION lt_risk_engine.plain_scope(scope jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, (
        SELECT jsonb_agg(value ORDER BY value COLLATE "C")
        FROM (SELECT DISTINCT jsonb_array_elements_text(named) AS value) AS each_once
    )), '{}')
    FROM jsonb_each(scope) AS members (key, named)
$$;

CREATE FUNCTION lt_risk_engine.scopes_meet(one jsonb, other jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM jsonb_each(one) AS members (key, named)
        WHERE other ? key AND NOT (other -> key) ?| ARRAY(SELECT jsonb_array_elements_text(named))
    )
$$;

CREATE FUNCTION lt_risk_engine.is_list(entries jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_typeof(entries) = 'array' AND NOT EXISTS (SELECT FROM jsonb_array_elements(entries) AS entry
        WHERE jsonb_typeof(entry) NOT IN ('string', 'number', 'boolean'));
END $$;

CREATE FUNCTION lt_risk_engine.lists_named(logic_config jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(DISTINCT name #>> '{}'), '{}')
    FROM jsonb_path_query(logic_config - 'params' - 'reason', 'lax $.**.list') AS name
    WHERE jsonb_typeof(name) = 'string'
$$;
"""

STAMPS = """
CREATE FUNCTION lt_risk_engine.publish_area(moved text) RETURNS bigint LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    setting text := 'tidegate.publishes_' || moved;
    published bigint := nullif(current_setting(setting, true), '')::bigint;
BEGIN
    IF published IS NULL THEN
        -- always rules before lists, and whoever writes lists holds the rules still: no list goes while a rule comes
        IF moved = 'desk_lists' THEN
            PERFORM FROM configuration_versions WHERE area = 'desk_rules' FOR SHARE;
        END IF;
        UPDATE configuration_versions SET version = version + 1 WHERE area = moved RETURNING version INTO published;
        IF moved = 'desk_rules' THEN
            PERFORM FROM configuration_versions WHERE area = 'desk_lists' FOR SHARE;
        END IF;
        PERFORM set_config(setting, published::text, true), pg_notify('tidegate_configuration', moved);
    END IF;
    RETURN published;
END $$;

CREATE FUNCTION lt_risk_engine.change_actor() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(nullif(current_setting('tidegate.actor', true), ''), session_user)
$$;
CREATE FUNCTION lt_risk_engine.change_time() RETURNS timestamptz LANGUAGE sql AS $$
    SELECT coalesce(nullif(current_setting('tidegate.at', true), '')::timestamptz, clock_timestamp())
$$;

CREATE FUNCTION lt_risk_engine.stamp_desk_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM lt_risk_engine.publish_area(TG_ARGV[0]);
        RETURN OLD;
    END IF;
    NEW.area_version := lt_risk_engine.publish_area(TG_ARGV[0]);
    NEW.changed_by := lt_risk_engine.change_actor();
    NEW.updated_at := lt_risk_engine.change_time();
    IF TG_OP = 'INSERT' THEN
        NEW.version := 1;
        NEW.created_at := NEW.updated_at;
    ELSE
        NEW.id := OLD.id;
        NEW.position := OLD.position;
        NEW.version := OLD.version + 1;
        NEW.created_at := OLD.created_at;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION lt_risk_engine.keep_desk_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions text := 'lt_risk_engine.' || TG_TABLE_NAME || '_versions';
BEGIN
    IF TG_OP = 'DELETE' THEN
        OLD.version := OLD.version + 1;
        OLD.area_version := lt_risk_engine.publish_area(TG_ARGV[0]);
        OLD.changed_by := lt_risk_engine.change_actor();
        OLD.updated_at := lt_risk_engine.change_time();
        NEW := OLD;
    END IF;
    EXECUTE format('UPDATE %s SET area_version_until = $1 WHERE id = $2 AND area_version_until IS NULL', versions)
        USING NEW.area_version, NEW.id;
    EXECUTE format('INSERT INTO %s SELECT ($1).*, NULL::bigint, $2', versions) USING NEW, TG_OP = 'DELETE';
    RETURN NULL;
END $$;
"""

TABLES = """
CREATE TABLE lt_risk_engine.risk_rule (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    rule_code       varchar NOT NULL CHECK (char_length(rule_code) BETWEEN 1 AND 128),
    category        varchar NOT NULL CHECK (category IN ('FRAUD', 'CREDIT', 'COMPLIANCE')),
    weight          int NOT NULL CHECK (weight BETWEEN -1000 AND 1000),
    logic_config    jsonb NOT NULL CHECK (jsonb_typeof(logic_config) = 'object'),
    scope           jsonb NOT NULL DEFAULT '{}' CHECK (lt_risk_engine.is_scope(scope)),
    is_active       boolean NOT NULL DEFAULT true,
    -- added to the source's columns
    logic_text      text,
    lists_named     text[],
    position        bigserial UNIQUE,
    version         bigint NOT NULL,
    area_version    bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    changed_by      text NOT NULL,
    CONSTRAINT risk_rule_rule_code_key UNIQUE (rule_code)
);
COMMENT ON COLUMN lt_risk_engine.risk_rule.logic_text IS
    'logic_config as it was written: jsonb keeps neither the order of keys nor the form of numbers';
COMMENT ON COLUMN lt_risk_engine.risk_rule.lists_named IS 'the managed lists that logic_config names';
CREATE INDEX risk_rule_active ON lt_risk_engine.risk_rule (position) WHERE is_active;
CREATE INDEX risk_rule_lists_named ON lt_risk_engine.risk_rule USING gin (lists_named) WHERE is_active;

CREATE TABLE lt_risk_engine.threshold_scope (
    number          bigserial PRIMARY KEY,
    scope           jsonb NOT NULL UNIQUE,
    keys            int NOT NULL
);
COMMENT ON TABLE lt_risk_engine.threshold_scope IS
    'a number for each scope, so that ranges of one scope can be kept apart by an exclusion over numbers alone';

CREATE TABLE lt_risk_engine.risk_threshold (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    score_from      int NOT NULL CHECK (score_from BETWEEN 0 AND 1000),
    score_to        int NOT NULL CHECK (score_to BETWEEN 0 AND 1000),
    decision        varchar NOT NULL CHECK (decision IN ('APPROVED', 'REJECTED', 'MANUAL_REVIEW')),
    scope           jsonb NOT NULL DEFAULT '{}' CHECK (lt_risk_engine.is_scope(scope)),
    is_active       boolean NOT NULL DEFAULT true,
    -- added to the source's columns
    scope_number    bigint REFERENCES lt_risk_engine.threshold_scope (number),
    position        bigserial UNIQUE,
    version         bigint NOT NULL,
    area_version    bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    changed_by      text NOT NULL,
    CHECK (score_from <= score_to),
    CONSTRAINT risk_threshold_no_overlap EXCLUDE USING gist
        (int8range(scope_number * 2000 + score_from, scope_number * 2000 + score_to, '[]') WITH &&)
        WHERE (is_active) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX risk_threshold_of_scope ON lt_risk_engine.risk_threshold (scope_number, score_from);

CREATE TABLE lt_risk_engine.managed_list (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name            varchar NOT NULL CHECK (char_length(name) BETWEEN 1 AND 128),
    entries         jsonb NOT NULL CHECK (lt_risk_engine.is_list(entries)),
    is_active       boolean NOT NULL DEFAULT true,
    entries_text    text,
    position        bigserial UNIQUE,
    version         bigint NOT NULL,
    area_version    bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    changed_by      text NOT NULL,
    CONSTRAINT managed_list_name_key UNIQUE (name)
);

CREATE TABLE lt_risk_engine.risk_rule_versions
    (LIKE lt_risk_engine.risk_rule, area_version_until bigint, is_deleted boolean NOT NULL, PRIMARY KEY (id, version));
CREATE TABLE lt_risk_engine.risk_threshold_versions
    (LIKE lt_risk_engine.risk_threshold, area_version_until bigint, is_deleted boolean NOT NULL,
    PRIMARY KEY (id, version));
CREATE TABLE lt_risk_engine.managed_list_versions
    (LIKE lt_risk_engine.managed_list, area_version_until bigint, is_deleted boolean NOT NULL,
    PRIMARY KEY (id, version));
"""

FILLED_IN = """
CREATE FUNCTION lt_risk_engine.fill_in_risk_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF lt_risk_engine.is_scope(NEW.scope) THEN
        NEW.scope := lt_risk_engine.plain_scope(NEW.scope);
    END IF;
    IF NEW.logic_text IS NULL OR NEW.logic_text::jsonb <> NEW.logic_config THEN
        NEW.logic_text := NEW.logic_config::text;
    END IF;
    NEW.lists_named := CASE WHEN jsonb_typeof(NEW.logic_config) = 'object'
        THEN lt_risk_engine.lists_named(NEW.logic_config) ELSE '{}' END;
    RETURN NEW;
END $$;

CREATE FUNCTION lt_risk_engine.fill_in_risk_threshold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT lt_risk_engine.is_scope(NEW.scope) THEN
        RETURN NEW;
    END IF;
    NEW.scope := lt_risk_engine.plain_scope(NEW.scope);
    INSERT INTO lt_risk_engine.threshold_scope (scope, keys)
        VALUES (NEW.scope, (SELECT count(*) FROM jsonb_object_keys(NEW.scope))) ON CONFLICT (scope) DO NOTHING;
    SELECT number INTO NEW.scope_number FROM lt_risk_engine.threshold_scope WHERE scope = NEW.scope;
    RETURN NEW;
END $$;

CREATE FUNCTION lt_risk_engine.fill_in_managed_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.entries_text IS NULL OR NEW.entries_text::jsonb <> NEW.entries THEN
        NEW.entries_text := NEW.entries::text;
    END IF;
    RETURN NEW;
END $$;
"""

DEMANDS = """
CREATE FUNCTION lt_risk_engine.demand_sound_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    active bigint;
    missing record;
BEGIN
    SELECT count(*) INTO active FROM (SELECT FROM lt_risk_engine.risk_rule WHERE is_active LIMIT 2049) AS counted;
    IF active > 2048 THEN
        RAISE EXCEPTION 'at most 2048 rules may be active' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'risk_rule_active_max';
    END IF;
    SELECT rule_code, name INTO missing FROM lt_risk_engine.risk_rule, unnest(lists_named) AS name
        WHERE risk_rule.id = NEW.id AND risk_rule.is_active
            AND NOT EXISTS (
                SELECT FROM lt_risk_engine.managed_list AS kept WHERE kept.name = name.name AND kept.is_active)
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'rule % names the list %, which is not there or not active', missing.rule_code, missing.name
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'risk_rule_lists_named';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION lt_risk_engine.demand_named_list() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    holder text;
BEGIN
    SELECT rule_code INTO holder FROM lt_risk_engine.risk_rule WHERE is_active AND lists_named @> ARRAY[OLD.name::text]
        AND NOT EXISTS (SELECT FROM lt_risk_engine.managed_list WHERE name = OLD.name AND is_active) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'rule % names the list %, which is not there or not active', holder, OLD.name
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'managed_list_in_use';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION lt_risk_engine.demand_sound_scope(judged bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    mine record;
    ranges record;
    rival jsonb;
BEGIN
    SELECT scope, keys INTO mine FROM lt_risk_engine.threshold_scope WHERE number = judged;
    SELECT count(*) AS many, min(score_from) AS lowest, max(score_to) AS highest,
            sum(score_to - score_from + 1) AS covered
        INTO ranges FROM lt_risk_engine.risk_threshold WHERE scope_number = judged AND is_active;
    IF ranges.many = 0 THEN
        RETURN;
    END IF;
    IF ranges.lowest <> 0 OR ranges.highest <> 1000 OR ranges.covered <> 1001 THEN
        RAISE EXCEPTION 'the active ranges of the scope % do not cover 0 to 1000 without overlap or gap', mine.scope
            USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_threshold_no_gap';
    END IF;
    SELECT other.scope INTO rival FROM lt_risk_engine.threshold_scope AS other
        WHERE other.keys = mine.keys AND other.number <> judged
            AND EXISTS (SELECT FROM lt_risk_engine.risk_threshold WHERE scope_number = other.number AND is_active)
            AND lt_risk_engine.scopes_meet(mine.scope, other.scope) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the scopes % and % have equally many keys and can match one request', mine.scope, rival
            USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_threshold_one_most_specific';
    END IF;
END $$;

CREATE FUNCTION lt_risk_engine.demand_sound_thresholds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM lt_risk_engine.demand_sound_scope(OLD.scope_number);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM lt_risk_engine.demand_sound_scope(NEW.scope_number);
    END IF;
    RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER fill_in BEFORE INSERT OR UPDATE ON lt_risk_engine.{table}
    FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.fill_in_{table}();
CREATE TRIGGER begin_stamp BEFORE INSERT OR UPDATE OR DELETE ON lt_risk_engine.{table}
    FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.stamp_desk_row('{area}');
CREATE TRIGGER keep_version AFTER INSERT OR UPDATE OR DELETE ON lt_risk_engine.{table}
    FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.keep_desk_version('{area}');
"""

JUDGES = """
CREATE CONSTRAINT TRIGGER demand_sound AFTER INSERT OR UPDATE ON lt_risk_engine.risk_rule
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.is_active)
    EXECUTE FUNCTION lt_risk_engine.demand_sound_rules();
CREATE CONSTRAINT TRIGGER demand_named AFTER UPDATE OR DELETE ON lt_risk_engine.managed_list
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.demand_named_list();
CREATE CONSTRAINT TRIGGER demand_sound AFTER INSERT OR UPDATE OR DELETE ON lt_risk_engine.risk_threshold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lt_risk_engine.demand_sound_thresholds();
"""


def upgrade() -> None:
    for statements in (AREAS, VALUES, STAMPS, TABLES, FILLED_IN, DEMANDS):
        op.execute(statements)
    areas = (("risk_rule", "desk_rules"), ("risk_threshold", "desk_thresholds"), ("managed_list", "desk_lists"))
    for table, area in areas:
        op.execute(TRIGGERS.format(table=table, area=area))
    op.execute(JUDGES)


def downgrade() -> None:
    op.execute(
        """
DROP SCHEMA lt_risk_engine CASCADE;
DELETE FROM configuration_versions WHERE area LIKE 'desk_%';
ALTER TABLE configuration_versions DROP CONSTRAINT configuration_versions_area_check;
ALTER TABLE configuration_versions ADD CONSTRAINT configuration_versions_area_check CHECK (area IN
    ('profiles', 'rules', 'tiers', 'trading_states'));
"""
    )
