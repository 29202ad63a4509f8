"""Moves: what happened to a user, one version each, as bytes and back, and what each does to a state.

A move is an input, never a result: every process comes to the same state by playing the same moves in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias, get_args

import msgspec

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.apply_changes import apply_change
from tidegate.core.pretrade.changes import AccountChange, ExposureReported, LeftOut, ProfileTold, StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.state_codec import hold, read, write
from tidegate.ports.account_book import Checked

_NEWS: Final[Mapping[str, type]] = {
    kind.__name__: kind for kind in (*get_args(AccountChange), ExposureReported, ProfileTold, LeftOut)
}


class Reserved(msgspec.Struct, array_like=True, tag=1, frozen=True):
    """A batch's reservations of a user, by account, and its checks as they count."""

    writer: str
    number: int
    held: tuple[tuple[str, Reservation], ...]
    checked: tuple[Checked, ...]


class Released(msgspec.Struct, array_like=True, tag=2, frozen=True):
    """Reservations given back: account, order id and time of expiry, which tells one from a later one of its order."""

    writer: str
    number: int
    held: tuple[tuple[str, str, int], ...]


class _Told(msgspec.Struct, array_like=True, tag=3, frozen=True):
    writer: str
    number: int
    kind: str
    change: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Told:
    """News of the user."""

    writer: str
    number: int
    change: StateChange


Move: TypeAlias = Reserved | Released | Told


def encode_move(move: Move) -> bytes:
    """Write a move."""
    if not isinstance(move, Told):
        return write(move)
    kind = type(move.change).__name__
    return write(_Told(move.writer, move.number, kind, msgspec.Raw(_encoder().encode(move.change))))


def decode_move(raw: bytes) -> Move:
    """Read a move.

    Raises:
        DependencyFailed: the bytes are none.
    """
    move = read(raw, _move_decoder())
    if not isinstance(move, _Told):
        return move
    decoder = _news_decoders().get(move.kind)
    if decoder is None:
        raise DependencyFailed("account book", f"it holds news of a kind unknown here: {move.kind}")
    try:
        return Told(move.writer, move.number, decoder.decode(move.change))
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as unreadable:
        raise DependencyFailed("account book", "it holds news that cannot be read") from unreadable


def play(state: UserState, move: Move, *, instruments: Mapping[str, Instrument], now_us: int) -> Applied | None:
    """Let a move change a state; tell what became of news. The version is the caller's to set.

    Raises:
        UnknownInstrument: it reserves, and has not expired, in an instrument that is not among these. To play it again
            does what is left to do.
    """
    if isinstance(move, Told):
        return apply_change(state, move.change, instruments=instruments)
    if isinstance(move, Released):
        for account_id, order_id, expires_at_us in move.held:
            _release(state, account_id, order_id=order_id, expires_at_us=expires_at_us, instruments=instruments)
        return None
    for account_id, reservation in move.held:
        hold(state, account_id, reservation=reservation, instruments=instruments, now_us=now_us)
    return None


def _release(
    state: UserState, account_id: str, *, order_id: str, expires_at_us: int, instruments: Mapping[str, Instrument]
) -> None:
    account = state.accounts.get(account_id)
    held = account.reservations.get(order_id) if account is not None else None
    if account is not None and held is not None and held.expires_at_us == expires_at_us:
        account.drop_reservation(held, instruments[held.symbol])


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _move_decoder() -> "msgspec.msgpack.Decoder[Reserved | Released | _Told]":
    return msgspec.msgpack.Decoder(Reserved | Released | _Told)


@cache
def _news_decoders() -> "Mapping[str, msgspec.msgpack.Decoder[Any]]":
    return {kind: msgspec.msgpack.Decoder(of) for kind, of in _NEWS.items()}
