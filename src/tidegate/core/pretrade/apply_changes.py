"""Events become state, each exactly once, by the rules of ``docs/events.md`` (PT-704 to PT-707)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.account import Position
from tidegate.core.pretrade.changes import (
    AccountChange,
    BalanceSet,
    BalancesReplaced,
    EngineReported,
    ExposureReported,
    LeftOut,
    OrderCommanded,
    OrdersReplaced,
    PositionClosed,
    PositionSet,
    PositionsReplaced,
    ProfileTold,
    StateChange,
)
from tidegate.core.pretrade.feeds import (
    ACCOUNT_TOPICS,
    ENGINE_EVENT,
    USER_TOPIC_PREFIX,
    Applied,
    heal_all,
    level_but_newer,
    place_of,
)
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order_life import hear_command, hear_engine, replace_orders
from tidegate.core.pretrade.state import AccountState, UserState

_TAKEN = (Applied.APPLIED, Applied.GAP)


def apply_change(user: UserState, change: StateChange, *, instruments: Mapping[str, Instrument]) -> Applied:
    """Apply one change to the state of its user; the version moves with everything that changes.

    A repeated event and one that is older by sequence change nothing. One that leaves a gap is applied and makes the
    account stale until a snapshot heals it; one that is newer by sequence and older by time is not, and counts as left
    out. An open order of an unknown instrument is kept and not counted, its account stale until the instrument comes.
    """
    match change:
        case LeftOut():
            return _leave_out(user, change)
        case ProfileTold():
            return _take_profile(user, change)
        case ExposureReported():
            taken = place_of(user.places, change.stamp.topic).take_whole(change.stamp)
            if taken is Applied.APPLIED:
                user.reported_exposure = change.exposure
                user.version += 1
            return taken
        case _:
            return _take_account(user, change, instruments=instruments)


def _take_profile(user: UserState, change: ProfileTold) -> Applied:
    place = place_of(user.places, change.stamp.topic)
    missing_to = place.missing_to
    taken = place.take(change.stamp) if change.heals is None else place.take_snapshot(change.stamp)
    if taken in _TAKEN and change.heals is not None:
        heal_all(user.places, change.heals)
    _move_version(user, taken, moved=place.missing_to != missing_to)
    return taken


def _leave_out(user: UserState, change: LeftOut) -> Applied:
    if change.topic.startswith(USER_TOPIC_PREFIX):
        place_of(user.places, change.topic).leave_out()
    elif change.topic in ACCOUNT_TOPICS:
        for account in user.accounts.values():
            place_of(account.heard.places, change.topic).leave_out()
    user.version += 1
    return Applied.GAP


def _take_account(user: UserState, change: AccountChange, *, instruments: Mapping[str, Instrument]) -> Applied:
    account = user.account(change.account_id)
    place = place_of(account.heard.places, change.stamp.topic)
    missing_to = place.missing_to
    taken = _judge(account, change)
    if taken in _TAKEN:
        _apply(account, change, instruments=instruments)
    _move_version(user, taken, moved=place.missing_to != missing_to)
    return taken


def _judge(account: AccountState, change: AccountChange) -> Applied:
    places, stamp = account.heard.places, change.stamp
    place = place_of(places, stamp.topic)
    if not isinstance(change, BalancesReplaced | PositionsReplaced | OrdersReplaced):
        return place.take(stamp)
    if not level_but_newer(places, stamp, heals=change.heals):
        return place.take_snapshot(stamp)
    taken = place.take_level(stamp)
    if taken in _TAKEN and isinstance(change, PositionsReplaced):
        account.heard.forget_rows(stamp.sequence)
    return taken


def _move_version(user: UserState, taken: Applied, *, moved: bool) -> None:
    if moved or taken in _TAKEN:
        user.version += 1


def _apply(account: AccountState, change: AccountChange, *, instruments: Mapping[str, Instrument]) -> None:
    match change:
        case BalanceSet():
            account.set_balance(change.balance)
        case BalancesReplaced():
            account.balances = {balance.asset: balance for balance in change.balances}
        case PositionSet():
            _set_position(account, change.position, sequence=change.stamp.sequence, instruments=instruments)
        case PositionClosed():
            _close_position(account, change)
        case PositionsReplaced():
            _replace_positions(account, change, instruments=instruments)
            heal_all(account.heard.places, change.heals)
        case OrderCommanded():
            hear_command(account, change.row, command=change.command, instruments=instruments)
        case EngineReported():
            _hear_engine(account, change, instruments=instruments)
        case OrdersReplaced():
            engine_up_to = change.heals.get(ENGINE_EVENT, 0)
            replace_orders(account, change.rows, engine_up_to=engine_up_to, instruments=instruments)
            heal_all(account.heard.places, change.heals)
        case _:
            assert_never(change)


def _hear_engine(account: AccountState, change: EngineReported, *, instruments: Mapping[str, Instrument]) -> None:
    sequence = change.stamp.sequence
    if hear_engine(account, change.row, event=change.event, sequence=sequence, instruments=instruments):
        account.heard.end(change.row.order.order_id, change.stamp.at_us)


def _set_position(
    account: AccountState, position: Position, *, sequence: int, instruments: Mapping[str, Instrument]
) -> None:
    heard, row = account.heard, (position.symbol, position.position_side)
    if sequence <= heard.seen_up_to(row):
        return
    heard.seen[row] = sequence
    account.set_position(position)
    if position.symbol not in instruments:
        heard.unknown_symbols.add(position.symbol)


def _close_position(account: AccountState, change: PositionClosed) -> None:
    row = (change.symbol, change.position_side)
    if change.position_sequence < account.heard.seen_up_to(row):
        return
    account.heard.seen[row] = change.position_sequence
    book = account.symbols.get(change.symbol)
    held = book.position(change.position_side) if book is not None else None
    if held is not None:
        account.set_position(replace(held, quantity=ZERO))


def _replace_positions(
    account: AccountState, change: PositionsReplaced, *, instruments: Mapping[str, Instrument]
) -> None:
    heard, sequence = account.heard, change.stamp.sequence
    positions = [side for book in account.symbols.values() for side in (book.both, book.long, book.short)]
    for held in (position for position in positions if position is not None):
        if heard.seen_up_to((held.symbol, held.position_side)) < sequence:
            account.set_position(replace(held, quantity=ZERO))
    for position in change.positions:
        _set_position(account, position, sequence=sequence, instruments=instruments)
    heard.seen = {row: seen for row, seen in heard.seen.items() if seen > sequence}
    heard.seen_floor = sequence
