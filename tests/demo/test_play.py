"""The whole flow against the real gate, processors and admin API, in one process."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from tests.demo.house import Stage, a_stage, shortened

from tidegate.core.pretrade.order import Side
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.settings import GateSettings
from tidegate.demo.market import Tape, Tick, Trade, invented_tape
from tidegate.demo.opening import NotReady, open_world
from tidegate.demo.play import DemoOptions
from tidegate.demo.presentation import DemoSummary
from tidegate.demo.scenes import SCENES
from tidegate.wire.topics import ACCOUNT_TOPICS

PROMISED = frozenset(RejectReason) - {RejectReason.INTERNAL_ERROR}


async def played(stage: Stage) -> DemoSummary:
    await stage.performance.prepare(stage.officer)
    await stage.performance.play()
    return stage.floor.summary


async def test_flow_played_whole_shows_every_decision_and_every_reason() -> None:
    """Platform, "Two commands": every reject reason but INTERNAL_ERROR falls, and each part gets its own answer."""
    async with a_stage() as stage:
        summary = await played(stage)
    assert summary.surprises == []
    assert summary.troubles == []
    assert set(summary.reasons) == {reason.value for reason in PROMISED}
    assert set(summary.decisions) == {decision.value for decision in Decision}
    assert {"LIQUIDATION_RISK", "RISK_RULE_VIOLATION"} <= set(summary.warnings)
    assert summary.malformed == 1


async def test_flow_played_twice_with_one_seed_shows_the_same() -> None:
    """The seed decides: two runs print the same lines."""
    screens = []
    for _ in range(2):
        async with a_stage(shortened(invented_tape(), 12)) as stage:
            await played(stage)
            screens.append(stage.screen.getvalue())
    assert screens[0] == screens[1]
    assert "REJECTED" in screens[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_flow_played_with_another_seed_gets_the_answers_of_its_parts(seed: int) -> None:
    """What the parts are about does not hang on the dice."""
    async with a_stage(shortened(invented_tape(), len(SCENES)), seed=seed) as stage:
        summary = await played(stage)
    assert (summary.surprises, summary.troubles) == ([], [])


async def test_flow_played_moves_the_accounts_as_the_exchange_has_them() -> None:
    """Fills move positions and balances: what the gate holds of each trader in the end is what the exchange holds."""
    async with a_stage(shortened(invented_tape(), 40)) as stage:
        await played(stage)
        house, floor = stage.house, stage.floor
        told = {user_id: account for user_id, account in floor.exchange.accounts.items() if account.balances}
        states = await house.desk.book.snapshot(list(told), now_us=house.desk.clock.now + 60_000_000)
        moved = 0
        for user_id, truth in told.items():
            held = states[user_id].accounts.get("main")
            if held is None:
                continue
            books = {symbol: book.both for symbol, book in held.symbols.items() if book.both is not None}
            assert books == truth.positions
            assert set(held.open_orders) == set(truth.resting)
            assert not held.reservations
            balances = held.balances or {}
            assert {asset: row.total for asset, row in balances.items()} == truth.balances
            moved += bool(truth.positions)
    assert moved >= 5


async def test_flow_played_tells_every_account_topic_without_a_hole() -> None:
    """Sequences count 1, 2, 3... per topic and account, and closings are told too."""
    async with a_stage(shortened(invented_tape(), 40)) as stage:
        await played(stage)
        events = stage.house.published
    places = Counter((topic, record["user_id"]) for topic, record in events if topic in ACCOUNT_TOPICS)
    last = {(topic, record["user_id"]): record["sequence"] for topic, record in events if topic in ACCOUNT_TOPICS}
    assert places == last
    assert {topic for topic, _ in places} == set(ACCOUNT_TOPICS)
    assert len({record["event_id"] for _, record in events}) == len(events)


async def test_world_of_which_the_gate_hears_nothing_is_not_ready() -> None:
    """The demo does not begin before the gate uses what was told, and says what is missing."""
    async with a_stage() as stage:
        stage.house.desk.keeper.confirm = _nothing  # type: ignore[method-assign]  # the replica is never refreshed
        with pytest.raises(NotReady, match="the gate does not know people, balances and ladders"):
            await open_world(stage.floor, stage.officer, pace=stage.performance._pace)


async def _nothing() -> bool:
    return False


async def test_flow_played_on_a_gate_without_its_limits_names_the_parts_that_went_wrong() -> None:
    """A demo that does not show what it promises says so: here no limit on the flow bites."""
    async with a_stage(shortened(invented_tape(), len(SCENES)), limits=GateSettings()) as stage:
        summary = await played(stage)
    assert sorted(surprise.split(": ", 1)[1] for surprise in summary.surprises) == [
        "200 orders in a row were not throttled",
        "REJECTED DUPLICATE_ORDER expected, APPROVED  came",
        "REJECTED MAX_OPEN_ORDERS_EXCEEDED expected, APPROVED  came",
    ]


class _Left(Exception):
    """Whoever looked around has left."""


async def test_market_kept_open_stays_fresh_until_it_is_left() -> None:
    """Marks come often enough for an order sent by hand at any moment."""
    async with a_stage(shortened(invented_tape(), 1)) as stage:
        await stage.performance.prepare(stage.officer)
        house, pauses = stage.house, iter(range(10))

        async def pause(seconds: float) -> None:
            if next(pauses, None) is None:
                raise _Left
            await house.pause(seconds)

        before = len(house.published)
        stage.performance._pace = replace(stage.performance._pace, pause=pause)
        with pytest.raises(_Left):
            await stage.performance.keep_open()
        times = [record["event_ts"] for _, record in house.published[before:] if record.get("symbol") == "ETHUSDT"]
    assert max(later - earlier for earlier, later in pairwise(times)) < GateSettings().mark_age_ms_max
    assert times[-1] - times[0] == 20_000


@pytest.mark.parametrize("speed", [0.0, -1.0, 1_000.5, float("nan")])
def test_options_with_an_impossible_speed_are_refused(speed: float) -> None:
    """A market cannot stand still, run backwards, or outrun its gate without bound."""
    with pytest.raises(ValueError, match="speed must be above 0"):
        DemoOptions(speed=speed)


def a_tape(*, ticks: int) -> Tape:
    """Two bitcoin markets that rise by a tick a tenth of a second, with a trade in each."""
    opening = {"BTCUSDT": Decimal("61800.25"), "BTCUSD": Decimal("61804.75")}
    rows = []
    for place in range(ticks):
        rise = Decimal(place) / 10
        trades = tuple(Trade(symbol, Side.BUY, price + rise, Decimal(3)) for symbol, price in opening.items())
        rows.append(Tick({symbol: price + rise for symbol, price in opening.items()}, trades))
    return Tape(0.1, rows, opening)


async def test_tape_replayed_marks_as_captured_and_lets_traders_follow() -> None:
    """Platform, "Two commands": a captured market is played; the other parts are played in it all the same."""
    async with a_stage(a_tape(ticks=120), speed=2.0) as stage:
        summary = await played(stage)
        marks = [
            record["price"]
            for topic, record in stage.house.published
            if topic == "md.mark.v1" and record["symbol"] == "BTCUSDT"
        ]
    assert (summary.surprises, summary.troubles) == ([], [])
    assert marks[0] == "61800.25"
    assert marks[-1] == "61812.15"
    assert [float(mark) for mark in marks] == sorted(float(mark) for mark in marks)
    assert summary.decisions["APPROVED"] > 50
