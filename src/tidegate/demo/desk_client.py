"""The assessment desk as a bank's systems and its auditors call it: real REST, every evaluation timed at the caller."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import aiohttp

CALL_S: Final = 30.0
"""Deadline of a call."""

EVALUATE: Final = "/v1/risk/evaluate"
_SAID_CHARACTERS_MAX: Final = 500


class DeskRefused(Exception):
    """The desk did not do what was asked; ``status`` is HTTP's, ``problem`` its problem document (empty when none)."""

    def __init__(self, call: str, status: int, *, problem: Mapping[str, Any]) -> None:
        said = str(problem.get("detail") or problem.get("title") or "no problem document")
        super().__init__(f"{call}: {status} {said[:_SAID_CHARACTERS_MAX]}")
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An answer of the desk as it came, and how long it took at the caller."""

    answer: Mapping[str, Any]
    took_ms: float


class Desk(Protocol):
    """What the demo needs of the desk. Failure contract: ``DeskRefused`` with HTTP's status."""

    async def evaluate(self, request: Mapping[str, Any], *, key: str | None = None) -> Evaluation:
        """Have one request evaluated; ``key`` is its Idempotency-Key."""

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Read as an auditor."""

    async def replay(self, assessment_id: str) -> Mapping[str, Any]:
        """Have a stored assessment decided again, as an auditor."""

    async def trespass(self, request: Mapping[str, Any]) -> Evaluation:
        """Ask for an evaluation with a token that has not the role for it."""


@dataclass(frozen=True, slots=True)
class DeskTokens:
    """Tokens of the roles that take part."""

    evaluator: str
    admin: str
    auditor: str


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] | None = None
    key: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class RestDesk:
    """``Desk`` over HTTP, with a desk officer's writes."""

    def __init__(self, session: aiohttp.ClientSession, rest_url: str, *, tokens: DeskTokens) -> None:
        self._session = session
        self._url = rest_url.rstrip("/")
        self._tokens = tokens

    async def evaluate(self, request: Mapping[str, Any], *, key: str | None = None) -> Evaluation:
        return await self._evaluate(_Call("POST", EVALUATE, request, key=key), self._tokens.evaluator)

    async def trespass(self, request: Mapping[str, Any]) -> Evaluation:
        return await self._evaluate(_Call("POST", EVALUATE, request), self._tokens.auditor)

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return await self._answered(_Call("GET", path, query=query), self._tokens.auditor)

    async def replay(self, assessment_id: str) -> Mapping[str, Any]:
        return await self._answered(_Call("POST", f"/v1/assessments/{assessment_id}/replay"), self._tokens.auditor)

    async def write(self, method: str, path: str, *, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write as a desk officer.

        Raises:
            DeskRefused: it was not taken.
        """
        return await self._answered(_Call(method, path, body), self._tokens.admin)

    async def _evaluate(self, call: _Call, token: str) -> Evaluation:
        began = time.perf_counter()
        answer = await self._answered(call, token)
        return Evaluation(answer, (time.perf_counter() - began) * 1_000)

    async def _answered(self, call: _Call, token: str) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} | ({} if call.key is None else {"Idempotency-Key": call.key})
        options: dict[str, Any] = {"json": call.body, "params": call.query, "headers": headers}
        limit = aiohttp.ClientTimeout(total=CALL_S)
        try:
            async with self._session.request(call.method, self._url + call.path, **options, timeout=limit) as response:
                document = await _document(response)
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise DeskRefused(str(call), 0, problem={"detail": str(trouble) or type(trouble).__name__}) from trouble
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise DeskRefused(str(call), response.status, problem=document)
        return document


async def _document(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """Give the JSON object of an answer; empty where it has none."""
    try:
        document = await response.json(content_type=None)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
