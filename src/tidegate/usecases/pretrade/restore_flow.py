"""After a start: the sliding windows from the decisions that the journal holds (PT-527)."""

from dataclasses import dataclass
from typing import Final

from tidegate.core.pretrade.settings import GateSettings
from tidegate.ports.clock import Clock
from tidegate.ports.decision_journal import DecisionArchive, FlowTotal
from tidegate.usecases.pretrade.flow import DAY_US, HOUR_US, MINUTE_US, FlowWindows, RecentFlow, content_of

SLICE_US: Final = MINUTE_US
"""Decisions are read by the minute, so that a long duplicate window does not have to fit into memory."""

STEP_US: Final = 15 * MINUTE_US
"""What lies more than an hour back is counted in steps of this length, each at the last of its minutes: for a day
after a start the notional may say a little too much, by what passed in one step, and never too little.
"""


@dataclass(frozen=True, slots=True)
class RestoredFlow:
    """What was counted again: totals of users, messages of the last minute, contents inside the duplicate window."""

    totals: int
    messages: int
    contents: int


async def restore_flow(
    archive: DecisionArchive, flow: FlowWindows, *, clock: Clock, settings: GateSettings
) -> RestoredFlow:
    """Fill empty windows with what was decided before this process began; nothing is counted before all is read.

    Raises:
        DependencyFailed: the store did not answer; the windows are as empty as before.
    """
    now_us = clock.now_us()
    totals = await _totals(archive, now_us)
    recent = await _recent(archive, now_us, duplicate_us=settings.duplicate_window_ms * 1_000)
    flow.restore(totals, recent)
    return RestoredFlow(len(totals), len(recent.messages), len(recent.equal))


async def _totals(archive: DecisionArchive, now_us: int) -> list[FlowTotal]:
    """Give what was answered within a day; the oldest minute of each window whole, as the windows count it."""
    hour_ago_us = (now_us - HOUR_US) // STEP_US * STEP_US
    day_ago_us = (now_us - DAY_US) // MINUTE_US * MINUTE_US
    early = await archive.flow_totals(since_us=day_ago_us, until_us=hour_ago_us, step_us=STEP_US)
    late = await archive.flow_totals(since_us=hour_ago_us, step_us=MINUTE_US)
    last_minute_us = STEP_US - MINUTE_US
    moved = (
        FlowTotal(total.user_id, total.start_us + last_minute_us, total.notional_usdt, rejects=0) for total in early
    )
    return [*moved, *late]


async def _recent(archive: DecisionArchive, now_us: int, *, duplicate_us: int) -> RecentFlow:
    recent = RecentFlow()
    minute_ago_us, duplicate_since_us = now_us - MINUTE_US, now_us - duplicate_us
    start_us = min(minute_ago_us, duplicate_since_us)
    while start_us < now_us:
        until_us = start_us + SLICE_US
        for record in await archive.flow_since(start_us, until_us=until_us if until_us < now_us else None):
            order, at_us = record.order, record.answer.evaluated_at_us
            if at_us > minute_ago_us:
                recent.messages.append((order.user_id, at_us))
            if record.reservation is not None and duplicate_us and at_us >= duplicate_since_us:
                recent.equal[order.user_id, content_of(order)] = at_us
        start_us = until_us
    return recent
