"""What the account holds in a scenario: profile, trading state, balances, positions, live orders, activity."""

from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.kernel.readings import read_uuid
from tidegate.core.pretrade.account import (
    Balance,
    MarginMode,
    OpenOrder,
    Position,
    Profile,
    Reservation,
    TradingState,
)
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.order import PRICED_TYPES, OrderType, PositionSide, Side
from tidegate.core.pretrade.scenario import ReportedExposure, TradingStates
from tidegate.inbound.scenario.row import Row

_STATE_DEFAULT: Final = TradingState.ACTIVE


def read_profile(file: Row) -> Profile | None:
    """The risk profile of the user; ``None`` when absent or null."""
    row = file.row("profile")
    if row is None:
        return None
    profile = Profile(
        user_id=row.text("user_id", reader=read_uuid),
        kyc_level=row.choice("kyc_level", KycLevel),
        exposure_limit_usdt=row.decimal("exposure_limit_usdt", at_least=ZERO),
        frozen=row.flag("frozen"),
        risk_score=row.decimal("risk_score"),
        max_leverage=row.decimal("max_leverage", above=ZERO),
    )
    row.close()
    return profile


def read_trading_states(file: Row) -> TradingStates:
    """The kill switch: everywhere, by symbol, of the user; ACTIVE where nothing is said."""
    row = file.row("trading_state")
    if row is None:
        return TradingStates()
    symbols = row.row("symbols")
    states = TradingStates(
        everywhere=row.choice("global", TradingState, default=_STATE_DEFAULT),
        symbols={key: symbols.choice(key, TradingState) for key in symbols.keys()} if symbols else {},  # noqa: SIM118 - a row is no mapping
        user=row.choice("user", TradingState, default=_STATE_DEFAULT),
    )
    row.close()
    return states


def read_account_lag_ms(file: Row) -> int:
    """How far the feed that carries account data lags, in milliseconds; 0 where nothing is said."""
    row = file.row("feeds")
    if row is None:
        return 0
    lag_ms = row.count("account_lag_ms", default=0)
    row.close()
    return lag_ms


def read_balances(file: Row) -> dict[str, Balance] | None:
    """The wallet by asset; ``None`` (unknown) when absent or null."""
    if not file.has("balances"):
        return None
    balances: dict[str, Balance] = {}
    for row in file.rows("balances"):
        balance = Balance(row.text("asset"), row.decimal("total"), row.decimal("locked", at_least=ZERO))
        row.close()
        if balance.asset in balances:
            row.fault("asset", f"{balance.asset} stands twice")
        elif balance.asset:
            balances[balance.asset] = balance
    return balances


def read_positions(file: Row) -> tuple[tuple[Row, Position], ...]:
    """The positions with their rows, without those of quantity 0; two rows of one symbol and side are a fault."""
    seen: set[tuple[str, PositionSide]] = set()
    positions: list[tuple[Row, Position]] = []
    for row in file.rows("positions"):
        position = _position(row)
        if not row.sound:
            continue
        if (position.symbol, position.position_side) in seen:
            row.fault("symbol", f"{position.symbol} {position.position_side} stands twice")
            continue
        seen.add((position.symbol, position.position_side))
        if position.quantity != ZERO:
            positions.append((row, position))
    return tuple(positions)


def read_open_orders(file: Row) -> tuple[tuple[Row, OpenOrder], ...]:
    """The open orders with their rows; price is null on MARKET and STOP_MARKET, the latter needs a stop_price."""
    seen: set[str] = set()
    orders: list[tuple[Row, OpenOrder]] = []
    for row in file.rows("open_orders"):
        order = OpenOrder(
            order_id=row.text("order_id"),
            symbol=row.text("symbol"),
            side=row.choice("side", Side),
            order_type=row.choice("order_type", OrderType),
            quantity=row.decimal("quantity", above=ZERO),
            filled_quantity=row.optional_decimal("filled_quantity", at_least=ZERO) or ZERO,
            price=row.optional_decimal("price", above=ZERO),
            stop_price=row.optional_decimal("stop_price", above=ZERO),
            leverage=_leverage(row),
            position_side=row.choice("position_side", PositionSide, default=PositionSide.BOTH),
            reduce_only=row.flag("reduce_only", default=False),
            at_us=row.optional_instant_us("at"),
        )
        row.close()
        if row.sound:
            _refuse_wrong_prices(row, order)
            _refuse_overfilled(row, order)
        _refuse_twin_id(row, order.order_id, seen=seen)
        if row.sound:
            orders.append((row, order))
    return tuple(orders)


