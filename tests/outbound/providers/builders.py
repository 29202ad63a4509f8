"""Calls, policies and providers that state only what a test is about."""

from collections.abc import Awaitable, Mapping
from threading import Event, Thread
from time import perf_counter
from typing import TypeVar

from hypothesis import strategies as st

from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.rules.json_exact import read_json, write_json
from tidegate.demo.stub_providers.server import PASSWORD, USERNAME
from tidegate.outbound.providers.credentials import ClientCredentials, ClientGrant, Credentials, FixedCredentials
from tidegate.outbound.providers.crif import CrifAdapter
from tidegate.outbound.providers.exchange import ProviderAdapter, Reply
from tidegate.outbound.providers.flights import Line
from tidegate.outbound.providers.generic import GenericAdapter
from tidegate.outbound.providers.generic_definition import read_definitions
from tidegate.outbound.providers.policy import ProviderPolicy
from tidegate.outbound.providers.runtime import HttpProvider, steady_ms
from tidegate.outbound.providers.transport import HttpTransport
from tidegate.outbound.providers.zefix import ZefixAdapter
from tidegate.ports.external_data import ProviderCall

Result = TypeVar("Result")
SST = """[{
  "name": "sst",
  "base_url": "http://127.0.0.1:1/sst",
  "path": "/v1/subjects/{subject_id}/score",
  "query": {"country": "{country}"},
  "fields": {"score": {"path": "result.score", "type": "number", "required": true},
             "band": {"path": "result.band", "type": "text"}}
}]"""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc.{}", max_size=8), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON that is read."""

A_PERSON = {"first_name": "Anna", "last_name": "Muster"}


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


async def timed(fetching: Awaitable[Result], *, due_ms: int) -> tuple[Result, float]:
    """What comes, and how long it took in ms, but for what a thread that waits until it is due is late itself.

    So a busy machine is forgiven, and a loop that the product blocks is not.
    """
    over, late_ms = Event(), 0.0
    begun = perf_counter()

    def wait() -> None:
        nonlocal late_ms
        over.wait(due_ms / 1_000)
        late_ms = max(0.0, (perf_counter() - begun) * 1_000 - due_ms)

    yardstick = Thread(target=wait)
    yardstick.start()
    try:
        result = await fetching
        took_ms = (perf_counter() - begun) * 1_000
    finally:
        over.set()
        yardstick.join()
    return result, took_ms - late_ms


def a_call(
    context: Mapping[str, object] | None = None,
    *,
    subject_id: str = "subject-1",
    assessment_id: str = "11111111-1111-4111-8111-111111111111",
    budget_ms: int = 2_000,
    parameters: Mapping[str, object] | None = None,
) -> ProviderCall:
    """A call for a request with this context."""
    request = AssessmentRequest(
        trace_id="22222222-2222-4222-8222-222222222222",
        subject_id=subject_id,
        source_system="web",
        country="CH",
        product_type="LOAN",
        risk_category="RETAIL",
        context_data=context or {},
    )
    return ProviderCall(assessment_id, request, budget_ms, parameters or {})


def a_reply(document: object, *, status: int = 200) -> Reply:
    """A reply that holds this document, read as the transport reads it."""
    text = write_json(document)
    read = read_json(text)
    return Reply(status, read, read, size=len(text))


def no_json(text: str, *, status: int) -> Reply:
    """A reply that is no JSON."""
    return Reply(status, None, {"text": text}, size=len(text), unreadable="not JSON")


def a_policy(**changes: object) -> ProviderPolicy:
    """A policy without cache and repeats."""
    usual: dict[str, object] = {"retries_max": 0, "cache_ttl_s": 0, **changes}
    return ProviderPolicy(**usual)  # type: ignore[arg-type]  # names and types are those of the dataclass


def a_provider(
    adapter: ProviderAdapter,
    base: str,
    *,
    policy: ProviderPolicy | None = None,
    credentials: Credentials | None = None,
    ticks: Ticks | None = None,
) -> HttpProvider:
    """A provider at this address; close it."""
    bounds = policy or a_policy()
    known = credentials or FixedCredentials.basic(USERNAME, PASSWORD)
    return HttpProvider(Line(adapter, HttpTransport(base, bounds), known, bounds), monotonic_ms=ticks)


def zefix_at(stub_url: str, **changes: object) -> HttpProvider:
    """Zefix, as the stand-in serves it."""
    return a_provider(ZefixAdapter(), f"{stub_url}/zefix", policy=a_policy(**changes))


def crif_at(stub_url: str, **changes: object) -> HttpProvider:
    """CRIF, as the stand-in serves it; a report costs 1.50."""
    bounds = a_policy(**{"billed": True, "cost_micros": 1_500_000, **changes})
    return a_provider(a_crif(), f"{stub_url}/crif", policy=bounds)


def sst_at(stub_url: str, **changes: object) -> HttpProvider:
    """SST, as the stand-in serves it, with tokens of the stand-in."""
    bounds = a_policy(**changes)
    grant = ClientGrant("/token", USERNAME, PASSWORD, scope="scores")
    tokens = ClientCredentials(grant, HttpTransport(f"{stub_url}/oauth", bounds), monotonic_ms=steady_ms)
    return a_provider(an_sst(), f"{stub_url}/sst", policy=bounds, credentials=tokens)


def a_crif() -> CrifAdapter:
    """CRIF's adapter."""
    return CrifAdapter("1.0", "desk", cost_group_id="group-7", report_type="CREDIT_CHECK_CONSUMER")


def an_sst() -> GenericAdapter:
    """The generic adapter, configured as SST."""
    (definition,) = read_definitions(SST)
    return GenericAdapter(definition)
