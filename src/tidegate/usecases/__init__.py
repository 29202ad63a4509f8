"""Load, decide, record."""
