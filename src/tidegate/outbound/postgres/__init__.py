"""Ports kept in PostgreSQL, with their SQL and migrations."""
