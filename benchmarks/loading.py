"""What the loads have in common: when they send, and what they say came back."""

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Final

import msgspec

QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_TICK_S: Final = 0.000_5


class Seen(msgspec.Struct, frozen=True):
    """What came back: calls answered, by decision; ``failed`` calls; latencies in milliseconds at quantiles."""

    seconds: float
    answered: int
    failed: int
    decisions: dict[str, int]
    latency_ms: dict[str, float]

    @property
    def rate(self) -> float:
        """Calls answered in a second."""
        return self.answered / self.seconds


async def send_for(seconds: float, send: Callable[[float], None], *, rate: float, in_flight: int) -> float:
    """Send for ``seconds`` and give how long that took; ``send`` is told when, on ``perf_counter``, each was due.

    Closed (``rate`` 0): ``in_flight`` at the start; that each answer sends the next is up to whom it reaches. Open:
    ``rate`` a second, whatever comes back.
    """
    begun = perf_counter()
    if not rate:
        for _ in range(in_flight):
            send(perf_counter())
        await asyncio.sleep(seconds)
        return perf_counter() - begun
    due = begun
    while (now := perf_counter()) < begun + seconds:
        while due <= now:
            send(due)
            due += 1 / rate
        await asyncio.sleep(_TICK_S)
    return perf_counter() - begun


def quantiles_ms(latencies_s: Iterable[float]) -> dict[str, float]:
    """Give the quantiles that are told, in milliseconds; 0 of nothing."""
    ordered = sorted(latencies_s)
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3, 3) if ordered else 0.0
        for name, share in QUANTILES.items()
    }
