"""Reading a request's body: bounded, and strict where JSON leaves open what is meant."""

import asyncio
from email.message import Message

from starlette.requests import ClientDisconnect, Request

from tidegate.core.rules.faults import InvalidJson
from tidegate.core.rules.json_exact import read_json
from tidegate.inbound.rest.problems import FieldError, RequestRefused, unprocessable
from tidegate.inbound.shared.faults import FaultCode

BODY_BYTES_MAX = 262_144
"""Bytes of a body (at the bound passes)."""

NESTING_MAX = 32
"""Objects and lists inside each other (at the bound passes)."""

BODY_TIMEOUT_S = 20
"""A body that has not arrived by then is given up."""

JSON_TYPES = frozenset({"application/json", "application/merge-patch+json"})


class ReadRequest(Request):
    """A request whose JSON body has been read and checked."""

    def __init__(self, request: Request, content: bytes, *, value: object) -> None:
        super().__init__(request.scope, request.receive)
        self._content = content
        self._value = value

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> object:
        return self._value


async def read_body(request: Request, *, beyond: FaultCode = FaultCode.TOO_LARGE) -> ReadRequest:
    """Read the JSON body of a request; one that is too large is refused with ``beyond``.

    Raises:
        RequestRefused: 415 another type or encoding than JSON in UTF-8; 413 more than 256 KiB; 422 no body, not JSON,
            a key twice, NaN, U+0000, an unpaired surrogate, nesting over 32, naming every place; 400 it did not
            arrive.
    """
    _check_type(request)
    content = await _content(request, beyond)
    if not content.strip():
        raise unprocessable([FieldError("", "missing", "a JSON object is needed as the body")])
    try:
        value = read_json(content, depth_max=NESTING_MAX)
    except InvalidJson as invalid:
        raise unprocessable([FieldError(each.pointer, each.code, each.message) for each in invalid.faults]) from None
    return ReadRequest(request, content, value=value)


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "")
    kind, charset = (given, "utf-8") if given in JSON_TYPES else _parsed_type(given)
    if kind not in JSON_TYPES or charset not in {"utf-8", "us-ascii"}:
        raise RequestRefused(FaultCode.UNSUPPORTED_MEDIA_TYPE, "send the body as application/json, in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestRefused(FaultCode.UNSUPPORTED_MEDIA_TYPE, "send the body without content encoding")


def _parsed_type(given: str) -> tuple[str, str]:
    named = Message()
    named["content-type"] = given
    return named.get_content_type() if given else "", str(named.get_content_charset("utf-8"))


async def _content(request: Request, beyond: FaultCode) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 12 or int(declared) > BODY_BYTES_MAX):
        raise _too_large(beyond)
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                content += chunk
                if len(content) > BODY_BYTES_MAX:
                    raise _too_large(beyond)
    except ClientDisconnect:
        raise RequestRefused(FaultCode.MALFORMED, "the connection was closed inside the body") from None
    except TimeoutError:
        raise RequestRefused(FaultCode.MALFORMED, f"the body did not arrive within {BODY_TIMEOUT_S} s") from None
    return bytes(content)


def _too_large(beyond: FaultCode) -> RequestRefused:
    # The rest of the body is not read; the connection cannot be used on.
    detail = f"a body has at most {BODY_BYTES_MAX} bytes"
    return RequestRefused(beyond, detail, errors=[FieldError("", "too_large", detail)], headers={"Connection": "close"})
