"""Contract of ``EventPublisher`` and ``EventSource``."""

import asyncio
from collections.abc import Sequence

from tests.buses import BusBed, everything
from tests.ports.stores import Stores

from tidegate.ports.event_bus import BusRecord, OutgoingEvent

WALLET = "wallet.balance_changed.v1.dev"
ORDERS = "order.command.v1.dev"
SOON_S = 1.0


def an_event(value: str, topic: str = WALLET, *, key: str = "user-1") -> OutgoingEvent:
    """An event with its value as text."""
    return OutgoingEvent(topic, key, value.encode(), event_id=f"id-{value}")


def values(records: Sequence[BusRecord]) -> str:
    """Give the values of records in a row."""
    return "".join(record.value.decode() for record in records)


async def test_bus_gives_records_in_the_order_of_publication(bed: BusBed) -> None:
    """PT-718, RE-204: offsets of a partition count from 0 without holes; a record carries what was published."""
    headers = (("traceparent", b"00-1"), ("twice", b"1"), ("twice", b"\xff"))
    await bed.bus.publish([bed.event("a"), bed.event("b", bed.orders), bed.event("c")])
    await bed.bus.publish([bed.event("d", headers=headers)])
    records = await bed.read(bed.wallet, bed.orders)
    assert [record for record in records if record.topic == bed.wallet] == [
        BusRecord(bed.wallet, 0, 0, key="user-1", value=b"a"),
        BusRecord(bed.wallet, 0, 1, key="user-1", value=b"c"),
        BusRecord(bed.wallet, 0, 2, key="user-1", value=b"d", headers=headers),
    ]
    assert [record for record in records if record.topic != bed.wallet] == [
        BusRecord(bed.orders, 0, 0, key="user-1", value=b"b")
    ]


async def test_bus_reads_only_the_topics_asked_for(bed: BusBed) -> None:
    """PT-704: a consumer is given its own topics, and an empty topic is no fault."""
    await bed.bus.publish([bed.event("a"), bed.event("b", bed.orders)])
    assert values(await bed.read(bed.orders, bed.empty)) == "b"
    assert await bed.read(bed.empty, group="another") == []
    await bed.bus.publish([])


async def test_bus_reads_again_what_was_not_committed(bed: BusBed) -> None:
    """PT-704: a place moves when the state was applied, not when the record was read."""
    await bed.bus.publish([bed.event(value) for value in "abcd"])
    assert values(await bed.read(bed.wallet, limit=3)) == "abc"
    assert values(await bed.read(bed.wallet, limit=3)) == "abc"
    await bed.commit(bed.wallet, 2)
    assert values(await bed.read(bed.wallet, limit=3)) == "cd"
    await bed.commit(bed.wallet, 4)
    assert await bed.read(bed.wallet, limit=3) == []


async def test_bus_groups_have_places_of_their_own(bed: BusBed) -> None:
    """PT-704: what one group has applied another has not."""
    await bed.bus.publish([bed.event("a")])
    assert values(await bed.read(bed.wallet)) == "a"
    await bed.commit(bed.wallet, 1)
    assert values(await bed.read(bed.wallet, group="another")) == "a"


async def test_bus_says_up_to_when_each_partition_was_given_whole(bed: BusBed) -> None:
    """RE-200: a partition with more behind the records is not complete; one with nothing left is, as of the call."""
    await bed.bus.publish([bed.event(value) for value in "abc"])
    assert values(await bed.read(bed.wallet, limit=2)) == "ab"
    assert (bed.wallet, 0) not in bed.complete
    await bed.commit(bed.wallet, 2)
    before_us = bed.now_us()
    assert values(await bed.read(bed.wallet, limit=2)) == "c"
    assert before_us - BusBed.ANSWER_AGE_US <= bed.complete[bed.wallet, 0] <= bed.now_us()


async def test_bus_replays_every_record_committed_or_not(bed: BusBed) -> None:
    """PT-718: book and reservations are rebuilt from all records, those of a partition in order."""
    for value, topic in zip("abcdef", [bed.wallet, bed.orders] * 3, strict=True):
        await bed.bus.publish([bed.event(value, topic)])
    await bed.read(bed.wallet)
    await bed.commit(bed.wallet, 3)
    records = await everything(bed.bus, [bed.orders, bed.wallet, bed.empty])
    assert values([record for record in records if record.topic == bed.wallet]) == "ace"
    assert values(await everything(bed.bus, [bed.orders])) == "bdf"


