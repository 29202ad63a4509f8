"""A captured market becomes a tape: clock, mids, trades, and one readable line for a file that is none."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.core.pretrade.order import Side
from tidegate.demo.market import Trade
from tidegate.demo.replay import COLUMNS, SYMBOLS, UnreadableReplay, read_replay

D = Decimal
START_NS = 1_723_161_254_000_000_000
HEADER = ",".join(COLUMNS)
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write lines as a file, packed unless told otherwise."""

    def to_file(*lines: str, packed: bool = True, header: str = HEADER) -> Path:
        text = "\n".join([header, *lines]) + "\n"
        path = tmp_path / ("market.csv.gz" if packed else "market.csv")
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        return path

    return to_file


# tidy: allow-keyword-only - a row of a market reads time, bid, ask
def quote(ms: int, bid: str, ask: str, *, symbol: str = "BTCUSDT-PERP") -> str:
    return f"{START_NS + ms * 1_000_000},,{symbol},quote,{bid},1,{ask},1,,,"


def trade(ms: int, px: str, *, side: str = "buy", symbol: str = "BTCUSDT-PERP") -> str:
    return f"{START_NS + ms * 1_000_000},1723161256343,{symbol},trade,,,,,{px},0.5,{side}"


@pytest.mark.parametrize("packed", [True, False])
def test_replay_read_becomes_ticks_of_a_tenth_of_a_second(write: Write, packed: bool) -> None:
    """The clock is rebased on local_ns; the latest mid of a symbol in a tick is its mark."""
    path = write(
        quote(0, "100", "101"),
        quote(99, "102", "103"),
        quote(100, "104", "105", symbol="ETHUSDT-PERP"),
        trade(120, "102.7", side="sell"),
        quote(350, "110", "111"),
        packed=packed,
    )
    tape = read_replay(path)
    assert tape.tick_s == 0.1
    assert [dict(tick.marks) for tick in tape.ticks] == [
        {"BTCUSDT": D("102.5")},
        {"ETHUSDT": D("104.5")},
        {},
        {"BTCUSDT": D("110.5")},
    ]
    assert tape.ticks[1].trades == (Trade("BTCUSDT", Side.SELL, D("102.7"), D("0.5")),)
    assert tape.opening == {"BTCUSDT": D("100.5"), "ETHUSDT": D("104.5")}


def test_replay_read_with_a_row_from_the_past_never_goes_back(write: Write) -> None:
    """A row received before the one above it counts at that one's time."""
    tape = read_replay(write(quote(0, "1", "1"), quote(250, "2", "2"), quote(10, "3", "3")))
    assert [dict(tick.marks) for tick in tape.ticks] == [{"BTCUSDT": D(1)}, {}, {"BTCUSDT": D(3)}]


def test_replay_read_passes_over_what_does_not_concern_it(write: Write) -> None:
    """Other symbols, one-sided and crossed quotes move no mark."""
    rows = (
        quote(0, "5", "6"),
        quote(1, "1", "2", symbol="XRPUSDT-PERP"),
        quote(2, "", "7"),
        quote(3, "9", "8"),
        trade(4, "1", symbol="XRPUSDT-PERP"),
    )
    tape = read_replay(write(*rows))
    assert [(dict(tick.marks), tick.trades) for tick in tape.ticks] == [({"BTCUSDT": D("5.5")}, ())]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1,2,3", "line 3: 3 fields instead of 11"),
        ("-5,,BTCUSDT-PERP,quote,1,1,2,1,,,", "line 3: local_ns must be whole nanoseconds"),
        (quote(1, "1e3", "2"), "line 3: bid must be a plain decimal"),
        (trade(1, "5", side="hold"), "line 3: taker_side must be buy or sell, not 'hold'"),
        (trade(1, "0"), "line 3: px and qty must be positive"),
        (f"{START_NS},,BTCUSDT-PERP,depth,,,,,,,", "line 3: kind must be quote or trade, not 'depth'"),
        (quote(86_400_001, "1", "2"), "line 3: more than 864000 ticks"),
    ],
)
def test_replay_with_a_bad_row_is_refused_in_one_line(write: Write, row: str, told: str) -> None:
    """The message names file, line and what would be right."""
    path = write(quote(0, "1", "2"), row)
    with pytest.raises(UnreadableReplay) as refused:
        read_replay(path)
    assert f"{path}: {told}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_replay_that_is_no_market_is_refused_in_one_line(write: Write, tmp_path: Path) -> None:
    """Missing, without the columns, without a known symbol, cut off, not text: each is told."""
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(write(*(quote(ms, str(ms + 1), str(ms + 2)) for ms in range(500))).read_bytes()[:-40])
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    refusals = {
        tmp_path / "none.csv": "No such file",
        tmp_path: "Is a directory",
        write(header="time,price"): "line 1 must name the columns local_ns,",
        cut: "end-of-stream",
        binary: "decode",
    }
    for path, told in refusals.items():
        with pytest.raises(UnreadableReplay) as refused:
            read_replay(path)
        assert told in str(refused.value)
        assert "\n" not in str(refused.value)
    with pytest.raises(UnreadableReplay, match="no quote of BTCUSDT-PERP"):
        read_replay(write(trade(0, "5")))


@pytest.mark.shared_data
def test_replay_of_the_captured_market_reads_every_row(shared_data_dir: Path) -> None:
    """All rows parse: each trade becomes one, each market is marked, the marks lie where the market was."""
    path = shared_data_dir / "market" / "replay_merged_20240808.csv.gz"
    tape = read_replay(path)
    with gzip.open(path, "rt") as file:
        trades = sum(",trade," in line for line in file)
    assert sum(len(tick.trades) for tick in tape.ticks) == trades == 47_432
    assert set(tape.opening) == set(SYMBOLS.values())
    assert 3_400 <= len(tape.ticks) <= 3_500
    for symbol in ("BTCUSDT", "BTCUSD", "BTC-USDT"):
        marks = [tick.marks[symbol] for tick in tape.ticks if symbol in tick.marks]
        assert len(marks) > 500
        assert all(D(61_000) < mark < D(63_000) for mark in marks)
