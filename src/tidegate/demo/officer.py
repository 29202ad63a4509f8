"""The risk officer of the demo: writes ladders, rules and the kill switch through the admin REST API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp

from tidegate.demo.ladders import Listing
from tidegate.demo.world import HALT_ORDER, RULES, ladder_bodies


class OfficerRefused(Exception):
    """The admin API did not take a write; the message has its status and what it said."""


class Officer(Protocol):
    """What the demo needs of the admin API."""

    async def prepare(self, listings: Mapping[str, Listing]) -> int:
        """Write every ladder, rule and kill switch of the demo; give the number of writes. What is there already is
        left as it is. ``OfficerRefused`` when a write is not taken.
        """


class RestOfficer:
    """``Officer`` over HTTP, with a token of RISK_ADMIN."""

    def __init__(self, session: aiohttp.ClientSession, rest_url: str, *, token: str) -> None:
        self._session = session
        self._url = rest_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def prepare(self, listings: Mapping[str, Listing]) -> int:
        writes = 0
        for symbol, body in ladder_bodies(listings):
            if not (await self._read("/v1/margin-tiers", {"symbol": symbol, "limit": "1"}))["items"]:
                await self._write("POST", "/v1/margin-tiers", body=body)
                writes += 1
        names = {rule["name"] for rule in (await self._read("/v1/risk-rules", {"limit": "100"}))["items"]}
        for rule in RULES:
            if rule["name"] not in names:
                await self._write("POST", "/v1/risk-rules", body=rule)
                writes += 1
        await self._write("PUT", "/v1/trading-state", body=HALT_ORDER)
        return writes + 1

    async def _read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        async with self._session.get(self._url + path, params=query, headers=self._headers) as response:
            await _require_success(response)
            document = await response.json()
            assert isinstance(document, dict)
            return document

    async def _write(self, method: str, path: str, *, body: Mapping[str, Any]) -> None:
        async with self._session.request(method, self._url + path, json=body, headers=self._headers) as response:
            await _require_success(response)


async def _require_success(response: aiohttp.ClientResponse) -> None:
    if response.status >= HTTPStatus.BAD_REQUEST:
        said = " ".join((await response.text()).split())
        raise OfficerRefused(f"{response.method} {response.url.path}: {response.status} {said[:500]}")
