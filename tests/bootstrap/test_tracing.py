"""Where spans go, which are kept, and what happens when nobody takes them."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import use_span
from tests.collector import a_collector
from tests.traces import NOT_SAMPLED, TRACEPARENT

from tidegate.bootstrap.logs import log_to_stderr
from tidegate.bootstrap.tracing import FLUSH_S, Tracing, open_tracing
from tidegate.settings import Settings, TracingArea
from tidegate.wire.trace_context import read_traceparent


def settings_with(endpoint: str | None, *, ratio: float = 1.0) -> Settings:
    return Settings(tracing=TracingArea(otlp_endpoint=endpoint, sample_ratio=ratio))


def end_span(tracing: Tracing, name: str, *, parent: str = "") -> None:
    assert tracing.tracer is not None
    tracing.tracer.start_span(name, context=read_traceparent((parent,))).end()


def any_part() -> Any:  # noqa: ANN401 - stands in for any part
    return object()


async def test_without_a_collector_every_part_is_as_it_is() -> None:
    """RE-411: where settings name no collector nothing stands around any part, and no thread runs."""
    threads = threading.active_count()
    part = any_part()
    async with open_tracing(settings_with(None)) as tracing:
        around = (tracing.app, tracing.journal, tracing.assessments, tracing.provider, tracing.publisher)
        assert all(place(part) is part for place in around)
        process: object = tracing.process(part, group="g")
        assert process is part
        assert type(tracing.risk_service(any_part(), any_part(), access=any_part())).__name__ == "RiskService"
        assert (tracing.batches(), tracing.log_processors()) == (None, ())
        assert threading.active_count() == threads


async def test_spans_reach_the_collector_and_the_last_ones_at_the_end() -> None:
    """RE-410: what waits when the process ends is sent before it ends; spans say which program they are of."""
    async with a_collector() as collector:
        async with open_tracing(settings_with(collector.endpoint)) as tracing:
            for number in range(3):
                end_span(tracing, f"span {number}")
        assert [span.name for span in collector.spans] == ["span 0", "span 1", "span 2"]
    resource = collector.messages[0].resource_spans[0].resource.attributes
    assert {each.key for each in resource} == {"service.name", "service.version"}


@pytest.mark.parametrize("mute", [True, False])
async def test_collector_that_is_silent_or_gone_holds_nobody_up(mute: bool) -> None:
    """RE-410: spans that nobody takes cost no request anything, and the end of the process no more than its bound."""
    held: list[asyncio.StreamWriter] = []

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if not mute:
        server.close()
        await server.wait_closed()
    async with open_tracing(settings_with(f"http://127.0.0.1:{port}")) as tracing:
        for number in range(20_000):
            end_span(tracing, f"span {number}")
        ending = perf_counter()
    took_s = perf_counter() - ending
    server.close()
    for writer in held:
        writer.close()
    assert took_s < FLUSH_S + 2


@pytest.mark.parametrize(
    ("ratio", "parent", "kept"),
    [(0.0, "", 0), (1.0, "", 1), (0.0, TRACEPARENT, 1), (1.0, NOT_SAMPLED, 0)],
)
async def test_whoever_began_the_trace_says_whether_it_is_recorded(ratio: float, parent: str, kept: int) -> None:
    """RE-412: a caller's decision stands; for traces that begin here it is the share of the settings."""
    exporter = InMemorySpanExporter()
    async with open_tracing(settings_with("http://127.0.0.1:1", ratio=ratio), exporter=exporter) as tracing:
        end_span(tracing, "call", parent=parent)
        await asyncio.to_thread(lambda: None)
    assert len(exporter.get_finished_spans()) == kept


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Put logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("logging_restored")
async def test_lines_logged_within_a_trace_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    """RE-408: lines of ours and of libraries name trace and span when there is one, and not otherwise."""
    exporter = InMemorySpanExporter()
    async with open_tracing(settings_with("http://127.0.0.1:1"), exporter=exporter) as tracing:
        log_to_stderr(*tracing.log_processors())
        log = structlog.get_logger("tests").bind()
        log.error("outside")
        assert tracing.tracer is not None
        span = tracing.tracer.start_span("call")
        with use_span(span, end_on_exit=True):
            log.error("inside")
            logging.getLogger("library").warning("theirs")
    outside, *inside = capsys.readouterr().err.splitlines()
    context = span.get_span_context()
    assert "trace_id" not in outside
    for line in inside:
        assert f'"trace_id": "{context.trace_id:032x}"' in line
        assert f'"span_id": "{context.span_id:016x}"' in line
    assert len(inside) == 2
