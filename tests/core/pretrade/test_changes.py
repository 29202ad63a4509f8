"""docs/events.md as decision tables: sequences, snapshots, positions."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.core.pretrade.told import (
    ACCOUNT,
    START_US,
    USER,
    a_position,
    a_stamp,
    an_instrument,
    an_order,
    balance_set,
    balances_replaced,
    commanded,
    position_closed,
    position_set,
    positions_replaced,
    reported,
)

from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.apply_changes import apply_change
from tidegate.core.pretrade.changes import (
    EngineEventType,
    ExposureReported,
    LeftOut,
    ProfileTold,
    StateChange,
)
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.order import PositionSide
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.core.pretrade.state import UserState

INSTRUMENTS = {"BTCUSDT": an_instrument()}


def told(user: UserState, *changes: StateChange) -> list[Applied]:
    return [apply_change(user, change, instruments=INSTRUMENTS) for change in changes]


def heard(*changes: StateChange) -> UserState:
    user = UserState(USER)
    told(user, *changes)
    return user


def usdt_of(user: UserState) -> str:
    balances = user.account(ACCOUNT).balances
    return "unknown" if balances is None else str(balances["USDT"].total)


def quantity_of(user: UserState, side: PositionSide = PositionSide.BOTH) -> Decimal | None:
    book = user.account(ACCOUNT).symbols.get("BTCUSDT")
    held = book.position(side) if book is not None else None
    return held.quantity if held is not None else None


SEQUENCE_TABLE = """
# sequences told | outcomes               | missing to | balance is that of
1                | APPLIED                | 0          | 1
1 2 3            | APPLIED APPLIED APPLIED| 0          | 3
1 1              | APPLIED REPEATED       | 0          | 1
1 2 1            | APPLIED APPLIED REPEATED| 0         | 2
1 3              | APPLIED GAP            | 2          | 3
1 3 2            | APPLIED GAP OUTDATED   | 2          | 3
7                | GAP                    | 6          | 7
7 8              | GAP APPLIED            | 6          | 8
1 3 7            | APPLIED GAP GAP        | 6          | 7
"""


@pytest.mark.parametrize("row", [line for line in SEQUENCE_TABLE.splitlines() if line and not line.startswith("#")])
def test_sequence_each_case_of_the_table_has_its_outcome(row: str) -> None:
    """PT-705, PT-707: repeats and older sequences change nothing, a gap stands whatever comes after it."""
    sequences, outcomes, missing_to, last = (cell.strip() for cell in row.split("|"))
    user = UserState(USER)
    got = told(user, *(balance_set(int(sequence), total=sequence) for sequence in sequences.split()))
    assert [outcome.value for outcome in got] == outcomes.split()
    assert user.account(ACCOUNT).heard.places[feeds.BALANCE_CHANGED].missing_to == int(missing_to)
    assert usdt_of(user) == last
    assert bool(user.gap_reason(ACCOUNT)) == (missing_to != "0")


def test_event_id_repeated_under_a_new_sequence_changes_nothing() -> None:
    """PT-705: an event is known by its id, whatever sequence it comes back under."""
    user = heard(balance_set(1, "100"))
    again = balance_set(2, "999", stamp=a_stamp(feeds.BALANCE_CHANGED, 2, event_id=f"{feeds.BALANCE_CHANGED}/1"))
    assert told(user, again) == [Applied.REPEATED]
    assert usdt_of(user) == "100"


def test_sequence_newer_with_an_older_time_counts_as_left_out() -> None:
    """PT-705: sequence and time contradict each other, so nothing is applied and the account is stale."""
    user = heard(balance_set(1, "100"))
    before = user.version
    contradicting = balance_set(2, "999", stamp=a_stamp(feeds.BALANCE_CHANGED, 2, at_us=START_US))
    assert told(user, contradicting, balance_set(3, "300")) == [Applied.OUTDATED, Applied.APPLIED]
    assert usdt_of(user) == "300"
    assert user.gap_reason(ACCOUNT) == "wallet.balance_changed.v1 lacks records up to 2"
    assert user.version == before + 2


def test_version_moves_with_every_change_and_with_nothing_else() -> None:
    """PT-604: a state that has moved is known by its version."""
    user = heard(balance_set(1), balance_set(3))
    assert user.version == 2
    told(user, balance_set(3), balance_set(2))
    assert user.version == 2


def test_gap_of_the_wallet_leaves_positions_known() -> None:
    """PT-110: what a proven reducer needs to know is its position, not the wallet."""
    user = heard(balance_set(2), position_set(1))
    assert user.gap_reason(ACCOUNT)
    assert user.position_known(ACCOUNT)


@pytest.mark.parametrize(
    "change",
    [
        position_set(2),
        position_closed(2, position_sequence=1),
        commanded(2, an_order()),
        reported(2, an_order(), event=EngineEventType.ACCEPTED),
    ],
    ids=["position.updated", "position.closed", "order.command", "engine.event"],
)
def test_gap_of_positions_or_orders_leaves_positions_unknown(change: StateChange) -> None:
    """PT-110, PT-707: with one of their records missing no order is proven to reduce."""
    user = heard(change)
    assert user.gap_reason(ACCOUNT)
    assert not user.position_known(ACCOUNT)


# ---------------------------------------------------------------------------------------------------------- snapshots


def test_balance_snapshot_replaces_all_and_heals() -> None:
    """PT-707: an asset that the snapshot does not name is gone, and what was missing before it no longer counts."""
    user = heard(balance_set(1, "5", asset="BTC"), balance_set(4, "100"), balances_replaced(6, USDT="70"))
    assert user.gap_reason(ACCOUNT) == ""
    assert usdt_of(user) == "70"
    assert set(user.account(ACCOUNT).balances or {}) == {"USDT"}


def test_snapshot_that_is_not_newer_changes_nothing() -> None:
    """PT-705: a snapshot is judged by its sequence like any other record."""
    user = heard(balance_set(1), balance_set(3, "300"))
    assert told(user, balances_replaced(2, USDT="1"), balances_replaced(3, USDT="1")) == [
        Applied.OUTDATED,
        Applied.REPEATED,
    ]
    assert usdt_of(user) == "300"
    assert user.gap_reason(ACCOUNT)


@pytest.mark.parametrize(("healed_to", "stale"), [(3, True), (4, False), (9, False)])
def test_snapshot_heals_a_sister_topic_only_when_it_contains_what_is_missing(healed_to: int, *, stale: bool) -> None:
    """PT-707: a snapshot too old to contain what is missing heals its own topic only."""
    user = heard(position_closed(5, position_sequence=0), positions_replaced(1, closed=healed_to))
    assert bool(user.gap_reason(ACCOUNT)) is stale
    assert user.account(ACCOUNT).heard.places[feeds.POSITION_CLOSED].last == max(5, healed_to)


def test_left_out_record_makes_every_account_of_the_user_stale() -> None:
    """PT-707, PT-709: what could not be read may have concerned any account of its key."""
    other = replace(balance_set(1), account_id="other")
    user = heard(balance_set(1), other, LeftOut(USER, feeds.BALANCE_CHANGED))
    assert user.gap_reason(ACCOUNT) == user.gap_reason("other") == "wallet.balance_changed.v1 lacks records up to 2"
    told(user, balances_replaced(3, USDT="1"))
    assert user.gap_reason(ACCOUNT) == ""
    assert user.gap_reason("other")


def test_left_out_user_record_makes_all_accounts_stale_until_the_user_is_told_anew() -> None:
    """PT-707: a gap in a user.* topic concerns all accounts, those not heard of yet among them."""
    user = heard(balance_set(1), LeftOut(USER, "user.frozen.v1"))
    assert user.gap_reason(ACCOUNT) == user.gap_reason("new") == "user.frozen.v1 lacks records up to 1"
    told(user, ProfileTold(USER, a_stamp("user.updated.v1", 1), {"user.frozen.v1": 1}))
    assert user.gap_reason(ACCOUNT) == ""


def test_user_snapshot_opens_no_gap_and_a_row_does() -> None:
    """PT-707: user.* records count per user, and a snapshot may begin anywhere."""
    assert heard(ProfileTold(USER, a_stamp("user.updated.v1", 9), {})).gap_reason(ACCOUNT) == ""
    assert heard(ProfileTold(USER, a_stamp("user.kyc.updated.v1", 2))).gap_reason(ACCOUNT)


def test_reported_exposure_newest_stands_and_never_leaves_a_gap() -> None:
    """PT-705: the record is complete in itself; an older sequence or time changes nothing."""

    def exposure(sequence: int, amount: str, *, at_us: int) -> ExposureReported:
        stamp = a_stamp(feeds.EXPOSURE, sequence, at_us=at_us)
        return ExposureReported(USER, stamp, ReportedExposure(Decimal(amount), at_us))

    user = UserState(USER)
    outcomes = told(
        user,
        exposure(3, "30", at_us=300),
        exposure(2, "20", at_us=400),
        exposure(4, "40", at_us=200),
        exposure(9, "90", at_us=300),
    )
    assert [outcome.value for outcome in outcomes] == ["APPLIED", "OUTDATED", "OUTDATED", "APPLIED"]
    assert user.reported_exposure == ReportedExposure(Decimal(90), 300)
    assert user.gap_reason(ACCOUNT) == ""


# ---------------------------------------------------------------------------------------------------------- positions

POSITION_TABLE: Sequence[tuple[str, list[StateChange], str | None]] = [
    ("set", [position_set(1, a_position("1"))], "1"),
    ("set to zero", [position_set(1), position_set(2, a_position("0"))], None),
    ("set, closed", [position_set(1), position_closed(1, position_sequence=1)], None),
    ("closing overtakes the last update", [position_closed(1, position_sequence=1), position_set(1)], None),
    (
        "closing is overtaken by the reopening",
        [position_set(1), position_set(2, a_position("5")), position_closed(1, position_sequence=1)],
        "5",
    ),
    (
        "closing then reopening",
        [position_set(1), position_closed(1, position_sequence=1), position_set(2, a_position("5"))],
        "5",
    ),
    ("snapshot replaces", [position_set(1), positions_replaced(2, a_position("9"))], "9"),
    ("snapshot says nothing is held", [position_set(1), positions_replaced(2)], None),
    (
        "closed after the snapshot, told before it",
        [position_closed(1, position_sequence=2), positions_replaced(2, a_position("9"))],
        None,
    ),
    (
        "closed before the snapshot, told after it",
        [positions_replaced(2, a_position("9")), position_closed(1, position_sequence=1)],
        "9",
    ),
]


@pytest.mark.parametrize(
    ("changes", "held"), [row[1:] for row in POSITION_TABLE], ids=[row[0] for row in POSITION_TABLE]
)
def test_position_each_order_of_arrival_ends_in_the_truth(changes: list[StateChange], held: str | None) -> None:
    """PT-704: between position.updated.v1 and position.closed.v1 there is no order, and none is needed."""
    quantity = quantity_of(heard(*changes))
    assert (None if quantity is None else str(quantity)) == held


def test_position_legs_are_rows_of_their_own() -> None:
    """PT-704: a row is symbol and side, so closing one leg leaves the other."""
    user = heard(
        position_set(1, a_position("1", side=PositionSide.LONG)),
        position_set(2, a_position("2", side=PositionSide.SHORT)),
        position_closed(1, position_sequence=2, side=PositionSide.LONG),
    )
    assert quantity_of(user, PositionSide.LONG) is None
    assert quantity_of(user, PositionSide.SHORT) == 2
