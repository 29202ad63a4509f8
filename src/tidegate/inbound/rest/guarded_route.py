"""Every route of the API: who calls is settled first, then what can be answered, then the body; then the rest."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from tidegate.inbound.rest.dependencies import dependencies_of
from tidegate.inbound.rest.json_bodies import read_body
from tidegate.inbound.rest.problems import FieldError, RequestRefused, unprocessable
from tidegate.inbound.shared.faults import FaultCode
from tidegate.inbound.shared.token_guard import Role, bearer_token

ROLES_KEY = "x-required-roles"
"""Where an operation of the OpenAPI document names its roles; one of them is enough. Absent: the route is open."""

QUERY_CHARACTERS_MAX = 4_096


class GuardedRoute(APIRoute):
    """Answers 401 and 403 before anything else is looked at, the database included."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        roles = tuple(Role(name) for name in (self.openapi_extra or {}).get(ROLES_KEY, ()))
        reads_body = self.body_field is not None
        takes_query = bool(self.dependant.query_params)

        async def guarded(request: Request) -> Response:
            if not roles:
                return await handle(request)
            guard = dependencies_of(request).guard
            principal = await guard.principal(bearer_token(request.headers.getlist("authorization")))
            principal.require(*roles)
            request.state.principal = principal
            _check_acceptable(request)
            _check_query(request, takes_query=takes_query)
            return await handle(await read_body(request) if reads_body else request)

        return guarded


def _check_acceptable(request: Request) -> None:
    accepted = ",".join(request.headers.getlist("accept")) or "*/*"
    if not any(_takes_json(each) for each in accepted.split(",")):
        raise RequestRefused(FaultCode.NOT_ACCEPTABLE, "this answers with application/json")


def _takes_json(media_range: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in media_range.split(";"))
    weightless = any(name.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for name in parameters)
    return kind in {"*/*", "application/*", "application/json"} and not weightless


def _check_query(request: Request, *, takes_query: bool) -> None:
    query = request.scope["query_string"]
    if not query:
        return
    if len(query) > QUERY_CHARACTERS_MAX:
        raise RequestRefused(FaultCode.MALFORMED, f"a query has at most {QUERY_CHARACTERS_MAX} characters")
    names = [name for name, _ in request.query_params.multi_items()]
    if takes_query:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise unprocessable([FieldError(f"/{name}", "given_twice", "give it once", "query") for name in twice])
    elif names:
        raise unprocessable(
            [FieldError(f"/{name}", "unknown_field", "this takes no query", "query") for name in sorted(set(names))]
        )
