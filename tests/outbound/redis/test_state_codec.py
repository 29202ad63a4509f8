"""A state that was written and read is the same state, in what it says and in what it makes of whatever comes next."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from tests.core.pretrade.event_world import SYMBOLS, World, interleaved, spoilt
from tests.core.pretrade.test_changes_property import state_of, totals_of
from tests.core.pretrade.told import (
    ACCOUNT,
    SECOND_US,
    START_US,
    USER,
    a_reservation,
    a_stamp,
    an_instrument,
    an_order,
    commanded,
)

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.apply_changes import apply_change
from tidegate.core.pretrade.changes import ExposureReported, LeftOut, ProfileTold, StateChange
from tidegate.core.pretrade.feeds import FeedPlace
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order import OrderType, Side
from tidegate.core.pretrade.order_life import count_waiting
from tidegate.core.pretrade.repeats import heard_before
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.moves import Move, Released, Reserved, Told, decode_move, encode_move
from tidegate.outbound.redis.state_codec import (
    FORMAT,
    UnknownInstrument,
    decode_flow,
    decode_state,
    encode_flow,
    encode_state,
)
from tidegate.ports.account_book import Checked, Content, FlowKept

ALL = {symbol: an_instrument(symbol) for symbol in SYMBOLS}
FEW = {SYMBOLS[0]: ALL[SYMBOLS[0]]}
CONTENT: Content = ("BTCUSDT", Side.BUY, OrderType.LIMIT, None, Decimal("1.50"))


@pytest.fixture(scope="module")
def seeds(*, full_sizes: bool) -> range:
    return range(1_000 if full_sizes else 100)


def everything_told(random: Random) -> list[StateChange]:
    """News of an account as a bad bus delivers it, and of its user between."""
    world = World(random)
    world.live(60)
    told: list[StateChange] = [*spoilt(world, interleaved(world))]
    for sequence in (1, 2, 4):
        exposure = ReportedExposure(Decimal(sequence), START_US + sequence)
        told.insert(random.randrange(len(told)), ExposureReported(USER, a_stamp(feeds.EXPOSURE, sequence), exposure))
        told.insert(random.randrange(len(told)), ProfileTold(USER, a_stamp("user.updated.v1", sequence)))
    told.insert(random.randrange(len(told)), LeftOut(USER, random.choice(feeds.ACCOUNT_TOPICS)))
    return told


def places_of(places: Mapping[str, FeedPlace]) -> dict[str, tuple[object, ...]]:
    return {
        topic: (place.last, place.missing_to, place.at_us, tuple(place.event_ids)) for topic, place in places.items()
    }


def said(state: UserState) -> tuple[object, ...]:
    """All that a state says of itself."""
    account = state.account(ACCOUNT)
    heard = account.heard
    return (
        *(state.reported_exposure, places_of(state.places), state.gap_reason(ACCOUNT), state.live_count()),
        *(state_of(account), totals_of(account), account.reservations, places_of(heard.places)),
        *(heard.seen, heard.seen_floor, heard.told, list(heard.ended.items()), heard.uncounted),
        *(heard.gaps(account.symbols), account.position_known()),
    )


def written_and_read(state: UserState, instruments: Mapping[str, Instrument] = ALL) -> UserState:
    return decode_state(state.user_id, encode_state(state), instruments=instruments, now_us=START_US)


def test_state_that_was_read_says_and_does_what_the_one_written_does(seeds: range) -> None:
    """RE-101: at any moment of any story, what is written and read is the same state, and goes on as it would have."""
    for seed in seeds:
        random = Random(seed)
        there = here = UserState(USER)
        for number, change in enumerate(everything_told(random)):
            if random.random() < 0.2:
                held = a_reservation(f"r-{number}", expires_at_us=START_US + random.randrange(9) * SECOND_US)
                for state in {id(here): here, id(there): there}.values():
                    state.hold(ACCOUNT, held, instrument=ALL["BTCUSDT"])
            if random.random() < 0.2:
                there = written_and_read(here)
            known = heard_before(there, change)
            applied = apply_change(there, change, instruments=ALL)
            assert known in {None, applied}, f"seed {seed}"
            if there is not here:
                assert apply_change(here, change, instruments=ALL) is applied, f"seed {seed}"
            assert said(there) == said(here), f"seed {seed}"
        now_us = START_US + 5 * SECOND_US
        assert set(here.expire(now_us, ALL)) == set(there.expire(now_us, ALL)), f"seed {seed}"
        assert said(there) == said(here), f"seed {seed}"


def test_news_heard_before_changes_nothing(seeds: range) -> None:
    """RE-101: what is told to have been heard before leaves the state as it is when it is applied."""
    repeats = 0
    for seed in seeds:
        random, state = Random(seed), UserState(USER)
        told = everything_told(random)
        for change in [*told, *random.sample(told, len(told) // 2)]:
            before = said(state), state.version
            known = heard_before(state, change)
            assert known is None or known is apply_change(state, change, instruments=ALL), f"seed {seed}"
            if known is None:
                apply_change(state, change, instruments=ALL)
            else:
                repeats += 1
                assert (said(state), state.version) == before, f"seed {seed}"
    assert repeats > len(seeds)


def test_state_hangs_on_no_instrument_of_its_writer(seeds: range) -> None:
    """RE-101: read without an instrument, its orders wait for it; once it is known the state is that of all others."""
    for seed in seeds:
        state = UserState(USER)
        for change in everything_told(Random(seed)):
            apply_change(state, change, instruments=ALL)
        without = written_and_read(state, FEW)
        assert all(order.symbol in FEW for order in without.account(ACCOUNT).open_orders.values())
        for symbol in SYMBOLS:
            count_waiting(without.account(ACCOUNT), ALL[symbol])
        assert said(without) == said(state), f"seed {seed}"


def test_reservation_in_an_unknown_instrument_is_told_until_it_expires() -> None:
    """RE-101, RE-108: what it holds cannot be counted, so the state cannot be used; expired it holds nothing."""
    state = UserState(USER)
    held = a_reservation(expires_at_us=START_US + 1)
    state.hold(ACCOUNT, held, instrument=ALL["BTCUSDT"])
    raw = encode_state(state)
    with pytest.raises(UnknownInstrument, match="BTCUSDT"):
        decode_state(USER, raw, instruments={}, now_us=START_US)
    assert not decode_state(USER, raw, instruments={}, now_us=START_US + 1).account(ACCOUNT).reservations


@pytest.mark.parametrize(
    "move",
    [
        Reserved("w", 1, ((ACCOUNT, a_reservation()),), (Checked(START_US, CONTENT, Decimal("0.10")),)),
        Reserved("w", 2, (), (Checked(START_US, CONTENT, None),)),
        Released("w", 3, ((ACCOUNT, "o-1", START_US),)),
        *(Told("w", 4, change) for change in everything_told(Random(1))[:40]),
        Told("w", 5, LeftOut(USER, feeds.BALANCE_CHANGED)),
        Told("w", 6, replace(commanded(1, an_order("o-\u00fc")), account_id="\u4e3b")),
    ],
    ids=lambda move: type(move.change if isinstance(move, Told) else move).__name__,
)
def test_move_that_was_written_is_read(move: Move) -> None:
    """RE-101: every kind of move, every field of it, to the digit."""
    read = decode_move(encode_move(move))
    assert read == move
    assert str(read) == str(move)


def test_windows_that_were_written_are_read() -> None:
    """RE-102: every window, to the digit; none at all are nothing."""
    kept = FlowKept(
        Decimal("2.50"),
        START_US,
        (START_US, START_US + 1),
        notional=((5, Decimal("1.0")),),
        rejects=((6, Decimal(2)),),
        equal=((CONTENT, START_US),),
        fills=((CONTENT, (1, 2)),),
    )
    assert decode_flow(encode_flow(kept)) == kept
    assert decode_flow(encode_flow(FlowKept())) == FlowKept()
    assert decode_flow(encode_flow(None)) is None


@pytest.mark.parametrize(
    "raw",
    [b"x", FORMAT, b"\x02" + encode_state(UserState(USER))[1:], encode_state(UserState(USER)) + b"\x00"]
    + [FORMAT + bytes([byte]) for byte in range(0, 256, 5)],
)
def test_bytes_that_are_none_of_ours_are_trouble(raw: bytes) -> None:
    """RE-105: what cannot be read is a dependency that failed, never an empty state."""
    with pytest.raises(DependencyFailed):
        decode_state(USER, raw, instruments=ALL, now_us=START_US)
    with pytest.raises(DependencyFailed):
        decode_move(raw)
    with pytest.raises(DependencyFailed):
        decode_flow(raw)
    with pytest.raises(DependencyFailed):
        decode_move(b"")
