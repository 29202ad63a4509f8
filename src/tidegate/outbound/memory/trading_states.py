"""Trading states in memory."""

from collections.abc import Sequence

from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas, require_version
from tidegate.ports.configuration import Scope, TradingStateRow
from tidegate.ports.configuration_watch import Area
from tidegate.ports.storable import trading_state_faults
from tidegate.ports.stored import Conflict


class MemoryTradingStates:
    """``TradingStates`` in memory."""

    def __init__(self, areas: MemoryConfigurationAreas) -> None:
        self._areas = areas
        self._rows: dict[tuple[Scope, str], list[TradingStateRow]] = {}

    async def all(self) -> tuple[int, Sequence[TradingStateRow]]:
        return self._areas.version(Area.TRADING_STATES), [self._rows[scope][-1] for scope in sorted(self._rows)]

    async def put(self, row: TradingStateRow, *, version: int | None) -> tuple[int, TradingStateRow]:
        faults = trading_state_faults(row)
        if faults:
            raise Conflict(faults)
        require_version(self._areas.version(Area.TRADING_STATES), seen=version)
        self._rows.setdefault((row.scope, row.key), []).append(row)
        return self._areas.publish(Area.TRADING_STATES), row
