"""Where the demo's applicants ask the desk: every answer is counted, shown, and held against what it must be."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidegate.demo.desk_client import Desk, DeskRefused, Evaluation
from tidegate.demo.desk_show import DeskShow, DeskSummary

NO_ANSWER: Final = 0
"""``DeskRefused.status`` of a call that got no answer at all."""


@dataclass(frozen=True, slots=True)
class DeskExpected:
    """The answer that a part is about: the decision, reason codes and beginnings of warnings that must be among those
    that come. ``repeated``: it is answered from the record.
    """

    decision: str | None = None
    reasons: Collection[str] = ()
    warnings: Collection[str] = ()
    repeated: bool = False

    def missed(self, answer: Mapping[str, Any]) -> str:
        """Say what the answer lacks; empty when it is as it must be."""
        lacking = [code for code in self.reasons if code not in answer["reason_codes"]]
        lacking += [said for said in self.warnings if not any(each.startswith(said) for each in answer["warnings"])]
        if self.decision is not None and answer["decision"] != self.decision:
            return f"{self.decision} expected, {answer['decision']} {', '.join(answer['reason_codes'])} came"
        if lacking:
            return f"{', '.join(lacking)} expected and did not come"
        if answer["duplicate_of_request"] is not self.repeated:
            return "an answer from the record expected" if self.repeated else "it was answered from the record"
        if not answer["score_min"] <= answer["risk_score"] <= answer["score_max"]:
            return f"score {answer['risk_score']} is not in {answer['score_min']}..{answer['score_max']}"
        return ""


class DeskFloor:
    """Asks, counts and shows. ``run`` names this run of the demo in subjects; ``answers`` are by the asker's name."""

    def __init__(self, desk: Desk, show: DeskShow, *, run: str) -> None:
        self.desk = desk
        self.show = show
        self.run = run
        self.summary = DeskSummary()
        self.took_ms: list[float] = []
        self.answers: dict[str, Mapping[str, Any]] = {}

    async def ask(
        self, who: str, request: Mapping[str, Any], *, expected: DeskExpected, key: str | None = None
    ) -> Mapping[str, Any] | None:
        """Have a request evaluated; ``None`` when it was not."""
        try:
            evaluation = await self.desk.evaluate(request, key=key)
        except DeskRefused as refused:
            self.summary.troubles.append(f"{who}: {refused}")
            return None
        self._take(who, request, evaluation=evaluation)
        if missed := expected.missed(evaluation.answer):
            self.surprise(who, missed)
        return evaluation.answer

    def _take(self, who: str, request: Mapping[str, Any], *, evaluation: Evaluation) -> None:
        answer = evaluation.answer
        self.took_ms.append(evaluation.took_ms)
        self.answers[who] = answer
        self.summary.count(request["product_type"], answer)
        self.show.answer(who, answer, took_ms=evaluation.took_ms)
        if answer["trace_id"] != request["trace_id"]:
            self.surprise(who, f"trace {answer['trace_id']} came back for {request['trace_id']}")

    def refused(self, who: str, refusal: DeskRefused, *, status: int, says: Collection[str] = ()) -> None:
        """Take a refusal that must be: with this status, and what it says in it."""
        if refusal.status == NO_ANSWER:
            self.summary.troubles.append(f"{who}: {refusal}")
            return
        faults = [str(each.get("pointer", "")) for each in refusal.problem.get("errors", ())]
        why = f"names {', '.join(faults)}" if faults else str(refusal.problem.get("detail", ""))
        self.show.refusal(who, refusal.status, why=why)
        missing = [name for name in says if name not in faults]
        if refusal.status != status or missing:
            self.surprise(who, f"{status} {', '.join(says)} expected, {refusal.status} {', '.join(faults)} came")
        else:
            self.summary.refused += 1

    def surprise(self, who: str, what: str) -> None:
        """Note that something came out otherwise than it must."""
        self.summary.surprises.append(f"{who}: {what}")
