"""The real broker that tests of a folder share."""

from tests.servers import kafka_server

__all__ = ["kafka_server"]
