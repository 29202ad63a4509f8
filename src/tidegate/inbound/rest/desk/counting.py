"""Counts what callers of the desk are told, and how long they wait."""

from time import perf_counter

from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.rest.desk.dependencies import Evaluates
from tidegate.inbound.shared.faults import FaultCode
from tidegate.inbound.shared.figures import DESK_BOUNDS_S, Figures
from tidegate.ports.risk_assessments import IdempotencyKey
from tidegate.usecases.assessment.evaluate import Evaluated, KeyReused


class CountedEvaluation:
    """Evaluates by another, and counts. A caller that goes away is not counted."""

    def __init__(self, evaluation: Evaluates, figures: Figures) -> None:
        self._evaluation = evaluation
        self._answers = figures.tally(
            "tidegate_desk_answers_total",
            help_text="Requests answered, by decision, and whether with what was recorded before.",
            labels=("decision", "repeated"),
        )
        self._faults = figures.tally(
            "tidegate_desk_faults_total", help_text="Requests that ended without an answer.", labels=("code",)
        )
        for code in (FaultCode.DEPENDENCY_FAILED, FaultCode.INTERNAL):
            self._faults.begin(code)
        self._waits = figures.latency(
            "tidegate_desk_latency_seconds",
            help_text="How long callers of the desk waited for an answer.",
            bounds_s=DESK_BOUNDS_S,
        )

    async def evaluate(self, request: AssessmentRequest, *, key: IdempotencyKey | None = None) -> Evaluated:
        """Evaluate, count, and hand on what was answered or raised."""
        begun = perf_counter()
        try:
            evaluated = await self._evaluation.evaluate(request, key=key)
        except DependencyFailed:
            self._faults.count(FaultCode.DEPENDENCY_FAILED)
            raise
        except KeyReused:
            self._faults.count(FaultCode.CONFLICT)
            raise
        except Exception:
            self._faults.count(FaultCode.INTERNAL)
            raise
        self._answers.count(str(evaluated.answer["decision"]), str(evaluated.repeated).lower())
        self._waits.observe(perf_counter() - begun)
        return evaluated
