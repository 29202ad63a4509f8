"""Puts dead letters back on their topics, once what kept them from being read has been mended."""

from collections.abc import Sequence
from typing import Final

from tidegate.ports.event_bus import DeadLetter, DeadLetters, EventPublisher, Headers, OutgoingEvent

REPLAYED_FROM: Final = "tidegate-replayed-from"
"""Header of a record that was put back: the place it was set aside at, ``topic/partition/offset``."""

AT_ONCE: Final = 500
"""Letters put back and marked together: a crash between the two puts these back once more, and no others."""


async def put_back(
    letters: DeadLetters, publisher: EventPublisher, *, topic: str | None, limit: int, now_us: int
) -> Sequence[DeadLetter]:
    """Publish letters that wait on the topic each was read from, oldest first, with their bytes, key and headers, and
    mark them; give them. A letter is put back once; an event that is told twice all the same is applied once.

    Raises:
        DependencyFailed: bus or letters did not answer; what was marked until then has been put back.
    """
    waiting = await letters.list(topic, limit=limit, waiting=True)
    for start in range(0, len(waiting), AT_ONCE):
        together = waiting[start : start + AT_ONCE]
        await publisher.publish([_event(letter) for letter in together])
        await letters.mark_replayed(together, now_us=now_us)
    return waiting


def _event(letter: DeadLetter) -> OutgoingEvent:
    place = f"{letter.topic}/{letter.partition}/{letter.offset}"
    kept = tuple((name, value) for name, value in letter.headers if name != REPLAYED_FROM)
    headers: Headers = (*kept, (REPLAYED_FROM, place.encode()))
    return OutgoingEvent(letter.topic, letter.key, letter.value, event_id=f"replay of {place}", headers=headers)
