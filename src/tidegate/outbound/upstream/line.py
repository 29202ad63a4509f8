"""The way to one upstream service: in time, within bounds, left alone while it keeps failing."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import grpc
from google.protobuf.message import Message

from tidegate.core.kernel.breaker import CircuitBreaker
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.upstream.reading import UnreadableAnswer
from tidegate.wire.trace_context import headers_here

_ANSWER_BYTES_MAX: Final = 16 * 1_024 * 1_024
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _ANSWER_BYTES_MAX),
    # a service that is back is to be found soon
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # a connection whose other end has vanished says nothing: without this it would be kept for a quarter of an hour
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.enable_retries", 0),
)
_TELLS_NOTHING: Final = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT})
"""Refusals of one request: the service works."""

AskedT = TypeVar("AskedT")
MessageT = TypeVar("MessageT", bound=Message)
ReadT = TypeVar("ReadT")


class NoSuchRow(DependencyFailed):
    """The service works and does not know what was asked for."""


@dataclass(frozen=True, slots=True)
class UpstreamPolicy:
    """Bounds of one service. ``deadline_ms`` bounds an answer in the path of an order, ``page_deadline_ms`` a page of a
    listing. ``calls_max`` calls run at once; one more is not made. After ``failures_max`` failures in a row the service
    is left alone for ``pause_ms``, then one call tries.
    """

    name: str
    deadline_ms: int = 150
    page_deadline_ms: int = 5_000
    calls_max: int = 64
    failures_max: int = 5
    pause_ms: int = 2_000


def open_channel(address: str, *, loopback: bool, tls_ca_file: Path | None) -> grpc.aio.Channel:
    """Open the way to ``HOST:PORT``; nothing connects before the first call. Plaintext is spoken on loopback alone, and
    there only when no authority is named; without one, elsewhere, the authorities are gRPC's own.

    Raises:
        OSError: the file of the authority cannot be read.
    """
    if loopback and tls_ca_file is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    roots = None if tls_ca_file is None else tls_ca_file.read_bytes()
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(roots), options=_OPTIONS)


def steady_ms() -> int:
    """Give milliseconds that never go back."""
    return time.monotonic_ns() // 1_000_000


class UpstreamLine:
    """Calls to one service. ``answered`` and ``failed`` count them."""

    def __init__(self, policy: UpstreamPolicy, *, monotonic_ms: Callable[[], int] = steady_ms) -> None:
        self.policy = policy
        self.answered = self.failed = 0
        self._breaker = CircuitBreaker(policy.failures_max, policy.pause_ms, monotonic_ms=monotonic_ms)
        self._running = 0

    async def ask(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[AskedT, MessageT],
        request: AskedT,
        *,
        deadline_ms: int,
        read: Callable[[MessageT], ReadT],
    ) -> ReadT:
        """Make one call, and read its answer whole.

        Raises:
            NoSuchRow: the service says NOT_FOUND.
            DependencyFailed: no answer in time, another status, an answer that cannot be read; or nobody was asked,
                since too many calls run or the service keeps failing.
        """
        if self._running >= self.policy.calls_max:
            raise self._trouble(f"not asked: {self.policy.calls_max} calls run")
        admission = self._breaker.admit()
        if admission is None:
            raise self._trouble(f"not asked: failed {self._breaker.failures} times in a row")
        self._running += 1
        told = False
        try:
            metadata = tuple(headers_here().items())
            answer = _read(await method(request, timeout=deadline_ms / 1_000, metadata=metadata), read)
            self._breaker.succeeded()
            self.answered += 1
            told = True
        except grpc.RpcError as refused:
            trouble, blamed = self._read_status(refused, deadline_ms=deadline_ms)
            told = True
            if blamed:
                self.failed += 1
                self._breaker.failed(admission)
            else:
                self.answered += 1
                self._breaker.succeeded()
            raise trouble from refused
        except UnreadableAnswer as unreadable:
            self.failed += 1
            self._breaker.failed(admission)
            told = True
            raise self._trouble(f"answered what cannot be read: {unreadable}") from unreadable
        finally:
            self._running -= 1
            if not told:
                self._breaker.untold(admission)
        return answer

    def _read_status(self, refused: grpc.RpcError, *, deadline_ms: int) -> tuple[DependencyFailed, bool]:
        """Say what a status means, and whether the service is to blame."""
        code = refused.code() if isinstance(refused, grpc.aio.AioRpcError) else grpc.StatusCode.UNKNOWN
        if code is grpc.StatusCode.NOT_FOUND:
            return NoSuchRow(self.policy.name, "knows no such account"), False
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return self._trouble(f"did not answer within {deadline_ms} ms"), True
        return self._trouble(f"answered {code.name}"), code not in _TELLS_NOTHING

    def _trouble(self, reason: str) -> DependencyFailed:
        return DependencyFailed(self.policy.name, reason)


def _read(answer: MessageT | None, read: Callable[[MessageT], ReadT]) -> ReadT:
    """Read an answer; gRPC gives none for bytes that are no message. Raises UnreadableAnswer."""
    if answer is None:
        raise UnreadableAnswer("no message of this method")
    return read(answer)
