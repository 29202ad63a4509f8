"""Members of a group that come and go: what is read is applied, by whoever has it."""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import Final

import pytest
from tests.buses import PATIENCE_S
from tests.kafka import kafka_bed
from tests.outbound.kafka.members import QUICK, Ledger, Member, load_on

from services.kafka import Kafka
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.event_source import KafkaEventSource
from tidegate.ports.event_bus import BusRecord, Place

pytestmark = pytest.mark.servers

REBALANCES: Final = 50 if os.environ.get("TIDEGATE_FULL") else 5
PARTITIONS: Final = 6
EVERYTHING: Final = 2 * PARTITIONS


async def settled(members: Sequence[Member], ledger: Ledger) -> None:
    """Wait until the members have all partitions between them, each one owner's."""

    def spread() -> bool:
        held = [member.places() for member in members]
        return sum(map(len, held)) == EVERYTHING == len(set().union(*held)) and all(held)

    await ledger.until(spread)


@pytest.mark.timeout(600)
async def test_group_that_is_reformed_again_and_again_loses_nothing(
    kafka_server: Kafka, record_property: Callable[[str, object], None]
) -> None:
    """RE-208: under load, members join and leave at any moment; every record is applied, each key's in order."""
    random, ledger = Random(20), Ledger()
    async with kafka_bed(kafka_server, partitions=PARTITIONS) as bed:
        members = [Member.join(kafka_server, bed, ledger=ledger)]
        async with load_on(bed) as load:
            await settled(members, ledger)
            for _ in range(REBALANCES):
                if len(members) == 1 or (len(members) == 2 and random.random() < 0.5):
                    members.append(Member.join(kafka_server, bed, ledger=ledger))
                else:
                    await members.pop(random.randrange(len(members))).leave()
                await settled(members, ledger)
        await ledger.until(lambda: sum(ledger.last.values()) == load.published * load.keys)
        for member in members:
            await member.leave()
    assert ledger.holes == []
    figure = f"{REBALANCES} rebalances, {load.published * load.keys:,} records, {ledger.repeats:,} read twice"
    record_property("figure", figure)


async def test_batch_in_hand_when_its_partitions_go_is_read_again_by_their_next_owner(kafka_server: Kafka) -> None:
    """RE-209: a member that is slow to apply does not hold up a new one for long; what it had in hand is read again by
    whoever has the partition now, and its late commit is no error and passes nothing over.
    """
    async with kafka_bed(kafka_server, partitions=2) as bed:
        slow, joining = (KafkaEventSource(KafkaConnection(kafka_server.url), pace=QUICK) for _ in range(2))
        await bed.bus.publish([bed.event(str(number), key=f"key-{number}") for number in range(20)])

        async def read(source: KafkaEventSource, *, partitions: int) -> Sequence[BusRecord]:
            """Read all there is of so many partitions."""
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    batch = await source.read(bed.group, [bed.wallet], limit=100, now_us=bed.now_us())
                    if len(batch.complete) == partitions:
                        return batch.records

        in_hand = await read(slow, partitions=2)
        again = await read(joining, partitions=1)
        assert again == [record for record in in_hand if record.partition == again[0].partition] != in_hand
        await slow.commit(bed.group, {(record.topic, record.partition): record.offset + 1 for record in in_hand})
        await joining.close()
        assert set(await read(slow, partitions=2)) == set(in_hand)
        await slow.close()


@pytest.mark.parametrize(("floor", "first"), [(None, "d"), (1, "b"), (9, "d")])
async def test_partition_begins_where_both_group_and_mirror_have_been(
    kafka_server: Kafka, floor: int | None, first: str
) -> None:
    """RE-210: an assigned partition is read from the smaller of what its group committed and what the mirror holds."""
    async with kafka_bed(kafka_server) as bed:
        await bed.bus.publish([bed.event(value) for value in "abcdef"])
        await bed.read(bed.wallet)
        await bed.commit(bed.wallet, 3)
        await bed.bus.source.close()  # type: ignore[attr-defined] # the bed is Kafka's
        asked: list[Collection[Place]] = []

        async def mirrored(places: Collection[Place]) -> Mapping[Place, int]:
            asked.append(places)
            return {} if floor is None else dict.fromkeys(places, floor)

        source = KafkaEventSource(KafkaConnection(kafka_server.url), floor=mirrored, pace=QUICK)
        async with asyncio.timeout(30):
            while not (batch := await source.read(bed.group, [bed.wallet], limit=1, now_us=bed.now_us())).records:
                pass
        assert batch.records[0].value.decode() == first
        assert asked == [[(bed.wallet, 0)]]
        await source.close()


async def test_nothing_is_read_while_it_is_not_known_where_to_begin(kafka_server: Kafka) -> None:
    """RE-210: with the mirror away a reading fails, and later begins where it should."""
    async with kafka_bed(kafka_server) as bed:
        await bed.bus.publish([bed.event(value) for value in "abc"])
        away = True

        async def mirrored(places: Collection[Place]) -> Mapping[Place, int]:
            if away:
                raise DependencyFailed("mirror", "away")
            return {}

        source = KafkaEventSource(KafkaConnection(kafka_server.url), floor=mirrored, pace=QUICK)
        failures, records = 0, list[BusRecord]()
        async with asyncio.timeout(30):
            while not records:
                try:
                    batch = await source.read(bed.group, [bed.wallet], limit=5, now_us=bed.now_us())
                    records += batch.records
                except DependencyFailed:
                    failures += 1
                    away = failures < 3
        assert (failures, [record.value for record in records]) == (3, [b"a", b"b", b"c"])
        await source.close()


async def test_topic_that_does_not_exist_is_trouble(kafka_server: Kafka) -> None:
    """RE-211: not to find a topic is not to find it empty: nothing is read, and the trouble names it."""
    source = KafkaEventSource(KafkaConnection(kafka_server.url), pace=QUICK)
    with pytest.raises(DependencyFailed, match="topic absent does not exist"):
        await source.read("anyone", ["absent"], limit=1, now_us=0)
    await source.close()
