"""What this process keeps in memory beside the account book: market, profiles, configuration, and their ages."""

from collections.abc import Iterable, Mapping

from tidegate.core.pretrade.account import TradingState
from tidegate.core.pretrade.snapshot import GateConfiguration, Market
from tidegate.ports.configuration import ProfileRow, Scope, TradingStateRow

NEVER_US = 0
"""The time of what has not happened yet: older than any age limit."""

_STRICTNESS = {state: place for place, state in enumerate(TradingState)}


class Replica:
    """The memory of one process. Written by the configuration keeper and the event consumers, read by the gate.

    ``confirmed_at_us``: when the store last confirmed that the configuration is the published one. ``versions``: the
    version held of each area. ``account_feed_seen_us``: a time up to which everything on the account topics has been
    applied, ``None`` before the first. ``rebuilt``: book and market are rebuilt, so the gate may decide.
    """

    def __init__(self, market: Market, configuration: GateConfiguration) -> None:
        self.market = market
        self.configuration = configuration
        self.profiles: dict[str, ProfileRow] = {}
        self.versions: Mapping[str, int] = {}
        self.confirmed_at_us = NEVER_US
        self.account_feed_seen_us: int | None = None
        self.rebuilt = False
        self._everywhere = TradingState.ACTIVE
        self._by_symbol: Mapping[str, TradingState] = {}
        self._by_user: Mapping[str, TradingState] = {}

    def set_trading_states(self, rows: Iterable[TradingStateRow]) -> None:
        """Put the kill switches of all scopes in their place; what is not named is ACTIVE."""
        states = {(row.scope, row.key): row.state for row in rows}
        self._everywhere = states.get((Scope.GLOBAL, ""), TradingState.ACTIVE)
        self._by_symbol = {key: state for (scope, key), state in states.items() if scope is Scope.SYMBOL}
        self._by_user = {key: state for (scope, key), state in states.items() if scope is Scope.USER}

    def trading_state(self, symbol: str, user_id: str) -> TradingState:
        """Give the strictest of the states that hold: everywhere, of the symbol, of the user."""
        if not self._by_symbol and not self._by_user:
            return self._everywhere
        of_symbol = self._by_symbol.get(symbol, TradingState.ACTIVE)
        of_user = self._by_user.get(user_id, TradingState.ACTIVE)
        return max(self._everywhere, of_symbol, of_user, key=_STRICTNESS.__getitem__)

    def account_lag_ms(self, now_us: int) -> int | None:
        """Give how far the account feed lags: the time since all there was had been applied; ``None``: never yet."""
        if self.account_feed_seen_us is None:
            return None
        return max(0, now_us - self.account_feed_seen_us) // 1_000

    def see_account_feed(self, at_us: int) -> None:
        """Note that everything told before a time has been applied."""
        self.account_feed_seen_us = max(at_us, self.account_feed_seen_us or NEVER_US)
