"""Records that could not be read, on ``<topic>.dlq`` beside their topic: original bytes, key and headers, and why."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.event_source import KafkaEventSource
from tidegate.outbound.kafka.publisher import KafkaEventPublisher
from tidegate.outbound.kafka.records import header
from tidegate.outbound.kafka.topics import KafkaTopics
from tidegate.ports.event_bus import BusRecord, DeadLetter, Headers, OutgoingEvent
from tidegate.wire.topics import dlq_name

_OURS: Final = "tidegate-dlq-"
_TOPIC: Final = f"{_OURS}topic"
_PARTITION: Final = f"{_OURS}partition"
_OFFSET: Final = f"{_OURS}offset"
_ERROR: Final = f"{_OURS}error"
_TIME: Final = f"{_OURS}time-us"
_REPLAYED: Final = f"{_OURS}replayed-us"

_ERROR_CHARACTERS_MAX: Final = 4_000

LetterPlace = tuple[str, int, int]


class KafkaDeadLetters:
    """``DeadLetters`` on Kafka. ``topics``: those whose letters are listed when none is named.

    A log can only be written behind: a letter that was set aside twice lies there twice and is listed once, as it was
    first; that it was put back is a second record of the same place, without bytes.
    """

    def __init__(self, connection: KafkaConnection, publisher: KafkaEventPublisher, *, topics: Sequence[str]) -> None:
        self._topics = tuple(topics)
        self._published = publisher
        self._metadata = KafkaTopics(connection)
        self._source = KafkaEventSource(connection)

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        await self._published.publish([_event(letter, letter.value, headers=_why(letter)) for letter in letters])

    async def list(self, topic: str | None, *, limit: int, waiting: bool = False) -> Sequence[DeadLetter]:
        names = [dlq_name(name) for name in (self._topics if topic is None else (topic,))]
        letters: dict[LetterPlace, DeadLetter] = {}
        replayed_us: dict[LetterPlace, int] = {}
        async for page in self._source.replay(await self._metadata.existing(names)):
            for record in page:
                letter, marked_us = _letter(record)
                place = (letter.topic, letter.partition, letter.offset)
                if marked_us is None:
                    letters.setdefault(place, letter)
                else:
                    replayed_us.setdefault(place, marked_us)
        found = [replace(letter, replayed_us=replayed_us.get(place)) for place, letter in letters.items()]
        found = [letter for letter in found if not (waiting and letter.replayed_us is not None)]
        return sorted(found, key=lambda letter: letter.sent_us)[:limit]

    async def mark_replayed(self, letters: Sequence[DeadLetter], *, now_us: int) -> None:
        marks = [_event(letter, b"", headers=(*_place(letter), (_REPLAYED, b"%d" % now_us))) for letter in letters]
        await self._published.publish(marks)


def _place(letter: DeadLetter) -> Headers:
    return (
        (_TOPIC, letter.topic.encode()),
        (_PARTITION, b"%d" % letter.partition),
        (_OFFSET, b"%d" % letter.offset),
    )


def _why(letter: DeadLetter) -> Headers:
    error = letter.error[:_ERROR_CHARACTERS_MAX].encode(errors="backslashreplace")
    return (*_place(letter), (_ERROR, error), (_TIME, b"%d" % letter.sent_us), *letter.headers)


def _event(letter: DeadLetter, value: bytes, *, headers: Headers) -> OutgoingEvent:
    return OutgoingEvent(dlq_name(letter.topic), letter.key, value, event_id="", headers=headers)


def _letter(record: BusRecord) -> tuple[DeadLetter, int | None]:
    """Read a record of a dead-letter topic: the letter, and when it was put back if that is what it says."""

    def said(name: str, *, absent: bytes) -> bytes:
        value = header(record.headers, name)
        return absent if value is None else value

    replayed_us = header(record.headers, _REPLAYED)
    letter = DeadLetter(
        said(_TOPIC, absent=record.topic.removesuffix(".dlq").encode()).decode(),
        int(said(_PARTITION, absent=b"%d" % record.partition)),
        int(said(_OFFSET, absent=b"%d" % record.offset)),
        key=record.key,
        value=record.value,
        error=said(_ERROR, absent=b"").decode(),
        sent_us=int(said(_TIME, absent=b"0")),
        headers=tuple((name, value) for name, value in record.headers if not name.startswith(_OURS)),
    )
    return letter, None if replayed_us is None else int(replayed_us)
