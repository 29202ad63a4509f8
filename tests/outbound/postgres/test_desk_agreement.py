"""The database and the code say the same of thresholds and of named lists, whatever they are asked about."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ports.desk import a_range
from tests.postgres import fresh_pool

from tidegate.core.assessment.logic import parse_logic
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.thresholds import threshold_faults
from tidegate.core.rules.json_exact import write_json
from tidegate.core.rules.scope import Scope
from tidegate.core.rules.tree import Leaf, ListRef, leaves_of
from tidegate.outbound.postgres.desk_rows import scope_text
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.ports.desk_storable import lists_named

pytestmark = pytest.mark.servers

EXAMPLES = 150
COLUMNS = "score_from, score_to, decision, scope, is_active"
INSERT = f"INSERT INTO lt_risk_engine.risk_threshold ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)"


@pytest.fixture
async def sql(postgres_server: EmbeddedPostgres) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    async with fresh_pool(postgres_server) as pool:
        connection = await pool.own_connection()
        yield connection
        await connection.close()


def scopes() -> st.SearchStrategy[Scope]:
    values = st.sets(st.sampled_from("ab"), min_size=1).map(frozenset)
    return st.dictionaries(st.sampled_from(["country", "product_type"]), values)


@st.composite
def some_ranges(draw: st.DrawFn) -> list[RiskThreshold]:
    """Ranges of a scope that mostly cover every score once, and sometimes miss or double one."""
    scope, is_active = draw(scopes()), draw(st.sampled_from([True, True, True, False]))
    cuts = sorted(draw(st.sets(st.integers(0, 999), max_size=2)))
    slips = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1, -1]), min_size=len(cuts), max_size=len(cuts)))
    lows = [0, *(max(cut + 1 + slip, 0) for cut, slip in zip(cuts, slips, strict=True))]
    pairs = zip(lows, [*cuts, 1000], strict=True)
    return [a_range(low, high, scope=scope, is_active=is_active) for low, high in pairs if low <= high]


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(some_ranges(), max_size=3))
async def test_database_refuses_the_thresholds_that_the_code_finds_faults_with(
    sql: "asyncpg.Connection[asyncpg.Record]", groups: list[list[RiskThreshold]]
) -> None:
    """AS-206, AS-207: of random ranges in random scopes both refuse the same; neither is the weaker guard."""
    thresholds = [each for group in groups for each in group]
    transaction = sql.transaction()
    await transaction.start()
    try:
        for each in thresholds:
            row = (each.score_from, each.score_to, each.decision, scope_text(each.scope), each.is_active)
            await sql.execute(INSERT, *row)
        await sql.execute("SET CONSTRAINTS ALL IMMEDIATE")
        refused = False
    except asyncpg.IntegrityConstraintViolationError:
        refused = True
    finally:
        await transaction.rollback()
    assert refused is bool(threshold_faults(thresholds))


LOGICS: list[tuple[dict[str, object], set[str]]] = [
    ({"when": {"field": "country", "op": "in", "value": {"list": "a"}}}, {"a"}),
    ({"when": {"not": {"all": [{"field": "country", "op": "not_in", "value": {"list": "a"}}]}}}, {"a"}),
    (
        {
            "when": {
                "any": [
                    {"field": "country", "op": "in", "value": {"list": "a"}},
                    {"field": "subject_id", "op": "in", "value": {"list": "b b"}},
                    {"field": "context_data.list", "op": "eq", "value": "c"},
                ]
            }
        },
        {"a", "b b"},
    ),
    ({"when": {"field": "country", "op": "in", "value": {"param": "list"}}, "params": {"list": ["CH"]}}, set()),
    ({"when": {"field": "country", "op": "eq", "value": {"param": "list"}}, "params": {"list": "CH"}}, set()),
    ({"when": {"field": "country", "op": "eq", "value": "list"}, "reason": {"en": "list"}}, set()),
    ({"type": "country_in", "countries": {"list": "a"}}, {"a"}),
    ({"type": "value_in", "field": "context_data.x", "values": {"list": "a"}}, {"a"}),
    ({"type": "company_register", "uid_field": "context_data.uid", "statuses": {"list": "a"}}, {"a"}),
    ({"type": "name_screening", "field": "context_data.name", "lists": ["ofac"]}, set()),
    ({"type": "country_in", "countries": ["CH"]}, set()),
]


@pytest.mark.parametrize(("logic", "names"), LOGICS)
async def test_lists_that_a_rule_names_are_found_by_the_database_and_the_code_alike(
    sql: "asyncpg.Connection[asyncpg.Record]", logic: dict[str, object], names: set[str]
) -> None:
    """AS-209: what the rule's logic reads is what keeps a list from going."""
    read = parse_logic(logic, list_names=names)
    leaves = [leaf for leaf in leaves_of(read.condition) if isinstance(leaf, Leaf)]
    assert {leaf.expected.name for leaf in leaves if isinstance(leaf.expected, ListRef)} == names
    assert lists_named(logic) == names
    assert set(await sql.fetchval("SELECT lt_risk_engine.lists_named($1)", write_json(logic))) == names
