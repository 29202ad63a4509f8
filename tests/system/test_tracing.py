"""Traces of whole processes, as a collector receives them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.buses import everything
from tests.collector import Collector, a_collector
from tests.inbound.events.records import ENVIRONMENT
from tests.system.clients import Clients, a_small_order
from tests.system.desk_world import DeskClient, a_request, desk_seed, stand_ins, with_providers
from tests.system.journal import all_applied, relayed
from tests.system.processes import Served
from tests.system.world import CALM, User, guest_of, market_seed, opening, some_users
from tests.traces import MALFORMED, PARENT, TRACE, TRACEPARENT

from tidegate.bootstrap.stores import Stores
from tidegate.demo.stub_providers.server import PASSWORD
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.wire.codec import AvroCodec
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ASSESSMENT_COMPLETED_TOPIC, record_key, topic_name
from tidegate.wire.trace_context import sampled

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

CHECK: Final = "risk.v1.RiskService/PreTradeCheck"
DECISIONS: Final = topic_name("risk.pretrade_decision.v1", environment=ENVIRONMENT)
SEND: Final = f"send {DECISIONS}"
ASSESSMENTS: Final = topic_name(ASSESSMENT_COMPLETED_TOPIC, environment=ENVIRONMENT)
APPLY: Final = "process tidegate.state"
OTHER_TRACE: Final = TRACE.replace("0af7", "0af8")


@asynccontextmanager
async def serving(data: Path, settings: Mapping[str, str], *, seed: Path | None = None) -> AsyncIterator[Served]:
    """Run a service without holding up the loop, on which the collector takes its spans."""
    served = await asyncio.to_thread(Served, data, settings=settings, seed=seed)
    try:
        yield served
    finally:
        await asyncio.to_thread(served.__exit__, None, None, None)


def tracing_to(collector: Collector, **more: str) -> dict[str, str]:
    """Give the settings of a service that traces what its callers trace, and nothing that begins at it."""
    return {
        **CALM,
        "TIDEGATE_TRACING_OTLP_ENDPOINT": collector.endpoint,
        "TIDEGATE_TRACING_SAMPLE_RATIO": "0",
        **more,
    }


def below(spans: Iterable[Span], parent: str) -> Span:
    """Give the one span below a place."""
    (found,) = [span for span in spans if span.parent_span_id.hex() == parent]
    return found


def of_trace(spans: Iterable[Span], trace: str) -> list[Span]:
    """Give the spans of a trace."""
    return [span for span in spans if span.trace_id.hex() == trace]


def have(*names: str, trace: str = TRACE) -> "_Enough":
    """Tell whether a trace has these spans."""
    return _Enough(set(names), trace)


class _Enough:
    def __init__(self, names: set[str], trace: str) -> None:
        self._names = names
        self._trace = trace

    def __call__(self, spans: Sequence[Span]) -> bool:
        return self._names <= {span.name for span in of_trace(spans, self._trace)}


def betrayed(collector: Collector, personal: Iterable[str]) -> list[str]:
    """Give the personal words that any byte of any message holds."""
    sent = b"".join(message.SerializeToString() for message in collector.messages).lower()
    return [word for word in personal if word.lower().encode() in sent]


async def introduced(stores: Stores, user: User, *, traceparent: str) -> None:
    """Tell of a user by events that stand in a trace."""
    codec = AvroCodec(SchemaCatalogue.load())
    await stores.bus.publish(
        [
            OutgoingEvent(
                topic_name(topic, environment=ENVIRONMENT),
                record_key(topic, record).decode(),
                codec.encode(topic, record),
                str(record["event_id"]),
                (("traceparent", traceparent.encode()),),
            )
            for topic, record in opening(user)
        ]
    )
    await all_applied(stores)


async def headers_on(stores: Stores, topic: str) -> list[str]:
    """Give the places in traces that the records of a topic carry; empty: none."""
    return [
        next((value.decode() for name, value in record.headers if name == "traceparent"), "")
        for record in await everything(stores.bus, [topic])
    ]


async def test_one_order_is_one_trace_from_its_caller_to_its_event_through_two_processes(data_folder: Path) -> None:
    """RE-400, RE-402, RE-403, RE-404, RE-406, RE-409: a call, its batch and its journal write in one process, and the
    sending of its event by another that comes later, are one trace, which the event's header goes on with.
    """
    (user,) = some_users(1)
    data_folder.parent.mkdir(exist_ok=True)
    async with a_collector() as collector:
        only_gate = tracing_to(collector, TIDEGATE_SERVE_ROLES="gate,consumers")
        async with serving(data_folder, only_gate, seed=market_seed(data_folder.parent)) as served:
            async with guest_of(data_folder) as stores, Clients(served.grpc, 1) as clients:
                await introduced(stores, user, traceparent=f"00-{OTHER_TRACE}-{PARENT}-01")
                order = a_small_order(user, "o-1", trace_id="t-77")
                answer = await clients.stubs[0].PreTradeCheck(order, metadata=(("traceparent", TRACEPARENT),))
                untraced = await clients.stubs[0].PreTradeCheck(a_small_order(user, "o-2"))
                wrong = await clients.stubs[0].PreTradeCheck(
                    a_small_order(user, "o-3"), metadata=(("traceparent", MALFORMED[2]),)
                )
            assert {each.decision for each in (answer, untraced, wrong)} == {pb.APPROVED}
        async with serving(data_folder, tracing_to(collector)), guest_of(data_folder) as stores:
            await relayed(stores)
            spans = of_trace(await collector.until(have(CHECK, SEND)), TRACE)
            sent = await headers_on(stores, DECISIONS)
    call = below(spans, PARENT)
    batch = next(span for span in spans if span.name == "gate batch")
    write = below(spans, batch.span_id.hex())
    send = next(span for span in spans if span.name == SEND)
    assert (call.name, write.name) == (CHECK, "journal write")
    assert batch.parent_span_id == send.parent_span_id == call.span_id
    assert sent[0] == f"00-{TRACE}-{send.span_id.hex()}-01"
    assert [bool(sampled([each])) for each in sent] == [True, False, False]
    assert not any(TRACE in each for each in sent[1:])
    told = {each.key: each.value.string_value for each in call.attributes}
    assert (told["tidegate.trace_id"], told["tidegate.decision_id"]) == ("t-77", answer.decision_id)
    applied = of_trace(collector.spans, OTHER_TRACE)
    assert {span.name for span in applied} == {APPLY}
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE, OTHER_TRACE}
    assert betrayed(collector, [user.user_id, "BTCUSDT", "t-77"]) == ["t-77"]


async def test_one_assessment_is_one_trace_with_its_provider_calls(data_folder: Path) -> None:
    """RE-400, RE-401, RE-404, RE-407, RE-409: a request, its claim, each call of a provider, its completion and the
    sending of its event are one trace, and nobody is named in it.
    """
    data_folder.parent.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        collector = await stack.enter_async_context(a_collector())
        stub = await stack.enter_async_context(stand_ins())
        settings = tracing_to(collector, **with_providers(stub.url))
        seed = desk_seed(data_folder.parent)
        served = await stack.enter_async_context(serving(data_folder, settings, seed=seed))
        desk = await stack.enter_async_context(DeskClient(served))
        body = a_request(7, subject_id="customer-erika-77")
        status, answer = await desk.evaluate(body, traceparent=TRACEPARENT)
        assert status == 200, answer
        send = f"send {ASSESSMENTS}"
        spans = of_trace(await collector.until(have("POST /v1/risk/evaluate", send)), TRACE)
        stores = await stack.enter_async_context(guest_of(data_folder))
        sent = await headers_on(stores, ASSESSMENTS)
    request = below(spans, PARENT)
    under = {span.name: span for span in spans if span.parent_span_id == request.span_id}
    assert request.name == "POST /v1/risk/evaluate"
    assert {"assessment claim", "assessment completion", "provider zefix", "provider crif", send} <= under.keys()
    assert [span.name for span in spans if span.status.code == Status.STATUS_CODE_ERROR] == []
    assert sent == [f"00-{TRACE}-{under[send].span_id.hex()}-01"]
    personal = ["customer-erika-77", "erika", "muster", "bahnhofstrasse", "8001", PASSWORD, "bearer", "basic "]
    assert betrayed(collector, [*personal, "zefix"]) == ["zefix"]
