"""How a provider is called: bounds on time, size, number and cost."""

from dataclasses import dataclass
from typing import Final

MARGIN_MS: Final = 10
"""By which a call ends before its budget, so that its answer is still in time."""

ANSWER_DEPTH_MAX: Final = 32
"""Levels of nesting of an answer."""

ANSWER_VALUES_MAX: Final = 100_000
"""Values of an answer, counted by its commas: what is small in bytes can be long to read."""

RAW_TEXT_CHARACTERS_MAX: Final = 4_096
"""What is kept of an answer that is no JSON."""


@dataclass(frozen=True, slots=True)
class ProviderPolicy:
    """Bounds of one provider. A bound is inclusive: at it passes.

    ``timeout_ms`` bounds one request with all its repeats and its wait for a place, ``connect_timeout_ms`` the
    connection, ``read_timeout_ms`` the silence on it. ``retries_max`` repeats follow a request that failed, never of a
    billed provider. ``cache_ttl_s`` 0 keeps nothing. ``concurrency_max`` requests run at once, ``waiting_max`` more
    may wait. After ``failures_max`` failures in a row the provider is left alone for ``pause_ms``. ``cost_micros`` is
    the price of one request in millionths of the provider's currency unit.
    """

    timeout_ms: int = 1_800
    connect_timeout_ms: int = 500
    read_timeout_ms: int = 1_500
    retries_max: int = 1
    response_bytes_max: int = 1_048_576
    cache_ttl_s: int = 3_600
    cache_bytes_max: int = 16_777_216
    concurrency_max: int = 16
    waiting_max: int = 64
    failures_max: int = 5
    pause_ms: int = 10_000
    cost_micros: int = 0
    billed: bool = False

    def __post_init__(self) -> None:
        assert not (self.billed and self.retries_max), "a billed request is never repeated"
        assert self.billed or not self.cost_micros, "what costs is billed"
        assert min(self.timeout_ms, self.connect_timeout_ms, self.read_timeout_ms) > 0
