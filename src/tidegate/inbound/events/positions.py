"""position.updated.v1 and position.closed.v1."""

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.account import MarginMode, Position
from tidegate.core.pretrade.changes import PositionClosed, PositionSet, PositionsReplaced
from tidegate.core.pretrade.feeds import POSITION_CLOSED, POSITION_UPDATED
from tidegate.core.pretrade.order import PositionSide
from tidegate.inbound.events.record import RecordRow


def read_position_updated(record: RecordRow) -> PositionSet | PositionsReplaced:
    """One position as it now is, or all of them."""
    user_id, account_id, stamp = record.user_id(), record.text("account_id"), record.stamp(POSITION_UPDATED)
    heals = record.heals()
    if heals is None:
        return PositionSet(user_id, account_id, stamp, _position(record.row("position")))
    positions = tuple(map(_position, record.rows("snapshot")))
    return PositionsReplaced(user_id, account_id, stamp, positions, heals)


def read_position_closed(record: RecordRow) -> PositionClosed:
    """A position that is gone."""
    return PositionClosed(
        record.user_id(),
        record.text("account_id"),
        record.stamp(POSITION_CLOSED),
        record.text("symbol"),
        record.choice("position_side", PositionSide),
        record.count("position_sequence"),
    )


def _position(row: RecordRow) -> Position:
    side = row.choice("position_side", PositionSide)
    quantity = row.decimal("quantity", at_least=None if side is PositionSide.BOTH else ZERO)
    mode = row.choice("margin_mode", MarginMode)
    isolated_margin = row.optional_decimal("isolated_margin", at_least=ZERO)
    if quantity and mode is MarginMode.ISOLATED and isolated_margin is None:
        row.fault("isolated_margin", "is required for ISOLATED")
    if mode is MarginMode.CROSS and isolated_margin:
        row.fault("isolated_margin", "must be null for CROSS")
    entry_price = row.decimal("entry_price", at_least=ZERO)
    if quantity and not entry_price:
        row.fault("entry_price", "must be above 0")
    return Position(
        symbol=row.text("symbol"),
        position_side=side,
        quantity=quantity,
        entry_price=entry_price,
        # nothing is held at quantity 0, so its leverage says nothing
        leverage=row.decimal("leverage", at_least=ONE if quantity else None),
        margin_mode=mode,
        isolated_margin=isolated_margin if mode is MarginMode.ISOLATED else None,
    )
