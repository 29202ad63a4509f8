"""Reaches the schema registry as the settings say."""

from tidegate.inbound.events.writers import KnownWriters
from tidegate.outbound.memory.writer_schemas import MemorySchemas
from tidegate.outbound.registry.registry import SchemaRegistry
from tidegate.settings import Settings
from tidegate.wire.codec import AvroCodec


def schema_registry(settings: Settings) -> SchemaRegistry | None:
    """Open the registry, inside a running loop; ``None`` when none is set, and records name fingerprints."""
    url = settings.schema_registry.url
    return None if url is None else SchemaRegistry.open(url)


def known_writers(codec: AvroCodec, registry: SchemaRegistry | None) -> KnownWriters:
    """Give what fetches the schemas that records name; without a registry a registry id stands for nothing."""
    return KnownWriters(codec, MemorySchemas() if registry is None else registry)
