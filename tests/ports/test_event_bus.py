"""Contract of ``EventPublisher`` and ``EventSource``."""

import asyncio
from collections.abc import Sequence

from tests.ports.stores import Stores

from tidegate.ports.event_bus import BusRecord, OutgoingEvent

WALLET = "wallet.balance_changed.v1.dev"
ORDERS = "order.command.v1.dev"
GROUP = "risk-service"
SOON_S = 1.0


def an_event(value: str, topic: str = WALLET) -> OutgoingEvent:
    """An event with its value as text."""
    return OutgoingEvent(topic, "user-1", value.encode(), event_id=f"id-{value}")


def values(records: Sequence[BusRecord]) -> str:
    """Give the values of records in a row."""
    return "".join(record.value.decode() for record in records)


async def test_bus_gives_records_in_the_order_of_publication(stores: Stores) -> None:
    """PT-718: offsets of a topic count from 0 without holes, and a record carries what was published."""
    await stores.bus.publish([an_event("a"), an_event("b", ORDERS), an_event("c")])
    await stores.bus.publish([an_event("d")])
    records = await stores.bus.read(GROUP, [WALLET, ORDERS], limit=10)
    assert values(records) == "abcd"
    assert [(record.topic, record.partition, record.offset) for record in records] == [
        (WALLET, 0, 0),
        (ORDERS, 0, 0),
        (WALLET, 0, 1),
        (WALLET, 0, 2),
    ]
    assert records[0] == BusRecord(WALLET, 0, 0, key="user-1", value=b"a")


async def test_bus_reads_only_the_topics_asked_for(stores: Stores) -> None:
    """PT-704: a consumer is given its own topics, and an empty topic is no fault."""
    await stores.bus.publish([an_event("a"), an_event("b", ORDERS)])
    assert values(await stores.bus.read(GROUP, [ORDERS, "md.mark.v1.dev"], limit=10)) == "b"
    assert await stores.bus.read(GROUP, ["md.mark.v1.dev"], limit=10) == []
    await stores.bus.publish([])


async def test_bus_reads_again_what_was_not_committed(stores: Stores) -> None:
    """PT-704: a place moves when the state was applied, not when the record was read."""
    await stores.bus.publish([an_event(value) for value in "abcd"])
    assert values(await stores.bus.read(GROUP, [WALLET], limit=3)) == "abc"
    assert values(await stores.bus.read(GROUP, [WALLET], limit=3)) == "abc"
    await stores.bus.commit(GROUP, {(WALLET, 0): 2})
    assert values(await stores.bus.read(GROUP, [WALLET], limit=3)) == "cd"
    await stores.bus.commit(GROUP, {(WALLET, 0): 4})
    assert await stores.bus.read(GROUP, [WALLET], limit=3) == []


async def test_bus_groups_have_places_of_their_own(stores: Stores) -> None:
    """PT-704: what one group has applied another has not."""
    await stores.bus.publish([an_event("a")])
    await stores.bus.commit(GROUP, {(WALLET, 0): 1})
    assert values(await stores.bus.read("another", [WALLET], limit=1)) == "a"


async def test_bus_replays_everything_in_the_order_of_publication(stores: Stores) -> None:
    """PT-718: book and reservations are rebuilt from all records, committed ones too, across topics in order."""
    for value, topic in zip("abcdef", [WALLET, ORDERS] * 3, strict=True):
        await stores.bus.publish([an_event(value, topic)])
    await stores.bus.commit(GROUP, {(WALLET, 0): 3})
    assert values(await stores.bus.replay([ORDERS, WALLET])) == "abcdef"
    assert values(await stores.bus.replay([ORDERS])) == "bdf"


async def test_bus_read_while_many_publish_skips_nothing(stores: Stores) -> None:
    """PT-718: a reader that commits as it goes is given every record once, each publisher's in its order, however the
    publishers' transactions end.
    """
    publishers, rounds = 6, 20

    async def publish(name: int) -> None:
        topics = [WALLET, ORDERS] if name % 2 else [ORDERS, WALLET]
        for number in range(rounds):
            await stores.bus.publish([an_event(f"{name}:{number};", topic) for topic in topics])

    async def read() -> dict[str, list[str]]:
        seen: dict[str, list[str]] = {WALLET: [], ORDERS: []}
        arrivals = stores.bus.arrivals()
        while sum(map(len, seen.values())) < 2 * publishers * rounds:
            records = await stores.bus.read(GROUP, [WALLET, ORDERS], limit=7)
            if not records:
                await anext(arrivals)
            for record in records:
                assert record.offset == len(seen[record.topic])
                seen[record.topic].append(record.value.decode())
            await stores.bus.commit(GROUP, {(record.topic, 0): record.offset + 1 for record in records})
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
    assert values(await stores.bus.read(GROUP, [WALLET], limit=1)) == "a"
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
