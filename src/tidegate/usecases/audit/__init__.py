"""Sealing what was decided into the audit chain, and verifying it."""
