"""Driver errors become ``DependencyFailed``: whoever called can answer UNAVAILABLE and try again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from tidegate.core.kernel.trouble import DependencyFailed

DEPENDENCY: Final = "postgres"


@contextmanager
def dependency() -> Iterator[None]:
    """Turn what the driver or the network raises inside the block into ``DependencyFailed``."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as fault:
        # a timeout is an OSError too, and says nothing
        raise DependencyFailed(DEPENDENCY, f"{type(fault).__name__}: {fault}".rstrip(": ")) from fault
