"""One outside data provider, whatever it does: in time, within bounds, never an exception."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.outbound.providers.exchange import NotAsked, Plan, ProviderAdapter
from tidegate.outbound.providers.flights import Flights, Line, Outcome
from tidegate.outbound.providers.policy import MARGIN_MS
from tidegate.ports.external_data import ProviderCall, ProviderResult

_WORST_FIRST: Final = (CallStatus.FAILURE, CallStatus.TIMEOUT)


class HttpProvider:
    """Implements ``ExternalDataProviderClient`` for any adapter; ``close`` ends it.

    Open it inside a running loop.
    """

    def __init__(self, line: Line, *, monotonic_ms: Callable[[], int] | None = None) -> None:
        self._line = line
        self._monotonic_ms = monotonic_ms or steady_ms
        self._flights = Flights(line, self._monotonic_ms)

    @property
    def name(self) -> str:
        return self._line.adapter.name

    @property
    def billed(self) -> bool:
        return self._line.policy.billed

    @property
    def adapter(self) -> ProviderAdapter:
        """Give what translates for this provider."""
        return self._line.adapter

    async def close(self) -> None:
        """Stop what is in the air and end the connections."""
        await self._flights.close()
        await self._line.credentials.close()
        await self._line.transport.close()

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        begun_ms = self._monotonic_ms()
        try:
            plan = self._line.adapter.plan(call)
            begins = {question.identity for question in plan.questions.values() if not self._flights.has(question)}
        except NotAsked as lacking:
            return _not_asked(f"not asked: {lacking}")
        except UnicodeEncodeError:
            return _not_asked("not asked: a text of the request holds half a character, which cannot be sent")
        room_ms = call.budget_ms - MARGIN_MS
        if plan.questions and room_ms <= 0:
            return _not_asked("not asked: no budget is left", status=CallStatus.TIMEOUT)
        try:
            async with asyncio.timeout(max(room_ms, 1) / 1_000):
                outcomes = await self._outcomes(plan)
        except TimeoutError:
            answer = ProviderAnswer(CallStatus.TIMEOUT, {}, f"did not answer within the budget of {call.budget_ms} ms")
            # What this call began goes on, and may be charged.
            cost_micros = self._line.policy.cost_micros * len(begins)
            return ProviderResult(answer, self._since(begun_ms), cost_micros=cost_micros)
        return self._result(call, plan, outcomes=outcomes, latency_ms=self._since(begun_ms))

    async def _outcomes(self, plan: Plan) -> Mapping[str, Outcome]:
        outcomes = await asyncio.gather(*(self._flights.outcome(question) for question in plan.questions.values()))
        return dict(zip(plan.questions, outcomes, strict=True))

    def _result(
        self, call: ProviderCall, plan: Plan, *, outcomes: Mapping[str, Outcome], latency_ms: int
    ) -> ProviderResult:
        parts = {key: outcome.fields for key, outcome in outcomes.items()}
        return ProviderResult(
            _failure_of(outcomes)
            or ProviderAnswer(CallStatus.SUCCESS, self._line.adapter.combine(call, {**plan.known, **parts})),
            latency_ms,
            raw_response=_raw_of(outcomes),
            from_cache=bool(outcomes) and not any(outcome.own_call for outcome in outcomes.values()),
            cost_micros=sum(outcome.cost_micros for outcome in outcomes.values()),
        )

    def _since(self, begun_ms: int) -> int:
        return self._monotonic_ms() - begun_ms


def _failure_of(outcomes: Mapping[str, Outcome]) -> ProviderAnswer | None:
    """Give the failure of a call any part of which failed: what is known in part is not known."""
    for status in _WORST_FIRST:
        faults = [outcome.fault for outcome in outcomes.values() if outcome.status is status]
        if faults:
            return ProviderAnswer(status, {}, faults[0])
    return None


def _raw_of(outcomes: Mapping[str, Outcome]) -> object:
    """Keep a single answer as it came, several by their keys."""
    if len(outcomes) == 1:
        return next(iter(outcomes.values())).raw
    return {key: outcome.raw for key, outcome in outcomes.items()} or None


def _not_asked(fault: str, *, status: CallStatus = CallStatus.FAILURE) -> ProviderResult:
    return ProviderResult(ProviderAnswer(status, {}, fault), 0)


def steady_ms() -> int:
    """Give milliseconds of a clock that is never set."""
    return time.monotonic_ns() // 1_000_000
