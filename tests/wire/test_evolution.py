"""Old writers with new readers and new writers with old readers, of every topic, before and after a release."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.evolution import NEEDED, evolved, history

from tidegate.wire.codec import AvroCodec, UnreadableReason, UnreadableRecord
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ALL_TOPICS

Records = Callable[[str, Mapping[str, Any]], st.SearchStrategy[dict[str, Any]]]
REGISTRY_ID = 77
GOLDEN = Path(__file__).resolve().parent / "golden"
ADDED: Mapping[str, object] = {"venue": None, "parts": []}


def current_only(topic: str, source: Mapping[str, Any]) -> AvroCodec:
    """A program that was released with one version and has never heard of another."""
    return AvroCodec(SchemaCatalogue([(topic, source)]))


@cache
def releases(topic: str) -> list[tuple[AvroCodec, set[str]]]:
    """A program a version, each writing under the version's number as registry id, and the fields that it knows."""
    versions = history(SchemaCatalogue.load()[topic].current.source)
    programs = []
    for own, source in enumerate(versions, start=1):
        codec = current_only(topic, source)
        codec.use_registry_id(topic, own)
        for number, version in enumerate(versions, start=1):
            codec.learn_writer(number, version)
        programs.append((codec, {field["name"] for field in source["fields"]}))
    return programs


@pytest.mark.parametrize("topic", ALL_TOPICS)
@settings(max_examples=5)
@given(drawn=st.data())
def test_every_release_reads_every_other_by_registry_id(
    topic: str, drawn: st.DataObject, catalogue: SchemaCatalogue, records_of: Records
) -> None:
    """RE-254: fields that a writer did not know have their default, those that a reader does not know are left out."""
    record = drawn.draw(records_of(topic, catalogue[topic].current.parsed))
    for (number, (writing, _)), (reading, known) in product(enumerate(releases(topic), start=1), releases(topic)):
        written = record | {"schema_version": number}
        expected = written | {name: ADDED[name] for name in ADDED if name in known}
        assert reading.decode(topic, writing.encode(topic, written)) == expected


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_newer_release_reads_older_fingerprints_and_older_ones_set_newer_aside(
    topic: str, catalogue: SchemaCatalogue
) -> None:
    """RE-254: without a registry a program knows the versions it came with, and no record is misread."""
    versions = history(catalogue[topic].current.source)
    newest = AvroCodec(SchemaCatalogue([(topic, version) for version in versions]))
    oldest = current_only(topic, versions[0])
    golden = json.loads((GOLDEN / f"{topic}.1.json").read_text("utf-8"))["written"][0]
    record = oldest.decode(topic, bytes.fromhex(golden["hex"]))
    assert newest.decode(topic, bytes.fromhex(golden["hex"])) == record | {"parts": []}
    with pytest.raises(UnreadableRecord) as caught:
        oldest.decode(topic, newest.encode(topic, record | {"schema_version": 3}))
    assert caught.value.reason is UnreadableReason.UNKNOWN_SCHEMA


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_release_that_breaks_the_rule_cannot_read_what_was_written(topic: str, catalogue: SchemaCatalogue) -> None:
    """RE-254: the matrix above can fail: a field without default is unreadable in older records."""
    source = catalogue[topic].current.source
    golden = json.loads((GOLDEN / f"{topic}.1.json").read_text("utf-8"))["written"][0]
    breaking = current_only(topic, evolved(source, NEEDED, version=2))
    breaking.learn_writer(REGISTRY_ID, source)
    body = bytes.fromhex(golden["hex"])[10:]
    with pytest.raises(UnreadableRecord):
        breaking.decode(topic, b"\0" + REGISTRY_ID.to_bytes(4, "big") + body)
