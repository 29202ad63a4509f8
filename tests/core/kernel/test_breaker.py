"""A provider that keeps failing is left alone, and tried by one request at a time."""

import pytest
from tests.outbound.providers.builders import Ticks

from tidegate.core.kernel.breaker import Admission, CircuitBreaker


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def breaker(ticks: Ticks) -> CircuitBreaker:
    return CircuitBreaker(3, 1_000, monotonic_ms=ticks)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        admission = breaker.admit()
        assert admission is not None
        breaker.failed(admission)


def test_breaker_opens_at_the_bound_of_failures_in_a_row(breaker: CircuitBreaker) -> None:
    """AS-508: two failures, a success, two failures: still closed; a third in a row opens it."""
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.wait_ms == 0
    fail(breaker, 1)
    assert (breaker.admit(), breaker.wait_ms, breaker.failures) == (None, 1_000, 3)


def test_breaker_after_its_pause_lets_one_request_try(breaker: CircuitBreaker, ticks: Ticks) -> None:
    """AS-508: at the end of the pause one is admitted, the next is not, until the first succeeded."""
    fail(breaker, 3)
    ticks.now_ms += 999
    assert breaker.admit() is None
    ticks.now_ms += 1
    assert breaker.admit() is Admission.TRIAL
    assert breaker.admit() is None
    breaker.succeeded()
    assert breaker.admit() is Admission.USUAL


def test_breaker_whose_trial_fails_pauses_again(breaker: CircuitBreaker, ticks: Ticks) -> None:
    """AS-508: one failure is enough while on trial."""
    fail(breaker, 3)
    ticks.now_ms += 1_000
    fail(breaker, 1)
    assert breaker.wait_ms == 1_000


def test_breaker_whose_trial_told_nothing_lets_another_try(breaker: CircuitBreaker, ticks: Ticks) -> None:
    """AS-508: a request that was refused for its own sake says nothing about the provider."""
    fail(breaker, 3)
    ticks.now_ms += 1_000
    admission = breaker.admit()
    assert admission is Admission.TRIAL
    breaker.untold(admission)
    assert breaker.admit() is Admission.TRIAL


def test_breaker_is_not_moved_by_what_was_let_through_before_it_opened(breaker: CircuitBreaker, ticks: Ticks) -> None:
    """AS-508: a late failure neither prolongs the pause nor ends a trial."""
    late = breaker.admit()
    assert late is Admission.USUAL
    fail(breaker, 3)
    ticks.now_ms += 900
    breaker.failed(late)
    assert breaker.wait_ms == 100
    ticks.now_ms += 100
    assert breaker.admit() is Admission.TRIAL
    breaker.failed(late)
    breaker.untold(late)
    assert breaker.admit() is None
