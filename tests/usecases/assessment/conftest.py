"""The embedded server for the tests that bring several replicas to one database."""

from tests.postgres import postgres_server

__all__ = ["postgres_server"]
