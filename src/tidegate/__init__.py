"""Tidegate: risk decisions in one synchronous call."""
