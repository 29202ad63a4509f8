"""The production issuer for real: tokens of a Keycloak that runs beside a whole process."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import grpc
import pytest
from tests.inbound.grpc.edge import SERVICE, a_request
from tests.inbound.shared.tokens import segment
from tests.outbound.identity.issuers import Ticks
from tests.system.clients import OWN_CONNECTION
from tests.system.go_between import GoBetween, access_token
from tests.system.processes import RecordFigure, Served
from tests.system.world import CALM

from services.keycloak import REALM_FILE, Keycloak
from tidegate.outbound.identity.issuer_keys import IssuerKeys

pytestmark = [pytest.mark.system, pytest.mark.servers, pytest.mark.timeout(900)]

ROLES: Final[Mapping[str, str]] = {
    "tidegate-evaluator": "RISK_EVALUATOR",
    "tidegate-admin": "RISK_ADMIN",
    "tidegate-auditor": "RISK_AUDITOR",
    "tidegate-trader-gate": "RISK_TRADER_GATE",
    "tidegate-approver": "RISK_APPROVER",
}
ALGORITHMS: Final = {"RS256": "rsa", "PS256": "rsa", "ES256": "ecdsa", "EdDSA": "eddsa", "RS384": "rsa", "PS512": "rsa"}
NOT_ALLOWED: Final = frozenset({"RS384", "PS512"})
ACCEPTED_S_MAX: Final = 1.0
RETIRED_S_MAX: Final = 60.0
"""What a busy machine is given; the JWKS is read again 10 s after it was read last."""
TEN_MINUTES_MS: Final = 600_000


@dataclass(frozen=True)
class Ways:
    """Both ways into a service, with the tokens of one issuer."""

    served: Served
    http: aiohttp.ClientSession
    channel: Any
    """A ``grpc.aio.Channel``; its types have no name for calls of bytes."""

    async def rest(self, token: str, *, method: str = "GET") -> int:
        """Give the status by which the rules' route answers."""
        headers = {"Authorization": f"Bearer {token}"}
        address = self.served.rest + "/v1/risk-rules"
        body: dict[str, str] | None = None if method == "GET" else {}
        async with self.http.request(method, address, headers=headers, json=body) as response:
            return response.status

    async def grpc(self, token: str) -> grpc.StatusCode:
        """Give how a check of an order ends."""
        payload = a_request(dry_run=True).SerializeToString()
        metadata = (("authorization", f"Bearer {token}"),)
        try:
            await self.channel.unary_unary(SERVICE + "PreTradeCheck")(payload, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK


@pytest.fixture(scope="module")
def keycloak() -> Iterator[Keycloak]:
    """A Keycloak with a second realm, keys of further algorithms, and clients that sign by them or ask for nothing."""
    with Keycloak.start() as started:
        started.add_realm("elsewhere")
        for algorithm, kind in ALGORITHMS.items():
            started.add_key(kind, algorithm=algorithm, priority=50)
            add_client(started, f"signs-{algorithm}", algorithm=algorithm)
        add_client(started, "stranger", audience=False)
        yield started


def add_client(keycloak: Keycloak, name: str, *, algorithm: str = "RS256", audience: bool = True) -> None:
    """Add a client like that of the administrator, whose service account carries RISK_ADMIN too."""
    (model,) = keycloak.ask("GET", "/tidegate/clients?clientId=tidegate-admin")
    for made in ("id", "secret"):
        model.pop(made, None)
    mappers = model.pop("protocolMappers")
    for mapper in mappers:
        mapper.pop("id")
        # Only its kind then tells an ID token from an access token.
        mapper["config"]["id.token.claim"] = "true"
    attributes = {**model["attributes"], "access.token.signed.response.alg": algorithm}
    client = {**model, "clientId": name, "attributes": attributes, "protocolMappers": mappers if audience else []}
    keycloak.ask("POST", "/tidegate/clients", body=client)
    (made,) = keycloak.ask("GET", f"/tidegate/clients?clientId={name}")
    account = keycloak.ask("GET", f"/tidegate/clients/{made['id']}/service-account-user")
    role = keycloak.ask("GET", "/tidegate/roles/RISK_ADMIN")
    keycloak.ask("POST", f"/tidegate/users/{account['id']}/role-mappings/realm", body=[role])


@asynccontextmanager
async def ways_into(served: Served) -> AsyncIterator[Ways]:
    channel = grpc.aio.insecure_channel(served.grpc, OWN_CONNECTION)
    async with aiohttp.ClientSession() as http, channel:
        yield Ways(served, http, channel)


def serve(data_folder: Path, issuer: str) -> Served:
    return Served(data_folder, settings={**CALM, "TIDEGATE_OIDC_ISSUER": issuer, "TIDEGATE_GRPC_ACCESS": "token"})


def header_of(token: str) -> dict[str, Any]:
    head = token.partition(".")[0]
    return dict(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4))))