def read_reservations(file: Row) -> tuple[tuple[Row, Reservation], ...]:
    """The reservations with their rows: the shape of an open order with a price, ``extra`` and ``expires_at``."""
    seen: set[str] = set()
    reservations: list[tuple[Row, Reservation]] = []
    for row in file.rows("reservations"):
        reservation = Reservation(
            order_id=row.text("order_id"),
            symbol=row.text("symbol"),
            side=row.choice("side", Side),
            order_type=row.choice("order_type", OrderType),
            quantity=row.decimal("quantity", above=ZERO),
            price=row.decimal("price", above=ZERO),
            expires_at_us=row.instant_us("expires_at"),
            filled_quantity=row.optional_decimal("filled_quantity", at_least=ZERO) or ZERO,
            extra=row.optional_decimal("extra", at_least=ZERO) or ZERO,
            stop_price=row.optional_decimal("stop_price", above=ZERO),
            leverage=_leverage(row),
            position_side=row.choice("position_side", PositionSide, default=PositionSide.BOTH),
            reduce_only=row.flag("reduce_only", default=False),
            at_us=row.optional_instant_us("at"),
        )
        row.close()
        if row.sound:
            _refuse_overfilled(row, reservation)
        _refuse_twin_id(row, reservation.order_id, seen=seen)
        if row.sound:
            reservations.append((row, reservation))
    return tuple(reservations)


def read_reported_exposure(file: Row) -> ReportedExposure | None:
    """The exposure that others reported, USDT; ``None`` when absent or null."""
    row = file.row("reported_exposure")
    if row is None:
        return None
    reported = ReportedExposure(row.decimal("amount", at_least=ZERO), row.instant_us("at"))
    row.close()
    return reported


def _position(row: Row) -> Position:
    position_side = row.choice("position_side", PositionSide, default=PositionSide.BOTH)
    one_way = position_side is PositionSide.BOTH
    quantity = row.decimal("quantity") if one_way else row.decimal("quantity", at_least=ZERO)
    entry_price = row.decimal("entry_price", at_least=ZERO)
    if quantity != ZERO and entry_price == ZERO:
        row.fault("entry_price", "must be above 0")
    mode = row.choice("margin_mode", MarginMode)
    isolated_margin = row.optional_decimal("isolated_margin", at_least=ZERO)
    if mode is MarginMode.CROSS and isolated_margin:
        row.fault("isolated_margin", "must be null for CROSS")
    if mode is MarginMode.ISOLATED and isolated_margin is None and quantity != ZERO:
        row.fault("isolated_margin", "is required for ISOLATED")
    position = Position(
        symbol=row.text("symbol"),
        position_side=position_side,
        quantity=quantity,
        entry_price=entry_price,
        leverage=row.decimal("leverage", at_least=ONE),
        margin_mode=mode,
        isolated_margin=isolated_margin if mode is MarginMode.ISOLATED else None,
    )
    row.close()
    return position


def _leverage(row: Row) -> Decimal | None:
    return None if row.value("leverage") == "" else row.optional_decimal("leverage", at_least=ONE)


def _refuse_wrong_prices(row: Row, order: OpenOrder) -> None:
    if order.order_type in PRICED_TYPES and order.price is None:
        row.fault("price", f"is required for {order.order_type}")
    if order.order_type not in PRICED_TYPES and order.price is not None:
        row.fault("price", f"must be null for {order.order_type}")
    if order.order_type is OrderType.STOP_MARKET and order.stop_price is None:
        row.fault("stop_price", "is required for STOP_MARKET")


def _refuse_overfilled(row: Row, order: OpenOrder | Reservation) -> None:
    if order.filled_quantity > order.quantity:
        row.fault("filled_quantity", "must not be above quantity")


def _refuse_twin_id(row: Row, order_id: str, *, seen: set[str]) -> None:
    if order_id and order_id in seen:
        row.fault("order_id", f"{order_id} stands twice")
    seen.add(order_id)
