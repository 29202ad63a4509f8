"""What this process counts about itself, and how ``/metrics`` tells it (Prometheus text format).

Counting is a dictionary update on the path of an order; everything else happens when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from tidegate.inbound.shared.faults import FaultCode

GATE_BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the buckets of what callers of the gate wait, in seconds."""

DESK_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The same of callers of the desk, who wait for outside data."""

Gauge = Callable[[], float]
Rows = Callable[[], Mapping[tuple[str, ...], float]]
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Tally:
    """A counter with labels. ``Figures.tally`` makes it."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.counts: Counter[tuple[str, ...]] = Counter()

    def begin(self, *values: str) -> None:
        """Tell 0 under these values until something is counted: only what was told before can be seen to grow."""
        self.counts.setdefault(values, 0)

    def count(self, *values: str) -> None:
        """Count once, under the values of the labels in their order."""
        self.counts[values] += 1


class Latency:
    """How long callers waited, in buckets. ``Figures.latency`` makes it."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self._bounds_s = tuple(bounds_s)
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one wait; one of exactly a bound is in its bucket."""
        self._counts[bisect_left(self._bounds_s, seconds)] += 1
        self._sum_s += seconds

    def family(self, name: str, help_text: str) -> HistogramMetricFamily:
        """Give it in Prometheus' terms."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*self._bounds_s, float("inf")), self._counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
        return HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=self._sum_s)


class Figures(Collector):
    """Counters of decisions and faults, and what parts of the process declare: read when somebody asks."""

    def __init__(self) -> None:
        self._told: dict[str, Callable[[], Family]] = {}
        self._ready: Mapping[str, bool] = {}
        self.watch_each(
            "tidegate_ready",
            help_text="Whether a part of the process is ready, as /readyz says: 1 or 0.",
            labels=("part",),
            rows=lambda: {(part,): int(ready) for part, ready in self._ready.items()},
        )
        self._decisions = self.tally(
            "tidegate_gate_decisions_total",
            help_text="Orders answered, by decision and headline.",
            labels=("decision", "reason"),
        )
        self._faults = self.tally(
            "tidegate_gate_faults_total", help_text="Calls that ended without a decision.", labels=("code",)
        )
        for code in (FaultCode.INTERNAL, FaultCode.OVERLOADED, FaultCode.DEPENDENCY_FAILED):
            self._faults.begin(code)
        self._waits = self.latency(
            "tidegate_gate_latency_seconds",
            help_text="How long callers of the gate waited for a decision.",
            bounds_s=GATE_BOUNDS_S,
        )
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def count_decision(self, decision: str, reason: str, *, seconds: float) -> None:
        """Count one answered order and how long its caller waited."""
        self._decisions.count(decision, reason)
        self._waits.observe(seconds)

    def count_fault(self, code: str) -> None:
        """Count a call that ended without a decision, or a bug that was caught."""
        self._faults.count(code)

    def tally(self, name: str, *, help_text: str, labels: Sequence[str]) -> Tally:
        """Declare a counter with labels; its name ends with ``_total``."""
        tally = Tally(labels)
        self.watch_each(name, help_text=help_text, labels=labels, rows=lambda: tally.counts)
        return tally

    def latency(self, name: str, *, help_text: str, bounds_s: Sequence[float]) -> Latency:
        """Declare a histogram of seconds, with the upper bounds of its buckets."""
        latency = Latency(bounds_s)
        self._told[name] = lambda: latency.family(name, help_text)
        return latency

    def watch(self, name: str, *, help_text: str, gauge: Gauge) -> None:
        """Tell a number whenever somebody asks; one whose name ends with ``_total`` only grows."""
        self.watch_each(name, help_text=help_text, labels=(), rows=lambda: {(): gauge()})

    def watch_each(self, name: str, *, help_text: str, labels: Sequence[str], rows: Rows) -> None:
        """Tell numbers by the values of their labels whenever somebody asks."""
        kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily

        def family() -> Family:
            told = kind(name, help_text, labels=labels)
            for values, number in rows().items():
                told.add_metric(values, number)
            return told

        self._told[name] = family

    def rendered(self, ready: Mapping[str, bool] | None = None) -> tuple[bytes, str]:
        """Give the page of ``/metrics`` and its content type; ``ready`` says which parts of the process are."""
        self._ready = ready or {}
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Family]:
        """Give everything in Prometheus' terms."""
        for family in self._told.values():
            yield family()
