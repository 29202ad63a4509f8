"""What a service has written, read beside it: decisions in the order in which they were recorded."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.buses import everything
from tests.inbound.events.records import ENVIRONMENT

from tidegate.bootstrap.stores import Stores
from tidegate.ports.decision_journal import DecisionFilter, DecisionRecord
from tidegate.ports.paging import PageRequest
from tidegate.usecases.pretrade.announce import DECISION_TOPIC
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import IN_TOPICS, OUT_TOPICS, topic_name


async def relayed(stores: Stores) -> None:
    """Wait until the relay has announced everything: each look is a statement, so nothing spins idle."""
    while await stores.outbox.pending(1):
        pass


async def recorded(stores: Stores) -> list[DecisionRecord]:
    """Give all decisions in the order in which they were recorded, which is that of their announcements."""
    await relayed(stores)
    by_id = {record.answer.decision_id: record async for record in _everything(stores)}
    codec = AvroCodec(SchemaCatalogue.load())
    announced = await everything(stores.bus, [topic_name(DECISION_TOPIC, environment=ENVIRONMENT)])
    order = dict.fromkeys(str(codec.decode(DECISION_TOPIC, event.value)["decision_id"]) for event in announced)
    assert order.keys() == by_id.keys(), "announced and recorded decisions are not the same"
    return [by_id[decision_id] for decision_id in order]


async def _everything(stores: Stores) -> AsyncIterator[DecisionRecord]:
    """Give all decisions, those too that were withdrawn."""
    cursor = None
    while True:
        page = await stores.archive.page(PageRequest(200, cursor), DecisionFilter())
        for record in page.items:
            yield record
        cursor = page.next_cursor
        if cursor is None:
            return


async def out_events(stores: Stores) -> list[tuple[str, str, dict[str, Any]]]:
    """Give everything on the out-topics as it lies there: topic (base name), key, record."""
    codec, found = AvroCodec(SchemaCatalogue.load()), list[tuple[str, str, dict[str, Any]]]()
    names = {topic_name(topic, environment=ENVIRONMENT): topic for topic in OUT_TOPICS}
    for event in await everything(stores.bus, list(names)):
        topic = names[event.topic]
        found.append((topic, event.key, codec.decode(topic, event.value)))
    return found


async def all_applied(stores: Stores) -> None:
    """Wait until the consumers have committed everything that lies on the in-topics."""
    behind = """
        SELECT count(*) FROM bus_topics LEFT JOIN bus_consumers USING (topic)
        WHERE topic = ANY ($1::text[]) AND coalesce(bus_consumers.next_offset, 0) < bus_topics.next_offset
    """
    topics = [topic_name(topic, environment=ENVIRONMENT) for topic in IN_TOPICS]
    async with asyncio.timeout(60), stores.pool.connection() as connection:
        while await connection.fetchval(behind, topics):
            pass
