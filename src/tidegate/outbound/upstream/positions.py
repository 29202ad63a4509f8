"""``Positions`` over ``position.v1``."""

from collections.abc import Mapping, Sequence

import grpc

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.account import MarginMode, OpenOrder, Position
from tidegate.core.pretrade.changes import OrderRow, OrdersReplaced, PositionsReplaced
from tidegate.core.pretrade.feeds import ENGINE_EVENT, ORDER_COMMAND, POSITION_CLOSED, POSITION_UPDATED
from tidegate.core.pretrade.order import PRICED_TYPES, OrderType, PositionSide, Side
from tidegate.outbound.upstream.line import UpstreamLine
from tidegate.outbound.upstream.reading import AnswerReader
from tidegate.ports.upstream import AccountKey, Holdings
from tidegate.wire.proto.position.v1 import main_pb2 as pb
from tidegate.wire.proto.position.v1.main_pb2_grpc import PositionServiceStub


class GrpcPositions:
    """Implements ``Positions``."""

    def __init__(self, channel: grpc.aio.Channel, line: UpstreamLine) -> None:
        self._stub = PositionServiceStub(channel)
        self._line = line

    async def holdings(self, account: AccountKey) -> Holdings:
        told = await self._ask([account], deadline_ms=self._line.policy.deadline_ms)
        return told[account]

    async def holdings_of(self, accounts: Sequence[AccountKey]) -> Mapping[AccountKey, Holdings]:
        return await self._ask(accounts, deadline_ms=self._line.policy.page_deadline_ms)

    async def _ask(self, accounts: Sequence[AccountKey], *, deadline_ms: int) -> Mapping[AccountKey, Holdings]:
        asked = [pb.Account(user_id=user_id, account_id=account_id) for user_id, account_id in accounts]
        return await self._line.ask(
            self._stub.GetHoldings,
            pb.GetHoldingsRequest(accounts=asked),
            deadline_ms=deadline_ms,
            read=lambda answer: _all(answer, accounts),
        )


def _all(answer: pb.GetHoldingsResponse, asked: Sequence[AccountKey]) -> Mapping[AccountKey, Holdings]:
    """Read one answer for each account that was asked for, and for no other."""
    reader = AnswerReader()
    told = dict(_holdings(reader.at(f"accounts[{place}]"), row) for place, row in enumerate(answer.accounts))
    if len(told) != len(answer.accounts) or told.keys() != set(asked):
        reader.fault("accounts", "are not those that were asked for, each once")
    reader.raise_if_faulty()
    return told


def _holdings(reader: AnswerReader, told: pb.AccountHoldings) -> tuple[AccountKey, Holdings]:
    account = reader.at("account").account(told.account.user_id, told.account.account_id)
    orders = _orders(reader.at("orders"), told.orders, account=account)
    positions = _positions(reader.at("positions"), told.positions, account=account)
    return account, Holdings(orders, positions)


def _positions(reader: AnswerReader, told: pb.Positions, *, account: AccountKey) -> PositionsReplaced:
    heals = {POSITION_CLOSED: reader.count("closed_sequence", told.closed_sequence)}
    stamp = reader.stamp(POSITION_UPDATED, told, account=account, heals=heals)
    rows = tuple(_position(reader.at(f"rows[{place}]"), row) for place, row in enumerate(told.rows))
    reader.rows("rows", [(row.symbol, row.position_side) for row in rows], sequence=stamp.sequence)
    return PositionsReplaced(*account, stamp, rows, heals)


def _orders(reader: AnswerReader, told: pb.Orders, *, account: AccountKey) -> OrdersReplaced:
    heals = {ENGINE_EVENT: reader.count("engine_sequence", told.engine_sequence)}
    stamp = reader.stamp(ORDER_COMMAND, told, account=account, heals=heals)
    rows = tuple(_order(reader.at(f"rows[{place}]"), row) for place, row in enumerate(told.rows))
    reader.rows("rows", [row.order.order_id for row in rows], sequence=stamp.sequence)
    return OrdersReplaced(*account, stamp, rows, heals)


def _position(reader: AnswerReader, row: pb.Position) -> Position:
    side = reader.choice("position_side", row, choices=PositionSide)
    quantity = reader.decimal("quantity", row.quantity, above=None if side is PositionSide.BOTH else ZERO)
    if not quantity:
        reader.fault("quantity", "must not be 0")
    mode = reader.choice("margin_mode", row, choices=MarginMode)
    isolated_margin = reader.optional_decimal("isolated_margin", row.isolated_margin, at_least=ZERO)
    if (mode is MarginMode.ISOLATED) is (isolated_margin is None):
        reader.fault("isolated_margin", "is for ISOLATED, and for it alone")
    return Position(
        symbol=reader.text("symbol", row.symbol),
        position_side=side,
        quantity=quantity,
        entry_price=reader.decimal("entry_price", row.entry_price, above=ZERO),
        leverage=reader.decimal("leverage", row.leverage, at_least=ONE),
        margin_mode=mode,
        isolated_margin=isolated_margin,
    )


def _order(reader: AnswerReader, row: pb.Order) -> OrderRow:
    order = OpenOrder(
        order_id=reader.text("order_id", row.order_id),
        symbol=reader.text("symbol", row.symbol),
        side=reader.choice("side", row, choices=Side),
        order_type=reader.choice("order_type", row, choices=OrderType),
        quantity=reader.decimal("quantity", row.quantity, above=ZERO),
        filled_quantity=reader.optional_decimal("filled_quantity", row.filled_quantity, at_least=ZERO) or ZERO,
        price=reader.optional_decimal("price", row.price, above=ZERO),
        stop_price=reader.optional_decimal("stop_price", row.stop_price, above=ZERO),
        leverage=reader.optional_decimal("leverage", row.leverage, at_least=ONE),
        position_side=reader.choice("position_side", row, choices=PositionSide),
        reduce_only=row.reduce_only,
        at_us=reader.instant_us("placed_at", row.placed_at),
    )
    if order.filled_quantity > order.quantity:
        reader.fault("filled_quantity", "must not be above quantity")
    if (order.order_type in PRICED_TYPES) is (order.price is None):
        reader.fault("price", "is for LIMIT and STOP_LIMIT, and for them alone")
    if order.order_type is OrderType.STOP_MARKET and order.stop_price is None:
        reader.fault("stop_price", "is required for STOP_MARKET")
    return OrderRow(order, reader.count("revision", row.revision))
