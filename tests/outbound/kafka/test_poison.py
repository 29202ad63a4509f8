"""Records that cannot be read, among very many that can."""

import asyncio
import os
from typing import Final
from uuid import UUID

import pytest
from tests.buses import PATIENCE_S, BusBed
from tests.inbound.events.desk import Desk, Durable
from tests.inbound.events.records import envelope
from tests.kafka import kafka_bed
from tests.outbound.kafka.members import SystemClock

from services.kafka import Kafka
from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.feeds import Applied
from tidegate.inbound.events.processors import EventProcessors, SettingAside
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.usecases.pretrade.put_back import put_back

pytestmark = pytest.mark.servers

FULL: Final = bool(os.environ.get("TIDEGATE_FULL"))
RECORDS: Final = 100_000 if FULL else 2_000
POISON_EVERY: Final = 20
POISON: Final = RECORDS // POISON_EVERY
NEW_ID: Final = 77
FRAMING_BYTES: Final = 10
"""What stands before the body of a record without a registry."""

AT_ONCE: Final = 500


def a_balance(desk: Desk, bed: BusBed, *, number: int) -> OutgoingEvent:
    """The first balance of a user of its own; one in twenty is written with a schema that nobody here knows yet."""
    user_id = str(UUID(int=number))
    balance = {"asset": "USDT", "total": str(number), "locked": "0"}
    record = envelope(feeds.BALANCE_CHANGED, 1) | {"event_id": user_id, "user_id": user_id, "account_id": "main"}
    value = desk.codec.encode(feeds.BALANCE_CHANGED, record | {"balance": balance, "snapshot": None, "heals": None})
    if not number % POISON_EVERY:
        value = b"\x00" + NEW_ID.to_bytes(4, "big") + value[FRAMING_BYTES:]
    return OutgoingEvent(bed.wallet, user_id, value, user_id)


async def consumed(consumer: Consumer, desk: Desk, *, records: int) -> None:
    """Consume until so many records have been judged, applied or set aside."""
    async with asyncio.timeout(PATIENCE_S * (20 if FULL else 1)):
        while sum(desk.counts.values()) + desk.aside.count < records:
            await consumer.step()


@pytest.mark.timeout(900)
async def test_one_record_in_twenty_that_cannot_be_read_costs_none_of_the_others(kafka_server: Kafka) -> None:
    """RE-214: all of them and no other are dead letters; once they can be read, a replay brings every one of them back,
    and the account book has heard all.
    """
    async with kafka_bed(kafka_server, partitions=3) as bed:
        desk = Desk(Durable())
        desk.aside = SettingAside(bed.letters, SystemClock(), desk.alarms.append)
        processors = EventProcessors(desk.codec, desk.ingests, aside=desk.aside, environment=bed.suffix)
        for start in range(0, RECORDS, AT_ONCE):
            await bed.bus.publish([a_balance(desk, bed, number=number) for number in range(start, start + AT_ONCE)])
        consumer = Consumer(
            bed.bus, processors.process, subscription=Subscription(bed.group, (bed.wallet,)), clock=SystemClock()
        )
        await consumed(consumer, desk, records=RECORDS)
        letters = await bed.letters.list(bed.wallet, limit=RECORDS)
        assert {int(UUID(letter.key)) for letter in letters} == set(range(0, RECORDS, POISON_EVERY))
        assert desk.counts == {(feeds.BALANCE_CHANGED, Applied.APPLIED): RECORDS - POISON}

        desk.codec.learn_writer(NEW_ID, desk.codec.catalogue[feeds.BALANCE_CHANGED].current.parsed)
        now_us = bed.now_us()
        assert len(await put_back(bed.letters, bed.bus, topic=None, limit=RECORDS, now_us=now_us)) == POISON
        await consumed(consumer, desk, records=RECORDS + POISON)
        assert desk.counts == {(feeds.BALANCE_CHANGED, Applied.APPLIED): RECORDS}
        assert await bed.letters.list(None, limit=1, waiting=True) == []
        assert not desk.alarms
