"""Whatever is missing, stale or broken, alone or in pairs: nothing is approved but what is proven to reduce."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

import pytest
from tests.system.breakages import BREAKAGES, Breakage, furnish
from tests.system.processes import RecordFigure
from tests.usecases.pretrade.builders import a_gate, an_order

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.core.pretrade.order import Order, OrderType, Side
from tidegate.core.pretrade.reasons import Decision

REDUCER = "reducer"
ORDERS = [
    an_order("buy"),
    an_order("sell through zero", side=Side.SELL, quantity=Decimal("1.5")),
    an_order("market", order_type=OrderType.MARKET, price=None),
    an_order("stop", order_type=OrderType.STOP_MARKET, price=None, stop_price=Decimal(51_000)),
    an_order("claims to reduce", side=Side.SELL, quantity=Decimal("1.2"), reduce_only=True),
    an_order(REDUCER, side=Side.SELL, quantity=Decimal("0.4")),
]
OPENERS = [order for order in ORDERS if order.order_id != REDUCER]


@dataclass(frozen=True)
class Outcome:
    """What an order was told, and whether it holds something afterwards."""

    told: str
    holds: bool

    @property
    def passed(self) -> bool:
        """Tell whether the order may proceed."""
        return self.told in {Decision.APPROVED, Decision.FLAGGED}


async def outcomes_of(*broken: Breakage) -> dict[str, Outcome]:
    """Ask every order on a gate with these things broken, each on a gate of its own."""
    found: dict[str, Outcome] = {}
    for order in ORDERS:
        found[order.order_id] = await _outcome(order, broken)
    return found


async def _outcome(order: Order, broken: tuple[Breakage, ...]) -> Outcome:
    async with a_gate(total=Decimal(100_000)) as it:
        await furnish(it)
        snapshot = it.book.snapshot
        for breakage in broken:
            await breakage.apply(it)
        try:
            told = str((await it.gate.ask(order)).decision)
        except (DependencyFailed, Overloaded) as trouble:
            told = type(trouble).__name__
        it.book.snapshot = snapshot  # type: ignore[method-assign]  # the book may be one that cannot be read
        holds = order.order_id in await it.reserved()
        assert not it.alarms, it.alarms
        return Outcome(told, holds)


async def test_gate_with_nothing_broken_approves() -> None:
    """PL-307: without a breakage the orders of this suite pass, so that what is shown below is shown by it."""
    found = await outcomes_of()
    passed = {order_id for order_id, outcome in found.items() if outcome.passed}
    assert passed == {"buy", "sell through zero", "market", "stop", REDUCER}
    assert all(outcome.holds == outcome.passed for outcome in found.values())


@pytest.mark.parametrize("broken", BREAKAGES, ids=lambda broken: broken.name)
async def test_gate_with_one_thing_broken_approves_nothing_but_a_proven_reducer(broken: Breakage) -> None:
    """PL-307, PT-108, PT-110, PT-114, PT-335: each way to be missing, stale, unreadable or silent, alone."""
    found = await outcomes_of(broken)
    assert {order.order_id for order in OPENERS if found[order.order_id].passed} == set()
    assert found[REDUCER].passed == broken.reducer_passes, found[REDUCER]
    assert all(outcome.holds == outcome.passed for outcome in found.values()), found


@pytest.mark.slow
async def test_gate_with_two_things_broken_approves_nothing_but_a_proven_reducer(record_property: RecordFigure) -> None:
    """PL-307, PT-108, PT-110: every pair of breakages; a reducer passes if and only if neither may stop it."""
    pairs = list(combinations(BREAKAGES, 2))
    wrong: list[str] = []
    for first, second in pairs:
        found = await outcomes_of(first, second)
        wrong += [f"{first.name} + {second.name}: {id_} {found[id_]}" for id_ in map(_id, OPENERS) if found[id_].passed]
        if found[REDUCER].passed != (first.reducer_passes and second.reducer_passes) and not _undone(first, second):
            wrong.append(f"{first.name} + {second.name}: {found[REDUCER]}")
        wrong += [f"{first.name} + {second.name}: {id_} {one}" for id_, one in found.items() if one.holds != one.passed]
    assert wrong == []
    record_property(
        "figure",
        f"{len(BREAKAGES)} breakages alone and all {len(pairs)} pairs, {len(ORDERS)} orders each: 0 approvals but "
        "those of proven reducers",
    )


def _id(order: Order) -> str:
    return order.order_id


def _undone(first: Breakage, second: Breakage) -> bool:
    """Tell whether the second sets to another value what the first had set, so that only the second counts."""
    families = [
        {"no instrument", "instrument halted", "instrument of unknown status", "instrument reducing only"},
        {"configuration old", "configuration never confirmed"},
        {"halted everywhere", "halted symbol", "halted user", "reducing"},
        {"clock ahead", "clock behind"},
        {"configuration old", "clock behind"},  # by a clock that went back, the confirmation is young again
        {"journal down", "journal unsure"},
    ]
    return any({first.name, second.name} <= family for family in families)
