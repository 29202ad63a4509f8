"""The flow windows of this process as a shared account book keeps them true (``UserFlows``)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.settings import GateSettings
from tidegate.ports.account_book import Checked, FlowKept
from tidegate.usecases.pretrade.flow import DAY_US, HOUR_US, MINUTE_US, FlowWindows


class SharedFlows:
    """``UserFlows`` on the windows of this process, counted by the settings of the moment."""

    def __init__(self, flow: FlowWindows, settings: Callable[[], GateSettings]) -> None:
        self._flow = flow
        self._settings = settings

    def count_checked(self, user_id: str, checked: Checked) -> None:
        self._flow.count_checked(user_id, checked, settings=self._settings())

    def hear_change(self, change: StateChange) -> None:
        self._flow.hear(change, settings=self._settings())

    def kept(self, user_id: str) -> FlowKept | None:
        return self._flow.kept(user_id)

    def put(self, user_id: str, kept: FlowKept | None) -> None:
        self._flow.put(user_id, kept)

    def kept_after(
        self, user_id: str, kept: FlowKept | None, *, told: Sequence[Checked | StateChange]
    ) -> FlowKept | None:
        apart = SharedFlows(FlowWindows(), self._settings)
        apart.put(user_id, kept)
        for one in told:
            if isinstance(one, Checked):
                apart.count_checked(user_id, one)
            else:
                apart.hear_change(one)
        after = apart.kept(user_id)
        return None if after is None else _within_reach(after)


def _within_reach(kept: FlowKept) -> FlowKept:
    """Leave out what no window reaches at the latest message, as the windows do when they are asked."""
    if not kept.orders:
        return kept
    now_us = kept.orders[-1]
    return replace(
        kept,
        orders=tuple(at_us for at_us in kept.orders if at_us > now_us - MINUTE_US),
        notional=tuple(bucket for bucket in kept.notional if bucket[0] >= (now_us - DAY_US) // MINUTE_US),
        rejects=tuple(bucket for bucket in kept.rejects if bucket[0] >= (now_us - HOUR_US) // MINUTE_US),
    )
