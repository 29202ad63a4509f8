"""The admin API as one ASGI application."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.inbound.rest import decisions, margin_tiers, risk_profiles, risk_rules, trading_state
from tidegate.inbound.rest.dependencies import AdminDependencies
from tidegate.inbound.rest.desk.areas import desk_areas
from tidegate.inbound.rest.faults_as_problems import add_fault_handlers
from tidegate.inbound.rest.guarded_route import GuardedRoute
from tidegate.inbound.rest.openapi import add_documentation
from tidegate.inbound.rest.operations import add_operation
from tidegate.inbound.rest.problems import problem_response
from tidegate.inbound.rest.standing import add_standing
from tidegate.inbound.shared.faults import FaultCode

WATCHED_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Answered however many requests are in flight: who watches must see an overload."""


def create_app(dependencies: AdminDependencies, *, ending: Callable[[], bool] = lambda: False) -> FastAPI:
    """Make the application; it opens nothing by itself. Once ``ending``, every answer is the last of its connection."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.dependencies = dependencies
    app.router.route_class = GuardedRoute
    add_fault_handlers(app)
    areas = [] if dependencies.desk is None else desk_areas(dependencies.desk)
    if dependencies.administers_gate:
        areas += [
            ("risk profiles", risk_profiles.operations()),
            ("risk rules", risk_rules.operations()),
            ("margin tiers", margin_tiers.operations()),
            ("trading state", trading_state.operations()),
            ("decisions", decisions.operations()),
        ]
    for tag, operations in areas:
        for operation in operations:
            add_operation(app, operation, tag=tag)
    add_standing(app)
    add_documentation(app)
    for path, mounted in dependencies.mounts.items():
        app.mount(path, mounted)
    app.add_middleware(_Edge, requests_max=dependencies.requests_max, ending=ending)
    return app


class _Edge:
    """Bounds the requests in flight and gives every answer the headers that browsers should see."""

    def __init__(self, app: ASGIApp, *, requests_max: int, ending: Callable[[], bool]) -> None:
        self._app = app
        self._ending = ending
        self._requests_max = requests_max
        self._in_flight = 0

    # tidy: allow-keyword-only - the signature is ASGI's
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watched = scope["path"] in WATCHED_PATHS
        if self._in_flight >= self._requests_max and not watched:
            refusal = problem_response(FaultCode.OVERLOADED, "ask again in a second", headers={"Retry-After": "1"})
            await refusal(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._app(scope, receive, _with_headers(scope, send, ending=self._ending))
        finally:
            self._in_flight -= 1


def _with_headers(scope: Scope, send: Send, *, ending: Callable[[], bool]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Referrer-Policy", "no-referrer")
            if scope["path"].startswith("/v1"):
                headers.setdefault("Cache-Control", "no-store")
            if ending():
                headers["Connection"] = "close"
        await send(message)

    return sending
