"""Signatures on audit heads, with a key in a file that the database does not hold."""
