"""The world that the desk of whole processes is put into: rules as a seed, stand-ins for providers, clients."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import aiohttp
from tests.system.processes import Served, run_command

from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.server import PASSWORD, USERNAME, StubProviders
from tidegate.outbound.postgres.embedded import EmbeddedPostgres

EVALUATE: Final = "/v1/risk/evaluate"
GENERIC: Final = "sst"
RULES: Final[Sequence[Mapping[str, Any]]] = (
    {
        "rule_code": "COMPANY_LEAVES",
        "category": "COMPLIANCE",
        "weight": 300,
        "scope": {},
        "logic_config": {
            "type": "company_register",
            "uid_field": "context_data.uid",
            "statuses": ["BEING_CANCELLED", "CANCELLED"],
        },
    },
    {
        "rule_code": "REPORT_KNOWN",
        "category": "CREDIT",
        "weight": 20,
        "scope": {},
        "logic_config": {"when": {"field": "providers.crif.found", "op": "eq", "value": True}, "providers": ["crif"]},
    },
    {
        "rule_code": "OFTEN",
        "category": "FRAUD",
        "weight": 10,
        "scope": {},
        "logic_config": {"type": "velocity", "window": "PT1H", "count_gt": 0, "by": "subject_id"},
    },
)
RANGES: Final = [
    {"score_from": 0, "score_to": 299, "decision": "APPROVED", "scope": {}},
    {"score_from": 300, "score_to": 1000, "decision": "REJECTED", "scope": {}},
]


def desk_seed(
    folder: Path, *, rules: Sequence[Mapping[str, Any]] = RULES, lists: Mapping[str, Any] | None = None
) -> Path:
    """Write rules, thresholds and lists as a seed file."""
    path = folder / "desk.json"
    seed = {"assessment_rules": rules, "thresholds": RANGES, "lists": lists or {}}
    path.write_text(json.dumps(seed), encoding="utf-8")
    return path


def with_providers(url: str, **more: str) -> dict[str, str]:
    """Give the settings that make a desk ask the stand-ins."""
    return {
        "TIDEGATE_ZEFIX_URL": f"{url}/zefix",
        "TIDEGATE_ZEFIX_USERNAME": USERNAME,
        "TIDEGATE_ZEFIX_PASSWORD": PASSWORD,
        "TIDEGATE_ZEFIX_CACHE_TTL_S": "0",
        "TIDEGATE_CRIF_URL": f"{url}/crif",
        "TIDEGATE_CRIF_USERNAME": USERNAME,
        "TIDEGATE_CRIF_PASSWORD": PASSWORD,
        "TIDEGATE_CRIF_END_USER_ID": "desk",
        "TIDEGATE_CRIF_COST_GROUP_ID": "tests",
        **more,
    }


def with_sst(url: str, **policy: int) -> dict[str, str]:
    """Give the settings that make a desk ask the stand-in for SST, within these bounds."""
    definition = {
        "name": GENERIC,
        "base_url": f"{url}/sst",
        "path": "/v1/subjects/{subject_id}/score",
        "auth": {
            "type": "client_credentials",
            "token_url": f"{url}/oauth/token",
            "client_id": USERNAME,
            "secret": GENERIC,
        },
        "fields": {"score": {"path": "result.score", "type": "number", "required": True}},
        "policy": policy,
    }
    return {
        "TIDEGATE_PROVIDERS_GENERIC": json.dumps([definition]),
        "TIDEGATE_PROVIDERS_SECRETS": json.dumps({GENERIC: PASSWORD}),
    }


async def beside(served: Served) -> dict[str, str]:
    """Give the settings of another process on the database of a running one, for the desk alone."""
    server = EmbeddedPostgres(served.data / "postgres")
    await server.start(guest=True)
    try:
        return {"TIDEGATE_POSTGRES_URL": server.dsn, "TIDEGATE_SERVE_ROLES": "desk,admin"}
    finally:
        await server.stop()


def a_request(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Give a request about a company and a person that the stand-ins know."""
    context = {
        "uid": BOOK[0].uid,
        "first_name": "Erika",
        "last_name": "Muster",
        "address": {"street": "Bahnhofstrasse", "house_number": "1", "zip": "8001", "city": "Zürich"},
        "number": number,
    }
    return {
        "trace_id": str(uuid4()),
        "subject_id": f"customer-{number}",
        "source_system": "lt-kyc-service",
        "country": "CH",
        "product_type": "LOAN",
        "risk_category": "ONBOARDING",
        "context_data": context,
        **changes,
    }


@asynccontextmanager
async def stand_ins() -> AsyncIterator[StubProviders]:
    """Lend running stand-ins."""
    stub = await StubProviders().start()
    try:
        yield stub
    finally:
        await stub.stop()


class DeskClient:
    """Speaks to the desk of one process, with a token for each role that it needs."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._tokens: dict[str, str] = {}
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60))

    async def evaluate(self, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        """Ask for an evaluation; give status and document."""
        return await self._call("POST", EVALUATE, role="RISK_EVALUATOR", json=body, headers=headers)

    async def read(self, path: str) -> tuple[int, dict[str, Any]]:
        """Read as an auditor."""
        return await self._call("GET", path, role="RISK_AUDITOR")

    async def change(self, method: str, path: str, *, body: object) -> tuple[int, dict[str, Any]]:
        """Change the configuration as an admin."""
        return await self._call(method, path, role="RISK_ADMIN", json=body)

    async def replay(self, assessment_id: str) -> bytes:
        """Have an assessment decided again; give the body as it came."""
        headers = {"Authorization": f"Bearer {await self._token('RISK_AUDITOR')}"}
        url = f"{self._served.rest}/v1/assessments/{assessment_id}/replay"
        async with self._session.post(url, headers=headers) as response:
            told = await response.read()
            assert response.status == 200, told
            return told

    async def figure(self, name: str) -> float:
        """Read one figure of ``/metrics``."""
        async with self._session.get(f"{self._served.rest}/metrics") as response:
            lines = (await response.text()).splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))

    async def _call(self, method: str, path: str, *, role: str, **sent: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {await self._token(role)}", **sent.pop("headers", {})}
        async with self._session.request(method, self._served.rest + path, headers=headers, **sent) as response:
            document: dict[str, Any] = await response.json(content_type=None) if response.status != 204 else {}
            return response.status, document

    async def _token(self, role: str) -> str:
        if role not in self._tokens:
            arguments = ("token", "--role", role, "--ttl-s", "3600", "--data", str(self._served.data))
            done = await asyncio.to_thread(run_command, *arguments)
            self._tokens[role] = done.stdout.decode().strip()
        return self._tokens[role]

    async def __aenter__(self) -> Self:
        await self._token("RISK_EVALUATOR")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._session.close()
