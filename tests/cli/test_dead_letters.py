"""``tidegate dlq`` on Kafka: what is listed, what is put back, and what it says when nobody answers."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.buses import everything
from tests.kafka import kafka_bed
from tests.ports.builders import NOW_US, USER
from tests.servers import kafka_server
from typer.testing import CliRunner, Result

from services.kafka import Kafka
from tidegate.cli.main import app
from tidegate.ports.event_bus import BusRecord, DeadLetter

__all__ = ["kafka_server"]

pytestmark = pytest.mark.servers


def run(*arguments: str, bootstrap: str, suffix: str, data: Path) -> Result:
    """Run ``tidegate dlq`` on a Kafka."""
    environment = {"TIDEGATE_KAFKA_BOOTSTRAP": bootstrap, "TIDEGATE_TOPICS_SUFFIX": suffix}
    return CliRunner().invoke(app, ["dlq", *arguments, "--data", str(data)], env=environment)


async def test_letters_on_kafka_are_listed_and_put_back_once(kafka_server: Kafka, tmp_path: Path) -> None:
    """RE-207: `dlq list` shows them, `dlq replay` puts them back as they were and `list` then says so; a second replay
    has nothing to do and exits 0 too.
    """
    async with kafka_bed(kafka_server) as bed:
        for offset in (4, 5):
            value = b"\x00\xff%d" % offset
            await bed.letters.put([DeadLetter(bed.wallet, 0, offset, USER, value, error="no schema", sent_us=NOW_US)])

        async def said(*arguments: str) -> list[dict[str, object]]:
            ended = await asyncio.to_thread(
                run, *arguments, "--json", bootstrap=kafka_server.url, suffix=bed.suffix, data=tmp_path
            )
            assert ended.exit_code == 0, ended.output
            return [json.loads(line) for line in ended.stdout.splitlines()]

        listed = await said("list", "--topic", bed.wallet)
        assert [(row["offset"], row["key"], row["error"], row["replayed_at"]) for row in listed] == [
            (offset, USER, "no schema", None) for offset in (4, 5)
        ]
        assert [row["bytes"] for row in listed] == [(b"\x00\xff%d" % offset).hex() for offset in (4, 5)]
        assert [row["offset"] for row in await said("replay", "--topic", bed.wallet, "--limit", "1")] == [4]
        assert [row["offset"] for row in await said("replay", "--topic", bed.wallet)] == [5]
        assert await said("replay", "--topic", bed.wallet) == []
        assert all(row["replayed_at"] for row in await said("list", "--topic", bed.wallet))
        records: Sequence[BusRecord] = await everything(bed.bus, [bed.wallet])
        assert [(record.key, record.value) for record in records] == [(USER, b"\x00\xff4"), (USER, b"\x00\xff5")]


@pytest.mark.parametrize("command", ["list", "replay"])
def test_kafka_that_does_not_answer_is_one_line_and_exit_2(command: str, tmp_path: Path) -> None:
    """RE-207: nothing was done, and it says so without a traceback."""
    ended = run(command, bootstrap="127.0.0.1:1", suffix="dev", data=tmp_path)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("tidegate: kafka: ")
    assert len(ended.stderr.splitlines()) == 1
