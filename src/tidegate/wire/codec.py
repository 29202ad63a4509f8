from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from io import BytesIO
from typing import Any, Final

from fastavro import schemaless_reader
from fastavro.read import SchemaResolutionError

from tidegate.wire.fast_writer import compile_fast_writer
from tidegate.wire.record_writer import compile_writer
from tidegate.wire.schemas import SchemaCatalogue, schema_fingerprint
from tidegate.wire.snapshots import shape_fault
from tidegate.wire.writer_schemas import UnsuitableSchema, parse_writer_schema

RECORD_BYTES_MAX: Final = 1 << 20
LEARNT_WRITERS_MAX: Final = 1_000
"""Writers' schemas that are kept; beyond that the one learnt first is forgotten, and asked for again when it is met."""
_CONFLUENT_MAGIC: Final = b"\x00"
_CONFLUENT_HEADER: Final = struct.Struct(">bI")
_SINGLE_OBJECT_MAGIC: Final = b"\xc3\x01"
_SINGLE_OBJECT_HEADER_BYTES: Final = 10
# What fastavro raises on bytes that do not follow the schema (seen by feeding it random and mutated bytes). Not
# Exception: a bug of ours must not pass for somebody's bad record.
_MALFORMED: Final = (EOFError, ValueError, LookupError, ArithmeticError, TypeError, SchemaResolutionError)
_UNWRITABLE: Final = (ValueError, TypeError, LookupError, AttributeError)


class UnreadableReason(StrEnum):
    """Why a record cannot be read; the values are labels of a metric and stay as they are."""

    TOO_LARGE = "too_large"
    UNKNOWN_FRAMING = "unknown_framing"
    TRUNCATED_HEADER = "truncated_header"
    UNKNOWN_SCHEMA = "unknown_schema"
    OTHER_RECORD = "other_record"
    MALFORMED = "malformed"
    TRAILING_BYTES = "trailing_bytes"
    CONTRADICTORY = "contradictory"


