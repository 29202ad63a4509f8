"""The desk's configuration over REST, in one process over the memory twins, with tokens for every role."""

from typing import Any
from uuid import uuid4

from httpx2 import Response
from tests.inbound.rest.admin import Admin, compiled

from tidegate.core.rules.parse import Engines
from tidegate.inbound.rest.desk.dependencies import DeskDependencies
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.desk_configuration import MemoryDeskConfiguration
from tidegate.ports.desk_configuration import RuleConfigurationRepository
from tidegate.usecases.assessment.rule_drafts import RuleDrafts

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
DEBT_RATIO = {"when": {"field": "context_data.debt_ratio", "op": "gt", "value": "0.40"}}


class FakeReferences:
    """Says of the rules that a test names that assessments rest on them."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    async def in_use(self, rule_id: str, now_us: int) -> bool:
        return rule_id in self.used


class RandomUuids:
    """Ids that were never given before."""

    def new(self) -> str:
        return str(uuid4())


class DeskApi:
    """The API and what stands behind it; calls are made as RISK_ADMIN unless told otherwise."""

    def __init__(self, configuration: RuleConfigurationRepository | None = None, **changes: Any) -> None:
        self.configuration = configuration or MemoryDeskConfiguration(MemoryConfigurationAreas())
        self.references = FakeReferences()
        engines = Engines(regex=compiled)
        desk = DeskDependencies(
            configuration=self.configuration,
            drafts=RuleDrafts(self.configuration, engines),
            references=self.references,
            ids=RandomUuids(),
        )
        self.admin = Admin(desk=desk, **changes)
        self.client = self.admin.client

    def call(self, method: str, path: str, *, json: object = None, **headers: str) -> Response:
        """Call as RISK_ADMIN; ``If_Match`` and the like are headers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {} if json is None else {"json": json}
        return self.client.request(method, path, headers=sent, **body)  # type: ignore[arg-type] # a table of arguments

    def made(self, path: str, json: object) -> dict[str, Any]:
        """Create a row and give its document."""
        answer = self.call("POST", path, json=json)
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document


def a_rule(code: str = "RULE_A", **changes: Any) -> dict[str, Any]:
    """The body of a rule."""
    return {"rule_code": code, "category": "CREDIT", "weight": 120, "logic_config": DEBT_RATIO, "scope": {}, **changes}


def a_list(name: str = "high_risk", **changes: Any) -> dict[str, Any]:
    """The body of a managed list."""
    return {"name": name, "entries": ["IR", "KP"], **changes}


def naming(name: str) -> dict[str, Any]:
    """The logic of a rule that names a managed list."""
    return {"when": {"all": [{"field": "country", "op": "in", "value": {"list": name}}]}}


def ranges(*cuts: int) -> list[dict[str, Any]]:
    """Ranges that cover 0 to 1000, parted behind each cut."""
    decisions = ["APPROVED", "MANUAL_REVIEW", "REJECTED"]
    lows, highs = [0, *(cut + 1 for cut in cuts)], [*cuts, 1000]
    return [
        {"score_from": low, "score_to": high, "decision": decisions[min(place, 2)]}
        for place, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]


def a_request(**changes: Any) -> dict[str, Any]:
    """What would be sent to be evaluated."""
    return {
        "subject_id": "s-1",
        "source_system": "crm",
        "country": "CH",
        "product_type": "LOAN",
        "risk_category": "RETAIL",
        "context_data": {"debt_ratio": "0.47"},
        **changes,
    }
