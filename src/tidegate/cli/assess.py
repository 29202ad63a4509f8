"""``tidegate assess``: a request and all that its decision hangs on in, the decision out. No servers, no clock."""

from typing import Annotated

import typer

from tidegate.bootstrap.engines import rule_engines
from tidegate.cli.output import Unusable, answer_file
from tidegate.core.assessment.decide import assess as decide
from tidegate.core.assessment.history import history_fields
from tidegate.core.assessment.moments import us_of
from tidegate.core.rules.instants import Instant
from tidegate.core.rules.json_exact import write_json
from tidegate.inbound.scenario.assessment import AssessmentCase, read_assessment
from tidegate.inbound.scenario.faults import UnreadableScenario


def assess(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A document (.json or .jsonl), - for standard input.")],
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One document a line in, one answer a line out.")] = False,
) -> None:
    """Assess the request of a document; prints the decision and what each rule in scope came to."""
    answer_file(file, _assessed, jsonl=jsonl)


def _assessed(content: bytes) -> str:
    try:
        case = read_assessment(content, engines=rule_engines())
    except UnreadableScenario as unreadable:
        raise Unusable(str(unreadable)) from None
    return write_json(_answer(case))


def _answer(case: AssessmentCase) -> dict[str, object]:
    # Without a clock nothing asks for the past, and no age is compared: any instant will do.
    now = case.now or Instant(0)
    past = [row for row in case.past if row.subject_id == case.request.subject_id]
    verdict = decide(
        case.request,
        rule_set=case.rule_set,
        outside=case.outside,
        history=history_fields(past, now_us=us_of(now), windows=case.rule_set.windows),
        now=now,
    )
    rules = [
        {"rule_code": each.rule_code, "result": each.result.value, "contribution": each.contribution}
        for each in verdict.rules
    ]
    return {**verdict.answer(), "rules": rules}
