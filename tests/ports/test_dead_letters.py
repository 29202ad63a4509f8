"""Contract of ``DeadLetters``."""

from tests.ports.builders import NOW_US
from tests.ports.stores import Stores

from tidegate.ports.event_bus import DeadLetter


def a_letter(offset: int = 0, *, topic: str = "order.command.v1.dev", error: str = "no schema") -> DeadLetter:
    """An unreadable record."""
    return DeadLetter(topic, 0, offset, key="user-1", value=b"\x00\xff broken", error=error, sent_us=NOW_US)


async def test_dead_letter_keeps_the_original_bytes_and_its_place(stores: Stores) -> None:
    """PT-709: topic, partition, offset, bytes and error come back as they were."""
    await stores.dead_letters.put(a_letter(7))
    assert await stores.dead_letters.list(None, limit=10) == [a_letter(7)]


async def test_dead_letter_is_kept_once(stores: Stores) -> None:
    """PT-709: a record that is read twice is set aside once, as it was the first time."""
    await stores.dead_letters.put(a_letter(7))
    await stores.dead_letters.put(a_letter(7, error="again"))
    assert await stores.dead_letters.list(None, limit=10) == [a_letter(7)]


async def test_dead_letters_are_listed_by_topic_oldest_first(stores: Stores) -> None:
    """PT-709: an operator sees the oldest of a topic first, as many as asked for."""
    for letter in (a_letter(9), a_letter(2), a_letter(2, topic="md.mark.v1.dev")):
        await stores.dead_letters.put(letter)
    assert [letter.offset for letter in await stores.dead_letters.list("order.command.v1.dev", limit=10)] == [9, 2]
    assert await stores.dead_letters.list(None, limit=1) == [a_letter(9)]
    assert await stores.dead_letters.list("nowhere", limit=1) == []


async def test_dead_letter_error_may_hold_any_character(stores: Stores) -> None:
    """PT-709: the words of a parser that quotes what it read do not keep the record from being set aside."""
    await stores.dead_letters.put(a_letter(1, error="unexpected \x00 or \ud800"))
    assert len(await stores.dead_letters.list(None, limit=1)) == 1
