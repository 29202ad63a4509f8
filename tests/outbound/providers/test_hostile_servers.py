"""Servers that speak broken HTTP, or none: the transport gives a failure in words, in time, and keeps nothing open."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from tests.outbound.providers.builders import a_call, a_policy, a_provider, an_sst, timed

from tidegate.core.assessment.outside import CallStatus
from tidegate.outbound.providers.credentials import FixedCredentials
from tidegate.ports.external_data import ProviderResult

SUCCESS, FAILURE, TIMEOUT = CallStatus.SUCCESS, CallStatus.FAILURE, CallStatus.TIMEOUT
ANSWER = b'{"result": {"score": 7}}'
BUDGET_MS = 300

Serving = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(*headers: str, body: bytes = ANSWER, status: str = "200 OK") -> bytes:
    """An HTTP response with these headers."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def sized(body: bytes = ANSWER, *headers: str) -> bytes:
    return http(f"Content-Length: {len(body)}", *headers, body=body)


@asynccontextmanager
async def serving(serve: Serving) -> AsyncIterator[str]:
    """A server on loopback that reads a request and then does as it likes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def asked_of(serve: Serving) -> tuple[ProviderResult, float]:
    async with serving(serve) as address:
        policy = a_policy(response_bytes_max=65_536, timeout_ms=BUDGET_MS)
        provider = a_provider(an_sst(), address, policy=policy, credentials=FixedCredentials())
        result, took_ms = await timed(provider.fetch(a_call(budget_ms=BUDGET_MS)), due_ms=BUDGET_MS)
        await provider.close()
    return result, took_ms


def writes(sent: bytes) -> Serving:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()

    return serve


def repeats(piece: bytes, *, first: bytes = b"") -> Serving:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return serve


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        (sized(), SUCCESS, ""),
        (http("Connection: close"), SUCCESS, ""),
        (sized(gzip.compress(ANSWER), "Content-Encoding: gzip"), SUCCESS, ""),
        (http("Transfer-Encoding: chunked", body=b"18\r\n" + ANSWER + b"\r\n0\r\n\r\n"), SUCCESS, ""),
        (b"", FAILURE, "ended before the answer was whole"),
        (b"\x16\x03\x01\x00\x05hello", FAILURE, "no HTTP"),
        (b"220 mail.example ESMTP\r\n", FAILURE, "no HTTP"),
        (http("Content-Length: ten"), FAILURE, "no HTTP"),
        (http("Content-Length: 1000"), FAILURE, "ended before the answer was whole"),
        (http("Transfer-Encoding: chunked", body=b"18\r\n{"), FAILURE, "ended before the answer was whole"),
        (http("Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n"), FAILURE, "no HTTP"),
        (http("X-Long: " + "a" * 100_000), FAILURE, "no HTTP"),
        (sized(ANSWER, "Content-Encoding: br"), FAILURE, "content coding that was not asked for"),
        (sized(ANSWER, "Content-Encoding: gzip"), FAILURE, "cannot be unpacked"),
        (sized(gzip.compress(ANSWER)[:-4], "Content-Encoding: gzip"), FAILURE, "ends before it is whole"),
        (sized(gzip.compress(b" " * 10_000_000), "Content-Encoding: gzip"), FAILURE, "more than 65536 bytes"),
        (sized(gzip.compress(ANSWER) + b"\0" * 70_000, "Content-Encoding: gzip"), FAILURE, "more than 65536 bytes"),
        (sized(b"\xef\xbb\xbf" + ANSWER), FAILURE, "not JSON"),
        (sized(b""), FAILURE, "not JSON"),
        (sized(b"[" + b"0," * 30_000 + b"0]"), FAILURE, "another schema"),
        (sized(b'{"result": {"score": 1e999}}'), FAILURE, "exponent"),
        (sized(b'{"result": {"score": ' + b"9" * 60_000 + b"}}"), FAILURE, "64 significant digits"),
        (http("Location: http://127.0.0.1:1/", status="302 Found"), FAILURE, "answered 302: redirects"),
        (http("Content-Length: 0", status="204 No Content", body=b""), FAILURE, "answered 204"),
        (http("Content-Length: 2", status="429 Too Many Requests", body=b"{}"), FAILURE, "answered 429"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
async def test_server_that_writes_this_is_answered_for_in_time(sent: bytes, status: CallStatus, told: str) -> None:
    """AS-510, AS-514: whatever bytes come, they are an answer or a failure in words."""
    result, took_ms = await asked_of(writes(sent))
    assert result.answer.status is status, result.answer.fault
    assert told in result.answer.fault
    assert took_ms <= BUDGET_MS + 50


@pytest.mark.parametrize(
    ("serve", "told"),
    [
        (repeats(b"HTTP/1.1 102 Processing\r\n\r\n"), ("within",)),
        (repeats(b"X-More: header\r\n", first=b"HTTP/1.1 200 OK\r\n"), ("within", "no HTTP")),
        (repeats(b" ", first=http("Transfer-Encoding: identity", body=b"")), ("more than 65536 bytes", "within")),
        (
            repeats(b"1\r\n \r\n", first=http("Transfer-Encoding: chunked", body=b"")),
            ("more than 65536 bytes", "within"),
        ),
    ],
    ids=["interim", "headers", "body", "chunks"],
)
async def test_server_that_never_ends_is_left_in_time(serve: Serving, told: tuple[str, ...]) -> None:
    """AS-506, AS-514: interim answers, headers, bytes or chunks without end take no more than the budget."""
    result, took_ms = await asked_of(serve)
    assert result.answer.status in {FAILURE, TIMEOUT}
    assert any(words in result.answer.fault for words in told), result.answer.fault
    assert took_ms <= BUDGET_MS + 50


async def test_server_that_answers_in_many_pieces_is_read_whole() -> None:
    """AS-510: where the network cuts an answer does not matter."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in sized():
            writer.write(bytes([byte]))
            await writer.drain()

    result, _ = await asked_of(serve)
    assert (result.answer.status, result.answer.fields) == (SUCCESS, {"found": True, "score": 7})
