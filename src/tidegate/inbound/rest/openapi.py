"""The OpenAPI document, and Swagger UI over it from this process: no page here fetches anything from elsewhere."""

import importlib.util
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from tidegate.inbound.rest.operations import BEARER_SCHEME
from tidegate.inbound.rest.problems import RequestRefused
from tidegate.inbound.shared.faults import FAULTS, FaultCode

ASSETS_PACKAGE: Final = "fastapi_offline"
"""The package that carries the distribution of Swagger UI; nothing of its code is used."""

ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}

_REQUIRED_STATUS: Final = str(FAULTS[FaultCode.PRECONDITION_REQUIRED].http_status)
_START: Final = """\
window.addEventListener("load", () => {
  SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false });
});
"""
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tidegate admin API</title>
<link rel="icon" href="/docs/assets/favicon.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<script src="/docs/assets/swagger-ui-bundle.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
"""
_PAGE_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class ProblemError(BaseModel):
    """One bad field: ``pointer`` (RFC 6901) starts at what ``in`` names."""

    pointer: str
    code: str
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457); ``code`` is stable, ``errors`` names every bad field."""

    type: str
    title: str
    status: int
    detail: str
    code: FaultCode
    errors: list[ProblemError] = []


def add_documentation(app: FastAPI) -> None:
    """Serve the document, and the page that shows it."""
    made: dict[str, Any] = {}

    async def openapi_json(_request: Request) -> Response:
        if not made:
            made.update(openapi_document(app))
        return JSONResponse(made)

    for path in ("/openapi.json", "/docs/swagger.json"):
        _add(app, path, endpoint=openapi_json)
    _add(app, "/docs", endpoint=_page)
    _add(app, "/docs/start.js", endpoint=_start)
    _add(app, "/docs/assets/{name}", endpoint=_asset)


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document of the application."""
    document = get_openapi(
        title="Tidegate admin API",
        version=version("tidegate"),
        description=(
            "Profiles, rules, margin tiers, trading states and decisions of the order gate. Money is a decimal text in "
            "and out; unknown fields are refused; errors are problem documents (RFC 9457). There is no pre-trade check "
            "here: that is gRPC."
        ),
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = {BEARER_SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in problem.pop("$defs", {}).items():
        schemas[name] = schema
    error = schemas["ProblemError"]
    error["properties"]["in"] = {"type": "string", "enum": ["body", "query", "path", "header"]}
    error["required"].append("in")
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            _require_if_match(operation)
    return document


def _require_if_match(operation: dict[str, Any]) -> None:
    # Absent, the header is answered with 428 instead of 422, so the framework must take it for optional.
    if _REQUIRED_STATUS not in operation["responses"]:
        return
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "If-Match":
            parameter["required"] = True
            parameter["schema"] = {"type": "string", "pattern": '^("[0-9]{1,19}"|\\*)$'}


def _add(app: FastAPI, path: str, *, endpoint: Callable[..., Awaitable[Response]]) -> None:
    app.add_api_route(path, endpoint, include_in_schema=False, response_model=None)


async def _page(_request: Request) -> Response:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _PAGE_POLICY})


async def _start(_request: Request) -> Response:
    return Response(_START, media_type="text/javascript")


async def _asset(name: str) -> Response:
    media_type = ASSETS.get(name)
    package = importlib.util.find_spec(ASSETS_PACKAGE)
    if media_type is None or package is None or package.origin is None:
        raise RequestRefused(FaultCode.NOT_FOUND, "there is no such asset")
    return FileResponse(Path(package.origin).parent / "static" / name, media_type=media_type)
