"""What a stand-in does wrong when it is told to."""

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final

from aiohttp import web

HUGE_BYTES: Final = 8_388_608
_PIECE: Final = b"0" * 65_536
_DRIP_S: Final = 0.02


class Fault(StrEnum):
    """A way to fail; ``UP`` is none."""

    UP = "up"
    SLOW = "slow"
    ERROR = "500"
    GARBAGE = "garbage"
    NAN = "nan"
    HUGE = "huge"
    HANG = "hang"
    WRONG_SCHEMA = "wrong_schema"
    REDIRECT = "redirect"
    TRUNCATED = "truncated"
    GZIP_BOMB = "gzip_bomb"
    DRIP = "drip"
    TWIN_KEYS = "twin_keys"
    DEEP = "deep"


@dataclass
class FaultPlan:
    """Which requests fail, and how: the next ones, else those about a key (a UID, a surname), else all.

    ``slow_ms`` is how long SLOW takes before it answers as usual; ``arrived`` is set by the first request.
    """

    every: Fault = Fault.UP
    by_key: dict[str, Fault] = field(default_factory=dict)
    next_ones: list[Fault] = field(default_factory=list)
    slow_ms: int = 400
    asked: Counter[str] = field(default_factory=Counter)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def fault_of(self, key: str) -> Fault:
        """Count a request about a key and give its fault."""
        self.asked[key] += 1
        self.arrived.set()
        return self.next_ones.pop(0) if self.next_ones else self.by_key.get(key, self.every)

    @property
    def calls(self) -> int:
        """Count all requests."""
        return self.asked.total()


def with_member(document: object, member: str) -> bytes:
    """Give a document as JSON with one more member in its first object, as text that need not be JSON."""
    text = json.dumps(document)
    at = text.find("{") + 1
    rest = text[at:]
    return (
        f"{text[:at]}{member}{'' if rest.startswith('}') else ', '}{rest}".encode()
        if at
        else b"{" + member.encode() + b"}"
    )


async def misbehave(
    request: web.Request, plan: FaultPlan, *, key: str, usual: Callable[[], tuple[int, object]]
) -> web.StreamResponse:
    """Answer a request as the plan says; ``usual`` gives the status and the document of a good answer."""
    fault = plan.fault_of(key)
    match fault:
        case Fault.HANG:
            await asyncio.Event().wait()
        case Fault.SLOW:
            await asyncio.sleep(plan.slow_ms / 1_000)
        case Fault.ERROR:
            return web.Response(status=500, text="<html>Internal Server Error</html>", content_type="text/html")
        case Fault.GARBAGE:
            return web.Response(body=b'{"found": \xff\xfe tru', content_type="application/json")
        case Fault.WRONG_SCHEMA:
            return web.json_response([[17], {"surprise": True}])
        case Fault.REDIRECT:
            raise web.HTTPTemporaryRedirect(str(request.url.with_query({"again": "1"})))
        case Fault.GZIP_BOMB:
            return web.Response(body=_bomb(), content_type="application/json", headers={"Content-Encoding": "gzip"})
        case Fault.DEEP:
            return web.Response(body=b"[" * 100_000 + b"]" * 100_000, content_type="application/json")
        case Fault.HUGE | Fault.DRIP | Fault.TRUNCATED:
            return await _in_pieces(request, fault, body=json.dumps(usual()[1]).encode())
        case _:
            pass
    status, document = usual()
    body = json.dumps(document).encode()
    if fault is Fault.NAN:
        body = with_member(document, '"score": NaN')
    elif fault is Fault.TWIN_KEYS:
        body = with_member(document, '"status": "ACTIVE", "status": "CANCELLED"')
    return web.Response(status=status, body=body, content_type="application/json")


@cache
def _bomb() -> bytes:
    return gzip.compress(b"[" + b" " * HUGE_BYTES + b"]")


async def _in_pieces(request: web.Request, fault: Fault, *, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    if fault is Fault.TRUNCATED:
        response.content_length = len(body) + 10
    await response.prepare(request)
    try:
        if fault is Fault.HUGE:
            for _ in range(HUGE_BYTES // len(_PIECE)):
                await response.write(_PIECE)
        elif fault is Fault.DRIP:
            while True:
                await response.write(b" ")
                await asyncio.sleep(_DRIP_S)
        else:
            await response.write(body)
            assert request.transport is not None
            request.transport.close()
    except ConnectionError:
        # Whoever asked has had enough.
        pass
    return response
