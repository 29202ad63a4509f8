"""Step three: ask the outside, everyone at once, inside one budget; nobody's failure is another's."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.risk_assessment import ExternalCall
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.clock import Clock, Ids
from tidegate.ports.external_data import ExternalDataProviderClient, ProviderCall, ProviderResult
from tidegate.ports.risk_assessments import RiskAssessmentRepository
from tidegate.usecases.assessment.snapshot import storable_answer

SENT: Final = "the call was sent; how it ended was never written"
OUT_OF_BUDGET: Final = "no answer within the budget of the request"
DEFECT: Final = "a defect of the adapter"

Alarm = Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class Collected:
    """What the outside said, by provider, and the calls for the log. A provider that is not there was not called."""

    answers: Mapping[str, ProviderAnswer]
    calls: tuple[ExternalCall, ...]


class OutsideData:
    """Asks providers. ``clients`` are those that are configured, by name; ``alarm`` is told of defects."""

    def __init__(
        self,
        clients: Mapping[str, ExternalDataProviderClient],
        repository: RiskAssessmentRepository,
        *,
        clock: Clock,
        ids: Ids,
        alarm: Alarm,
    ) -> None:
        self._clients = clients
        self._repository = repository
        self._clock = clock
        self._ids = ids
        self._alarm = alarm
        self._late: set[asyncio.Task[ProviderResult]] = set()

    async def collect(
        self,
        assessment_id: str,
        request: AssessmentRequest,
        *,
        needed: Mapping[str, Mapping[str, object]],
        budget_ms: int,
    ) -> Collected:
        """Ask the providers that are needed, each told its own; ends within the budget, whatever they do.

        A provider that is late is cancelled and stands as TIMEOUT; one that raises stands as FAILURE.

        Raises:
            DependencyFailed: the row of a billed call could not be written, so the call was not made.
        """
        asked = [
            _Asked(self._clients[name], ProviderCall(assessment_id, request, budget_ms, parameters), self._ids.new())
            for name, parameters in needed.items()
            if name in self._clients
        ]
        called_us, begun_s = self._clock.now_us(), _now_s()
        tasks = [asyncio.create_task(self._ask(each, called_us)) for each in asked]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=budget_ms / 1_000)
        finally:
            for task in tasks:
                self._give_up(task)
        answers: dict[str, ProviderAnswer] = {}
        calls: list[ExternalCall] = []
        for each, task in zip(asked, tasks, strict=True):
            result = task.result() if task.done() else _late(begun_s)
            answers[each.client.name] = storable_answer(result.answer)
            calls.append(each.row(result, called_us))
        return Collected(answers, tuple(calls))

    async def _ask(self, asked: "_Asked", called_us: int) -> ProviderResult:
        begun_s = _now_s()
        if asked.client.billed:
            sent = ProviderResult(ProviderAnswer(CallStatus.FAILURE, {}, SENT), 0)
            await self._repository.log_billed_call(asked.row(sent, called_us))
        left_ms = max(1, asked.call.budget_ms - _elapsed_ms(begun_s))
        try:
            return await asked.client.fetch(replace(asked.call, budget_ms=left_ms))
        except DependencyFailed as failed:
            return ProviderResult(ProviderAnswer(CallStatus.FAILURE, {}, failed.reason), _elapsed_ms(begun_s))
        except Exception as defect:  # noqa: BLE001 - an adapter must not take the request down, whatever is wrong in it
            self._alarm(defect)
            return ProviderResult(ProviderAnswer(CallStatus.FAILURE, {}, DEFECT), _elapsed_ms(begun_s))

    def _give_up(self, task: "asyncio.Task[ProviderResult]") -> None:
        """Cancel a call that has not ended, and do not wait until it has: it may not want to."""
        if task.done():
            return
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        task.add_done_callback(_overlook)
        task.cancel()


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call on its way, and the id of its row."""

    client: ExternalDataProviderClient
    call: ProviderCall
    call_id: str

    def row(self, result: ProviderResult, called_us: int) -> ExternalCall:
        """Give the row of the log."""
        return ExternalCall(
            call_id=self.call_id,
            assessment_id=self.call.assessment_id,
            provider_name=self.client.name,
            status=result.answer.status,
            latency_ms=max(0, result.latency_ms),
            raw_response=result.raw_response,
            called_us=called_us,
            fault=result.answer.fault,
            from_cache=result.from_cache,
            cost_micros=result.cost_micros,
        )


def _late(begun_s: float) -> ProviderResult:
    return ProviderResult(ProviderAnswer(CallStatus.TIMEOUT, {}, OUT_OF_BUDGET), _elapsed_ms(begun_s))


def _overlook(task: "asyncio.Task[ProviderResult]") -> None:
    """Take what a call that was given up came to; it has been logged as TIMEOUT."""
    if not task.cancelled():
        task.exception()


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _elapsed_ms(begun_s: float) -> int:
    return int((_now_s() - begun_s) * 1_000)