async def test_bus_replays_from_the_places_given(bed: BusBed) -> None:
    """RE-201: a partition is told again from its place on, one that is not named from its beginning, and from its end
    on there is nothing.
    """
    for value, topic in zip("abcdef", [bed.wallet, bed.orders] * 3, strict=True):
        await bed.bus.publish([bed.event(value, topic)])
    records = await everything(bed.bus, [bed.wallet, bed.orders], since={(bed.wallet, 0): 2})
    assert sorted(values(records)) == list("bdef")
    assert await everything(bed.bus, [bed.wallet], since={(bed.wallet, 0): 3}) == []


async def test_bus_replay_ends_at_the_end_as_it_was_when_asked(bed: BusBed) -> None:
    """RE-201: a topic that grows while it is told again is told to its former end, in pages that hold no more than
    they say.
    """
    events = [bed.event(f"{number};") for number in range(2_300)]
    await bed.bus.publish(events)
    told: list[BusRecord] = []
    async for page in bed.bus.replay([bed.wallet]):
        if not told:
            await bed.bus.publish([bed.event("late", bed.wallet)])
        assert 0 < len(page) <= 1_000
        told += page
    assert [record.offset for record in told] == list(range(2_300))


async def test_bus_names_the_partitions_of_topics(bed: BusBed) -> None:
    """RE-200: who waits for all partitions knows which there are."""
    await bed.bus.publish([bed.event("a")])
    assert list(await bed.bus.partitions([bed.wallet, bed.orders])) == [(bed.wallet, 0), (bed.orders, 0)]


async def test_bus_read_while_many_publish_skips_nothing(bed: BusBed) -> None:
    """PT-718: a reader that commits as it goes is given every record once, each publisher's in its order, however the
    publishers' transactions end.
    """
    publishers, rounds = 6, 20

    async def publish(name: int) -> None:
        topics = [bed.wallet, bed.orders] if name % 2 else [bed.orders, bed.wallet]
        for number in range(rounds):
            await bed.bus.publish([bed.event(f"{name}:{number};", topic) for topic in topics])

    async def read() -> dict[str, list[str]]:
        seen: dict[str, list[str]] = {bed.wallet: [], bed.orders: []}
        arrivals = bed.bus.arrivals()
        while sum(map(len, seen.values())) < 2 * publishers * rounds:
            batch = await bed.bus.read(bed.group, [bed.wallet, bed.orders], limit=7, now_us=bed.now_us())
            if not batch.records:
                await anext(arrivals)
            for record in batch.records:
                assert record.offset == len(seen[record.topic])
                seen[record.topic].append(record.value.decode())
            await bed.bus.commit(bed.group, {(record.topic, 0): record.offset + 1 for record in batch.records})
        await arrivals.aclose()  # type: ignore[attr-defined] # the port promises an iterator; both are generators
        return seen

    reading = asyncio.create_task(read())
    await asyncio.gather(*(publish(name) for name in range(publishers)))
    for texts in (await asyncio.wait_for(reading, 20)).values():
        for name in range(publishers):
            of_one = [text for text in texts if text.startswith(f"{name}:")]
            assert of_one == [f"{name}:{number};" for number in range(rounds)]


async def test_bus_tells_of_arrivals_within_a_second(stores: Stores) -> None:
    """PT-718: a reader learns of new records without polling; it is told once when it begins to listen."""
    arrivals = stores.bus.arrivals()
    await asyncio.wait_for(anext(arrivals), SOON_S)
    await stores.bus.publish([an_event("a")])
    await asyncio.wait_for(anext(arrivals), SOON_S)
    assert values((await stores.bus.read("gate", [WALLET], limit=1, now_us=0)).records) == "a"
    await arrivals.aclose()  # type: ignore[attr-defined] # the port promises an iterator; both are generators


async def test_bus_tells_a_reader_of_its_own_topics_alone(stores: Stores) -> None:
    """PT-718: what others publish for others wakes nobody."""
    arrivals = stores.bus.arrivals([WALLET])
    await asyncio.wait_for(anext(arrivals), SOON_S)
    following = asyncio.ensure_future(anext(arrivals))
    await stores.bus.publish([an_event("b", topic=ORDERS)])
    everything = stores.bus.arrivals()
    await asyncio.wait_for(anext(everything), SOON_S)
    await stores.bus.publish([an_event("c", topic=ORDERS)])
    await asyncio.wait_for(anext(everything), SOON_S)
    assert not following.done()
    await stores.bus.publish([an_event("a")])
    await asyncio.wait_for(following, SOON_S)
    for reader in (arrivals, everything):
        await reader.aclose()  # type: ignore[attr-defined] # the port promises an iterator; both are generators
