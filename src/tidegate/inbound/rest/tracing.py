"""The HTTP API with a span around each request (OpenTelemetry's conventions of HTTP servers)."""

from typing import Final

from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, use_span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.inbound.rest.app import WATCHED_PATHS
from tidegate.wire.trace_context import TRACEPARENT, read_traceparent

_HEADER: Final = TRACEPARENT.encode()
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_OTHER_METHOD: Final = "_OTHER"
_SERVER_FAULTS: Final = 500


class TracedApp:
    """An ASGI application, each request a span: of the caller's trace when it has a ``traceparent``, else of a new one.

    A span is named by its route's template. Path, query, headers and addresses are left out, against the conventions:
    they hold ids of users and subjects. Who watches the process (``WATCHED_PATHS``) is not traced.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    # tidy: allow-keyword-only - the signature is ASGI's
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in WATCHED_PATHS:
            await self._app(scope, receive, send)
            return
        sent = [value.decode("latin-1") for name, value in scope["headers"] if name == _HEADER]
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        span = self._tracer.start_span(
            method,
            context=read_traceparent(sent),
            kind=SpanKind.SERVER,
            attributes={HTTP_REQUEST_METHOD: method},
        )
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                await self._app(scope, receive, _noting_status(span, send))
            except Exception as bug:
                span.set_attribute(ERROR_TYPE, type(bug).__name__)
                span.set_status(StatusCode.ERROR)
                raise
            finally:
                _name_after_route(span, scope, method=method)


def _name_after_route(span: Span, scope: Scope, *, method: str) -> None:
    template = getattr(scope.get("route"), "path", None)
    if template is not None:
        span.set_attribute(HTTP_ROUTE, template)
        span.update_name(f"{method} {template}")


def _noting_status(span: Span, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            span.set_attribute(HTTP_RESPONSE_STATUS_CODE, status)
            if status >= _SERVER_FAULTS:
                span.set_attribute(ERROR_TYPE, str(status))
                span.set_status(StatusCode.ERROR)
        await send(message)

    return sending
