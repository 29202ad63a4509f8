"""How busy the thread that serves is: when it has no time to spare, orders are worth gathering."""

import time
from collections.abc import Callable

WINDOW_S = 0.05
BUSY_SHARE = 0.7
"""CPU time in wall time from which on the thread counts as busy; the transport's own threads take the rest."""


class Pressure:
    """CPU time of the calling thread in wall time, over windows of ``WINDOW_S``."""

    def __init__(
        self, *, wall_s: Callable[[], float] = time.monotonic, cpu_s: Callable[[], float] = time.thread_time
    ) -> None:
        self._wall_s = wall_s
        self._cpu_s = cpu_s
        self._since_s = wall_s()
        self._spent_s = cpu_s()
        self._busy = False

    def busy(self) -> bool:
        """Tell whether the thread was busy in the last whole window."""
        now_s = self._wall_s()
        passed_s = now_s - self._since_s
        if passed_s >= WINDOW_S:
            spent_s = self._cpu_s()
            self._busy = spent_s - self._spent_s >= BUSY_SHARE * passed_s
            self._since_s, self._spent_s = now_s, spent_s
        return self._busy
