"""What the desk counts of its callers."""

import pytest
from tests.core.assessment.builders import a_request

from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.rest.desk.counting import CountedEvaluation
from tidegate.inbound.shared.figures import Figures
from tidegate.ports.risk_assessments import IdempotencyKey
from tidegate.usecases.assessment.evaluate import Evaluated, KeyReused

ANSWERED = Evaluated("a-1", "t-1", {"decision": "APPROVED"}, processing_time_ms=3, repeated=False)


class Desk:
    """Answers, or raises, as it is told."""

    def __init__(self, outcome: Evaluated | Exception) -> None:
        self._outcome = outcome

    async def evaluate(self, request: AssessmentRequest, *, key: IdempotencyKey | None = None) -> Evaluated:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


async def test_answer_is_counted_by_decision_with_its_wait() -> None:
    """RE-371: the desk's answers are counted by decision, repeats apart, and what callers waited."""
    figures = Figures()
    assert await CountedEvaluation(Desk(ANSWERED), figures).evaluate(a_request()) == ANSWERED
    page = figures.rendered()[0].decode()
    assert 'tidegate_desk_answers_total{decision="APPROVED",repeated="false"} 1.0' in page
    assert "tidegate_desk_latency_seconds_count 1.0" in page


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (DependencyFailed("postgres", "away"), "dependency_failed"),
        (KeyReused(), "conflict"),
        (ZeroDivisionError(), "internal"),
    ],
)
async def test_request_without_an_answer_is_counted_by_its_fault(trouble: Exception, code: str) -> None:
    """RE-371: what ends without an answer is counted by the code that the caller is told, and raised as it was."""
    figures = Figures()
    with pytest.raises(type(trouble)):
        await CountedEvaluation(Desk(trouble), figures).evaluate(a_request())
    page = figures.rendered()[0].decode()
    assert f'tidegate_desk_faults_total{{code="{code}"}} 1.0' in page
    assert "tidegate_desk_latency_seconds_count 0.0" in page
