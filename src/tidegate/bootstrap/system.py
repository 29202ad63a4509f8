"""Time and ids of the real world."""

import time
import uuid


class SystemClock:
    """The wall clock of this machine."""

    def now_us(self) -> int:
        """Give microseconds since 1970."""
        return time.time_ns() // 1_000


class RandomIds:
    """Random UUIDs (version 4)."""

    def new(self) -> str:
        """Give a UUID never given before."""
        return str(uuid.uuid4())
