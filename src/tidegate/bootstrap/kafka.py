"""Reaches Kafka as the settings say, and names the topics that a process needs there."""

from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.topics import ensure_topics
from tidegate.settings import Settings
from tidegate.wire.topics import ALL_TOPICS, IN_TOPICS, dlq_name, topic_name


def kafka_connection(settings: Settings) -> KafkaConnection | None:
    """Give where Kafka is and who we are to it; ``None`` when the bus is the embedded one."""
    area = settings.kafka
    if area.bootstrap is None:
        return None
    return KafkaConnection(
        area.bootstrap,
        security_protocol=area.security_protocol.value,
        ssl_ca_file=area.ssl_ca_file,
        sasl_mechanism=area.sasl_mechanism.value,
        username=area.username,
        password=None if area.password is None else area.password.get_secret_value(),
    )


def in_topics(settings: Settings) -> list[str]:
    """Name the topics that are read, in full."""
    return [topic_name(topic, environment=settings.topics.suffix) for topic in IN_TOPICS]


async def make_topics(settings: Settings, connection: KafkaConnection) -> None:
    """Make the topics that are missing, and those of their dead letters: one partition keeps letters in one order.

    Raises:
        DependencyFailed: the brokers do not answer, or refuse.
    """
    area, suffix = settings.kafka, settings.topics.suffix
    names = [topic_name(topic, environment=suffix) for topic in ALL_TOPICS]
    await ensure_topics(connection, names, partitions=area.partitions, replication=area.replication)
    letters = [dlq_name(topic) for topic in in_topics(settings)]
    await ensure_topics(connection, letters, partitions=1, replication=area.replication)
