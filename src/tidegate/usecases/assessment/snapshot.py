"""The snapshot of an assessment: everything its decision hung on, written so that it can be made again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tidegate.core.assessment.decide import assess
from tidegate.core.assessment.explain import Circumstances
from tidegate.core.assessment.moments import instant_at
from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.rule_set import RuleSet, RuleSetVersions
from tidegate.core.assessment.verdict import Verdict
from tidegate.usecases.assessment.stored_form import stored_members

_TEXTS: Final = ("trace_id", "subject_id", "source_system", "country", "product_type", "risk_category")


class UnreadableSnapshot(ValueError):
    """A snapshot that was not written by this program."""


@dataclass(frozen=True, slots=True)
class Circumscribed:
    """A request with all that a decision on it hangs on, but for the rules."""

    request: AssessmentRequest
    outside: Mapping[str, ProviderAnswer]
    history: Mapping[str, object]
    now_us: int

    def decide(self, rule_set: RuleSet) -> Verdict:
        """Decide by a rule set."""
        return assess(
            self.request,
            rule_set=rule_set,
            outside=self.outside,
            history=self.history,
            now=instant_at(self.now_us),
        )

    def circumstances(self) -> Circumstances:
        """Give what an explanation needs besides request and rules."""
        return Circumstances(self.outside, self.history, instant_at(self.now_us))


def storable_request(request: AssessmentRequest) -> AssessmentRequest:
    """Give a request whose context is as a store gives it back."""
    return replace(request, context_data=stored_members(request.context_data))


def storable_answer(answer: ProviderAnswer) -> ProviderAnswer:
    """Give a provider's answer whose fields are as a store gives them back."""
    return replace(answer, fields=stored_members(answer.fields))


def begin_snapshot(request: AssessmentRequest) -> dict[str, object]:
    """Write what is known when an assessment is claimed: the request."""
    return {"request": {**{name: getattr(request, name) for name in _TEXTS}, "context_data": request.context_data}}


def write_snapshot(made_on: Circumscribed, *, versions: Mapping[str, int], engine: str) -> dict[str, object]:
    """Write a whole snapshot. ``engine`` is the version of this program."""
    providers = {
        name: {"status": answer.status.value, "fields": answer.fields, "fault": answer.fault}
        for name, answer in made_on.outside.items()
    }
    return {
        **begin_snapshot(made_on.request),
        "providers": providers,
        "history": made_on.history,
        "versions": versions,
        "engine": engine,
        "now_us": made_on.now_us,
    }


def read_snapshot(snapshot: Mapping[str, object]) -> Circumscribed:
    """Read a whole snapshot.

    Raises:
        UnreadableSnapshot: a part is missing or not what it should be.
    """
    request = _object(snapshot, "request")
    try:
        texts = {name: str(request[name]) for name in _TEXTS}
        now_us = int(str(snapshot["now_us"]))
        providers = _object(snapshot, "providers")
        outside = {name: _answer(_object(providers, name)) for name in providers}
    except (KeyError, ValueError) as wrong:
        raise UnreadableSnapshot(f"the snapshot lacks {wrong}") from None
    return Circumscribed(
        AssessmentRequest(context_data=_object(request, "context_data"), **texts),
        outside,
        _object(snapshot, "history"),
        now_us,
    )


def versions_named(versions: RuleSetVersions) -> dict[str, int]:
    """Give the versions of a rule set by name."""
    return {"rules": versions.rules, "thresholds": versions.thresholds, "lists": versions.lists}


def versions_read(versions: Mapping[str, int]) -> RuleSetVersions:
    """Give the versions that an assessment names."""
    return RuleSetVersions(versions.get("rules", 0), versions.get("thresholds", 0), versions.get("lists", 0))


def _answer(kept: Mapping[str, object]) -> ProviderAnswer:
    return ProviderAnswer(CallStatus(str(kept["status"])), _object(kept, "fields"), str(kept["fault"]))


def _object(members: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = members.get(name)
    if not isinstance(value, Mapping):
        raise UnreadableSnapshot(f"the snapshot has no {name}")
    return value
