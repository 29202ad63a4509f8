"""The load on a desk, in a process of its own: ``python -m benchmarks.desk_load '{"url": ...}'`` prints what it saw.

Closed: each connection sends the next request when the former was answered. Open: requests are due at a fixed rate
whatever comes back, wait for a free connection, and each latency counts from the moment its request was due.
"""

import asyncio
import sys
from collections import Counter, deque
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import uvloop

from benchmarks.http1 import HttpConnection, post
from benchmarks.loading import Seen, quantiles_ms, send_for

PATH: Final = "/v1/risk/evaluate"
COMPANY_PRODUCT: Final = "COMPANY_LOAN"
"""Product of the requests that are about a company."""


class DeskLoad(msgspec.Struct, frozen=True):
    """What to send: for ``seconds``, over ``connections``; ``rate`` a second (open), 0 is closed.

    ``subjects``: how many subjects ask in turns with the same request each (a repeat is a duplicate); 0: every request
    is of a new subject. ``uids``: companies that requests are about in turns, which makes them requests for
    ``COMPANY_PRODUCT``; none: for a loan.
    """

    url: str
    token: str
    seconds: float = 1.0
    connections: int = 32
    rate: float = 0.0
    subjects: int = 0
    uids: tuple[str, ...] = ()


class DeskLoader:
    """Sends requests and notes what comes back."""

    def __init__(self, load: DeskLoad) -> None:
        self._load = load
        self._host = urlsplit(load.url).netloc
        self._run = uuid4().hex[:8]
        self._sent = 0
        self._due: deque[float] = deque()
        self._begun: dict[HttpConnection, float] = {}
        self._free: list[HttpConnection] = []
        self._latencies: list[float] = []
        self._decisions: Counter[str] = Counter()
        self._failed = 0
        self._open = True
        self._idle = asyncio.Event()

    async def run(self) -> Seen:
        """Load the server."""
        load, loop = self._load, asyncio.get_running_loop()
        parts = urlsplit(load.url)
        for _ in range(load.connections):
            _, connection = await loop.create_connection(
                lambda: HttpConnection(self._answered), parts.hostname or "", parts.port or 0
            )
            self._free.append(connection)
        every = tuple(self._free)
        seconds = await send_for(load.seconds, self._send, rate=load.rate, in_flight=load.connections)
        self._open = False
        seen = self._seen(seconds)
        if self._begun:
            await asyncio.wait_for(self._idle.wait(), 30)
        for connection in every:
            connection.close()
        return seen

    def _send(self, due: float) -> None:
        if not self._free:
            self._due.append(due)
            return
        connection = self._free.pop()
        self._begun[connection] = due
        connection.send(post(PATH, self._body(), host=self._host, token=self._load.token))
        self._sent += 1

    def _body(self) -> bytes:
        subjects = self._load.subjects
        subject = f"known-{self._sent % subjects}" if subjects else f"{self._run}-{self._sent}"
        uids = self._load.uids
        return msgspec.json.encode(a_request(subject, uid=uids[self._sent % len(uids)] if uids else None))

    # tidy: allow-keyword-only - the connection calls it
    def _answered(self, connection: HttpConnection, status: int, body: bytes) -> None:
        self._latencies.append(perf_counter() - self._begun.pop(connection))
        self._free.append(connection)
        if status == 200:
            self._decisions[msgspec.json.decode(body)["decision"]] += 1
        else:
            self._failed += 1
        if self._due:
            self._send(self._due.popleft())
        elif self._open and not self._load.rate:
            self._send(perf_counter())
        elif not self._open and not self._begun:
            self._idle.set()

    def _seen(self, seconds: float) -> Seen:
        return Seen(
            seconds=seconds,
            answered=sum(self._decisions.values()),
            failed=self._failed,
            decisions=dict(self._decisions),
            latency_ms=quantiles_ms(self._latencies),
        )


def a_request(subject: str, *, uid: str | None = None) -> dict[str, object]:
    """Make a request of the usual size, without trace id, so that only its subject tells it from another.

    With a ``uid`` it is for ``COMPANY_PRODUCT`` and about that company.
    """
    return {
        "subject_id": subject,
        "source_system": "lt-kyc-service",
        "country": "CH",
        "product_type": "LOAN" if uid is None else COMPANY_PRODUCT,
        "risk_category": "RETAIL",
        "context_data": {
            "debt_ratio": 0.31,
            "employees": 12,
            "age_months": 48,
            "legal_form": "GmbH",
            "industry": "software",
            "requested_amount": 25000.5,
            "tags": ["new", "web"],
            **({} if uid is None else {"uid": uid}),
        },
    }


def main(arguments: list[str]) -> None:
    """Load a server as the argument (JSON) says, and print what was seen (JSON)."""
    load = msgspec.json.decode(arguments[0], type=DeskLoad)
    print(msgspec.json.encode(uvloop.run(DeskLoader(load).run())).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
