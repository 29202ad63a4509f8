"""Contract of ``DeskRules``."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ports.builders import NOW_US, SECOND_US, by
from tests.ports.desk import NOBODY, a_desk_rule, a_list, a_scope, naming
from tests.ports.stores import Stores

from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.rules.limits import ACTIVE_RULES_MAX
from tidegate.ports.configuration_watch import Area
from tidegate.ports.desk_configuration import RuleFilter, ScopeFilter
from tidegate.ports.paging import PageRequest, UnreadableCursor
from tidegate.ports.stored import Conflict, Kept, NotStored, VersionMoved


async def test_rule_created_is_stored_whole(stores: Stores) -> None:
    """AS-202: every field comes back as it was written, keys in order and numbers digit by digit, at version 1."""
    logic = {
        "params": {"z": Decimal("1.50"), "a": Decimal("1E+400"), "ä": ["é", True]},
        "when": {"field": "context_data.x", "op": "gt", "value": {"param": "z"}},
        "reason": None,
    }
    rule = a_desk_rule("RULE_Ü", logic=logic, scope=a_scope(country="LI CH", product_type="LOAN"), is_active=False)
    kept = await stores.desk.rules.create(replace(rule, version=99), by=by("ada"))
    assert kept == Kept(rule, created_us=NOW_US, updated_us=NOW_US, changed_by="ada")
    read = await stores.desk.rules.get(rule.rule_id)
    assert read == kept
    assert list(read.row.logic_config) == list(logic)
    assert str(read.row.logic_config["params"]) == str(logic["params"])


async def test_rule_replaced_keeps_its_id_and_what_it_was(stores: Stores) -> None:
    """AS-202: a change is a new version with its actor and time; the former one can still be read by area version."""
    first = (await stores.desk.rules.create(a_desk_rule("OLD"), by=by("ada"))).row
    later = by("bob", at_us=NOW_US + SECOND_US)
    changed = replace(first, rule_code="NEW", category=Category.FRAUD, weight=-7, scope=a_scope(country="CH"))
    kept = await stores.desk.rules.replace(changed, version=1, by=later)
    assert kept == Kept(replace(changed, version=2), NOW_US, NOW_US + SECOND_US, changed_by="bob")
    assert await stores.desk.rules.load_version(1) == [first]
    assert await stores.desk.rules.load_version(2) == [kept.row]


async def test_rule_switched_off_and_on_is_a_version_each_time(stores: Stores) -> None:
    """AS-202: the switch changes nothing but is_active."""
    rule = (await stores.desk.rules.create(a_desk_rule(), by=by())).row
    off = await stores.desk.rules.set_active(rule.rule_id, False, version=None, by=by("bob"))
    assert (off.row, off.changed_by) == (replace(rule, is_active=False, version=2), "bob")
    assert await stores.desk.rules.load() == (2, [])
    on = await stores.desk.rules.set_active(rule.rule_id, True, version=2, by=by())
    assert on.row == replace(rule, version=3)
    assert await stores.desk.rules.load() == (3, [on.row])


async def test_rule_deleted_is_gone_but_for_its_versions(stores: Stores) -> None:
    """AS-202: a deletion is a version of the area; what was decided by can still be loaded."""
    rule = (await stores.desk.rules.create(a_desk_rule(), by=by())).row
    await stores.desk.rules.delete(rule.rule_id, version=1, by=by())
    with pytest.raises(NotStored):
        await stores.desk.rules.get(rule.rule_id)
    assert await stores.desk.rules.load() == (2, [])
    assert await stores.desk.rules.load_version(1) == [rule]
    assert await stores.desk.rules.load_version(2) == []
    again = await stores.desk.rules.create(a_desk_rule(rule.rule_code), by=by())
    assert again.row.version == 1


@pytest.mark.parametrize("rule_id", [NOBODY, "", "no-uuid", "0" * 500])
async def test_rule_unknown_is_not_stored(stores: Stores, rule_id: str) -> None:
    """AS-211: reading, replacing, switching or deleting a rule that is not there says so."""
    rules = stores.desk.rules
    rule = replace(a_desk_rule(), rule_id=rule_id)
    for call in (
        rules.get(rule_id),
        rules.replace(rule, version=None, by=by()),
        rules.set_active(rule_id, True, version=None, by=by()),
        rules.delete(rule_id, version=None, by=by()),
    ):
        with pytest.raises(NotStored):
            await call
    assert (await stores.watch.versions())[Area.DESK_RULES] == 0


@pytest.mark.parametrize("version", [-1, 1, 2**40])
async def test_rules_of_a_version_that_never_was_are_not_stored(stores: Stores, version: int) -> None:
    """AS-222: a version that never was is an error, not an empty set of rules."""
    with pytest.raises(NotStored):
        await stores.desk.rules.load_version(version)


async def test_rule_code_in_use_is_refused(stores: Stores) -> None:
    """AS-203: codes are unique, among inactive rules too, and a refused write changes nothing."""
    await stores.desk.rules.create(a_desk_rule("ONE", is_active=False), by=by())
    two = (await stores.desk.rules.create(a_desk_rule("TWO"), by=by())).row
    with pytest.raises(Conflict, match="rule_code ONE is in use"):
        await stores.desk.rules.create(a_desk_rule("ONE"), by=by())
    with pytest.raises(Conflict, match="rule_code ONE is in use"):
        await stores.desk.rules.replace(replace(two, rule_code="ONE"), version=None, by=by())
    assert await stores.desk.rules.load() == (2, [two])
    same = await stores.desk.rules.replace(replace(two, weight=1), version=None, by=by())
    assert same.row.rule_code == "TWO"


async def test_rule_of_an_id_in_use_is_refused(stores: Stores) -> None:
    """AS-202: an id names one rule, ever."""
    rule = (await stores.desk.rules.create(a_desk_rule(), by=by())).row
    with pytest.raises(Conflict, match="id"):
        await stores.desk.rules.create(replace(rule, rule_code="OTHER"), by=by())


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule_code": ""},
        {"rule_code": "x" * 129},
        {"weight": 1_001},
        {"weight": -1_001},
        {"scope": {"country": frozenset()}},
        {"scope": {"city": frozenset({"Bern"})}},
        {"scope": {"product_type": frozenset({"x" * 257})}},
        {"scope": {"product_type": frozenset({""})}},
    ],
)
async def test_rule_beyond_a_bound_is_refused(stores: Stores, wrong: dict[str, object]) -> None:
    """AS-201: what does not fit the table is a conflict in words, and nothing is stored."""
    with pytest.raises(Conflict):
        await stores.desk.rules.create(replace(a_desk_rule(), **wrong), by=by())  # type: ignore[arg-type] # a table of wrong fields
    assert await stores.desk.rules.load() == (0, [])


@pytest.mark.parametrize("weight", [1_000, -1_000, 0])
async def test_rule_at_a_bound_is_stored(stores: Stores, weight: int) -> None:
    """AS-201: weight -1000 to 1000 and a code of 128 characters pass."""
    rule = replace(a_desk_rule("x" * 128), weight=weight, scope=a_scope(product_type="y" * 256))
    assert (await stores.desk.rules.create(rule, by=by())).row == rule


async def test_rules_beyond_the_bound_are_refused(stores: Stores) -> None:
    """AS-204: 2,048 rules may be active; one more is refused, created or activated, and an inactive one is not."""
    rules = stores.desk.rules
    for number in range(ACTIVE_RULES_MAX):
        await rules.create(a_desk_rule(f"R{number}"), by=by())
    with pytest.raises(Conflict, match="2048"):
        await rules.create(a_desk_rule("ONE_MORE"), by=by())
    spare = (await rules.create(a_desk_rule("SPARE", is_active=False), by=by())).row
    with pytest.raises(Conflict, match="2048"):
        await rules.set_active(spare.rule_id, True, version=None, by=by())
    assert len((await rules.load())[1]) == ACTIVE_RULES_MAX
    first = (await rules.page(PageRequest(limit=1), RuleFilter())).items[0].row
    await rules.replace(replace(first, weight=2), version=None, by=by())


async def test_rule_that_names_a_list_needs_it(stores: Stores) -> None:
    """AS-209: an active rule names lists that are there and active; an inactive rule may wait for its list."""
    rules, lists = stores.desk.rules, stores.desk.lists
    with pytest.raises(Conflict, match="no active list high_risk"):
        await rules.create(a_desk_rule(logic=naming("high_risk")), by=by())
    waiting = (await rules.create(a_desk_rule(logic=naming("high_risk"), is_active=False), by=by())).row
    await lists.create(a_list(is_active=False), by=by())
    with pytest.raises(Conflict, match="no active list high_risk"):
        await rules.set_active(waiting.rule_id, True, version=None, by=by())
    kept = (await lists.page(PageRequest(), is_active=None, name="high_risk")).items[0].row
    await lists.set_active(kept.list_id, True, version=None, by=by())
    assert (await rules.set_active(waiting.rule_id, True, version=None, by=by())).row.is_active


async def test_rule_replaced_by_two_at_once_takes_one(stores: Stores) -> None:
    """AS-214: of two officers who saw the same version one wins, the other is told which version stands."""
    rule = (await stores.desk.rules.create(a_desk_rule(), by=by())).row
    both = [stores.desk.rules.replace(replace(rule, weight=weight), version=1, by=by()) for weight in (1, 2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert [outcome.current for outcome in outcomes if isinstance(outcome, VersionMoved)] == [2]
    for call in (
        stores.desk.rules.set_active(rule.rule_id, False, version=1, by=by()),
        stores.desk.rules.delete(rule.rule_id, version=1, by=by()),
    ):
        with pytest.raises(VersionMoved):
            await call
    assert (await stores.desk.rules.get(rule.rule_id)).row.version == 2


async def test_same_code_created_by_ten_at_once_is_stored_once(stores: Stores) -> None:
    """AS-203: writers stand in line, so that no two rules of one code slip past each other."""
    ten = [stores.desk.rules.create(a_desk_rule("SAME"), by=by()) for _ in range(10)]
    outcomes = await asyncio.gather(*ten, return_exceptions=True)
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 9
    assert (await stores.desk.rules.load())[0] == 1


async def test_rules_page_filters(stores: Stores) -> None:
    """AS-210: a page holds the rules that match every filter; a scope must name the value, any value is no name."""
    rules = stores.desk.rules
    await rules.create(a_desk_rule("A", scope=a_scope(country="CH LI", product_type="LOAN")), by=by())
    await rules.create(a_desk_rule("B", scope=a_scope(country="CH"), is_active=False), by=by())
    await rules.create(replace(a_desk_rule("C"), category=Category.FRAUD), by=by())
    await rules.create(a_desk_rule("D", scope=a_scope(risk_category="RETAIL", source_system="crm")), by=by())

    async def codes(wanted: RuleFilter) -> str:
        return "".join(kept.row.rule_code for kept in (await rules.page(PageRequest(), wanted)).items)

    assert await codes(RuleFilter()) == "ABCD"
    assert await codes(RuleFilter(category=Category.FRAUD)) == "C"
    assert await codes(RuleFilter(is_active=True)) == "ACD"
    assert await codes(RuleFilter(scope=ScopeFilter(country="CH"))) == "AB"
    assert await codes(RuleFilter(scope=ScopeFilter(country="CH", product_type="LOAN"))) == "A"
    assert await codes(RuleFilter(is_active=True, scope=ScopeFilter(country="CH"))) == "A"
    assert await codes(RuleFilter(scope=ScopeFilter(risk_category="RETAIL"))) == "D"
    assert await codes(RuleFilter(scope=ScopeFilter(source_system="crm"))) == "D"
    assert await codes(RuleFilter(scope=ScopeFilter(country="C"))) == ""


async def test_rules_page_by_page_are_all_rules_once(stores: Stores) -> None:
    """AS-210: pages go in the order of creation, whatever is changed or deleted between them."""
    rules = stores.desk.rules
    made: list[RiskRule] = [(await rules.create(a_desk_rule(f"R{number}"), by=by())).row for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await rules.page(PageRequest(limit=2, cursor=cursor), RuleFilter())
        seen += [kept.row.rule_code for kept in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        if len(seen) == 2:
            await rules.replace(replace(made[0], weight=3), version=None, by=by())
            await rules.delete(made[1].rule_id, version=None, by=by())
    assert seen == [f"R{number}" for number in range(7)]
    with pytest.raises(UnreadableCursor):
        await rules.page(PageRequest(cursor="abc"), RuleFilter())
