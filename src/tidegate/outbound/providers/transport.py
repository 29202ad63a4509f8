"""One HTTP exchange within bounds: no redirect, no proxy from the environment, no cookie, no repeat behind our back."""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import aiohttp

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.rules.faults import InvalidJson
from tidegate.core.rules.json_exact import read_json, write_json
from tidegate.outbound.providers.addresses import UnfitAddress, address_under
from tidegate.outbound.providers.exchange import AttemptFailed, Fault, Question, Reply
from tidegate.outbound.providers.policy import (
    ANSWER_DEPTH_MAX,
    ANSWER_VALUES_MAX,
    RAW_TEXT_CHARACTERS_MAX,
    ProviderPolicy,
)
from tidegate.wire.trace_context import headers_here

_CHUNK_BYTES: Final = 65_536
_OFF_LOOP_BYTES: Final = 16_384
"""From here on an answer is read beside the loop, so that other requests go on meanwhile."""

_GZIP_OR_ZLIB: Final = 47
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_REDIRECTS: Final = range(300, 400)
_FORM: Final = "application/x-www-form-urlencoded"


class HttpTransport:
    """Sends questions to one base URL; ``close`` ends the connections."""

    def __init__(self, base: str, policy: ProviderPolicy) -> None:
        self._base = base
        self.policy = policy
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=policy.concurrency_max),
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=policy.connect_timeout_ms / 1_000,
                sock_connect=policy.connect_timeout_ms / 1_000,
                sock_read=policy.read_timeout_ms / 1_000,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "tidegate"},
            middlewares=(_send_once,),
        )

    async def close(self) -> None:
        """End the connections."""
        await self._session.close()

    async def send(self, question: Question, headers: Mapping[str, str]) -> Reply:
        """Send a question and give what came back, whatever its status but a redirect.

        Raises:
            AttemptFailed: nothing came, or not in time, or too much, or not whole, or a redirect.
        """
        content_type = {} if question.body is None else {"Content-Type": "application/json"}
        body = None if question.body is None else write_json(question.body).encode()
        return await self._exchange(question, {**content_type, **question.headers, **headers}, body=body)

    async def send_form(self, path: str, form: str, *, headers: Mapping[str, str]) -> Reply:
        """Post a form as OAuth2 token endpoints take it; otherwise like ``send``."""
        return await self._exchange(Question("POST", path), {**headers, "Content-Type": _FORM}, body=form.encode())

    async def _exchange(self, question: Question, headers: Mapping[str, str], *, body: bytes | None) -> Reply:
        try:
            address = address_under(self._base, question.path, query=question.query)
        except UnfitAddress as unfit:
            raise AttemptFailed(Fault(f"not asked: {unfit}", blames_provider=False)) from unfit
        try:
            async with self._session.request(
                question.method, address, data=body, headers={**headers, **headers_here()}, allow_redirects=False
            ) as response:
                if response.status in _REDIRECTS:
                    response.close()
                    raise AttemptFailed(Fault(f"answered {response.status}: redirects are not followed"))
                try:
                    content = await self._content(response)
                except AttemptFailed:
                    response.close()
                    raise
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, ValueError) as failure:
            raise AttemptFailed(_connection_fault(failure, self.policy)) from failure
        return await _reply(response.status, content)

    async def _content(self, response: aiohttp.ClientResponse) -> bytes:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding != "identity" and coding not in _PACKED:
            raise AttemptFailed(Fault("answered in a content coding that was not asked for"))
        unpack = zlib.decompressobj(_GZIP_OR_ZLIB) if coding in _PACKED else None
        bytes_max = self.policy.response_bytes_max
        content, received = bytearray(), 0
        try:
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                received += len(chunk)
                content += unpack.decompress(chunk, bytes_max + 1 - len(content)) if unpack else chunk
                if max(received, len(content)) > bytes_max:
                    raise AttemptFailed(
                        Fault(f"answered more than {bytes_max} bytes", chargeable=True, raw=_cut(content))
                    )
        except zlib.error:
            raise AttemptFailed(Fault("answered with what cannot be unpacked", chargeable=True)) from None
        if unpack is not None and received and not unpack.eof:
            raise AttemptFailed(Fault("answered with what ends before it is whole", chargeable=True))
        return bytes(content)


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending an idempotent request again by itself: what is asked again is ours to say."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as lost:
        raise aiohttp.ClientPayloadError(type(lost).__name__) from lost


def _connection_fault(failure: Exception, policy: ProviderPolicy) -> Fault:
    match failure:
        case aiohttp.ConnectionTimeoutError():
            words = f"could not be reached within {policy.connect_timeout_ms} ms"
            return Fault(words, status=CallStatus.TIMEOUT, repeatable=True)
        case aiohttp.ServerTimeoutError():
            words = f"was silent for {policy.read_timeout_ms} ms"
            return Fault(words, status=CallStatus.TIMEOUT, chargeable=True)
        case aiohttp.ClientSSLError():
            return Fault("cannot be reached: its certificate is not trusted, or TLS failed")
        case aiohttp.ClientConnectorError():
            return Fault("cannot be reached", repeatable=True)
        case aiohttp.ClientResponseError():
            return Fault("answered with what is no HTTP", chargeable=True)
        case _:
            return Fault("the connection ended before the answer was whole", repeatable=True, chargeable=True)


async def _reply(status: int, content: bytes) -> Reply:
    if content.count(b",") >= ANSWER_VALUES_MAX:
        unreadable = f"it holds more than {ANSWER_VALUES_MAX} values"
        return Reply(status, None, _cut(content), size=len(content), unreadable=unreadable)
    try:
        if len(content) < _OFF_LOOP_BYTES:
            document = read_json(content, depth_max=ANSWER_DEPTH_MAX)
        else:
            document = await asyncio.to_thread(read_json, content, depth_max=ANSWER_DEPTH_MAX)
    except InvalidJson as refused:
        return Reply(status, None, _cut(content), size=len(content), unreadable=refused.faults[0].message)
    return Reply(status, document, document, size=len(content))


def _cut(content: bytes | bytearray) -> dict[str, object]:
    """Keep the beginning of what is no JSON, as text that PostgreSQL takes."""
    text = bytes(content[: 4 * RAW_TEXT_CHARACTERS_MAX]).decode(errors="replace").replace("\0", "\ufffd")
    return {"text": text[:RAW_TEXT_CHARACTERS_MAX]}


def with_raw(failure: AttemptFailed, reply: Reply) -> AttemptFailed:
    """Give the failure of a reply with the reply itself, for the log."""
    return AttemptFailed(replace(failure.fault, raw=reply.raw))
