"""Time and ids of the real world."""

import gc
import os
import time


class SystemClock:
    """The wall clock of this machine."""

    def now_us(self) -> int:
        """Give microseconds since 1970."""
        return time.time_ns() // 1_000


class RandomIds:
    """Random UUIDs (version 4)."""

    def new(self) -> str:
        """Give a UUID never given before."""
        text = os.urandom(16).hex()  # what uuid4() does, without an object on the way
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"


def quieten_collector() -> None:
    """Keep the garbage collector off what the start has made, and let it look at the rest less often.

    Orders leave thousands of live objects behind (reservations, answers) and hardly a cycle: at the default thresholds
    the collector walks them again and again. For a process that serves; call it when it is ready.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)
