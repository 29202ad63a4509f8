"""Spans around what goes out: each class stands before an implementation of a port and tells how long it took.

Where traces are off nothing of this is in place, so that it costs nothing.
"""
