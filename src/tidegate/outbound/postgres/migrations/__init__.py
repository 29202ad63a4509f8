"""Alembic migrations of the PostgreSQL schema, run from code (`migrate.py`)."""