async def test_tokens_of_keycloak_open_what_their_roles_open(keycloak: Keycloak, data_folder: Path) -> None:
    """AS-650, AS-651, AS-654: each role on REST and gRPC; nothing else of the same Keycloak does."""
    own, elsewhere = keycloak.url, keycloak.issuer("elsewhere")

    async def issued(client: str, *, realm: str = "tidegate", kind: str = "access_token") -> str:
        secret = await asyncio.to_thread(keycloak.client_secret, client, realm=realm)
        return await access_token(own, client=client, secret=secret, realm=realm, kind=kind)

    with await asyncio.to_thread(serve, data_folder, keycloak.issuer()) as served:
        async with ways_into(served) as ways:
            for client, role in ROLES.items():
                token = await issued(client)
                reads = 200 if role in {"RISK_ADMIN", "RISK_AUDITOR"} else 403
                assert await ways.rest(token) == reads, role
                writes = 422 if role == "RISK_ADMIN" else 403  # let in, and its empty body refused
                assert await ways.rest(token, method="POST") == writes, role
                expected = grpc.StatusCode.OK if role == "RISK_TRADER_GATE" else grpc.StatusCode.PERMISSION_DENIED
                assert await ways.grpc(token) is expected, role
            for algorithm in ALGORITHMS:
                token = await issued(f"signs-{algorithm}")
                assert header_of(token)["alg"] == algorithm
                assert await ways.rest(token) == (401 if algorithm in NOT_ALLOWED else 200), algorithm
            foreign = await issued("tidegate-admin", realm="elsewhere")
            head, _, signature = foreign.split(".")
            payload = (await issued("tidegate-admin")).split(".")[1]
            misdirected = {
                "for no audience": await issued("stranger"),
                "ID token": await issued("signs-RS256", kind="id_token"),
                f"of {elsewhere}": foreign,
                "our claims, their key": f"{head}.{payload}.{signature}",
            }
            for name, token in misdirected.items():
                assert await ways.rest(token) == 401, name
                assert await ways.grpc(token) is grpc.StatusCode.UNAUTHENTICATED, name


async def test_a_key_for_encryption_is_no_key_for_signatures(keycloak: Keycloak) -> None:
    """AS-654: the real JWKS holds a `use=enc` key, and it is passed over."""
    address = f"{keycloak.issuer()}/protocol/openid-connect/certs"
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        published = (await response.json())["keys"]
    keys = IssuerKeys.open(keycloak.issuer())
    try:
        uses = [(each["use"], each["alg"], bool(await keys.of(each["kid"]))) for each in published]
    finally:
        await keys.close()
    assert ("enc", "RSA-OAEP", False) in uses
    assert {alg for use, alg, taken in uses if taken} == ALGORITHMS.keys() - NOT_ALLOWED


async def test_rotated_keys_are_taken_at_once_and_retired_ones_refused(
    keycloak: Keycloak, data_folder: Path, record_property: RecordFigure
) -> None:
    """AS-652, AS-653: a token of a new key passes within 1 s of its first sight, without a restart; old ones meanwhile
    too, until the key is retired and the JWKS is read again.
    """
    secret = await asyncio.to_thread(keycloak.client_secret, "tidegate-admin")
    async with GoBetween(keycloak.port) as between:
        with await asyncio.to_thread(serve, data_folder, between.issuer()) as served:
            async with ways_into(served) as ways:
                old = await access_token(between.url, client="tidegate-admin", secret=secret)
                assert await ways.rest(old) == 200
                component = await asyncio.to_thread(keycloak.add_key, "rsa", algorithm="RS256", priority=300)
                new = await access_token(between.url, client="tidegate-admin", secret=secret)
                assert header_of(new)["kid"] != header_of(old)["kid"]
                begun = time.monotonic()
                assert await ways.rest(new) == 200
                took_s = time.monotonic() - begun
                assert took_s < ACCEPTED_S_MAX
                assert await ways.rest(old) == 200
                await asyncio.to_thread(keycloak.remove_key, component)
                assert await ways.rest(new) == 200  # signed by a key that is held; the JWKS is not read for each token
                retired_s = await until_refused(ways, new)
                assert await ways.rest(old) == 200
                assert between.asked["certs"] == 3
    record_property(
        "figure", f"a rotated key is taken after {took_s * 1e3:.0f} ms, a retired one refused {retired_s:.0f} s"
    )


async def until_refused(ways: Ways, token: str) -> float:
    """Ask with a token, and with unknown keys that make the JWKS be read, until it is refused; give the seconds."""
    begun = time.monotonic()
    _, payload, signature = token.split(".")
    while await ways.rest(token) == 200:
        assert time.monotonic() - begun < RETIRED_S_MAX
        unknown = segment({**header_of(token), "kid": str(uuid4())})
        assert await ways.rest(f"{unknown}.{payload}.{signature}") == 401
    return time.monotonic() - begun


