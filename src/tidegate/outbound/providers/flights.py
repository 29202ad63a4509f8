"""Asking one question: from the cache, with another who asks the same, or anew behind breaker and bulkhead."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cachetools import TTLCache
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.kernel.breaker import CircuitBreaker
from tidegate.outbound.providers.bulkhead import Bulkhead, BulkheadFull
from tidegate.outbound.providers.credentials import Credentials
from tidegate.outbound.providers.exchange import AttemptFailed, Fault, ProviderAdapter, Question, Reply
from tidegate.outbound.providers.policy import ProviderPolicy
from tidegate.outbound.providers.transport import HttpTransport, with_raw

_UNAUTHORISED: Final = 401
_REPEAT_WAIT_S: Final = 0.05
_REPEAT_WAIT_S_MAX: Final = 0.4
_ENTRY_BYTES: Final = 512
"""What an entry of the cache takes beside its answer, about."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question gave. ``cost_micros`` is what it was, or may have been, charged; ``size`` the answer's bytes."""

    status: CallStatus
    fields: Mapping[str, object] = field(default_factory=dict)
    fault: str = ""
    raw: object = None
    cost_micros: int = 0
    size: int = 0
    own_call: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """The way to one provider."""

    adapter: ProviderAdapter
    transport: HttpTransport
    credentials: Credentials
    policy: ProviderPolicy


class Flights:
    """Requests to one provider that are in the air, and what they brought.

    A request is a task of its own that ends within the policy's ``timeout_ms``: those who wait for it may go, and it
    still brings its answer to the cache.
    """

    def __init__(self, line: Line, monotonic_ms: Callable[[], int]) -> None:
        policy = line.policy
        self._line = line
        self._breaker = CircuitBreaker(policy.failures_max, policy.pause_ms, monotonic_ms=monotonic_ms)
        self._bulkhead = Bulkhead(policy.concurrency_max, policy.waiting_max)
        self._in_flight: dict[str, asyncio.Task[Outcome]] = {}
        self._cache: TTLCache[str, Outcome] | None = None
        if policy.cache_ttl_s:
            self._cache = TTLCache(
                policy.cache_bytes_max,
                ttl=policy.cache_ttl_s * 1_000,
                timer=monotonic_ms,
                getsizeof=lambda outcome: outcome.size + _ENTRY_BYTES,
            )

    async def close(self) -> None:
        """Stop what is in the air."""
        flights = list(self._in_flight.values())
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)

    def has(self, question: Question) -> bool:
        """Tell whether a question needs no request: its answer is kept, or in the air."""
        return question.identity in self._in_flight or (self._cache is not None and question.identity in self._cache)

    async def outcome(self, question: Question) -> Outcome:
        """Give what a question brings; ``own_call`` is false when no request was made for it alone."""
        identity = question.identity
        kept = self._cache.get(identity) if self._cache is not None else None
        if kept is not None:
            return replace(kept, own_call=False, cost_micros=0)
        flight = self._in_flight.get(identity)
        joined = flight is not None
        if flight is None:
            flight = asyncio.create_task(self._fly(question, identity))
            self._in_flight[identity] = flight
            flight.add_done_callback(lambda _: self._in_flight.pop(identity, None))
        # wait() leaves the flight alone when this caller is cancelled: others may wait for it too.
        await asyncio.wait({flight})
        if flight.cancelled():
            return Outcome(CallStatus.FAILURE, fault="not asked: closing")
        landed = flight.result()
        return replace(landed, own_call=False, cost_micros=0) if joined else landed

    async def _fly(self, question: Question, identity: str) -> Outcome:
        try:
            outcome = await self._asked(question)
        except AttemptFailed as failure:
            return self._failed(failure.fault)
        if self._cache is not None and outcome.size + _ENTRY_BYTES <= self._cache.maxsize:
            self._cache[identity] = outcome
        return outcome

    async def _asked(self, question: Question) -> Outcome:
        """Ask within bounds. Raises AttemptFailed."""
        if wait_ms := self._breaker.wait_ms:
            raise AttemptFailed(self._left_alone(wait_ms))
        timeout_ms = self._line.policy.timeout_ms
        began = False
        try:
            async with asyncio.timeout(timeout_ms / 1_000), self._bulkhead:
                began = True
                return await self._behind_breaker(question)
        except BulkheadFull:
            words = f"not asked: {self._line.policy.concurrency_max} requests run and as many wait as may"
            raise AttemptFailed(Fault(words, blames_provider=False)) from None
        except TimeoutError:
            words = "did not answer" if began else "not asked: no other request ended"
            fault = Fault(f"{words} within {timeout_ms} ms", status=CallStatus.TIMEOUT, chargeable=began)
            raise AttemptFailed(fault) from None

    async def _behind_breaker(self, question: Question) -> Outcome:
        admission = self._breaker.admit()
        if admission is None:
            raise AttemptFailed(self._left_alone(self._breaker.wait_ms))
        told = False
        try:
            outcome = await self._attempts(question)
            self._breaker.succeeded()
            told = True
        except AttemptFailed as failure:
            if failure.fault.blames_provider:
                self._breaker.failed(admission)
                told = True
            raise
        except asyncio.CancelledError:
            # Within a flight this is its own timeout, or the end of the process, which no breaker outlives.
            self._breaker.failed(admission)
            told = True
            raise
        finally:
            if not told:
                self._breaker.untold(admission)
        return outcome

    async def _attempts(self, question: Question) -> Outcome:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 + self._line.policy.retries_max),
            wait=wait_random_exponential(multiplier=_REPEAT_WAIT_S, max=_REPEAT_WAIT_S_MAX),
            retry=retry_if_exception(lambda error: isinstance(error, AttemptFailed) and error.fault.repeatable),
            reraise=True,
        )
        return await retrying(self._attempt, question)

    async def _attempt(self, question: Question) -> Outcome:
        headers = await self._line.credentials.headers()
        reply = await self._line.transport.send(question, headers)
        if reply.status == _UNAUTHORISED and self._line.credentials.refused(headers):
            reply = await self._line.transport.send(question, await self._line.credentials.headers())
        try:
            fields = self._line.adapter.read(question, reply)
        except AttemptFailed as failure:
            raise with_raw(failure, reply) from failure
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as surprise:
            # What an adapter did not foresee is the provider's schema, not the end of the assessment.
            words = f"answered with another schema ({type(surprise).__name__})"
            raise AttemptFailed(Fault(words, chargeable=True, raw=reply.raw)) from surprise
        return self._landed(reply, fields)

    def _landed(self, reply: Reply, fields: Mapping[str, object]) -> Outcome:
        cost_micros = self._line.policy.cost_micros
        return Outcome(CallStatus.SUCCESS, fields, raw=reply.raw, cost_micros=cost_micros, size=reply.size)

    def _failed(self, fault: Fault) -> Outcome:
        cost_micros = self._line.policy.cost_micros if fault.chargeable else 0
        return Outcome(fault.status, fault=fault.words, raw=fault.raw, cost_micros=cost_micros)

    def _left_alone(self, wait_ms: int) -> Fault:
        words = (
            f"not asked: failed {self._breaker.failures} times in a row; tried again in {wait_ms} ms at the earliest"
        )
        return Fault(words, blames_provider=False)
