"""What a process remembers of the answers it completed."""

from tests.ports.assessment_stores import a_claim, a_completion, an_id

from tidegate.usecases.assessment.remembered_answers import RememberedAnswers


def test_only_the_latest_answers_are_remembered() -> None:
    """AS-401: the memory of a process is bounded; what it forgets the store still knows."""
    answers = RememberedAnswers(2)
    claims = [a_claim(number, subject=f"subject-{number}") for number in (1, 2, 3)]
    for claim in claims:
        answers.put(claim, a_completion(claim))
    found = [answers.get((claim.subject_id, claim.request_hash), since_us=0) for claim in claims]
    assert [None if each is None else each.assessment_id for each in found] == [None, an_id(2), an_id(3)]
