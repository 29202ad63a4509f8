"""Dead letters go back on their topics, once."""

from collections.abc import Sequence

import pytest
from tests.buses import BusBed, everything
from tests.inbound.events.desk import NOW_US

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.memory.event_bus import MemoryDeadLetters, MemoryEventBus
from tidegate.ports.event_bus import DeadLetter, OutgoingEvent
from tidegate.usecases.pretrade.put_back import AT_ONCE, REPLAYED_FROM, put_back

TRACE = ("traceparent", b"00-1")


class FullBus(MemoryEventBus):
    """A bus that takes so many publications."""

    takes = 1

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        if not self.takes:
            raise DependencyFailed("bus", "full")
        self.takes -= 1
        await super().publish(events)


@pytest.fixture
def bed() -> BusBed:
    return BusBed(MemoryEventBus(), MemoryDeadLetters())


def a_letter(bed: BusBed, offset: int, *, topic: str = "") -> DeadLetter:
    value = b"\x00 letter %d" % offset
    return DeadLetter(topic or bed.wallet, 3, offset, "user-1", value, error="e", sent_us=offset, headers=(TRACE,))


async def test_letters_go_back_as_they_were_and_once(bed: BusBed) -> None:
    """RE-206: bytes, key and headers are the original ones, a header says from where; a second replay finds nothing."""
    await bed.letters.put([a_letter(bed, offset) for offset in (7, 9)])
    replayed = await put_back(bed.letters, bed.bus, topic=None, limit=10, now_us=NOW_US)
    assert [letter.offset for letter in replayed] == [7, 9]
    assert await put_back(bed.letters, bed.bus, topic=None, limit=10, now_us=NOW_US) == []
    records = await everything(bed.bus, [bed.wallet])
    assert [(record.key, record.value, record.headers) for record in records] == [
        ("user-1", b"\x00 letter %d" % offset, (TRACE, (REPLAYED_FROM, f"{bed.wallet}/3/{offset}".encode())))
        for offset in (7, 9)
    ]
    assert [letter.replayed_us for letter in await bed.letters.list(None, limit=10)] == [NOW_US, NOW_US]


async def test_letter_that_comes_again_names_its_last_place_alone(bed: BusBed) -> None:
    """RE-206: put back and set aside over and over, a record does not grow."""
    await bed.letters.put([a_letter(bed, 7)])
    for round_number in range(3):
        await put_back(bed.letters, bed.bus, topic=None, limit=1, now_us=NOW_US)
        record = (await everything(bed.bus, [bed.wallet]))[-1]
        place = (record.topic, record.partition, record.offset)
        await bed.letters.put([DeadLetter(*place, record.key, record.value, "e", round_number, record.headers)])
    last = (await everything(bed.bus, [bed.wallet]))[-1]
    assert last.headers == (TRACE, (REPLAYED_FROM, f"{bed.wallet}/0/1".encode()))


async def test_only_what_was_asked_for_goes_back(bed: BusBed) -> None:
    """RE-206: one topic, and as many as the limit, the oldest first."""
    await bed.letters.put([a_letter(bed, 1, topic=bed.orders), *(a_letter(bed, offset) for offset in (2, 3, 4))])
    replayed = await put_back(bed.letters, bed.bus, topic=bed.wallet, limit=2, now_us=NOW_US)
    assert [letter.offset for letter in replayed] == [2, 3]
    assert [letter.offset for letter in await bed.letters.list(None, limit=10, waiting=True)] == [1, 4]


async def test_replay_that_fails_half_way_goes_on_where_it_was(bed: BusBed) -> None:
    """RE-206: what was taken is marked before the rest is tried, so that the next replay puts back the others alone."""
    bus = FullBus()
    await bed.letters.put([a_letter(bed, offset) for offset in range(AT_ONCE + 3)])
    with pytest.raises(DependencyFailed):
        await put_back(bed.letters, bus, topic=None, limit=10_000, now_us=NOW_US)
    bus.takes = 1
    assert len(await put_back(bed.letters, bus, topic=None, limit=10_000, now_us=NOW_US)) == 3
    assert len(await everything(bus, [bed.wallet])) == AT_ONCE + 3
