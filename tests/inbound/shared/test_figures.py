"""What ``/metrics`` says, read back as Prometheus reads it."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tidegate.inbound.shared.figures import Figures

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def _told(figures: Figures) -> tuple[Samples, Mapping[str, str]]:
    """Give samples by name and labels, and kinds by name."""
    content, _ = figures.rendered()
    families = list(text_string_to_metric_families(content.decode()))
    samples = {(each.name, frozenset(each.labels.items())): each.value for one in families for each in one.samples}
    return samples, {one.name: one.type for one in families}


def _labels(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_decision_that_was_answered_is_counted_with_its_wait() -> None:
    """RE-370: decisions are counted by outcome and headline, and what callers waited by upper bounds."""
    figures = Figures()
    figures.count_decision("REJECTED", "STALE_DATA", seconds=0.001)
    figures.count_decision("REJECTED", "STALE_DATA", seconds=0.0011)
    samples, kinds = _told(figures)
    assert samples["tidegate_gate_decisions_total", _labels(decision="REJECTED", reason="STALE_DATA")] == 2
    assert samples["tidegate_gate_latency_seconds_bucket", _labels(le="0.001")] == 1
    assert samples["tidegate_gate_latency_seconds_bucket", _labels(le="0.0025")] == 2
    assert samples["tidegate_gate_latency_seconds_count", _labels()] == 2
    assert kinds["tidegate_gate_decisions"] == "counter"


def test_faults_that_alarm_are_told_as_none_before_the_first() -> None:
    """RE-370: the first bug, refusal for load and failed dependency can be seen to grow from 0."""
    samples, _ = _told(Figures())
    for code in ("internal", "overloaded", "dependency_failed"):
        assert samples["tidegate_gate_faults_total", _labels(code=code)] == 0


def test_number_whose_name_ends_with_total_is_a_counter() -> None:
    """RE-370: what only grows is told as a counter, anything else as a gauge."""
    figures = Figures()
    figures.watch("tidegate_things_total", help_text="Things.", gauge=lambda: 3)
    figures.watch("tidegate_queue", help_text="Queue.", gauge=lambda: 4)
    samples, kinds = _told(figures)
    assert samples["tidegate_things_total", _labels()] == 3
    assert samples["tidegate_queue", _labels()] == 4
    assert (kinds["tidegate_things"], kinds["tidegate_queue"]) == ("counter", "gauge")


def test_numbers_with_labels_are_read_when_somebody_asks() -> None:
    """RE-370: a part of the process is asked for its numbers at each scrape."""
    figures = Figures()
    rows: dict[tuple[str, ...], float] = {("a",): 1.0}
    figures.watch_each("tidegate_sealed_total", help_text="Sealed.", labels=("partition",), rows=lambda: rows)
    assert _told(figures)[0]["tidegate_sealed_total", _labels(partition="a")] == 1
    rows["b",] = 5.0
    assert _told(figures)[0]["tidegate_sealed_total", _labels(partition="b")] == 5


def test_parts_of_the_process_are_told_as_ready_or_not() -> None:
    """RE-370: what /readyz says of each part is a number that alerts can read."""
    figures = Figures()
    content, _ = figures.rendered({"postgres": True, "account_book": False})
    page = content.decode()
    assert 'tidegate_ready{part="postgres"} 1.0' in page
    assert 'tidegate_ready{part="account_book"} 0.0' in page
