from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from tidegate.wire.topics import ALL_TOPICS

_SUFFIX: Final = ".avsc"


@dataclass(frozen=True, slots=True)
class TopicSchema:
    """One version of what a topic's records look like.

    Attributes:
        topic: the topic's name without environment.
        version: what records carry as `schema_version`, from 1.
        record_name: full name of the record; a writer of another record is not a writer of this topic.
        fingerprint: CRC-64-AVRO (Rabin) of the parsing canonical form, 8 bytes, little-endian as on the wire.
        parsed: the schema as fastavro wants it.
        source: the schema as it was published, for a registry.
    """

    topic: str
    version: int
    record_name: str
    fingerprint: bytes
    parsed: dict[str, Any]
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TopicVersions:
    """All versions of a topic's schema: the one that is written, and all that are read."""

    current: TopicSchema
    by_fingerprint: Mapping[bytes, TopicSchema]


class SchemaCatalogue:
    """The schemas of all topics, parsed once.

    The current version of a topic is `avro/<topic>.avsc`; a version that was published before stays readable as
    `avro/past/<topic>.<version>.avsc` for ever, because records written with it stay in topics and in the journal.
    """

    def __init__(self, schemas: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """`schemas` are (topic, schema) pairs in any order; the highest version of a topic is its current one.

        Raises:
            ValueError: two schemas of a topic share a version or name different records.
        """
        by_topic: dict[str, list[TopicSchema]] = {}
        for topic, source in schemas:
            by_topic.setdefault(topic, []).append(_topic_schema(topic, source))
        self._topics = {topic: _versions(topic, found) for topic, found in by_topic.items()}

    @classmethod
    def load(cls) -> SchemaCatalogue:
        """Reads the schemas that come with the package.

        Raises:
            ValueError: a topic has no current schema, a file belongs to no topic, or a past version is none.
        """
        folder = files("tidegate.wire").joinpath("avro")
        current = [(name, json.loads(folder.joinpath(name + _SUFFIX).read_text("utf-8"))) for name in ALL_TOPICS]
        past_folder = folder.joinpath("past")
        names = [item.name for item in past_folder.iterdir()] if past_folder.is_dir() else []
        past = [
            (name.removesuffix(_SUFFIX).rpartition(".")[0], json.loads(past_folder.joinpath(name).read_text("utf-8")))
            for name in sorted(names)
        ]
        return cls([*current, *past])

    def __getitem__(self, topic: str) -> TopicVersions:
        """The versions of a topic; KeyError names one that has no schema."""
        return self._topics[topic]

    def topics(self) -> tuple[str, ...]:
        """The topics that have a schema."""
        return tuple(self._topics)


def schema_fingerprint(parsed: dict[str, Any]) -> bytes:
    """CRC-64-AVRO (Rabin) of a schema's parsing canonical form, 8 bytes, as on the wire: equal for schemas that differ
    in nothing that bytes show.
    """
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(parsed), "CRC-64-AVRO"))


def _topic_schema(topic: str, source: Mapping[str, Any]) -> TopicSchema:
    parsed = parse_schema(dict(source))
    versions = [field["default"] for field in source["fields"] if field["name"] == "schema_version"]
    if not isinstance(parsed, dict) or len(versions) != 1:
        raise ValueError(f"{topic}: the schema does not say its version")
    return TopicSchema(
        topic=topic,
        version=versions[0],
        record_name=parsed["name"],
        fingerprint=schema_fingerprint(parsed),
        parsed=parsed,
        source=source,
    )


def _versions(topic: str, found: list[TopicSchema]) -> TopicVersions:
    if len({schema.version for schema in found}) < len(found):
        raise ValueError(f"{topic}: two schemas say the same version")
    if len({schema.record_name for schema in found}) > 1:
        raise ValueError(f"{topic}: its versions are different records")
    ordered = sorted(found, key=lambda schema: schema.version)
    # Versions that differ in documentation or defaults only share a fingerprint and are read alike: the newest stands.
    return TopicVersions(ordered[-1], {schema.fingerprint: schema for schema in ordered})
