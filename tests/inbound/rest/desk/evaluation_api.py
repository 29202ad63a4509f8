"""Evaluating and looking back over REST, in one process over the memory twins."""

from collections.abc import Sequence
from typing import Any, cast

from httpx2 import Response
from tests.core.assessment.builders import ranges
from tests.core.rules.builders import ENGINES
from tests.inbound.rest.admin import Admin, headers_for
from tests.inbound.rest.desk.desk_api import FakeReferences, RandomUuids
from tests.usecases.assessment.workflow import FakeProvider, Workflow

from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.rule_set import RuleSetVersions
from tidegate.inbound.rest.desk.dependencies import AssessmentDependencies, DeskDependencies
from tidegate.ports.desk_configuration import PublishedConfiguration, RuleConfigurationRepository
from tidegate.usecases.assessment.look_back import LookBack
from tidegate.usecases.assessment.rule_drafts import RuleDrafts

EVALUATE = "/v1/risk/evaluate"
TRACE = "3f0f4a52-0a5f-4d57-8f19-0d0d1f8f0a11"


class Published:
    """A configuration that was published once, at every version."""

    def __init__(self, rules: Sequence[RiskRule]) -> None:
        self._rules = rules

    async def load_version(self, versions: RuleSetVersions) -> PublishedConfiguration:
        return PublishedConfiguration(versions, self._rules, ranges(300, 700), ())


class EvaluationApi:
    """The API and what stands behind it; calls are made as RISK_EVALUATOR unless told otherwise."""

    def __init__(self, rules: Sequence[RiskRule] = (), *, providers: Sequence[FakeProvider] = ()) -> None:
        self.workflow = workflow = Workflow(rules, providers=providers)
        configuration = cast(RuleConfigurationRepository, Published(rules))
        look_back = LookBack(workflow.archive, workflow.rule_sets, configuration=configuration, engines=ENGINES)
        assessments = AssessmentDependencies(workflow.service, workflow.archive, look_back, RandomUuids())
        drafts = RuleDrafts(configuration, ENGINES)
        desk = DeskDependencies(configuration, drafts, FakeReferences(), RandomUuids(), assessments)
        self.admin = Admin(desk=desk)
        self.client = self.admin.client

    def evaluate(self, body: object = None, *, content: bytes | None = None, **headers: str) -> Response:
        """Ask for an evaluation; ``Idempotency_Key`` and the like are headers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**headers_for("RISK_EVALUATOR"), "Content-Type": "application/json", **sent}
        if content is not None:
            return self.client.post(EVALUATE, content=content, headers=sent)
        return self.client.post(EVALUATE, json=a_body() if body is None else body, headers=sent)

    def read(self, path: str, role: str = "RISK_AUDITOR") -> Response:
        """Read as RISK_AUDITOR, or another role."""
        return self.client.get(path, headers=headers_for(role))


def a_body(**changes: Any) -> dict[str, Any]:
    """A request; a change to None leaves the field out."""
    usual: dict[str, Any] = {
        "trace_id": TRACE,
        "subject_id": "customer-4711",
        "source_system": "lt-kyc-service",
        "country": "CH",
        "product_type": "LOAN",
        "risk_category": "ONBOARDING",
        "context_data": {"debt_ratio": "0.47"},
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}
