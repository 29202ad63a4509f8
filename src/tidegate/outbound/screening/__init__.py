"""Screening of names: readers of published lists, the libraries that matching needs, the provider."""
