"""What does one decision cost, without any transport, journal or queue around it?"""

from collections.abc import Sequence
from typing import Final

from benchmarks.measuring import Pace, Table, calibration_us, cpu_us, on_reference, verdict
from benchmarks.worlds import a_snapshot, an_order, some_rules
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.reasons import Decision

GOAL_US: Final = 40.0
FLAT_RATIO: Final = 1.5

POSITIONS: Final = (0, 2, 20, 200)
OPEN_ORDERS: Final = (0, 50, 500)
RULES: Final = (0, 50, 500)

Case = tuple[int, int, int]
"""Positions, open orders, rules."""

_TYPICAL: Final[Case] = (20, 50, 50)
_CROWDED: Final[Case] = (20, 500, 50)


def measure(pace: Pace, *, cases: Sequence[Case] | None = None) -> Table:
    """Time decide() on every size of account; the marks are those of the last check."""
    wanted = cases or [(held, live, ruled) for held in POSITIONS for live in OPEN_ORDERS for ruled in RULES]
    figures: dict[Case, tuple[float, float]] = {}
    for case in wanted:
        figures[case] = _figure(case, pace)
    rows = tuple(
        (
            str(held),
            str(live),
            str(ruled),
            f"{us:.1f}",
            f"{us / calibration:.1f}",
            f"{on_reference(us, calibration):.1f}",
        )
        for (held, live, ruled), (us, calibration) in figures.items()
    )
    return Table(
        title="decide() alone",
        question="What does one decision cost, and does it stay flat in open orders?",
        method=(
            "CPU time of decide() on one snapshot, marks unchanged since the last check; every rule applies to the"
            " order and none is hit. Calibration: thirty Decimal steps at 50 digits, timed beside each row."
        ),
        columns=("positions", "open orders", "rules", "us", "x calibration", "us on the reference machine"),
        rows=rows,
        findings=_findings(figures),
    )


def _figure(case: Case, pace: Pace) -> tuple[float, float]:
    """CPU microseconds of a decision, and of the calibration timed beside it."""
    held, live, ruled = case
    order, snapshot = an_order(), a_snapshot(positions=held, open_orders=live, rules=some_rules(ruled))
    if decide(order, snapshot).decision is not Decision.APPROVED:
        raise AssertionError("the order of this benchmark is meant to pass")
    calibration = calibration_us(pace)
    return cpu_us(lambda: decide(order, snapshot), pace), calibration


def _findings(figures: dict[Case, tuple[float, float]]) -> tuple[str, ...]:
    typical, crowded = figures.get(_TYPICAL), figures.get(_CROWDED)
    if typical is None or crowded is None:
        return ()
    cost = on_reference(*typical)
    ratio = on_reference(*crowded) / cost
    return (
        (
            f"20 positions, 50 open orders, 50 rules: {cost:.1f} us on the reference machine; goal under"
            f" {GOAL_US:.0f} us: {verdict(met=cost < GOAL_US)}"
        ),
        f"the same with 500 open orders: x {ratio:.2f}; goal at most {FLAT_RATIO}: {verdict(met=ratio <= FLAT_RATIO)}",
    )
