"""The schema registry of tests: it answers as Confluent's does, and a restart is a registry that lost everything."""

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from services.registry import Registry

pytestmark = pytest.mark.servers

SUBJECT = "/subjects/a-value/versions"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry.start() as server:
        yield server


def ask(server: Registry, path: str, *, schema: str | None = None) -> object:
    content = None if schema is None else json.dumps({"schema": schema}).encode()
    request = Request(server.url + path, data=content, headers={"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_registry_restarted_has_lost_its_subjects(registry: Registry) -> None:
    """RE-252: subjects and ids live as long as the process; after a restart on the same port there are none."""
    named = ask(registry, SUBJECT, schema='{"type": "record", "name": "A", "fields": []}')
    assert isinstance(named, dict)
    assert isinstance(named["id"], int)
    assert ask(registry, "/subjects") == ["a-value"]
    registry.restart()
    assert ask(registry, "/subjects") == []
