"""What this product writes, registered: each topic's schema under its subject, and the codec told its id."""

from collections.abc import Iterable
from typing import Final

from tidegate.outbound.registry.registry import SchemaRegistry
from tidegate.wire.codec import AvroCodec
from tidegate.wire.topics import DESK_TOPICS, OUT_TOPICS, topic_name

PRODUCED_TOPICS: Final = (*OUT_TOPICS, *DESK_TOPICS)
"""Topics whose schemas are ours to register; those that are read belong to who writes them."""


async def register_schemas(
    registry: SchemaRegistry, codec: AvroCodec, *, environment: str, topics: Iterable[str] = PRODUCED_TOPICS
) -> None:
    """Register every version of the topics' schemas, and from then on write the topics under their registry ids.

    Done again it changes nothing, so each process that writes does it when it starts.

    Raises:
        DependencyFailed: the registry does not answer or refuses a schema; topics registered before that are written
            under their ids, the others by fingerprint. Nothing should be written then: start again.
    """
    for topic in topics:
        subject = f"{topic_name(topic, environment=environment)}-value"
        versions = codec.catalogue[topic].by_fingerprint.values()
        codec.use_registry_id(topic, await registry.register(subject, [version.source for version in versions]))
