"""The small book of the stand-ins: accounts and instruments, and how their services write them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import Balance, OpenOrder, Position
from tidegate.core.pretrade.instrument import Instrument
from tidegate.wire.proto.metadata.v1 import main_pb2 as metadata_pb
from tidegate.wire.proto.position.v1 import main_pb2 as position_pb
from tidegate.wire.proto.wallet.v1 import main_pb2 as wallet_pb

AccountKey = tuple[str, str]
"""user_id and account_id."""


@dataclass
class HeldAccount:
    """One account, and the sequence of its last record in each topic; ``event_ms`` is the time of those records."""

    balances: Sequence[Balance] = ()
    positions: Sequence[Position] = ()
    orders: Sequence[OpenOrder] = ()
    balance_sequence: int = 1
    position_sequence: int = 1
    closed_sequence: int = 0
    order_sequence: int = 1
    engine_sequence: int = 0
    event_ms: int = 1_767_225_600_000


@dataclass
class UpstreamBook:
    """What the three services know."""

    accounts: dict[AccountKey, HeldAccount] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    instrument_ms: int = 1_767_225_600_000

    def balances_of(self, key: AccountKey) -> wallet_pb.AccountBalances:
        """Write what the wallet tells of an account that it knows."""
        held = self.accounts[key]
        return wallet_pb.AccountBalances(
            user_id=key[0],
            account_id=key[1],
            sequence=held.balance_sequence,
            event_ts=_moment(held.event_ms),
            balances=[
                wallet_pb.Balance(asset=row.asset, total=plain(row.total), locked=plain(row.locked))
                for row in held.balances
            ],
        )

    def holdings_of(self, key: AccountKey) -> position_pb.AccountHoldings:
        """Write what the position service tells of any account."""
        account = position_pb.Account(user_id=key[0], account_id=key[1])
        held = self.accounts.get(key)
        if held is None:
            return position_pb.AccountHoldings(account=account)
        positions = position_pb.Positions(
            sequence=held.position_sequence,
            event_ts=_moment(held.event_ms),
            closed_sequence=held.closed_sequence,
            rows=map(_position, held.positions),
        )
        orders = position_pb.Orders(
            sequence=held.order_sequence,
            event_ts=_moment(held.event_ms),
            engine_sequence=held.engine_sequence,
            rows=map(_order, held.orders),
        )
        return position_pb.AccountHoldings(account=account, positions=positions, orders=orders)

    def instrument_of(self, symbol: str) -> metadata_pb.Instrument:
        """Write what metadata tells of an instrument."""
        row = self.instruments[symbol]
        demanded = row.kyc_min_level
        return metadata_pb.Instrument(
            symbol=symbol,
            created_sequence=1,
            event_ts=_moment(self.instrument_ms),
            kind=metadata_pb.Kind.Value(row.kind),
            base=row.base,
            quote=row.quote,
            status=row.status,
            tick_size=plain(row.tick_size),
            lot_size=plain(row.lot_size),
            quantity_min=_text(row.quantity_min),
            quantity_max=_text(row.quantity_max),
            notional_min=_text(row.notional_min),
            notional_max=_text(row.notional_max),
            price_band_pct=_text(row.price_band_pct),
            leverage_max=_text(row.leverage_max),
            leverage_default=_text(row.leverage_default),
            contract_size=plain(row.contract_size),
            taker_fee_pct=plain(row.taker_fee_pct),
            kyc_min_level=(
                metadata_pb.KYC_LEVEL_UNSPECIFIED if demanded is None else metadata_pb.KycLevel.Value(demanded)
            ),
        )


def _position(row: Position) -> position_pb.Position:
    return position_pb.Position(
        symbol=row.symbol,
        position_side=position_pb.PositionSide.Value(row.position_side),
        quantity=plain(row.quantity),
        entry_price=plain(row.entry_price),
        leverage=plain(row.leverage),
        margin_mode=position_pb.MarginMode.Value(row.margin_mode),
        isolated_margin=_text(row.isolated_margin),
    )


def _order(row: OpenOrder) -> position_pb.Order:
    return position_pb.Order(
        order_id=row.order_id,
        symbol=row.symbol,
        side=position_pb.Side.Value(row.side),
        order_type=position_pb.OrderType.Value(row.order_type),
        position_side=position_pb.PositionSide.Value(row.position_side),
        quantity=plain(row.quantity),
        filled_quantity=plain(row.filled_quantity),
        price=_text(row.price),
        stop_price=_text(row.stop_price),
        leverage=_text(row.leverage),
        reduce_only=row.reduce_only,
        placed_at=_moment((row.at_us or 0) // 1_000 or 1),
    )


def _moment(at_ms: int) -> Timestamp:
    seconds, rest = divmod(at_ms, 1_000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000_000)


def _text(number: Decimal | None) -> str:
    return "" if number is None else plain(number)
