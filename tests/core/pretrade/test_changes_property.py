"""Whatever becomes of the records on their way, the state is the truth or the account is known to be stale."""

from collections.abc import Iterable
from random import Random

import pytest
from tests.core.pretrade.event_world import SYMBOLS, Truth, World, interleaved, spoilt
from tests.core.pretrade.told import ACCOUNT, START_US, USER, a_reservation, an_instrument

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.apply_changes import apply_change
from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.live import SymbolView
from tidegate.core.pretrade.state import AccountState, UserState

INSTRUMENTS = {symbol: an_instrument(symbol) for symbol in SYMBOLS}
STEPS = 60


@pytest.fixture(scope="module")
def seeds(*, full_sizes: bool) -> range:
    return range(1_000 if full_sizes else 200)


def hear(user: UserState, changes: Iterable[StateChange]) -> None:
    for change in changes:
        apply_change(user, change, instruments=INSTRUMENTS)


def state_of(account: AccountState) -> Truth:
    books = account.symbols.values()
    held = [side for book in books for side in (book.both, book.long, book.short) if side is not None]
    positions = {(position.symbol, position.position_side): position for position in held}
    return Truth(account.balances or {}, positions, dict(account.open_orders))


def totals_of(account: AccountState) -> dict[str, tuple[object, ...]]:
    """The running totals of each symbol, order of legs and leverages left out."""
    views: list[SymbolView] = [book.seen() for book in account.symbols.values()]
    return {
        view.symbol: (
            sorted((leg.side, leg.leg, leg.count, leg.quantity, leg.reducing, leg.notional) for leg in view.totals),
            sorted(view.leverages),
            view.leverageless,
            view.extra,
        )
        for view in views
    }


def counted_plainly(truth: Truth) -> dict[str, tuple[object, ...]]:
    fresh = AccountState(ACCOUNT)
    for position in truth.positions.values():
        fresh.set_position(position)
    for order in truth.orders.values():
        fresh.put_open_order(order, INSTRUMENTS[order.symbol])
    return totals_of(fresh)


def a_world(seed: int) -> World:
    world = World(Random(seed))
    world.live(STEPS)
    return world


def test_state_from_records_in_topic_order_is_the_truth(seeds: range) -> None:
    """PT-704: with every record told once, topics interleaved at random, the state is the truth and not stale."""
    for seed in seeds:
        world, user = a_world(seed), UserState(USER)
        hear(user, interleaved(world))
        assert user.gap_reason(ACCOUNT) == "", f"seed {seed}"
        assert state_of(user.account(ACCOUNT)) == world.truth(), f"seed {seed}"
        assert totals_of(user.account(ACCOUNT)) == counted_plainly(world.truth()), f"seed {seed}"


def test_state_from_records_told_twice_is_the_truth(seeds: range) -> None:
    """PT-705: a consumer that reads on from an old place applies nothing twice."""
    for seed in seeds:
        world, user = a_world(seed), UserState(USER)
        delivered = interleaved(world)
        crash = world.random.randrange(len(delivered) + 1)
        hear(user, delivered[:crash])
        hear(user, delivered[world.random.randrange(crash + 1) :])
        hear(user, delivered)
        assert user.gap_reason(ACCOUNT) == "", f"seed {seed}"
        assert state_of(user.account(ACCOUNT)) == world.truth(), f"seed {seed}"


def test_state_from_spoilt_records_is_the_truth_or_stale_and_snapshots_heal_it(seeds: range) -> None:
    """PT-705, PT-707: dropped, doubled and late records never leave a wrong state that passes for a right one."""
    stale = 0
    for seed in seeds:
        world, user = a_world(seed), UserState(USER)
        hear(user, spoilt(world, interleaved(world)))
        complete = world.truth()
        if user.gap_reason(ACCOUNT):
            stale += 1
        elif not any(_lacks_the_tail(world, user)):
            assert state_of(user.account(ACCOUNT)) == complete, f"seed {seed}"
        hear(user, world.snapshots())
        assert user.gap_reason(ACCOUNT) == "", f"seed {seed}"
        assert state_of(user.account(ACCOUNT)) == complete, f"seed {seed}"
        assert totals_of(user.account(ACCOUNT)) == counted_plainly(complete), f"seed {seed}"
    assert 0 < stale < len(seeds)


def _lacks_the_tail(world: World, user: UserState) -> Iterable[bool]:
    """A topic whose last records have not come (yet) cannot be known to lack them: that is the feed's lag."""
    places = user.account(ACCOUNT).heard.places
    for topic, log in world.logs.items():
        yield bool(log) and (topic not in places or places[topic].last < len(log))


def test_answers_of_the_services_at_any_moment_leave_the_truth(seeds: range) -> None:
    """RE-304: what services answer when asked, told early, late or twice among the records, never spoils the state."""
    for seed in seeds:
        world, user = World(Random(seed)), UserState(USER)
        answers: list[StateChange] = []
        for _ in range(STEPS // 6):
            world.live(6)
            answers += world.asked_for()
        told: list[StateChange] = [*interleaved(world)]
        for answer in answers:
            told.insert(world.random.randrange(len(told) + 1), answer)
        hear(user, told)
        assert user.gap_reason(ACCOUNT) == "", f"seed {seed}"
        assert state_of(user.account(ACCOUNT)) == world.truth(), f"seed {seed}"
        assert totals_of(user.account(ACCOUNT)) == counted_plainly(world.truth()), f"seed {seed}"


def test_gaps_are_healed_by_asking_the_services(seeds: range) -> None:
    """RE-304: after dropped, doubled and late records, what the services answer then makes the state the truth."""
    stale = 0
    for seed in seeds:
        world, user = a_world(seed), UserState(USER)
        hear(user, spoilt(world, interleaved(world)))
        stale += bool(user.gap_reason(ACCOUNT))
        hear(user, world.asked_for())
        assert user.gap_reason(ACCOUNT) == "", f"seed {seed}"
        assert state_of(user.account(ACCOUNT)) == world.truth(), f"seed {seed}"
        assert totals_of(user.account(ACCOUNT)) == counted_plainly(world.truth()), f"seed {seed}"
    assert 0 < stale < len(seeds)


def test_reservation_never_outlives_the_word_on_its_order(seeds: range) -> None:
    """PT-602, PT-603: after all records every reservation whose order was told of is that order, or freed."""
    for seed in seeds:
        world, user = a_world(seed), UserState(USER)
        for order_id, rows in world.asked.items():
            held = a_reservation(order_id, quantity=str(rows[0].order.quantity), expires_at_us=START_US)
            user.hold(ACCOUNT, held, instrument=INSTRUMENTS["BTCUSDT"])
        hear(user, interleaved(world))
        account = user.account(ACCOUNT)
        assert account.reservations == {}, f"seed {seed}"
        assert all(book.extra == ZERO for book in account.symbols.values()), f"seed {seed}"
        assert totals_of(account) == counted_plainly(world.truth()), f"seed {seed}"
