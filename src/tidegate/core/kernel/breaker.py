"""Leaves alone a service outside that keeps failing (docs/decisions/0015-providers.md says why this is our own).

It waits for nothing and reads no clock: the time is handed in.
"""

from collections.abc import Callable
from enum import Enum


class Admission(Enum):
    """How a request was let through."""

    USUAL = "usual"
    TRIAL = "trial"


class CircuitBreaker:
    """Closed, open, or on trial: after ``failures_max`` failures in a row nothing is let through for ``pause_ms``, then
    one request at a time until one succeeds. Whoever was admitted says how it went, or that it cannot tell.
    """

    def __init__(self, failures_max: int, pause_ms: int, *, monotonic_ms: Callable[[], int]) -> None:
        self._failures_max = failures_max
        self._pause_ms = pause_ms
        self._monotonic_ms = monotonic_ms
        self._failures = 0
        self._opened_ms: int | None = None
        self._on_trial = False

    @property
    def wait_ms(self) -> int:
        """Give the time for which nothing is let through; 0 when a request may be admitted."""
        if self._opened_ms is None:
            return 0
        left_ms = self._opened_ms + self._pause_ms - self._monotonic_ms()
        return max(left_ms, 1 if self._on_trial else 0)

    @property
    def failures(self) -> int:
        """Count the failures in a row."""
        return self._failures

    def admit(self) -> Admission | None:
        """Let a request through, or not; one that was let through ends with one of the three calls below."""
        if self._opened_ms is None:
            return Admission.USUAL
        if self.wait_ms:
            return None
        self._on_trial = True
        return Admission.TRIAL

    def succeeded(self) -> None:
        """Close: the service works."""
        self._failures, self._opened_ms, self._on_trial = 0, None, False

    def failed(self, admission: Admission) -> None:
        """Count a failure: open at the bound, and again when it was the one on trial.

        What was let through before the breaker opened and fails after it neither ends a trial nor prolongs the pause.
        """
        self._failures += 1
        if admission is Admission.TRIAL or (self._opened_ms is None and self._failures >= self._failures_max):
            self._opened_ms = self._monotonic_ms()
        self.untold(admission)

    def untold(self, admission: Admission) -> None:
        """Take a request for not made: it ended before it said anything about the service."""
        if admission is Admission.TRIAL:
            self._on_trial = False
