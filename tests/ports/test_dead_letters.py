"""Contract of ``DeadLetters``."""

from dataclasses import replace

from tests.buses import BusBed
from tests.ports.builders import NOW_US

from tidegate.ports.event_bus import DeadLetter


def a_letter(
    bed: BusBed, offset: int = 0, *, topic: str = "", error: str = "no schema", after_us: int = 0
) -> DeadLetter:
    """An unreadable record of the orders' topic, set aside so long after a moment."""
    value, headers = b"\x00\xff broken", (("traceparent", b"00-1"), ("twice", b"1"), ("twice", b"\xff"))
    name = topic or bed.orders
    return DeadLetter(name, 0, offset, "user-1", value, error=error, sent_us=NOW_US + after_us, headers=headers)


async def test_dead_letter_keeps_the_original_bytes_and_its_place(bed: BusBed) -> None:
    """PT-709: topic, partition, offset, bytes, headers and error come back as they were."""
    await bed.letters.put([a_letter(bed, 7)])
    assert await bed.letters.list(None, limit=10) == [a_letter(bed, 7)]


async def test_dead_letter_is_kept_once(bed: BusBed) -> None:
    """PT-709: a record that is read twice is set aside once, as it was the first time."""
    await bed.letters.put([a_letter(bed, 7)])
    await bed.letters.put([a_letter(bed, 7, error="again")])
    assert await bed.letters.list(None, limit=10) == [a_letter(bed, 7)]


async def test_dead_letters_are_listed_by_topic_oldest_first(bed: BusBed) -> None:
    """PT-709: an operator sees the oldest of a topic first, as many as asked for."""
    letters = [
        a_letter(bed, 9),
        a_letter(bed, 2, after_us=1),
        a_letter(bed, 2, topic=bed.empty, after_us=2),
    ]
    await bed.letters.put(letters)
    assert [letter.offset for letter in await bed.letters.list(bed.orders, limit=10)] == [9, 2]
    assert await bed.letters.list(None, limit=10) == letters
    assert await bed.letters.list(None, limit=1) == letters[:1]
    assert await bed.letters.list("nowhere", limit=1) == []


async def test_dead_letter_error_may_hold_any_character(bed: BusBed) -> None:
    """PT-709: the words of a parser that quotes what it read do not keep the record from being set aside."""
    await bed.letters.put([a_letter(bed, 1, error="unexpected \x00 or \ud800")])
    assert len(await bed.letters.list(None, limit=1)) == 1


async def test_dead_letter_that_was_put_back_waits_no_more(bed: BusBed) -> None:
    """RE-203: it is listed still, with the time of its first replay, and not among those that wait."""
    letters = [a_letter(bed, offset, after_us=offset) for offset in range(3)]
    await bed.letters.put(letters)
    await bed.letters.mark_replayed(letters[:2], now_us=NOW_US + 50)
    await bed.letters.mark_replayed(letters[:1], now_us=NOW_US + 90)
    await bed.letters.put(letters[:1])
    assert await bed.letters.list(None, limit=10, waiting=True) == letters[2:]
    replayed = [replace(letter, replayed_us=NOW_US + 50) for letter in letters[:2]]
    assert await bed.letters.list(bed.orders, limit=10) == [*replayed, letters[2]]
