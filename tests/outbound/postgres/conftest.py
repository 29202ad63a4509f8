"""The embedded server for the tests of PostgreSQL's own modules."""

from tests.postgres import postgres_server

__all__ = ["postgres_server"]
