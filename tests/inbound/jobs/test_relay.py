"""The relay: at least once, in order, nothing skipped, one runner."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.inbound.events.desk import Desk
from tests.ports.builders import a_record, an_order
from tests.traces import TRACEPARENT

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.relay import Encoding, Relay, RelayPace
from tidegate.outbound.memory.decisions import MemoryOutbox
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.ports.outbox import Backlog
from tidegate.usecases.pretrade.announce import Announcer
from tidegate.wire.codec import UnwritableRecord


class Publisher:
    """Keeps what was published; may lose the answer after, or the events before."""

    def __init__(self) -> None:
        self.published: list[OutgoingEvent] = []
        self.lost_before = self.lost_after = 0
        self.until = 0
        self.enough = asyncio.Event()

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        if self.lost_before:
            self.lost_before -= 1
            raise DependencyFailed("bus", "away")
        self.published += events
        if self.lost_after:
            self.lost_after -= 1
            raise DependencyFailed("bus", "no answer")
        if len(self.published) >= self.until:
            self.enough.set()


def a_decision(order_id: str) -> DecisionRecord:
    """An approval without violations, so that no rule has to be looked up."""
    record = a_record(an_order(order_id))
    return replace(record, answer=replace(record.answer, violations=(), rule_hits=()))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def a_relay(desk: Desk, publisher: Publisher, *, outbox: MemoryOutbox | None = None) -> Relay[DecisionRecord]:
    return Relay(
        outbox or desk.durable.outbox,
        Announcer(desk.durable.rules, program="1.2.3"),
        publisher=publisher,
        encoding=Encoding(desk.codec, "test"),
        alarm=desk.alarms.append,
    )


async def decided(desk: Desk, *records: DecisionRecord) -> None:
    await desk.durable.journal.record(records, margin_call_cooldown_us=0)


def orders_of(desk: Desk, publisher: Publisher) -> list[str]:
    return [desk.codec.decode("risk.pretrade_decision.v1", event.value)["order_id"] for event in publisher.published]


async def test_step_publishes_in_order_and_forgets(desk: Desk) -> None:
    """PT-710, PT-715: decisions leave the outbox in its order, keyed by user, in the wire format."""
    publisher = Publisher()
    await decided(desk, *(a_decision(f"o-{number}") for number in range(5)))
    relay = a_relay(desk, publisher)
    assert [await relay.step(3), await relay.step(3), await relay.step(3)] == [3, 2, 0]
    assert orders_of(desk, publisher) == [f"o-{number}" for number in range(5)]
    assert {event.topic for event in publisher.published} == {"risk.pretrade_decision.v1.test"}
    assert {event.key for event in publisher.published} == {an_order().user_id}
    assert relay.sent == 5


async def test_step_sends_the_place_in_the_trace_as_a_header(desk: Desk) -> None:
    """RE-404: events carry the trace of the order that caused them, though the relay itself traces nothing."""
    publisher = Publisher()
    await decided(desk, replace(a_decision("o-1"), traceparent=TRACEPARENT), a_decision("o-2"))
    await a_relay(desk, publisher).step(2)
    assert [event.headers for event in publisher.published] == [(("traceparent", TRACEPARENT.encode()),), ()]


@pytest.mark.parametrize("lost", ["lost_before", "lost_after"])
async def test_step_that_fails_is_sent_again_under_the_same_ids(desk: Desk, lost: str) -> None:
    """PT-715: at least once; a repeat is known by its event_id."""
    publisher = Publisher()
    setattr(publisher, lost, 1)
    await decided(desk, a_decision("o-1"), a_decision("o-2"))
    relay = a_relay(desk, publisher)
    with pytest.raises(DependencyFailed):
        await relay.step(10)
    assert await relay.step(10) == 2
    sent = [event.event_id for event in publisher.published]
    assert len(sent) == (2 if lost == "lost_before" else 4)
    assert sent[:2] == sent[-2:]


async def test_relay_is_one_process_at_a_time(desk: Desk) -> None:
    """PT-715: two relays would break the order of a user's events."""
    publisher = Publisher()
    await decided(desk, a_decision("o-1"))
    first, second = a_relay(desk, publisher), a_relay(desk, publisher, outbox=MemoryOutbox(desk.durable.journal))
    assert await first.step(0) == 0
    assert await second.step(10) is None
    await desk.durable.outbox.close()
    assert await second.step(10) == 1


async def test_relay_tells_how_much_waits_and_since_when(desk: Desk) -> None:
    """PT-715: how far the relay is behind is known, whether it sends, fails to, or stands by for another."""
    publisher = Publisher()
    records = [a_decision(f"o-{number}") for number in range(5)]
    oldest_us = records[0].answer.evaluated_at_us
    first, second = a_relay(desk, publisher), a_relay(desk, publisher, outbox=MemoryOutbox(desk.durable.journal))
    assert await first.step(3) == 0
    assert first.backlog == Backlog(0, None)
    await decided(desk, *records)
    publisher.lost_before = 1
    with pytest.raises(DependencyFailed):
        await first.step(3)
    assert await second.step(3) is None
    assert first.backlog == second.backlog == Backlog(5, oldest_us)
    assert await first.step(3) == 3
    publisher.lost_before = 1
    with pytest.raises(DependencyFailed):
        await first.step(3)
    assert first.backlog == Backlog(2, oldest_us)
    assert await first.step(3) == 2
    assert first.backlog == Backlog(0, None)


async def test_event_that_cannot_be_written_blocks_and_is_never_skipped(desk: Desk) -> None:
    """PT-715: a decision whose events break their schema stays, and all behind it wait."""
    publisher = Publisher()
    broken = a_decision("o-1")
    await decided(desk, replace(broken, order=replace(broken.order, user_id=None)), a_decision("o-2"))  # type: ignore[arg-type]
    relay = a_relay(desk, publisher)
    with pytest.raises(UnwritableRecord):
        await relay.step(10)
    assert publisher.published == []
    assert len(await desk.durable.outbox.pending(10)) == 2


async def test_run_sends_what_is_decided_while_it_runs(desk: Desk) -> None:
    """PT-715: the relay goes on through a bus that fails for a while."""
    publisher = Publisher()
    publisher.lost_before, publisher.until = 1, 4
    await decided(desk, a_decision("o-1"), a_decision("o-2"))
    relay = a_relay(desk, publisher)
    running = asyncio.create_task(relay.run(RelayPace(batch_max=2, poll_s=0.001)))
    await decided(desk, a_decision("o-3"), a_decision("o-4"))
    await asyncio.wait_for(publisher.enough.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert orders_of(desk, publisher) == ["o-1", "o-2", "o-3", "o-4"]
    assert desk.alarms == []
