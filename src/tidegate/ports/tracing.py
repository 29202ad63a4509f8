"""Traces, as far as the gate has to know of them: which order asked, and which orders a batch serves."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol


class Trace(Protocol):
    """The place in a trace at which an order was asked."""

    @property
    def traceparent(self) -> str:
        """Give it as the header of W3C Trace Context, by which what the order causes later, elsewhere, joins it."""


class BatchTraces(Protocol):
    """Tells of batches. It never raises, and nothing that it does waits."""

    def here(self) -> Trace | None:
        """Give the place at which the caller stands; ``None``: in no trace."""

    def batch(self, orders: Sequence[Trace | None]) -> AbstractContextManager[None]:
        """Tell that a batch of these orders is being served until the context is left."""
