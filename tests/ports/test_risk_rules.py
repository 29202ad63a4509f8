"""Contract of ``RiskRules``."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ports.builders import NOW_US, a_rule, by
from tests.ports.stores import Stores

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction, Severity
from tidegate.ports.paging import PageRequest
from tidegate.ports.storable import ACTIVE_RULES_MAX
from tidegate.ports.stored import Conflict, NotStored, VersionMoved


async def test_rule_created_is_stored_whole(stores: Stores) -> None:
    """PT-802: every field comes back, with the row's id and version 1."""
    rule = RiskRule(
        rule_id="ignored",
        name="thin margin",
        action=RuleAction.WARN,
        severity=Severity.CRITICAL,
        metric="projected_margin_ratio",
        operator=Operator.BETWEEN,
        thresholds=(Decimal("0.7"), Decimal("1E+2")),
        kyc_level=KycLevel.L1,
        symbol="BTCUSDT",
        active=False,
        shadow=True,
        version=99,
    )
    stored = await stores.rules.create(rule, by=by())
    assert stored.row == replace(rule, rule_id="1", version=1)
    assert (stored.row_id, stored.version, stored.created_us, stored.updated_us) == (1, 1, NOW_US, NOW_US)
    assert await stores.rules.get(1) == stored


async def test_rule_with_a_condition_keeps_its_text(stores: Stores) -> None:
    """PT-802: a condition is kept as it was written, blanks and number forms included."""
    rule = RiskRule(
        rule_id="", name="big", action=RuleAction.REJECT, condition='{"field": "quantity",  "op":"gt","value":1.50}'
    )
    assert (await stores.rules.create(rule, by=by())).row.condition == rule.condition


async def test_rule_name_in_use_is_refused(stores: Stores) -> None:
    """PT-802: names are unique, among inactive rules too, and a refused write changes nothing."""
    await stores.rules.create(a_rule("one", active=False), by=by())
    two = await stores.rules.create(a_rule("two"), by=by())
    with pytest.raises(Conflict, match="one is in use"):
        await stores.rules.create(a_rule("one"), by=by())
    with pytest.raises(Conflict, match="one is in use"):
        await stores.rules.replace(two.row_id, a_rule("one"), version=None, by=by())
    version, rules = await stores.rules.load()
    assert (version, [rule.name for rule in rules]) == (2, ["two"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": '{"all": []}'},
        {"metric": None},
        {"operator": None},
        {"thresholds": ()},
        {"thresholds": (Decimal(1), Decimal(2))},
        {"operator": Operator.BETWEEN},
        {"thresholds": (Decimal("NaN"),)},
        {"name": ""},
        {"name": "n" * 129},
    ],
)
async def test_rule_of_no_shape_is_refused(stores: Stores, wrong: dict[str, object]) -> None:
    """PT-802: a rule has a metric with operator and fitting thresholds, or a condition, and a name."""
    with pytest.raises(Conflict):
        await stores.rules.create(replace(a_rule(), **wrong), by=by())  # type: ignore[arg-type] # a table of wrong fields
    assert await stores.rules.load() == (0, [])


async def test_rules_beyond_the_bound_are_refused(stores: Stores) -> None:
    """RU-302: 2,048 rules may be active; one more is refused, created or activated, and an inactive one is not."""
    for number in range(ACTIVE_RULES_MAX):
        await stores.rules.create(a_rule(f"rule {number}"), by=by())
    with pytest.raises(Conflict, match="2048"):
        await stores.rules.create(a_rule("one more"), by=by())
    spare = await stores.rules.create(a_rule("spare", active=False), by=by())
    with pytest.raises(Conflict, match="2048"):
        await stores.rules.replace(spare.row_id, a_rule("spare"), version=1, by=by())
    assert len((await stores.rules.load())[1]) == ACTIVE_RULES_MAX


async def test_rule_replaced_by_two_at_once_takes_one(stores: Stores) -> None:
    """PT-810: of two officers who saw the same version one wins."""
    await stores.rules.create(a_rule(), by=by())
    both = [stores.rules.replace(1, a_rule(name), version=1, by=by()) for name in ("mine", "yours")]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert [outcome.current for outcome in outcomes if isinstance(outcome, VersionMoved)] == [2]
    assert (await stores.rules.get(1)).version == 2


async def test_rules_load_version_gives_what_was_active_then(stores: Stores) -> None:
    """PL-309: the rules a decision was made on can be read again by their version, whatever was written since."""
    await stores.rules.create(a_rule("first"), by=by())
    await stores.rules.create(a_rule("second"), by=by())
    await stores.rules.replace(1, replace(a_rule("first"), thresholds=(Decimal(7),)), version=1, by=by())
    await stores.rules.replace(2, a_rule("second", active=False), version=1, by=by())
    then = [[(rule.name, rule.version) for rule in await stores.rules.load_version(version)] for version in range(5)]
    assert then == [
        [],
        [("first", 1)],
        [("first", 1), ("second", 1)],
        [("first", 2), ("second", 1)],
        [("first", 2)],
    ]
    assert (await stores.rules.load_version(2))[0] == replace(a_rule("first"), rule_id="1")


@pytest.mark.parametrize("version", [-1, 1, 2**40])
async def test_rules_load_version_of_a_version_that_never_was_is_not_stored(stores: Stores, version: int) -> None:
    """PL-309: a version that never was is an error, not an empty set of rules."""
    with pytest.raises(NotStored):
        await stores.rules.load_version(version)


@pytest.mark.parametrize("row_id", [0, 1, -5, 2**70])
async def test_rule_unknown_is_not_stored(stores: Stores, row_id: int) -> None:
    """PT-802: reading or replacing a rule that is not there says so."""
    with pytest.raises(NotStored):
        await stores.rules.get(row_id)
    with pytest.raises(NotStored):
        await stores.rules.replace(row_id, a_rule(), version=None, by=by())


async def test_rules_page_filters(stores: Stores) -> None:
    """PT-809: a page holds the rules that match every filter."""
    await stores.rules.create(a_rule("a", symbol="BTCUSDT"), by=by())
    await stores.rules.create(a_rule("b", symbol="BTCUSDT", active=False), by=by())
    await stores.rules.create(replace(a_rule("c"), kyc_level=KycLevel.L1), by=by())

    async def names(*, active: bool | None = None, symbol: str | None = None, kyc_level: KycLevel | None = None) -> str:
        page = await stores.rules.page(PageRequest(), active=active, symbol=symbol, kyc_level=kyc_level)
        return "".join(stored.row.name for stored in page.items)

    assert await names() == "abc"
    assert await names(active=True) == "ac"
    assert await names(symbol="BTCUSDT") == "ab"
    assert await names(symbol="BTCUSDT", active=False) == "b"
    assert await names(kyc_level=KycLevel.L1) == "c"
