"""The gate's batches as spans."""

import asyncio

from opentelemetry.trace import get_current_span, use_span
from tests.traces import NOT_SAMPLED, Recorded, header_of, links_of, parent_of, place
from tests.usecases.pretrade.builders import GateUnderTest, a_gate, an_order

from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.decisions import MemoryDecisionJournal
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.outbound.tracing.batches import SpanBatches
from tidegate.outbound.tracing.stores import TracedJournal
from tidegate.usecases.pretrade.recording import Durability
from tidegate.wire.trace_context import read_traceparent


def a_journal() -> MemoryDecisionJournal:
    return MemoryDecisionJournal(MemoryProfiles(MemoryConfigurationAreas()))


async def ask_traced(it: GateUnderTest, order_id: str, *, recorded: Recorded, parent: str = "") -> None:
    """Ask for an order within a span of its own."""
    span = recorded.tracer.start_span(f"call {order_id}", context=read_traceparent((parent,)))
    with use_span(span, end_on_exit=True):
        await it.gate.ask(an_order(order_id))


async def test_batch_serves_many_and_is_linked_both_ways() -> None:
    """RE-402: a batch is the first order's child, linked with the others, and each of them with it."""
    recorded = Recorded()
    async with a_gate() as it:
        it.gate.traces = SpanBatches(recorded.spans)
        await asyncio.gather(*(ask_traced(it, f"o-{number}", recorded=recorded) for number in range(3)))
    batch = recorded.named("gate batch")
    first, *others = (recorded.named(f"call o-{number}") for number in range(3))
    assert parent_of(batch) == f"{place(first).span_id:016x}"
    assert links_of(batch) == [place(other).span_id for other in others]
    assert [links_of(other) for other in others] == [[place(batch).span_id]] * 2
    assert dict(batch.attributes or {}) == {"tidegate.batch.orders": 3}


async def test_batch_without_a_traced_order_has_no_span() -> None:
    """RE-402: orders in no trace, and those that their callers do not record, are decided in silence."""
    recorded = Recorded()
    async with a_gate() as it:
        it.gate.traces = SpanBatches(recorded.spans)
        await it.gate.ask(an_order("o-1"))
        await ask_traced(it, "o-2", recorded=recorded, parent=NOT_SAMPLED)
    assert recorded.all() == ()


async def test_decision_keeps_the_place_of_its_order_not_of_its_batch() -> None:
    """RE-404: in one batch each decision keeps its own order's place; an order in no trace keeps none."""
    recorded, journal = Recorded(), a_journal()
    async with a_gate(journal=journal) as it:
        it.gate.traces = SpanBatches(recorded.spans)
        asked = [ask_traced(it, f"o-{number}", recorded=recorded) for number in range(2)]
        await asyncio.gather(*asked, it.gate.ask(an_order("untraced")))
    kept = {record.order.order_id: record.traceparent for record in journal.oldest_first()}
    assert kept == {
        "o-0": header_of(recorded.named("call o-0")),
        "o-1": header_of(recorded.named("call o-1")),
        "untraced": "",
    }


async def test_journal_writes_within_the_batch() -> None:
    """RE-403: with durability journal the writing is the batch's child."""
    recorded = Recorded()
    async with a_gate(journal=TracedJournal(a_journal(), recorded.spans)) as it:
        it.gate.traces = SpanBatches(recorded.spans)
        await ask_traced(it, "o-1", recorded=recorded)
    write, batch = recorded.named("journal write"), recorded.named("gate batch")
    assert parent_of(write) == f"{place(batch).span_id:016x}"
    assert (write.attributes or {})["db.operation.batch.size"] == 1


async def test_relaxed_journal_writes_later_below_the_first_decision() -> None:
    """RE-403: with durability relaxed the writing is on its own: the first order's child, linked with the others."""
    recorded = Recorded()
    traced = TracedJournal(a_journal(), recorded.spans)
    async with a_gate(journal=traced, durability=Durability.RELAXED) as it:
        it.gate.traces = SpanBatches(recorded.spans)
        await asyncio.gather(*(ask_traced(it, f"o-{number}", recorded=recorded) for number in range(2)))
        await it.recorder.flush()
    write = recorded.named("journal write")
    first, other = recorded.named("call o-0"), recorded.named("call o-1")
    assert parent_of(write) == f"{place(first).span_id:016x}"
    assert links_of(write) == [place(other).span_id]


async def test_gate_leaves_nothing_current_behind() -> None:
    """RE-402: what is asked after a batch is in no trace of the batch before."""
    recorded = Recorded()
    async with a_gate() as it:
        it.gate.traces = SpanBatches(recorded.spans)
        await ask_traced(it, "o-1", recorded=recorded)
        await it.gate.ask(an_order("o-2"))
    assert len([span for span in recorded.all() if span.name == "gate batch"]) == 1
    assert not get_current_span().get_span_context().is_valid
