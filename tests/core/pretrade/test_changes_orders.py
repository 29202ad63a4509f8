"""docs/events.md as decision tables: how an order is put together from two topics."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from tests.core.pretrade.told import (
    ACCOUNT,
    USER,
    a_reservation,
    a_stamp,
    an_instrument,
    an_order,
    commanded,
    orders_replaced,
    position_set,
    reported,
)

from tidegate.core.pretrade.apply_changes import apply_change
from tidegate.core.pretrade.changes import (
    EngineEventType,
    OrderCommand,
    OrderRow,
    StateChange,
)
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.heard import ENDED_KEPT_US
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.order_life import count_waiting
from tidegate.core.pretrade.state import UserState

INSTRUMENTS = {"BTCUSDT": an_instrument()}
ACCEPTED, FILLED = EngineEventType.ACCEPTED, EngineEventType.FILLED
CANCELLED, REJECTED, EXPIRED = EngineEventType.CANCELLED, EngineEventType.REJECTED, EngineEventType.EXPIRED


def told(user: UserState, *changes: StateChange, instruments: dict[str, Instrument] | None = None) -> list[Applied]:
    known = INSTRUMENTS if instruments is None else instruments
    return [apply_change(user, change, instruments=known) for change in changes]


def heard(*changes: StateChange) -> UserState:
    user = UserState(USER)
    told(user, *changes)
    return user


def open_ids(user: UserState) -> list[str]:
    return sorted(user.account(ACCOUNT).open_orders)


def remaining_of(user: UserState, side: Side = Side.BUY) -> Decimal:
    """What the running totals say is left of the live orders of one side."""
    book = user.account(ACCOUNT).symbols.get("BTCUSDT")
    totals = book.totals(side, PositionSide.BOTH) if book is not None else None
    return totals.quantity if totals is not None else Decimal(0)


ORDER_TABLE: Sequence[tuple[str, list[StateChange], str]] = [
    ("new", [commanded(1, an_order(quantity="3"))], "3"),
    ("accepted before new is told", [reported(1, an_order(quantity="3"), event=ACCEPTED)], "3"),
    ("partly filled", [reported(1, an_order(quantity="3", filled="1"), event=FILLED)], "2"),
    (
        "the largest fill is true, from whichever topic",
        [reported(1, an_order(quantity="3", filled="2"), event=FILLED), commanded(1, an_order(quantity="3"))],
        "1",
    ),
    ("filled whole", [commanded(1, an_order()), reported(1, an_order(filled="1"), event=FILLED)], "-"),
    ("cancelled", [commanded(1, an_order()), reported(1, an_order(), event=CANCELLED)], "-"),
    ("rejected", [commanded(1, an_order()), reported(1, an_order(), event=REJECTED)], "-"),
    ("expired", [commanded(1, an_order()), reported(1, an_order(), event=EXPIRED)], "-"),
    ("ended before new is told", [reported(1, an_order(), event=REJECTED), commanded(1, an_order())], "-"),
    (
        "asked to cancel is not cancelled",
        [commanded(1, an_order()), commanded(2, an_order(), command=OrderCommand.CANCEL)],
        "1",
    ),
    ("amend of an order that is not known", [commanded(1, an_order(), command=OrderCommand.AMEND, revision=1)], "-"),
    (
        "amend counts at once",
        [commanded(1, an_order()), commanded(2, an_order(quantity="5"), command=OrderCommand.AMEND, revision=1)],
        "5",
    ),
    (
        "engine refuses the amendment",
        [
            commanded(1, an_order()),
            commanded(2, an_order(quantity="5"), command=OrderCommand.AMEND, revision=1),
            reported(1, an_order(), event=ACCEPTED, revision=1),
        ],
        "1",
    ),
    (
        "refusal told before the amendment",
        [
            commanded(1, an_order()),
            reported(1, an_order(), event=ACCEPTED, revision=1),
            commanded(2, an_order(quantity="5"), command=OrderCommand.AMEND, revision=1),
        ],
        "1",
    ),
    (
        "engine event of the former revision",
        [
            commanded(1, an_order()),
            commanded(2, an_order(quantity="5"), command=OrderCommand.AMEND, revision=1),
            reported(1, an_order(filled="0.5"), event=FILLED),
        ],
        "4.5",
    ),
    (
        "amended below what is filled",
        [
            reported(1, an_order(quantity="3", filled="2"), event=FILLED),
            commanded(1, an_order(quantity="1"), command=OrderCommand.AMEND, revision=1),
        ],
        "0",
    ),
    ("snapshot without it", [commanded(1, an_order()), orders_replaced(2)], "-"),
    ("snapshot with it", [orders_replaced(2, OrderRow(an_order(quantity="4", filled="1")))], "3"),
    (
        "snapshot older than the engine's last word",
        [reported(2, an_order(quantity="3", filled="2"), event=FILLED), orders_replaced(1, engine=1)],
        "1",
    ),
    (
        "snapshot older than the end",
        [reported(2, an_order(), event=CANCELLED), orders_replaced(1, OrderRow(an_order()), engine=1)],
        "-",
    ),
]


@pytest.mark.parametrize(("changes", "left"), [row[1:] for row in ORDER_TABLE], ids=[row[0] for row in ORDER_TABLE])
def test_order_each_story_leaves_what_remains(changes: list[StateChange], left: str) -> None:
    """PT-602, PT-603, PT-704: life, fill and terms of an order are put together from two topics."""
    user = heard(*changes)
    assert open_ids(user) == ([] if left == "-" else ["o-1"])
    assert remaining_of(user) == (Decimal(0) if left == "-" else Decimal(left))


RESERVED_TABLE: Sequence[tuple[str, StateChange, str, bool]] = [
    ("new", commanded(1, an_order(quantity="3")), "3", False),
    ("accepted", reported(1, an_order(quantity="3"), event=ACCEPTED), "3", False),
    ("partly filled", reported(1, an_order(quantity="3", filled="1"), event=FILLED), "2", False),
    ("filled", reported(1, an_order(quantity="3", filled="3"), event=FILLED), "0", False),
    ("rejected", reported(1, an_order(quantity="3"), event=REJECTED), "0", False),
    ("cancelled", reported(1, an_order(quantity="3"), event=CANCELLED), "0", False),
    ("expired", reported(1, an_order(quantity="3"), event=EXPIRED), "0", False),
    ("cancel asked", commanded(1, an_order(quantity="3"), command=OrderCommand.CANCEL), "3", True),
    ("in the snapshot", orders_replaced(1, OrderRow(an_order(quantity="3"))), "3", False),
    ("not in the snapshot", orders_replaced(1), "3", True),
    ("another order", commanded(1, an_order("o-2", quantity="1")), "4", True),
]


@pytest.mark.parametrize(
    ("change", "left", "reserved"), [row[1:] for row in RESERVED_TABLE], ids=[row[0] for row in RESERVED_TABLE]
)
def test_reservation_becomes_the_order_or_is_freed(change: StateChange, left: str, *, reserved: bool) -> None:
    """PT-602, PT-603: a reservation is an open order's forerunner and never counts beside it."""
    user = UserState(USER)
    user.hold(ACCOUNT, a_reservation(quantity="3"), instrument=an_instrument())
    told(user, change)
    assert ("o-1" in user.account(ACCOUNT).reservations) is reserved
    assert remaining_of(user) == Decimal(left)
    book = user.account(ACCOUNT).symbols.get("BTCUSDT")
    assert (book.extra if book is not None else Decimal(0)) == (Decimal("0.5") if reserved else Decimal(0))


