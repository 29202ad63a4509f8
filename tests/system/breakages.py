"""Everything that a check stands on, broken one way each: what is missing, stale, unreadable, or does not answer.

A breakage says whether an order that is proven to reduce may still pass (PT-110, PT-114). Each can be applied after any
other.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, NoReturn

from tests.usecases.pretrade.builders import NOW_US, PERPETUAL, USER, GateUnderTest

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position, TradingState
from tidegate.core.pretrade.changes import (
    BalanceSet,
    BalancesReplaced,
    EngineEventType,
    EngineReported,
    LeftOut,
    OrderCommand,
    OrderCommanded,
    OrderRow,
    PositionClosed,
    PositionSet,
    ProfileTold,
    StateChange,
)
from tidegate.core.pretrade.dynamic_rules import build_rules
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.instrument import Instrument, Kind, Mark
from tidegate.core.pretrade.loading import build_ladders
from tidegate.core.pretrade.order import OrderType, PositionSide, Side
from tidegate.core.pretrade.rules import RiskRule, RuleAction
from tidegate.core.pretrade.snapshot import GateConfiguration
from tidegate.core.pretrade.tiers import MarginTier
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.ports.configuration import Scope, TradingStateRow
from tidegate.ports.decision_journal import DecisionRecord

OTHER: Final = Instrument(
    "ETHUSDT",
    Kind.LINEAR,
    "ETH",
    "USDT",
    "TRADING",
    Decimal("0.01"),
    Decimal("0.01"),
    Decimal("0.05"),
    leverage_max=Decimal(50),
    leverage_default=Decimal(10),
)
INVERSE: Final = Instrument(
    "SOLUSD",
    Kind.INVERSE,
    "SOL",
    "USD",
    "TRADING",
    Decimal("0.01"),
    Decimal(1),
    Decimal("0.05"),
    leverage_max=Decimal(50),
    leverage_default=Decimal(10),
)
MARKS: Final = {"BTCUSDT": Decimal(50_000), "ETHUSDT": Decimal(2_500), "SOLUSD": Decimal(200), "SOLUSDT": Decimal(200)}

Apply = Callable[[GateUnderTest], Awaitable[None]]


@dataclass(frozen=True)
class Breakage:
    """One thing broken; ``reducer_passes``: an order proven to reduce may pass nevertheless."""

    name: str
    apply: Apply
    reducer_passes: bool


async def furnish(it: GateUnderTest) -> None:
    """Let the user hold what there is to break: three positions, an open order elsewhere, marks, a second asset."""
    market = it.replica.market
    for instrument in (OTHER, INVERSE):
        market.put_instrument(instrument)
    market.marks.update({symbol: Mark(price, NOW_US) for symbol, price in MARKS.items()})
    cross = MarginMode.CROSS
    held = [
        Position("BTCUSDT", PositionSide.BOTH, Decimal(1), Decimal(50_000), Decimal(10), cross),
        Position("ETHUSDT", PositionSide.BOTH, Decimal(-1), Decimal(2_500), Decimal(10), cross),
        Position("SOLUSD", PositionSide.BOTH, Decimal(10), Decimal(200), Decimal(10), cross),
    ]
    balances = (Balance("USDT", Decimal(100_000), Decimal(0)), Balance("SOL", Decimal(100), Decimal(0)))
    await it.book.apply(BalancesReplaced(USER, "main", _stamp("wallet.balance_changed.v1", 2), balances))
    for sequence, position in enumerate(held, start=1):
        await it.book.apply(PositionSet(USER, "main", _stamp("position.updated.v1", sequence), position))
    await it.book.apply(_new_order("resting", "ETHUSDT", sequence=1))


def _stamp(topic: str, sequence: int) -> EventStamp:
    return EventStamp(f"{topic}/{sequence}", topic, sequence, NOW_US)


def _new_order(order_id: str, symbol: str, *, sequence: int) -> OrderCommanded:
    order = OpenOrder(
        order_id, symbol, Side.SELL, OrderType.LIMIT, Decimal(1), price=Decimal(2_600), leverage=Decimal(10)
    )
    return OrderCommanded(USER, "main", _stamp("order.command.v1", sequence), OrderCommand.NEW, OrderRow(order))


def _set(change: Callable[[GateUnderTest], object]) -> Apply:
    async def apply(it: GateUnderTest) -> None:
        change(it)

    return apply


def _told(change: StateChange) -> Apply:
    async def apply(it: GateUnderTest) -> None:
        await it.book.apply(change)

    return apply


def _mark(symbol: str, price: str | None, *, age_us: int = 0) -> Apply:
    value = None if price is None else Decimal(price)
    return _set(lambda it: it.replica.market.marks.update({symbol: Mark(value, NOW_US - age_us)}))


def _no_mark(symbol: str) -> Apply:
    return _set(lambda it: it.replica.market.marks.pop(symbol, None))


def _profile(**fields: Any) -> Apply:
    def change(it: GateUnderTest) -> None:
        row = it.replica.profiles.get(USER)
        if row is not None:
            it.replica.profiles[USER] = replace(row, profile=replace(row.profile, **fields))

    return _set(change)


def _configuration(**parts: Any) -> Apply:
    def change(it: GateUnderTest) -> None:
        now = it.replica.configuration
        values = {"ladders": now.ladders, "default_ladder": now.default_ladder, "rules": now.rules, **parts}
        it.replica.configuration = GateConfiguration(
            now.settings, values["rules"], values["ladders"], values["default_ladder"], now.versions
        )

    return _set(change)


def _only_btc_ladder() -> Apply:
    ladders, default = build_ladders([MarginTier("BTCUSDT", 1, Decimal(50_000_000), Decimal("0.4"), Decimal(125))])
    return _configuration(ladders=ladders, default_ladder=default)


def _trading_state(scope: Scope, state: TradingState, *, key: str = "") -> Apply:
    row = TradingStateRow(scope, key, state, "a test", "a test", NOW_US)
    return _set(lambda it: it.replica.set_trading_states([row]))


def _clock(*, ahead_us: int) -> Apply:
    return _set(lambda it: setattr(it.clock, "at_us", NOW_US + ahead_us))


def _unconfirmed(us: int) -> Apply:
    return _set(lambda it: setattr(it.replica, "confirmed_at_us", us))


def _fails(part: str, method: str, *, after: bool = False) -> Apply:
    """Let a method of the book or the journal fail, before or after it did its work."""

    def change(it: GateUnderTest) -> None:
        owner: Any = getattr(it, part)
        real = getattr(owner, method)

        async def fail(*arguments: object, **named: object) -> object:
            if after:
                await real(*arguments, **named)
            raise DependencyFailed(part, "does not answer")

        setattr(owner, method, fail)

    return _set(change)


def _always_moved(it: GateUnderTest) -> None:
    async def reserve(requests: Sequence[Any]) -> Sequence[str]:
        await it.book.forget(requests)
        return [request.user_id for request in requests]

    it.book.reserve = reserve  # type: ignore[method-assign]  # an account that never stands still


def _forget_balances(it: GateUnderTest) -> None:
    assert isinstance(it.book, MemoryAccountBook)
    it.book._users[USER].account("main").balances = None


def _unsure(it: GateUnderTest) -> None:
    """The journal commits, and its acknowledgement is lost."""
    real = it.journal.record

    async def record(
        batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> NoReturn:
        await real(batch, margin_call_cooldown_us=margin_call_cooldown_us)
        raise DependencyFailed("journal", "lost the connection after it had committed")

    it.journal.record = record  # type: ignore[method-assign]  # a commit whose acknowledgement is lost


def _rule(condition: str) -> Apply:
    rule = RiskRule("1", "unknown", RuleAction.REJECT, condition=condition)
    return _configuration(rules=build_rules([rule]))


def _engine(sequence: int) -> StateChange:
    order = OpenOrder("gone", "BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal(1), price=Decimal(1))
    stamp = _stamp("engine.event.v1", sequence)
    return EngineReported(USER, "main", stamp, EngineEventType.CANCELLED, OrderRow(order))


def _instrument(**fields: Any) -> Apply:
    return _set(lambda it: it.replica.market.put_instrument(replace(PERPETUAL, **fields)))


def _no_instrument(symbol: str) -> Apply:
    return _set(lambda it: it.replica.market.instruments.pop(symbol, None))


def _drain(it: GateUnderTest) -> None:
    it.gate._draining = True


GAP: Final = 9
"""A sequence far beyond those that were told."""

_FLAT = Position("ETHUSDT", PositionSide.BOTH, Decimal(-1), Decimal(2_500), Decimal(10), MarginMode.CROSS)
_OLD_US: Final = 5_000_001

BREAKAGES: Final[Sequence[Breakage]] = [
    Breakage("no profile", _set(lambda it: it.replica.profiles.pop(USER, None)), False),
    Breakage("frozen", _profile(frozen=True), False),
    Breakage("leverage allowed below all", _profile(max_leverage=Decimal(1)), True),
    Breakage("no instrument", _no_instrument("BTCUSDT"), False),
    Breakage("instrument halted", _instrument(status="HALT"), False),
    Breakage("instrument of unknown status", _instrument(status="trading"), False),
    Breakage("instrument reducing only", _instrument(status="REDUCING_ONLY"), True),
    Breakage("no mark", _no_mark("BTCUSDT"), True),
    Breakage("mark stale", _mark("BTCUSDT", "50000", age_us=_OLD_US), True),
    Breakage("mark a day old", _mark("BTCUSDT", "50000", age_us=86_400_000_000), True),
    Breakage("mark of the future", _mark("BTCUSDT", "50000", age_us=-1_000_001), True),
    Breakage("mark 0", _mark("BTCUSDT", "0"), True),
    Breakage("mark negative", _mark("BTCUSDT", "-50000"), True),
    Breakage("mark unreadable", _mark("BTCUSDT", None), True),
    Breakage("no ladder", _configuration(ladders={}, default_ladder=None), True),
    Breakage("no ladder of another held", _only_btc_ladder(), True),
    Breakage(
        "balances without the settle asset",
        _told(
            BalancesReplaced(
                USER, "main", _stamp("wallet.balance_changed.v1", 7), (Balance("BTC", Decimal(1), Decimal(0)),)
            )
        ),
        True,
    ),
    Breakage("balances unknown", _set(_forget_balances), True),
    Breakage(
        "all locked",
        _told(
            BalancesReplaced(
                USER, "main", _stamp("wallet.balance_changed.v1", 8), (Balance("USDT", Decimal(1), Decimal(9)),)
            )
        ),
        True,
    ),
    Breakage(
        "account feed lags", _set(lambda it: setattr(it.replica, "account_feed_seen_us", NOW_US - 5_001_000)), True
    ),
    Breakage("account feed never heard", _set(lambda it: setattr(it.replica, "account_feed_seen_us", None)), True),
    Breakage(
        "gap in balances",
        _told(
            BalanceSet(USER, "main", _stamp("wallet.balance_changed.v1", GAP), Balance("EUR", Decimal(1), Decimal(0)))
        ),
        True,
    ),
    Breakage("gap in positions", _told(PositionSet(USER, "main", _stamp("position.updated.v1", GAP), _FLAT)), False),
    Breakage(
        "gap in closed positions",
        _told(PositionClosed(USER, "main", _stamp("position.closed.v1", GAP), "XRPUSDT", PositionSide.BOTH, 0)),
        False,
    ),
    Breakage("gap in commands", _told(_new_order("late", "ETHUSDT", sequence=GAP)), False),
    Breakage("gap in engine events", _told(_engine(GAP)), False),
    Breakage("gap in what is told of the user", _told(ProfileTold(USER, _stamp("user.updated.v1", GAP))), True),
    Breakage("unreadable balance", _told(LeftOut(USER, "wallet.balance_changed.v1")), True),
    Breakage("unreadable position", _told(LeftOut(USER, "position.updated.v1")), False),
    Breakage("unreadable closing", _told(LeftOut(USER, "position.closed.v1")), False),
    Breakage("unreadable command", _told(LeftOut(USER, "order.command.v1")), False),
    Breakage("unreadable engine event", _told(LeftOut(USER, "engine.event.v1")), False),
    Breakage("unreadable user event", _told(LeftOut(USER, "user.frozen.v1")), True),
    Breakage("no mark of another held", _no_mark("ETHUSDT"), True),
    Breakage("mark of another held stale", _mark("ETHUSDT", "2500", age_us=_OLD_US), True),
    Breakage("mark of another held of the future", _mark("ETHUSDT", "2500", age_us=-1_000_001), True),
    Breakage("mark of another held 0", _mark("ETHUSDT", "0"), True),
    Breakage("no mark of an inverse held", _no_mark("SOLUSD"), True),
    Breakage("no conversion", _no_mark("SOLUSDT"), True),
    Breakage("conversion stale", _mark("SOLUSDT", "200", age_us=_OLD_US), True),
    Breakage("another held unknown", _no_instrument("ETHUSDT"), True),
    Breakage("order of an unknown instrument", _told(_new_order("nowhere", "XRPUSDT", sequence=2)), True),
    Breakage("halted everywhere", _trading_state(Scope.GLOBAL, TradingState.HALTED), False),
    Breakage("halted symbol", _trading_state(Scope.SYMBOL, TradingState.HALTED, key="BTCUSDT"), False),
    Breakage("halted user", _trading_state(Scope.USER, TradingState.HALTED, key=USER), False),
    Breakage("reducing", _trading_state(Scope.GLOBAL, TradingState.REDUCING), True),
    Breakage("rule on what is not known", _rule('{"field": "stop_price", "op": "gt", "value": 0}'), True),
    Breakage("configuration old", _unconfirmed(NOW_US - 10_000_001), False),
    Breakage("configuration never confirmed", _unconfirmed(0), False),
    Breakage("journal down", _fails("journal", "record"), False),
    Breakage("journal unsure", _set(_unsure), False),
    Breakage("book cannot be read", _fails("book", "snapshot"), False),
    Breakage("book cannot reserve", _fails("book", "reserve"), False),
    Breakage("account moves for ever", _set(_always_moved), False),
    Breakage("shutting down", _set(_drain), False),
    Breakage("clock ahead", _clock(ahead_us=3_600_000_000), False),
    Breakage("clock behind", _clock(ahead_us=-3_600_000_000), False),
]
