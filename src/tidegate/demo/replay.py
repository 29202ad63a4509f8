"""Reads a captured market: quotes become marks (mid of bid and ask), trades become orders of the demo's traders.

The file is csv or csv.gz with the columns ``local_ns, exch_ms, symbol, kind, bid, bid_sz, ask, ask_sz, px, qty,
taker_side``. The clock is rebased on ``local_ns`` (time of receipt, nanoseconds): exchange times go backwards and come
in after the fact, the receiver's clock does not.
"""

import csv
import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.kernel.readings import Unreadable, read_decimal
from tidegate.core.pretrade.order import Side
from tidegate.demo.market import Tape, Tick, Trade

COLUMNS: Final = (
    "local_ns", "exch_ms", "symbol", "kind", "bid", "bid_sz", "ask", "ask_sz", "px", "qty", "taker_side",
)  # fmt: skip
SYMBOLS: Final = {
    "BTCUSDT-PERP": "BTCUSDT",
    "ETHUSDT-PERP": "ETHUSDT",
    "BTCUSD-PERP": "BTCUSD",
    "BTCUSDT-SPOT": "BTC-USDT",
}
"""Symbol in the file -> the demo's; rows of other symbols are passed over."""

REPLAY_TICK_S: Final = 0.1
"""Marks are thinned out to one a symbol and tick: 10 a second of replayed time."""

TICKS_MAX: Final = 864_000
"""A day of ticks (at the bound passes); a longer file is refused, not held in memory."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_TICK_NS: Final = 100_000_000
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


class UnreadableReplay(ValueError):
    """The file is no captured market; the message is one readable line with file and line number."""


@dataclass(slots=True)
class _TickDraft:
    marks: dict[str, Decimal] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)


def read_replay(path: Path) -> Tape:
    """Read a captured market whole, thinned out to ticks.

    A row whose ``local_ns`` is before that of the row above counts at the time of that row: marks never go back. A
    quote without both sides, or crossed, moves no mark.

    Raises:
        UnreadableReplay: the file is not there, not csv, lacks a column, or a row of it cannot be read.
    """
    try:
        with _opened(path) as file:
            rows = csv.reader(file)
            _check_header(next(rows, []), path)
            return _tape(rows, path)
    except OSError as error:
        raise UnreadableReplay(f"{path}: {error.strerror or error}") from error
    except (EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableReplay(f"{path}: {error}") from error


def _opened(path: Path) -> TextIO:
    with path.open("rb") as file:
        packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    if packed:
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open("r", encoding="utf-8", newline="")


def _check_header(header: Sequence[str], path: Path) -> None:
    if tuple(header) != COLUMNS:
        raise UnreadableReplay(f"{path}: line 1 must name the columns {','.join(COLUMNS)}")


def _tape(rows: Iterable[list[str]], path: Path) -> Tape:
    """Put every row into its tick."""
    drafts: list[_TickDraft] = []
    opening: dict[str, Decimal] = {}
    first_ns = None
    for number, row in enumerate(rows, 2):
        try:
            local_ns, symbol, mark, trade = _read_row(row)
        except Unreadable as unreadable:
            raise UnreadableReplay(f"{path}: line {number}: {unreadable}") from None
        first_ns = local_ns if first_ns is None else first_ns
        place = max(len(drafts) - 1, (local_ns - first_ns) // _TICK_NS)
        if place >= TICKS_MAX:
            raise UnreadableReplay(f"{path}: line {number}: more than {TICKS_MAX} ticks after the first row")
        while len(drafts) <= place:
            drafts.append(_TickDraft())
        if mark is not None:
            drafts[place].marks[symbol] = mark
            opening.setdefault(symbol, mark)
        elif trade is not None:
            drafts[place].trades.append(trade)
    if not opening:
        raise UnreadableReplay(f"{path}: no quote of {', '.join(SYMBOLS)} in it")
    ticks = tuple(Tick(draft.marks, tuple(draft.trades)) for draft in drafts)
    return Tape(REPLAY_TICK_S, ticks, opening)


_Read = tuple[int, str, Decimal | None, Trade | None]


def _read_row(row: Sequence[str]) -> _Read:
    """Read one row: time, symbol, and the mark or the trade that it tells; neither for what does not concern us."""
    if len(row) != len(COLUMNS):
        raise Unreadable(f"{len(row)} fields instead of {len(COLUMNS)}")
    fields = dict(zip(COLUMNS, row, strict=True))
    if not (fields["local_ns"].isascii() and fields["local_ns"].isdigit()):
        raise Unreadable("local_ns must be whole nanoseconds")
    local_ns, symbol = int(fields["local_ns"]), SYMBOLS.get(fields["symbol"], "")
    match fields["kind"]:
        case "quote":
            mid = _mid(fields)
            return local_ns, symbol, mid if symbol else None, None
        case "trade":
            trade = _trade(symbol, fields)
            return local_ns, symbol, None, trade if symbol else None
        case kind:
            raise Unreadable(f"kind must be quote or trade, not {kind!r}")


def _mid(fields: Mapping[str, str]) -> Decimal | None:
    if not fields["bid"] or not fields["ask"]:
        return None
    bid, ask = _number(fields, "bid"), _number(fields, "ask")
    return (bid + ask) / 2 if ZERO < bid <= ask else None


def _trade(symbol: str, fields: Mapping[str, str]) -> Trade:
    side = _SIDES.get(fields["taker_side"])
    if side is None:
        raise Unreadable(f"taker_side must be buy or sell, not {fields['taker_side']!r}")
    price, quantity = _number(fields, "px"), _number(fields, "qty")
    if price <= ZERO or quantity <= ZERO:
        raise Unreadable("px and qty must be positive")
    return Trade(symbol, side, price, quantity)


def _number(fields: Mapping[str, str], name: str) -> Decimal:
    try:
        return read_decimal(fields[name])
    except Unreadable as unreadable:
        raise Unreadable(f"{name} {unreadable}") from None
