"""What the relay of the writing process need not read back."""

from dataclasses import replace

from tests.ports.builders import a_record

from tidegate.outbound.postgres.recent_decisions import KEPT_MAX, RecentDecisions
from tidegate.ports.decision_journal import DecisionRecord


def numbered(number: int) -> DecisionRecord:
    """A decision of its own id."""
    record = a_record()
    return replace(record, answer=replace(record.answer, decision_id=f"d-{number}"))


def test_recent_decision_is_given_out_once() -> None:
    """It is sent once; were it to be sent again, the database has it."""
    recent, record = RecentDecisions(), numbered(1)
    recent.keep([record])
    assert recent.take("d-1") is record
    assert recent.take("d-1") is None
    assert recent.take("d-2") is None


def test_recent_decisions_are_bounded_and_the_oldest_make_room() -> None:
    """A process whose relay is elsewhere must not grow."""
    recent = RecentDecisions()
    recent.keep(numbered(number) for number in range(KEPT_MAX + 1))
    assert recent.take("d-0") is None
    assert recent.take("d-1") is not None
    assert recent.take(f"d-{KEPT_MAX}") is not None
