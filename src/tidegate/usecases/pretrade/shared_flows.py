"""The flow windows of this process as a shared account book keeps them true (``UserFlows``)."""

from collections.abc import Callable

from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.settings import GateSettings
from tidegate.ports.account_book import Checked, FlowKept
from tidegate.usecases.pretrade.flow import FlowWindows


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