def test_ended_order_is_remembered_for_a_day() -> None:
    """PT-603: a NEW that comes after the end changes nothing for 24 hours."""
    user = heard(reported(1, an_order("o-1"), event=REJECTED))
    kept = user.account(ACCOUNT).heard
    kept.end("o-2", a_stamp("", 1).at_us + ENDED_KEPT_US)
    assert set(kept.ended) == {"o-1", "o-2"}
    kept.end("o-3", a_stamp("", 1).at_us + ENDED_KEPT_US + 1)
    assert set(kept.ended) == {"o-2", "o-3"}


def test_order_of_an_unknown_instrument_waits_and_its_account_is_stale() -> None:
    """PT-704: nothing is counted without its instrument, and nothing is lost: it counts when the instrument comes."""
    user, known = UserState(USER), dict[str, Instrument]()
    told(user, commanded(1, an_order(quantity="3")), position_set(1), instruments=known)
    told(user, reported(1, an_order(quantity="3", filled="1"), event=FILLED), instruments=known)
    account = user.account(ACCOUNT)
    assert user.gap_reason(ACCOUNT) == "instrument BTCUSDT unknown"
    assert (account.live_count, account.is_live("o-1"), remaining_of(user)) == (1, True, Decimal(0))
    assert count_waiting(account, an_instrument())
    assert user.gap_reason(ACCOUNT) == ""
    assert (account.live_count, account.is_live("o-1"), remaining_of(user)) == (1, True, Decimal(2))


def test_order_of_an_unknown_instrument_that_ends_leaves_nothing_behind() -> None:
    """PT-603: what ended before its instrument was known is gone, and its account is not stale for it."""
    user = UserState(USER)
    told(user, commanded(1, an_order()), reported(1, an_order(), event=CANCELLED), instruments={})
    assert user.gap_reason(ACCOUNT) == ""
    assert user.account(ACCOUNT).live_count == 0
