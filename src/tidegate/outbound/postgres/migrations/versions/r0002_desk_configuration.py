"""Rules, thresholds and managed lists of the assessment desk, in the schema lt_risk_engine."""

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

TABLES = """
"""


def upgrade() -> None:
    op.execute(AREAS)
    op.execute(TABLES)


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
