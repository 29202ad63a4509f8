"""What the topics of one account have told: enough to merge what arrives late, twice or in another order."""

from collections.abc import Container
from decimal import Decimal
from typing import Final, NamedTuple

from tidegate.core.pretrade.account import OpenOrder
from tidegate.core.pretrade.feeds import POSITION_TOPICS, FeedPlace, gaps_of
from tidegate.core.pretrade.order import PositionSide

ENDED_KEPT_US: Final = 86_400_000_000
"""How long the id of an ended order is remembered, in microseconds."""

ENDED_KEPT_MAX: Final = 200_000
"""Ids of ended orders remembered per account at most; beyond it the oldest are forgotten first. What is lost is safe:
a NEW that comes so late holds margin until the next snapshot."""

RowKey = tuple[str, PositionSide]


class OrderTold(NamedTuple):
    """What was told of an open order beside its terms: whose terms they are, and how far it is filled.

    ``revision`` of the terms; ``by_engine``: the engine told them; ``engine_sequence`` of its last engine event (0:
    none); ``filled`` is the largest cumulative fill told.
    """

    revision: int
    by_engine: bool
    engine_sequence: int
    filled: Decimal


class AccountHeard:
    """Places in the account's topics, and the memory that merging needs.

    ``seen``: sequence in position.updated.v1 up to which a row was told, at least ``seen_floor`` for all of them.
    ``ended``: time at which an order ended, by id. ``uncounted``: open orders that no sum counts, for want of their
    instrument. ``unknown_symbols``: symbols told of before their instrument.
    """

    __slots__ = ("ended", "places", "seen", "seen_floor", "told", "uncounted", "unknown_symbols")

    def __init__(self) -> None:
        self.places: dict[str, FeedPlace] = {}
        self.seen: dict[RowKey, int] = {}
        self.seen_floor = 0
        self.told: dict[str, OrderTold] = {}
        self.ended: dict[str, int] = {}
        self.uncounted: dict[str, OpenOrder] = {}
        self.unknown_symbols: set[str] = set()

    def seen_up_to(self, row: RowKey) -> int:
        """Give the sequence up to which a position row was told."""
        return max(self.seen.get(row, 0), self.seen_floor)

    def forget_rows(self, sequence: int) -> None:
        """Let a snapshot of this sequence tell every position row anew, those too that were told by the record itself;
        not what a later record has closed.
        """
        self.seen = {row: seen for row, seen in self.seen.items() if seen > sequence}
        self.seen_floor = min(self.seen_floor, sequence - 1)

    def gaps(self, held: Container[str]) -> list[str]:
        """Say what is missing, in words: records of a topic, and the instruments of symbols that are ``held``."""
        if not self.unknown_symbols:
            return list(gaps_of(self.places))
        waiting = {order.symbol for order in self.uncounted.values()}
        unknown = [symbol for symbol in sorted(self.unknown_symbols) if symbol in held or symbol in waiting]
        return [*gaps_of(self.places), *(f"instrument {symbol} unknown" for symbol in unknown)]

    def positions_known(self) -> bool:
        """Tell whether no topic of positions and live orders lacks a record."""
        places = self.places
        return not any(topic in places and places[topic].missing_to for topic in POSITION_TOPICS)

    def end(self, order_id: str, at_us: int) -> None:
        """Remember that an order ended; forget those that ended too long ago."""
        ended = self.ended
        self.told.pop(order_id, None)
        ended.setdefault(order_id, at_us)
        while ended:
            oldest = next(iter(ended))
            if len(ended) <= ENDED_KEPT_MAX and ended[oldest] >= at_us - ENDED_KEPT_US:
                return
            del ended[oldest]
