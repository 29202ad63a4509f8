"""What this process counts about itself, and how ``/metrics`` tells it (Prometheus text format).

Counting is a dictionary update on the path of an order; everything else happens when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

LATENCY_BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the latency buckets, in seconds."""

Gauge = Callable[[], float]


class Figures(Collector):
    """Counters of decisions and faults, latencies of calls, and gauges that are read when asked."""

    def __init__(self) -> None:
        self._decisions: Counter[tuple[str, str]] = Counter()
        self._faults: Counter[str] = Counter()
        self._latencies = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self._latency_sum = 0.0
        self._gauges: dict[str, tuple[str, Gauge]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def count_decision(self, decision: str, reason: str, *, seconds: float) -> None:
        """Count one answered order and how long its caller waited."""
        self._decisions[decision, reason] += 1
        self._latencies[bisect_left(LATENCY_BOUNDS_S, seconds)] += 1
        self._latency_sum += seconds

    def count_fault(self, code: str) -> None:
        """Count a call that ended without a decision, or a bug that was caught."""
        self._faults[code] += 1

    def watch(self, name: str, *, help_text: str, gauge: Gauge) -> None:
        """Tell a gauge whenever somebody asks."""
        self._gauges[name] = (help_text, gauge)

    def rendered(self) -> tuple[bytes, str]:
        """Give the page of ``/metrics`` and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def decisions(self) -> Mapping[tuple[str, str], int]:
        """Give how often each decision with each headline was answered."""
        return self._decisions

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        """Give everything in Prometheus' terms."""
        decisions = CounterMetricFamily(
            "tidegate_gate_decisions", "Orders answered, by decision and headline.", labels=["decision", "reason"]
        )
        for (decision, reason), count in self._decisions.items():
            decisions.add_metric([decision, reason], count)
        yield decisions
        faults = CounterMetricFamily("tidegate_gate_faults", "Calls that ended without a decision.", labels=["code"])
        for code, count in self._faults.items():
            faults.add_metric([code], count)
        yield faults
        yield self._latency()
        for name, (help_text, gauge) in self._gauges.items():
            yield GaugeMetricFamily(name, help_text, value=gauge())

    def _latency(self) -> HistogramMetricFamily:
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*LATENCY_BOUNDS_S, float("inf")), self._latencies, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
        return HistogramMetricFamily(
            "tidegate_gate_latency_seconds",
            "How long callers of the gate waited for a decision.",
            buckets=buckets,
            sum_value=self._latency_sum,
        )
