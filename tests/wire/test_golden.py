"""Bytes that were written once stay readable for ever, and are written again to the bit.

Each file below golden/ belongs to one schema version of one topic and is never edited: a new version brings a new file.
"""

import datetime
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ALL_TOPICS

GOLDEN = Path(__file__).resolve().parent / "golden"
FILES = sorted(path.name for path in GOLDEN.glob("*.json"))
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND_FIELDS = {"evaluated_at", "reservation_expires_at", "created_at", "failed_at"}


def _golden(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / name).read_text("utf-8"))
    return content


def _as_json(value: object, *, field: str = "") -> object:
    """What was read, in the terms of a golden file: text of UUIDs, integers of times."""
    match value:
        case uuid.UUID():
            return str(value)
        case datetime.datetime():
            unit = datetime.timedelta(microseconds=1 if field in _MICROSECOND_FIELDS else 1_000)
            return (value - _EPOCH) // unit
        case dict():
            return {key: _as_json(part, field=key) for key, part in value.items()}
        case list():
            return [_as_json(part) for part in value]
        case _:
            return value


def test_golden_file_exists_for_every_version_of_every_topic(catalogue: SchemaCatalogue) -> None:
    """PT-702: a schema version is released with its bytes."""
    versions = {
        f"{topic}.{schema.version}.json" for topic in ALL_TOPICS for schema in catalogue[topic].by_fingerprint.values()
    }
    assert versions <= set(FILES)
    assert {_golden(name)["topic"] for name in FILES} == set(ALL_TOPICS)


@pytest.mark.parametrize("name", FILES)
def test_golden_bytes_are_read_as_the_record_they_were_written_from(name: str, codec: AvroCodec) -> None:
    """PT-702: every version that was ever written is read; fields that came later have their defaults."""
    golden = _golden(name)
    assert golden["written"]
    for item in golden["written"]:
        read = {
            field: _as_json(value, field=field)
            for field, value in codec.decode(golden["topic"], bytes.fromhex(item["hex"])).items()
        }
        assert {key: read[key] for key in item["record"] if key in read} == item["record"]


@pytest.mark.parametrize("name", FILES)
def test_record_is_written_to_its_golden_bytes(name: str, codec: AvroCodec, catalogue: SchemaCatalogue) -> None:
    """PT-702: the current version of a schema is what was released: same fingerprint, same bytes."""
    golden = _golden(name)
    current = catalogue[golden["topic"]].current
    if golden["schema_version"] == current.version:
        assert current.fingerprint.hex() == golden["fingerprint"]
        for item in golden["written"]:
            assert codec.encode(golden["topic"], item["record"]).hex() == item["hex"]
    else:
        assert bytes.fromhex(golden["fingerprint"]) in catalogue[golden["topic"]].by_fingerprint
