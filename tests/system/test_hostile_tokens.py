"""Tokens that open nothing, sent to a whole process on REST and on gRPC, and floods of keys that nobody has."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import grpc
import pytest
import pytest_asyncio
from tests.inbound.grpc.edge import METHODS, SERVICE, a_request, refused
from tests.inbound.shared.hostile_tokens import BAD, FORBIDDEN, Mint
from tests.inbound.shared.tokens import key_ring, some_header
from tests.outbound.identity.issuers import HttpIssuer
from tests.system.clients import OWN_CONNECTION
from tests.system.processes import RecordFigure, Served
from tests.system.world import CALM, guest_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

ROLES: Final = ("RISK_ADMIN", "RISK_TRADER_GATE")
ROUTE: Final = "/v1/risk-rules"
UNFETCHED_GAP_S: Final = 10

BREAKS_HTTP: Final = frozenset({"a line break inside", "a NUL inside"})
"""Rows whose bytes end a header: HTTP itself refuses them, before anybody looks for a token."""

Metadata = tuple[tuple[str, str], ...]


@dataclass
class Besieged:
    """A service that asks an issuer of ours for its keys, and wants tokens on both ways in."""

    served: Served
    issuer: HttpIssuer
    channel: Any
    http: aiohttp.ClientSession

    def mint(self) -> Mint:
        """Mint with the time that it is now."""
        return Mint(self.issuer.issuer, int(time.time()), roles=ROLES, slack_s=600)

    async def on_rest(self, token: str, *, path: str = ROUTE) -> tuple[int, Mapping[str, str], bytes]:
        """Ask with these very bytes as the token; give status, headers and body."""
        host, port = urlsplit(self.served.rest).hostname, urlsplit(self.served.rest).port
        reader, writer = await asyncio.open_connection(host, port, limit=2**20)
        asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        writer.write(asked.encode("utf-8", "surrogatepass"))
        await writer.drain()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(status.split()[1]), headers, body

    async def on_grpc(self, token: str, *, method: str) -> grpc.StatusCode:
        """Ask with the token; give how the call ended."""
        metadata: Metadata = (("authorization", f"Bearer {token}"),)
        payload = a_request(dry_run=True).SerializeToString()
        if method == "PreTradeCheckStream":
            # Nothing is written: a write into a call that has been refused is told as an error of this client's own.
            return (await refused(self.channel.stream_stream(SERVICE + method)(metadata=metadata).read())).code
        inner = payload if method == "PreTradeCheck" else b"\x0a" + bytes([len(payload)]) + payload
        return (await refused(self.channel.unary_unary(SERVICE + method)(inner, metadata=metadata))).code

    async def lets_in(self, token: str) -> bool:
        """Tell whether a token opens REST and gRPC, both."""
        status, _, _ = await self.on_rest(token)
        payload = a_request(dry_run=True).SerializeToString()
        metadata: Metadata = (("authorization", f"Bearer {token}"),)
        # The gate answers: it knows no such user, which is a decision and no refusal of the call.
        answer = await self.channel.unary_unary(SERVICE + "PreTradeCheck")(payload, metadata=metadata)
        return status == 200 and bool(answer)

    async def internal_faults(self) -> int:
        """Give how many defects the service has counted."""
        async with self.http.get(self.served.rest + "/metrics") as response:
            page = await response.text()
        return sum(
            int(float(count)) for count in re.findall(r'^tidegate_\w+\{code="internal"\} (\S+)$', page, re.MULTILINE)
        )

    async def stored(self) -> int:
        """Give how many decisions stand in the database."""
        async with guest_of(self.served.data) as stores, stores.pool.connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM decisions"))


def sendable(token: str) -> bool:
    """Tell whether gRPC carries a text as metadata at all."""
    return all(" " <= character <= "~" for character in token)


@pytest_asyncio.fixture
async def besieged(data_folder: Path) -> AsyncIterator[Besieged]:
    """The service, its issuer, and a connection of each kind."""
    issuer = await HttpIssuer().start()
    try:
        issuer.keys = [*key_ring().jwks()]
        settings = {**CALM, "TIDEGATE_OIDC_ISSUER": issuer.issuer, "TIDEGATE_GRPC_ACCESS": "token"}
        with await asyncio.to_thread(lambda: Served(data_folder, settings=settings)) as served:
            async with (
                aiohttp.ClientSession() as http,
                grpc.aio.insecure_channel(served.grpc, OWN_CONNECTION) as channel,
            ):
                yield Besieged(served, issuer, channel, http)
    finally:
        await issuer.stop()


async def test_hostile_tokens_open_neither_rest_nor_grpc(besieged: Besieged, record_property: RecordFigure) -> None:
    """AS-657: every row is 401 with a challenge on REST and UNAUTHENTICATED on every gRPC method, and nothing else.

    No row is a defect of the service, none is stored, none makes it ask an address that a token names; good tokens are
    let in before and after.
    """
    assert await besieged.lets_in(besieged.mint().token())
    before, unsent, broken = await besieged.stored(), 0, 0
    for row, (name, make) in enumerate(BAD.items()):
        token = make(besieged.mint())
        status, headers, body = await besieged.on_rest(token)
        assert status == 401 or (status == 400 and name in BREAKS_HTTP), (name, status, body)
        broken += status == 400
        if status == 401:
            assert headers["www-authenticate"].startswith("Bearer "), name
            assert headers["content-type"] == "application/problem+json", name
            assert b'"unauthenticated"' in body, name
        if not sendable(token):
            unsent += 1
            continue
        code = await besieged.on_grpc(token, method=METHODS[row % len(METHODS)])
        assert code is grpc.StatusCode.UNAUTHENTICATED, (name, code)
    assert await besieged.lets_in(besieged.mint().token())
    assert await besieged.internal_faults() == 0
    assert await besieged.stored() == before
    assert besieged.issuer.asked["elsewhere"] == 0
    assert "Traceback" not in besieged.served.complaints()
    assert len(BAD) >= 60
    rest = f"{len(BAD) - broken} answered 401 and {broken} 400 (no HTTP) on REST"
    record_property("figure", f"{len(BAD)} hostile tokens: {rest}, {len(BAD) - unsent} UNAUTHENTICATED on gRPC")


async def test_an_address_in_a_token_is_never_asked(besieged: Besieged) -> None:
    """AS-657: keys come from the issuer alone, wherever a token says that its key lies."""
    evil = await HttpIssuer().start()
    evil.keys = [{**key_ring().other_rsa.as_dict(private=False), "kid": "own"}]
    address = evil.issuer + "/jwks"
    for kid, parameter in product(("own", "rsa"), ("jku", "x5u")):
        header = some_header(kid=kid, **{parameter: address})
        token = besieged.mint().token(header=header, key=key_ring().other_rsa)
        assert (await besieged.on_rest(token))[0] == 401
        assert await besieged.on_grpc(token, method="PreTradeCheck") is grpc.StatusCode.UNAUTHENTICATED
    assert evil.asked == {"discovery": 0, "jwks": 0, "elsewhere": 0}
    await evil.stop()


async def test_tokens_whose_roles_cannot_be_read_are_forbidden(besieged: Besieged) -> None:
    """AS-658: 403 and PERMISSION_DENIED: the bearer is known and may do nothing, each time."""
    for name, make in FORBIDDEN.items():
        token = make(besieged.mint())
        for _ in range(2):
            status, headers, body = await besieged.on_rest(token)
            assert (status, headers["content-type"]) == (403, "application/problem+json"), (name, body)
            code = await besieged.on_grpc(token, method="PreTradeCheck")
            assert code is grpc.StatusCode.PERMISSION_DENIED, name
    assert await besieged.internal_faults() == 0


async def test_good_tokens_changed_anywhere_open_nothing(besieged: Besieged, full_sizes: bool) -> None:
    """AS-657: a character exchanged, taken out, put in or moved, anywhere in a good token."""
    drawn = random.Random(650)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    good = besieged.mint().token()
    for _ in range(5_000 if full_sizes else 400):
        at, length = drawn.randrange(len(good)), drawn.randint(1, 4)
        middle = drawn.choice(["", "".join(drawn.choices(alphabet, k=length)), good[at : at + length][::-1]])
        changed = good[:at] + middle + good[at + drawn.choice([0, length]) :]
        if changed == good:
            continue
        assert (await besieged.on_rest(changed))[0] == 401, changed
        assert await besieged.on_grpc(changed, method="PreTradeCheck") is grpc.StatusCode.UNAUTHENTICATED, changed
    assert await besieged.internal_faults() == 0


async def test_tokens_of_any_size_are_refused_in_a_few_words(besieged: Besieged) -> None:
    """AS-657: at 16 KiB it is read and refused, beyond it unread: 401 or 431, and on gRPC by the transport."""
    for size in (16_384, 16_385, 30_000, 65_536, 1_000_000):
        token = "x" * size
        status, _, body = await besieged.on_rest(token)
        assert status in {401, 431}, size
        assert len(body) < 1_000
        code = await besieged.on_grpc(token, method="PreTradeCheck")
        transport = {grpc.StatusCode.RESOURCE_EXHAUSTED} if size > 30_000 else set()
        assert code in {grpc.StatusCode.UNAUTHENTICATED} | transport, size
        assert await besieged.lets_in(besieged.mint().token())


async def test_a_flood_of_unknown_keys_costs_the_issuer_one_fetch_in_ten_seconds(
    besieged: Besieged, full_sizes: bool, record_property: RecordFigure
) -> None:
    """AS-656: 10,000 random key ids at full size, 1,500 else, on both ways in; good tokens pass all the while."""
    count = 10_000 if full_sizes else 1_500
    assert await besieged.lets_in(besieged.mint().token())
    asked, begun = besieged.issuer.asked["jwks"], time.monotonic()
    drawn, other = random.Random(656), key_ring().elliptic
    kids = [f"{drawn.getrandbits(128):x}" for _ in range(count)]
    mint, good = besieged.mint(), besieged.mint().token()
    for first in range(0, count, 50):
        batch = kids[first : first + 50]
        tokens = [mint.token(header=some_header(alg="ES256", kid=kid), key=other) for kid in batch]
        told = await asyncio.gather(
            *(_refused_on(besieged, token, rest=bool(at % 2)) for at, token in enumerate(tokens))
        )
        assert all(told)
        assert await besieged.lets_in(good)
    elapsed_s, fetched = time.monotonic() - begun, besieged.issuer.asked["jwks"] - asked
    assert fetched <= 1 + elapsed_s // UNFETCHED_GAP_S
    assert fetched >= 1
    record_property("figure", f"{count} unknown key ids in {elapsed_s:.1f} s: {fetched} fetches of the JWKS")


async def _refused_on(besieged: Besieged, token: str, *, rest: bool) -> bool:
    if rest:
        headers = {"Authorization": f"Bearer {token}"}
        async with besieged.http.get(besieged.served.rest + ROUTE, headers=headers) as response:
            return response.status == 401
    return await besieged.on_grpc(token, method="PreTradeCheck") is grpc.StatusCode.UNAUTHENTICATED