class UnreadableRecord(Exception):
    """Bytes that are no record of their topic. Reading them again gives the same: they belong in the dead-letter topic.

    Attributes:
        reason: the kind, for metrics.
        detail: more, for the dead-letter record; may quote what the record holds, so not for logs.
    """

    def __init__(self, reason: UnreadableReason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


class UnknownSchemaId(UnreadableRecord):
    """A record that names a registry id not seen yet: with a registry, fetch it, `learn_writer`, decode once more."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(UnreadableReason.UNKNOWN_SCHEMA, f"registry id {schema_id}")
        self.schema_id = schema_id


class UnwritableRecord(ValueError):
    """A record that does not follow its topic's schema, or grows beyond RECORD_BYTES_MAX: a bug of the writer."""


class AvroCodec:
    """Records of the topics as bytes, and back.

    Written is Confluent's wire format (0x00, 4-byte registry id, body) for topics whose registry id is known, else
    Avro's single-object encoding (0xC3 0x01, 8-byte fingerprint of the schema, body). Read is either, whatever is
    written, so a registry can be introduced or dropped while records of the other kind are still in the topics.

    Values: uuid fields are read as UUID and written from UUID or its text; timestamps are read as aware datetimes in
    UTC and written from aware datetimes or integers in the field's unit; enums are their names. One object serves one
    event loop; nothing in it waits.
    """

    def __init__(self, catalogue: SchemaCatalogue) -> None:
        self.catalogue = catalogue
        self._headers = {
            topic: _SINGLE_OBJECT_MAGIC + catalogue[topic].current.fingerprint for topic in catalogue.topics()
        }
        self._write = {topic: compile_writer(catalogue[topic].current.parsed) for topic in catalogue.topics()}
        self._write_fast = {topic: compile_fast_writer(catalogue[topic].current.parsed) for topic in catalogue.topics()}
        self._writers_by_id: dict[int, dict[str, Any]] = {}
        self._learnt: deque[int] = deque()
        every = (version for topic in catalogue.topics() for version in catalogue[topic].by_fingerprint.values())
        self._ours = {version.fingerprint: version.parsed for version in every}

    def use_registry_id(self, topic: str, schema_id: int) -> None:
        """From now on writes `topic` in Confluent's format under the id its current schema was registered with.

        Raises:
            ValueError: the id does not fit into four bytes.
        """
        if not 0 <= schema_id < 1 << 32:
            raise ValueError(f"not a registry id: {schema_id}")
        if schema_id in self._learnt:
            self._learnt.remove(schema_id)
        self._headers[topic] = _CONFLUENT_HEADER.pack(0, schema_id)
        self._writers_by_id[schema_id] = self.catalogue[topic].current.parsed

    def learn_writer(self, schema_id: int, schema: Mapping[str, Any]) -> None:
        """Makes records under a registry id readable; what the id means never changes, so it is learnt once.

        Raises:
            UnreadableRecord: the schema is none that is read here (wire/writer_schemas.py says which).
        """
        if schema_id in self._writers_by_id:
            return
        try:
            parsed = parse_writer_schema(schema)
        except UnsuitableSchema as error:
            raise UnreadableRecord(UnreadableReason.UNKNOWN_SCHEMA, f"registry id {schema_id}: {error}") from error
        if len(self._learnt) == LEARNT_WRITERS_MAX:
            del self._writers_by_id[self._learnt.popleft()]
        self._learnt.append(schema_id)
        # Where it is one of our own versions, that one is read without resolving one schema by the other.
        self._writers_by_id[schema_id] = self._ours.get(schema_fingerprint(parsed), parsed)

    def unknown_writers(self, payloads: Iterable[bytes]) -> list[int]:
        """The registry ids that payloads name and that are not known yet, each once; `learn_writer` makes one known."""
        known = self._writers_by_id
        named = {
            int.from_bytes(payload[1 : _CONFLUENT_HEADER.size], "big")
            for payload in payloads
            if payload.startswith(_CONFLUENT_MAGIC) and len(payload) >= _CONFLUENT_HEADER.size
        }
        return [schema_id for schema_id in named if schema_id not in known]

    def encode(self, topic: str, record: Mapping[str, Any]) -> bytes:
        """A record as bytes under the topic's current schema; what has a default there may be left out.

        Raises:
            KeyError: the topic has no schema.
            UnwritableRecord: a field is missing, unknown or of another type, or the record contradicts itself.
        """
        pieces = [self._headers[topic]]
        try:
            try:
                self._write_fast[topic](pieces.append, record)
            except _UNWRITABLE:  # the careful writer says what is wrong, or writes what is only rare
                del pieces[1:]
                self._write[topic](pieces.append, record)
            fault = self._version_fault(topic, record) or shape_fault(topic, record)
        except _UNWRITABLE as error:
            raise UnwritableRecord(f"{topic}: {error}") from error
        if fault is not None:
            raise UnwritableRecord(f"{topic}: {fault}")
        payload = b"".join(pieces)
        if len(payload) > RECORD_BYTES_MAX:
            raise UnwritableRecord(f"{topic}: {len(payload)} bytes, more than {RECORD_BYTES_MAX}")
        return payload

    def decode(self, topic: str, payload: bytes) -> dict[str, Any]:
        """The record in `payload`, as the topic's current schema has it; `schema_version` stays the writer's.

        Raises:
            KeyError: the topic has no schema.
            UnreadableRecord: the bytes are no record of this topic, in full and with nothing after it.
        """
        if len(payload) > RECORD_BYTES_MAX:
            raise UnreadableRecord(UnreadableReason.TOO_LARGE, f"{len(payload)} bytes")
        writer, body_at = self._writer_of(topic, payload)
        current = self.catalogue[topic].current.parsed
        body = BytesIO(payload)
        body.seek(body_at)
        try:
            record = schemaless_reader(body, writer, None if writer is current else current)
        except _MALFORMED as error:
            raise UnreadableRecord(UnreadableReason.MALFORMED, f"{type(error).__name__}: {error}") from error
        if body.tell() != len(payload):
            raise UnreadableRecord(UnreadableReason.TRAILING_BYTES, f"{len(payload) - body.tell()} bytes")
        assert isinstance(record, dict)  # every topic's schema is a record
        fault = shape_fault(topic, record)
        if fault is not None:
            raise UnreadableRecord(UnreadableReason.CONTRADICTORY, fault)
        return record

    def _writer_of(self, topic: str, payload: bytes) -> tuple[dict[str, Any], int]:
        """The schema a payload was written with, and where its body begins."""
        versions = self.catalogue[topic]
        if payload.startswith(_SINGLE_OBJECT_MAGIC):
            if len(payload) < _SINGLE_OBJECT_HEADER_BYTES:
                raise UnreadableRecord(UnreadableReason.TRUNCATED_HEADER)
            mark = payload[len(_SINGLE_OBJECT_MAGIC) : _SINGLE_OBJECT_HEADER_BYTES]
            written = versions.by_fingerprint.get(mark)
            if written is None:
                raise UnreadableRecord(UnreadableReason.UNKNOWN_SCHEMA, f"fingerprint {mark.hex()}")
            return written.parsed, _SINGLE_OBJECT_HEADER_BYTES
        if not payload.startswith(_CONFLUENT_MAGIC):
            raise UnreadableRecord(UnreadableReason.UNKNOWN_FRAMING)
        if len(payload) < _CONFLUENT_HEADER.size:
            raise UnreadableRecord(UnreadableReason.TRUNCATED_HEADER)
        _, schema_id = _CONFLUENT_HEADER.unpack_from(payload)
        writer = self._writers_by_id.get(schema_id)
        if writer is None:
            raise UnknownSchemaId(schema_id)
        if writer["name"] != versions.current.record_name:
            raise UnreadableRecord(UnreadableReason.OTHER_RECORD, str(writer["name"]))
        return writer, _CONFLUENT_HEADER.size

    def _version_fault(self, topic: str, record: Mapping[str, Any]) -> str | None:
        version = self.catalogue[topic].current.version
        return None if record.get("schema_version", version) == version else f"schema_version is not {version}"
