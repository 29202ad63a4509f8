"""The fence around a life of the shared account book: what is written on one that has ended is refused."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from tidegate.ports.shared_book import BookLost


@contextmanager
def book_epoch_required() -> Iterator[None]:
    """Turn the refusal of ``require_book_epoch`` in a statement into ``BookLost``."""
    try:
        yield
    except asyncpg.ObjectNotInPrerequisiteStateError as fault:
        raise BookLost(str(fault)) from fault
