"""The registry client against a server that misbehaves: trouble is told from a certain no, and stays within bounds."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import encode_basic_auth, web

from services.daemon import free_ports
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.registry.registry import ANSWER_BYTES_MAX, SchemaRegistry

PATIENCE_S = 0.2
PASSWORD = "not-to-be-seen"
SCHEMA = {"type": "record", "name": "A", "fields": []}


class Scripted:
    """A registry that answers every request as the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer = web.json_response({})
        self.asked: list[tuple[str, str, str]] = []
        self.authorization: str | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0

    def says(self, content: object, *, status: int = 200) -> None:
        self.answer = web.json_response(content, status=status)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path, await request.text()))
        self.authorization = request.headers.get("Authorization")
        await self.gate.wait()
        body = self.answer.body
        assert isinstance(body, bytes)
        return web.Response(status=self.answer.status, body=body, headers=self.answer.headers)


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    scripted.port = runner.addresses[0][1]
    yield scripted
    scripted.gate.set()
    await runner.cleanup()


@pytest.fixture
async def registry(server: Scripted) -> AsyncIterator[SchemaRegistry]:
    opened = SchemaRegistry.open(f"http://user:{PASSWORD}@127.0.0.1:{server.port}/api/", total_s=PATIENCE_S)
    yield opened
    await opened.close()


async def test_registry_is_asked_below_its_path_with_its_password(server: Scripted, registry: SchemaRegistry) -> None:
    """RE-255: the address may have a path and credentials; the credentials go where they belong."""
    server.says({"schema": json.dumps(SCHEMA)})
    assert await registry.schema(7) == SCHEMA
    assert server.asked == [("GET", "/api/schemas/ids/7", "")]
    assert server.authorization == encode_basic_auth("user", PASSWORD)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (404, {"error_code": 40403, "message": "Schema not found"}),
        (200, {"schema": "syntax = 'proto3';", "schemaType": "PROTOBUF"}),
        (200, {"schema": "{"}),
        (200, {"schema": '"string"'}),
        (200, {"schema": "[" * 100_000}),
        (200, {"schema": json.dumps(SCHEMA), "padding": "x" * ANSWER_BYTES_MAX}),
    ],
    ids=["not found", "protobuf", "no json", "no record", "nested", "too large"],
)
async def test_number_without_a_readable_schema_gives_none(
    status: int, content: object, server: Scripted, registry: SchemaRegistry
) -> None:
    """RE-255: what will never be readable is a certain no, so that its records are set aside and not waited for."""
    server.says(content, status=status)
    assert await registry.schema(7) is None


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (404, {"message": "no such page"}),
        (404, {"error_code": 40401, "message": "no such subject"}),
        (401, {"error_code": 40101}),
        (429, {}),
        (500, {"error_code": 50001, "message": "Error in the backend data store"}),
        (503, []),
        (302, {}),
        (200, {}),
        (200, "text"),
    ],
)
async def test_answer_that_says_nothing_about_the_number_is_trouble(
    status: int, content: object, server: Scripted, registry: SchemaRegistry
) -> None:
    """RE-255: a wrong address, a proxy's page or a broken store does not make records unreadable."""
    server.says(content, status=status)
    with pytest.raises(DependencyFailed, match=f"schema registry: the schema of id 7: answered {status}") as caught:
        await registry.schema(7)
    assert PASSWORD not in str(caught.value)
    assert len(server.asked) == 1


async def test_registry_that_hangs_is_trouble_in_time(server: Scripted, registry: SchemaRegistry) -> None:
    """RE-255: nobody waits for an answer longer than the bound."""
    server.gate.clear()
    with pytest.raises(DependencyFailed, match="did not answer within"):
        await registry.schema(7)
    assert await registry.probe() == f"did not answer within {PATIENCE_S} s"


async def test_registry_that_is_away_is_trouble_without_its_password() -> None:
    """RE-255: the reason names the kind of failure, and neither address nor password."""
    (nobody,) = free_ports(1)
    registry = SchemaRegistry.open(f"http://user:{PASSWORD}@127.0.0.1:{nobody}")
    with pytest.raises(DependencyFailed) as caught:
        await registry.register("a-value", [SCHEMA])
    await registry.close()
    assert str(caught.value) == "schema registry: cannot be asked: ClientConnectorError"


async def test_registering_sets_the_level_before_the_versions_oldest_first(
    server: Scripted, registry: SchemaRegistry
) -> None:
    """RE-256: whoever comes later is held to FULL_TRANSITIVE, ourselves included."""
    server.says({"id": 5})
    assert await registry.register("a/b-value", [{"v": 1}, {"v": 2}]) == 5
    assert server.asked == [
        ("PUT", "/api/config/a/b-value", '{"compatibility": "FULL_TRANSITIVE"}'),
        ("POST", "/api/subjects/a/b-value/versions", '{"schema": "{\\"v\\": 1}"}'),
        ("POST", "/api/subjects/a/b-value/versions", '{"schema": "{\\"v\\": 2}"}'),
    ]


@pytest.mark.parametrize("schema_id", [None, "5", -1, 1 << 31, 1.5, True])
async def test_id_that_is_no_number_of_a_schema_is_trouble(
    schema_id: object, server: Scripted, registry: SchemaRegistry
) -> None:
    """RE-256: nothing is written under a number that readers could not ask for."""
    server.says({"id": schema_id})
    with pytest.raises(DependencyFailed, match="as the id of a-value"):
        await registry.register("a-value", [SCHEMA])


async def test_refused_schema_is_trouble_that_quotes_the_registry(server: Scripted, registry: SchemaRegistry) -> None:
    """RE-256: a start that fails says what the registry found, cut to a line's length."""
    server.says({"error_code": 409, "message": "incompatible: " + "b at /fields/1 " * 1_000}, status=409)
    with pytest.raises(DependencyFailed, match="answered 409 incompatible: b at /fields/1") as caught:
        await registry.register("a-value", [SCHEMA])
    assert len(str(caught.value)) < 500


async def test_probe_tells_a_registry_that_answers_from_one_that_refuses(
    server: Scripted, registry: SchemaRegistry
) -> None:
    """RE-255: readiness and doctor see what it says."""
    assert await registry.probe() is None
    server.says({}, status=401)
    assert await registry.probe() == "answered 401"
