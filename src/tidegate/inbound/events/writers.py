"""Has the schemas at hand that records were written with, before the records are read."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tidegate.ports.event_bus import BusRecord
from tidegate.ports.schema_source import SchemaSource
from tidegate.wire.codec import AvroCodec, UnreadableRecord

FETCHES_AT_ONCE_MAX: Final = 16
"""Schemas asked for at the same time."""

Process = Callable[[Sequence[BusRecord]], Awaitable[None]]


class KnownWriters:
    """Teaches a codec the schemas that records name, each once.

    A number that stands for no readable schema stays unknown, and its records unreadable. While it cannot be told what
    one means, the whole batch waits: a record that is passed over is lost, and one set aside was called unreadable.
    """

    def __init__(self, codec: AvroCodec, schemas: SchemaSource) -> None:
        self._codec = codec
        self._schemas = schemas

    def before(self, process: Process) -> Process:
        """Give a ``process`` that first has every schema at hand that its records name.

        It raises DependencyFailed as ``process`` does, and when a schema cannot be fetched now.
        """

        async def prepared(records: Sequence[BusRecord]) -> None:
            if unknown := self._codec.unknown_writers([record.value for record in records]):
                await self._learn(unknown)
            await process(records)

        return prepared

    async def _learn(self, unknown: Sequence[int]) -> None:
        for start in range(0, len(unknown), FETCHES_AT_ONCE_MAX):
            fetched = unknown[start : start + FETCHES_AT_ONCE_MAX]
            outcomes = await asyncio.gather(*map(self._fetch, fetched), return_exceptions=True)
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome

    async def _fetch(self, schema_id: int) -> None:
        schema = await self._schemas.schema(schema_id)
        if schema is None:
            return
        try:
            self._codec.learn_writer(schema_id, schema)
        except UnreadableRecord:
            # Read, the record says so for itself.
            return
