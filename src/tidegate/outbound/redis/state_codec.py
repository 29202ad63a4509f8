"""The facts of a user's state, and the windows of its flow, as bytes and back.

Totals are not written: they are summed anew when the state is read, so what is written hangs on no instrument that the
writer knew. An order in an instrument that the reader does not know is kept and not counted, as ``apply_changes`` does.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Final, TypeVar

import msgspec

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.account import Balance, OpenOrder, Position, Reservation
from tidegate.core.pretrade.feeds import FeedPlace
from tidegate.core.pretrade.heard import OrderTold
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order import PositionSide
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.core.pretrade.state import AccountState, UserState
from tidegate.ports.account_book import FlowKept

FORMAT: Final = b"\x01"
"""First byte of everything written here: a process reads no format but its own."""

T = TypeVar("T")


class UnknownInstrument(DependencyFailed):
    """A live reservation in an instrument that this process has not heard of yet: what it holds cannot be counted."""

    def __init__(self, symbol: str) -> None:
        super().__init__("account book", f"instrument {symbol} unknown")
        self.symbol = symbol


class _Place(msgspec.Struct, array_like=True):
    last: int
    missing_to: int
    at_us: int
    event_ids: list[str]


class _Account(msgspec.Struct, array_like=True):
    account_id: str
    balances: list[Balance] | None
    positions: list[Position]
    open_orders: list[OpenOrder]
    reservations: list[Reservation]
    places: dict[str, _Place]
    seen: list[tuple[str, PositionSide, int]]
    seen_floor: int
    told: dict[str, tuple[int, bool, int, Decimal]]
    ended: dict[str, int]


class _User(msgspec.Struct, array_like=True):
    reported_exposure: ReportedExposure | None
    places: dict[str, _Place]
    accounts: list[_Account]


def write(value: object) -> bytes:
    """Write a value behind the byte of its format."""
    return FORMAT + _encoder().encode(value)


def read(raw: bytes, decoder: "msgspec.msgpack.Decoder[T]") -> T:
    """Read what ``write`` wrote.

    Raises:
        DependencyFailed: it did not.
    """
    if raw[:1] != FORMAT:
        raise DependencyFailed("account book", f"it holds bytes of format {raw[:1].hex() or 'none'}")
    try:
        return decoder.decode(memoryview(raw)[1:])
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as unreadable:
        raise DependencyFailed("account book", "it holds bytes that cannot be read") from unreadable


def encode_state(state: UserState) -> bytes:
    """Write the facts of a state, all that is held in it included."""
    accounts = [_account(account) for account in state.accounts.values()]
    return write(_User(state.reported_exposure, _places(state.places), accounts))


def decode_state(user_id: str, raw: bytes, *, instruments: Mapping[str, Instrument], now_us: int) -> UserState:
    """Read a state; empty bytes are the state of a user never heard of. Its version is the caller's to set.

    Raises:
        DependencyFailed: the bytes are no state.
        UnknownInstrument: it reserves, and has not expired, in an instrument that is not among these.
    """
    state = UserState(user_id)
    if not raw:
        return state
    facts = read(raw, _user_decoder())
    state.reported_exposure = facts.reported_exposure
    state.places = _places_read(facts.places)
    for told in facts.accounts:
        _read_account(state, told, instruments=instruments)
        for reservation in told.reservations:
            hold(state, told.account_id, reservation=reservation, instruments=instruments, now_us=now_us)
    return state


def hold(
    state: UserState,
    account_id: str,
    *,
    reservation: Reservation,
    instruments: Mapping[str, Instrument],
    now_us: int,
) -> None:
    """Hold a reservation; one that has expired, in an instrument not known, holds nothing any more.

    Raises:
        UnknownInstrument: it has not expired.
    """
    instrument = instruments.get(reservation.symbol)
    if instrument is not None:
        state.hold(account_id, reservation, instrument=instrument)
    elif reservation.expires_at_us > now_us:
        raise UnknownInstrument(reservation.symbol)


def encode_flow(kept: FlowKept | None) -> bytes:
    """Write the windows of a user; nothing when they hold nothing."""
    return b"" if kept is None else write(kept)


def decode_flow(raw: bytes) -> FlowKept | None:
    """Read the windows of a user.

    Raises:
        DependencyFailed: the bytes are no windows.
    """
    return read(raw, _flow_decoder()) if raw else None


def _account(account: AccountState) -> _Account:
    heard = account.heard
    books = account.symbols.values()
    held = [side for book in books for side in (book.both, book.long, book.short) if side is not None]
    return _Account(
        account.account_id,
        None if account.balances is None else list(account.balances.values()),
        held,
        [*account.open_orders.values(), *heard.uncounted.values()],
        list(account.reservations.values()),
        _places(heard.places),
        [(symbol, side, seen) for (symbol, side), seen in heard.seen.items()],
        heard.seen_floor,
        {
            order_id: (told.revision, told.by_engine, told.engine_sequence, told.filled)
            for order_id, told in heard.told.items()
        },
        heard.ended,
    )


def _read_account(state: UserState, told: _Account, *, instruments: Mapping[str, Instrument]) -> None:
    account = state.account(told.account_id)
    heard = account.heard
    if told.balances is not None:
        account.balances = {balance.asset: balance for balance in told.balances}
    for position in told.positions:
        account.set_position(position)
        if position.symbol not in instruments:
            heard.unknown_symbols.add(position.symbol)
    for order in told.open_orders:
        instrument = instruments.get(order.symbol)
        if instrument is None:
            heard.uncounted[order.order_id] = order
            heard.unknown_symbols.add(order.symbol)
        else:
            account.put_open_order(order, instrument)
    heard.places = _places_read(told.places)
    heard.seen = {(symbol, side): seen for symbol, side, seen in told.seen}
    heard.seen_floor = told.seen_floor
    heard.told = {order_id: OrderTold(*row) for order_id, row in told.told.items()}
    heard.ended = told.ended


def _places(places: Mapping[str, FeedPlace]) -> dict[str, _Place]:
    return {
        topic: _Place(place.last, place.missing_to, place.at_us, place.event_ids) for topic, place in places.items()
    }


def _places_read(places: Mapping[str, _Place]) -> dict[str, FeedPlace]:
    found: dict[str, FeedPlace] = {}
    for topic, told in places.items():
        place = found[topic] = FeedPlace()
        place.last, place.missing_to, place.at_us = told.last, told.missing_to, told.at_us
        place.event_ids = told.event_ids
    return found


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _user_decoder() -> "msgspec.msgpack.Decoder[_User]":
    return msgspec.msgpack.Decoder(_User)


@cache
def _flow_decoder() -> "msgspec.msgpack.Decoder[FlowKept]":
    return msgspec.msgpack.Decoder(FlowKept)
