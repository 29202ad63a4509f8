"""md.mark.v1: the newest mark stands, and one that cannot be read leaves none."""

from decimal import Decimal

import pytest
from tests.inbound.events.desk import NOW_US, Desk
from tests.inbound.events.records import START_MS, an_event, mark_record

from tidegate.core.pretrade.instrument import Mark
from tidegate.ports.event_bus import OutgoingEvent


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def told(desk: Desk, *events: OutgoingEvent) -> None:
    await desk.durable.bus.publish(events)
    batch = await desk.durable.bus.read("marks", desk.marks.topics, limit=1_000, now_us=NOW_US)
    records = batch.records
    await desk.marks.process(records)
    await desk.durable.bus.commit("marks", {(record.topic, 0): record.offset + 1 for record in records})


def a_mark(
    desk: Desk, sequence: int, *, price: str = "50000", symbol: str = "BTCUSDT", at_s: int | None = None
) -> OutgoingEvent:
    at_ms = None if at_s is None else START_MS + at_s * 1_000
    return an_event(desk.codec, "md.mark.v1", record=mark_record(sequence, price, symbol=symbol, at_ms=at_ms))


def at(seconds: int) -> int:
    return (START_MS + seconds * 1_000) * 1_000


MARK_TABLE: list[tuple[str, list[tuple[int, str, int]], str | None]] = [
    # told as (sequence, price, second)
    ("newest stands", [(1, "1", 1), (2, "2", 2)], "2"),
    ("repeated", [(1, "1", 1), (1, "9", 9)], "1"),
    ("older sequence", [(2, "2", 2), (1, "1", 3)], "2"),
    ("older time", [(1, "1", 5), (2, "2", 4)], "1"),
    ("same time, newer sequence", [(1, "1", 1), (2, "2", 1)], "2"),
    ("gap", [(1, "1", 1), (9, "9", 9)], "9"),
    ("zero is unreadable", [(1, "1", 1), (2, "0", 2)], None),
    ("below zero is unreadable", [(1, "1", 1), (2, "-1", 2)], None),
    ("no decimal", [(1, "1", 1), (2, "1e5", 2)], None),
    ("readable again", [(1, "x", 1), (2, "2", 2)], "2"),
]


@pytest.mark.parametrize(("marks", "price"), [row[1:] for row in MARK_TABLE], ids=[row[0] for row in MARK_TABLE])
async def test_mark_each_story_ends_in_the_newest(
    desk: Desk, marks: list[tuple[int, str, int]], price: str | None
) -> None:
    """PT-705: an older sequence or time changes nothing; an unreadable price never leaves an old one standing."""
    await told(desk, *(a_mark(desk, sequence, price=told_price, at_s=second) for sequence, told_price, second in marks))
    assert desk.market.marks["BTCUSDT"].price == (None if price is None else Decimal(price))


async def test_mark_has_the_time_of_its_event(desk: Desk) -> None:
    """PT-330: the mark's age is judged by event_ts; symbols are told apart by case."""
    await told(desk, a_mark(desk, 1, at_s=1), a_mark(desk, 1, price="7", symbol="btcusdt", at_s=2))
    assert desk.market.marks == {"BTCUSDT": Mark(Decimal(50_000), at(1)), "btcusdt": Mark(Decimal(7), at(2))}
    assert (desk.mark_ingest.applied, desk.mark_ingest.outdated) == (2, 0)


async def test_unreadable_marks_are_set_aside(desk: Desk) -> None:
    """PT-709: bytes that are no record, a price that is no decimal and a symbol that is none, each with its error."""
    topic = desk.marks.topics[0]
    await told(
        desk,
        a_mark(desk, 1),
        OutgoingEvent(topic, "BTCUSDT", b"\x07", ""),
        a_mark(desk, 2, price="1e5"),
        a_mark(desk, 1, symbol="a\x00"),
    )
    letters = await desk.durable.letters.list(topic, limit=10)
    assert [(letter.offset, letter.error.split(":")[0]) for letter in letters] == [
        (1, "unknown_framing"),
        (2, "price"),
        (3, "must not contain control characters"),
    ]
    assert desk.market.marks == {"BTCUSDT": Mark(None, at(2))}
