"""Answers that this process completed: a repeat that comes back here needs no look at what stands.

What is completed is never changed and stands until its window has passed, so memory cannot be wrong about it.
"""

from collections import OrderedDict

from tidegate.ports.risk_assessments import AssessmentClaim, Completion, RecordedAnswer

Place = tuple[str, str]
"""Subject and request hash."""


class RememberedAnswers:
    """The latest answers, at most ``most``; what is forgotten, the store still knows."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Place, tuple[int, RecordedAnswer]] = OrderedDict()

    def put(self, claim: AssessmentClaim, completion: Completion) -> None:
        """Remember an assessment that has been completed."""
        place = (claim.subject_id, claim.request_hash)
        self._answers[place] = (
            claim.at_us,
            RecordedAnswer(
                assessment_id=completion.assessment_id,
                decision=completion.decision,
                total_score=completion.total_score,
                answer=completion.answer,
                versions=claim.versions,
                processing_time_ms=completion.processing_time_ms,
            ),
        )
        self._answers.move_to_end(place)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def get(self, place: Place, *, since_us: int) -> RecordedAnswer | None:
        """Give the answer of an assessment that was claimed after ``since_us`` (one exactly then stands no longer)."""
        made_us, answer = self._answers.get(place, (since_us, None))
        return answer if made_us > since_us else None
