"""One server on loopback that stands in for Zefix, CRIF, SST and a token endpoint."""

import base64
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from tidegate.demo.stub_providers.company_book import BOOK, company_full, company_short, entries_of
from tidegate.demo.stub_providers.faults import Fault, FaultPlan, misbehave

USERNAME: Final = "stub"
PASSWORD: Final = "stub"  # noqa: S105 - of a stand-in on loopback, known to everyone
LIST_MAX: Final = 5
"""Companies that a search lists; more are RESULTLIST_TO_LARGE."""

_DECISIONS: Final = ("GREEN", "LIGHT_GREEN", "YELLOW", "RED")
_CRIF_HEADERS: Final = ("api-version", "reference-number", "end-user-id", "cost-group-id")


class StubProviders:
    """``start`` and ``stop`` it. ``zefix``, ``crif``, ``sst`` and ``token`` plan the faults and count the calls.

    The same can be done from another process: ``PUT /stub/faults/{provider}`` takes ``{"every", "by_key", "slow_ms"}``.
    """

    def __init__(self) -> None:
        self.zefix = FaultPlan()
        self.crif = FaultPlan()
        self.sst = FaultPlan()
        self.token = FaultPlan()
        self.reference_numbers: Counter[str] = Counter()
        self.token_life_s = 300
        self.tokens: set[str] = set()
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> "StubProviders":
        """Listen on loopback; port 0 takes a free one."""
        app = web.Application()
        app.router.add_get("/zefix/api/v1/company/uid/{uid}", self._company)
        app.router.add_post("/zefix/api/v1/company/search", self._search)
        app.router.add_post("/crif/reports/personAddress", self._report)
        app.router.add_get("/sst/v1/subjects/{subject}/score", self._score)
        app.router.add_post("/oauth/token", self._token)
        app.router.add_put("/stub/faults/{provider}", self._plan)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        """Stop listening and drop what hangs."""
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def plans(self) -> Mapping[str, FaultPlan]:
        """Give the fault plans by provider."""
        return {"zefix": self.zefix, "crif": self.crif, "sst": self.sst, "token": self.token}

    async def _company(self, request: web.Request) -> web.StreamResponse:
        uid = request.match_info["uid"]

        def usual() -> tuple[int, object]:
            if not _is_basic(request):
                return 401, {}
            entries = [company_full(company) for company in entries_of(uid)]
            return (200, entries) if entries else _zefix_error(404, "NOT_FOUND", message="no company has this UID")

        return await misbehave(request, self.zefix, key=uid, usual=usual)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        query = await request.json()
        name = str(query.get("name", ""))

        def usual() -> tuple[int, object]:
            if not _is_basic(request):
                return 401, {}
            if len(name) < 3:
                return _zefix_error(400, "INVALID_REQUEST_DATA", message="name has at least 3 characters")
            active = bool(query.get("activeOnly"))
            matching = [
                company_short(company)
                for company in BOOK
                if company.name.casefold().startswith(name.rstrip("*").casefold())
                and (not active or company.status == "ACTIVE")
            ]
            if name == "AAA" or len(matching) > LIST_MAX:
                return _zefix_error(400, "RESULTLIST_TO_LARGE", message="too many companies; narrow the search")
            return 200, matching

        return await misbehave(request, self.zefix, key=name, usual=usual)

    async def _report(self, request: web.Request) -> web.StreamResponse:
        order = await request.json()
        identity = order.get("personIdentity", {})
        surname = str(identity.get("lastName", ""))

        def usual() -> tuple[int, object]:
            if not _is_basic(request):
                return 401, {}
            lacking = [name for name in _CRIF_HEADERS if not request.headers.get(name)]
            if lacking or not surname or not order.get("reportType"):
                return 400, {"error": {"code": "INVALID_REQUEST", "message": f"lacking {lacking or 'the person'}"}}
            self.reference_numbers[request.headers["reference-number"]] += 1
            return 200, _report_on(identity)

        return await misbehave(request, self.crif, key=surname, usual=usual)

    async def _score(self, request: web.Request) -> web.StreamResponse:
        subject = request.match_info["subject"]

        def usual() -> tuple[int, object]:
            if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
                return 401, {"error": "invalid_token"}
            if subject.startswith("unknown"):
                return 404, {"error": "no such subject"}
            score = _number_of(subject, bound=1_000)
            band = "ABCDE"[score // 200]
            return 200, {"result": {"score": score, "band": band, "flags": [], "country": request.query.get("country")}}

        return await misbehave(request, self.sst, key=subject, usual=usual)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()

        def usual() -> tuple[int, object]:
            if not _is_basic(request) or form.get("grant_type") != "client_credentials":
                return 401, {"error": "invalid_client"}
            token = secrets.token_urlsafe(16)
            self.tokens.add(token)
            return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.token_life_s}

        return await misbehave(request, self.token, key=str(form.get("scope", "")), usual=usual)

    async def _plan(self, request: web.Request) -> web.Response:
        plan = self.plans.get(request.match_info["provider"])
        if plan is None:
            raise web.HTTPNotFound
        try:
            wish = await request.json()
            plan.every = Fault(wish.get("every", plan.every))
            plan.by_key = {str(key): Fault(fault) for key, fault in wish.get("by_key", {}).items()}
            plan.slow_ms = int(wish.get("slow_ms", plan.slow_ms))
        except (ValueError, AttributeError, TypeError) as wrong:
            raise web.HTTPUnprocessableEntity(text=str(wrong)) from None
        return web.json_response({"calls": plan.calls})


def _zefix_error(status: int, kind: str, *, message: str) -> tuple[int, object]:
    return status, {"error": {"type": kind, "message": message}}


def _report_on(identity: Mapping[str, object]) -> dict[str, object]:
    """Make a report that depends on the person alone; nobody is called Unbekannt."""
    surname = str(identity["lastName"])
    if surname == "Unbekannt":
        return {"addressMatchResult": {"type": "NO_MATCH"}}
    number = _number_of(json.dumps(identity, sort_keys=True), bound=400)
    decision = _DECISIONS[number // 100]
    return {
        "archivingId": 4_000_000 + number,
        "addressMatchResult": {"type": "MATCH"},
        "decisionMatrix": {
            "decision": decision,
            "decisionText": f"Stand-in report, {decision.lower().replace('_', ' ')}",
            "score": str(900 - number),
            "subdecisions": [
                {"type": "NEGATIVE_PAYMENT", "value": "no" if number < 300 else "yes", "decision": decision},
                {"type": "IDENTITY_KNOWN", "value": "yes", "decision": "GREEN"},
            ],
        },
    }


def _number_of(text: str, *, bound: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % bound


def _is_basic(request: web.Request) -> bool:
    expected = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    return request.headers.get("Authorization") == expected