async def test_a_retired_key_is_refused_after_ten_minutes(keycloak: Keycloak) -> None:
    """AS-653: nobody asks with an unknown key, and at ten minutes it is gone all the same."""
    ticks = Ticks()
    component = await asyncio.to_thread(keycloak.add_key, "rsa", algorithm="RS256", priority=300)
    secret = await asyncio.to_thread(keycloak.client_secret, "tidegate-admin")
    kid = header_of(await access_token(keycloak.url, client="tidegate-admin", secret=secret))["kid"]
    keys = IssuerKeys.open(keycloak.issuer(), monotonic_ms=ticks)
    try:
        assert await keys.of(kid)
        await asyncio.to_thread(keycloak.remove_key, component)
        ticks.now_ms += TEN_MINUTES_MS
        assert not await keys.of(kid)
    finally:
        await keys.close()


async def test_known_keys_serve_on_while_keycloak_hangs_or_is_gone(keycloak: Keycloak, data_folder: Path) -> None:
    """AS-655: tokens of known keys pass as ever, unknown keys are 401 and no 5xx, and keys rotate again afterwards."""
    secret = await asyncio.to_thread(keycloak.client_secret, "tidegate-admin")
    async with GoBetween(keycloak.port) as between:
        with await asyncio.to_thread(serve, data_folder, between.issuer()) as served:
            async with ways_into(served) as ways:
                known, fresh = [
                    await access_token(between.url, client="tidegate-admin", secret=secret) for _ in range(2)
                ]
                _, payload, signature = known.split(".")
                unknown = f"{segment({**header_of(known), 'kid': 'never'})}.{payload}.{signature}"
                assert await ways.rest(known) == 200
                keycloak.daemon.pause()
                try:
                    waiting = asyncio.create_task(ways.rest(unknown))
                    for token in (known, fresh):
                        async with asyncio.timeout(1):
                            assert await ways.rest(token) == 200
                    assert await waiting == 401
                finally:
                    keycloak.daemon.resume()
                await between.vanish()
                for token in (known, fresh):
                    assert await ways.rest(token) == 200
                assert await ways.rest(unknown) == 401
                assert await ways.grpc(unknown) is grpc.StatusCode.UNAUTHENTICATED
                await between.appear()
                component = await asyncio.to_thread(keycloak.add_key, "rsa", algorithm="RS256", priority=300)
                rotated = await access_token(between.url, client="tidegate-admin", secret=secret)
                async with asyncio.timeout(RETIRED_S_MAX):  # the failed attempts are at most one in 10 s, as all are
                    while await ways.rest(rotated) != 200:
                        assert await ways.rest(known) == 200
                await asyncio.to_thread(keycloak.remove_key, component)


async def test_a_service_that_started_before_its_issuer_lets_in_once_it_is_there(
    keycloak: Keycloak, data_folder: Path
) -> None:
    """AS-655: with no key ever had nobody is let in: 503 and UNAVAILABLE, until it is there."""
    secret = await asyncio.to_thread(keycloak.client_secret, "tidegate-admin")
    between = GoBetween(keycloak.port)
    await between.appear()
    token = await access_token(between.url, client="tidegate-admin", secret=secret)
    await between.vanish()
    with await asyncio.to_thread(serve, data_folder, between.issuer()) as served:
        async with ways_into(served) as ways:
            assert await ways.rest(token) == 503
            assert await ways.grpc(token) is grpc.StatusCode.UNAVAILABLE
            await between.appear()
            async with asyncio.timeout(RETIRED_S_MAX):
                while (status := await ways.rest(token)) != 200:
                    assert status == 503
    await between.vanish()


def test_the_realm_file_carries_roles_and_no_secret() -> None:
    """AS-660: each role and its service account, an audience mapper in each client, and secrets left to Keycloak."""
    realm = json.loads(REALM_FILE.read_text(encoding="utf-8"))
    assert {role["name"] for role in realm["roles"]["realm"]} == set(ROLES.values())
    accounts = {user["serviceAccountClientId"]: user["realmRoles"] for user in realm["users"]}
    assert accounts == {client: [role] for client, role in ROLES.items()}
    clients = {client["clientId"]: client for client in realm["clients"]}
    assert clients.keys() == {"tidegate", *ROLES}
    for name in ROLES:
        (mapper,) = clients[name]["protocolMappers"]
        assert mapper["config"]["included.client.audience"] == "tidegate"
    # A key `clientScopes` would replace the built-in ones, without which no token carries sub or roles.
    assert "clientScopes" not in realm
    assert "secret" not in {key for client in clients.values() for key in client}
    assert not any("credentials" in user for user in realm["users"])
