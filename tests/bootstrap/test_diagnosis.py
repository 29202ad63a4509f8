"""What ``tidegate doctor`` finds wrong in this place."""

import asyncio
import socket
from pathlib import Path

import pytest
from tests.postgres import SHARED

from tidegate.bootstrap.diagnosis import diagnose
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.settings import DataArea, KafkaArea, MetadataArea, PostgresArea, RedisArea, SchemaRegistryArea, Settings

pytestmark = pytest.mark.servers


def a_closed_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


async def test_servers_that_are_not_reached_are_each_named(postgres_server: EmbeddedPostgres, tmp_path: Path) -> None:
    """RE-346: a line a server, with its setting and address; those that take a connection are not in it."""
    closed = a_closed_port()
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        settings = Settings(
            data=DataArea(dir=tmp_path),
            postgres=PostgresArea(url=postgres_server.dsn_of(SHARED)),
            redis=RedisArea(url=f"redis://:secret@127.0.0.1:{port}/0"),
            kafka=KafkaArea(bootstrap=f"127.0.0.1:{port},[::1]:{closed}"),
            schema_registry=SchemaRegistryArea(url=f"http://127.0.0.1:{closed}/apis"),
            metadata=MetadataArea(grpc=f"127.0.0.1:{closed}"),
        )
        faults = await diagnose(settings)
    assert [fault.split(" is not reached: ")[0] for fault in faults] == [
        f"schema_registry.url: 127.0.0.1:{closed}",
        f"kafka.bootstrap: ::1:{closed}",
        f"metadata.grpc: 127.0.0.1:{closed}",
    ]
    assert not any("secret" in fault for fault in faults)
