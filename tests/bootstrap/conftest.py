"""The real PostgreSQL, for the tests of this folder."""

from tests.postgres import postgres_server

__all__ = ["postgres_server"]
