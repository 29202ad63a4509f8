"""What the loads have in common: when they send."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

_TICK_S: Final = 0.000_5


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
