"""Sliding windows of what each user did lately: message rate, notional, rejects, equal orders, equal fills.

Windows of an hour and a day are kept in buckets of a minute; the oldest bucket is counted whole, so a window may say
a little too much and never too little. What was counted before a restart is counted again (``restore_flow``, and fills
as their events are told again); the token bucket of messages alone begins full.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, WORKING, ZERO
from tidegate.core.pretrade.changes import EngineEventType, EngineReported, StateChange
from tidegate.core.pretrade.loading import take_token
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.ports.account_book import Checked, Content, FlowKept
from tidegate.ports.decision_journal import FlowTotal

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


def content_of(order: Order) -> Content:
    """Give the content by which orders of a user are equal."""
    return order.symbol, order.side, order.order_type, order.price, order.quantity


class Buckets:
    """A sum over a sliding window in buckets of a minute."""

    __slots__ = ("_buckets", "total")

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, Decimal]] = deque()
        self.total = ZERO

    def add(self, at_us: int, amount: Decimal) -> None:
        """Count an amount at its time; times do not go back by more than a bucket."""
        minute = at_us // MINUTE_US
        self.total = WORKING.add(self.total, amount)
        if self._buckets and self._buckets[-1][0] >= minute:
            last, held = self._buckets.pop()
            self._buckets.append((last, WORKING.add(held, amount)))
        else:
            self._buckets.append((minute, amount))

    def take_back(self, at_us: int, amount: Decimal) -> None:
        """Count an amount no longer that was counted at this time, unless its bucket is gone already."""
        minute = at_us // MINUTE_US
        for place in range(len(self._buckets) - 1, -1, -1):
            held_minute, held = self._buckets[place]
            if held_minute == minute:
                self._buckets[place] = (held_minute, WORKING.subtract(held, amount))
                self.total = WORKING.subtract(self.total, amount)
                return
            if held_minute < minute:
                return

    def kept(self) -> tuple[tuple[int, Decimal], ...]:
        """Give all buckets: (minute since 1970, sum), oldest first."""
        return tuple(self._buckets)

    def put(self, buckets: Iterable[tuple[int, Decimal]]) -> None:
        """Put buckets in place of what was counted."""
        self._buckets = deque(buckets)
        self.total = ZERO
        for _, amount in self._buckets:
            self.total = WORKING.add(self.total, amount)

    def sum_since(self, since_us: int) -> Decimal:
        """Give the sum of the buckets that reach into the window, and drop those that do not."""
        oldest = since_us // MINUTE_US
        while self._buckets and self._buckets[0][0] < oldest:
            self.total = WORKING.subtract(self.total, self._buckets.popleft()[1])
        return self.total


@dataclass(slots=True)
class RecentFlow:
    """What the short windows count: (user, time) of each message of the last minute, oldest first, and when each
    user last had an order of each content let pass inside the duplicate window.
    """

    messages: list[tuple[str, int]] = field(default_factory=list)
    equal: dict[tuple[str, Content], int] = field(default_factory=dict)


class UserFlow:
    """Windows of one user."""

    __slots__ = ("equal", "fills", "level", "message_us", "notional", "orders", "rejects")

    def __init__(self) -> None:
        self.level: Decimal | None = None
        self.message_us = 0
        self.orders: deque[int] = deque()
        self.notional = Buckets()
        self.rejects = Buckets()
        self.equal: dict[Content, int] = {}
        self.fills: dict[Content, deque[int]] = {}


class FlowWindows:
    """Windows of all users of this process. ``settings`` gives the length of the windows that officers set."""

    def __init__(self) -> None:
        self._users: dict[str, UserFlow] = {}

    def facts(self, order: Order, *, now_us: int, settings: GateSettings, rearmed_us: int | None) -> FlowFacts:
        """Give what the checks read about the user of an order; counts nothing."""
        flow = self._users.get(order.user_id)
        if flow is None:
            return FlowFacts(0, ZERO, 0)
        orders = flow.orders
        while orders and orders[0] <= now_us - MINUTE_US:
            orders.popleft()
        content = content_of(order)
        return FlowFacts(
            orders_last_minute=len(orders),
            notional_24h=flow.notional.sum_since(now_us - DAY_US),
            rejects_last_hour=int(flow.rejects.sum_since(now_us - HOUR_US)),
            message_allowed=_level(flow, now_us, most=settings.orders_per_second_max)[1],
            equal_order_at_us=flow.equal.get(content) if settings.duplicate_window_ms else None,
            equal_fills=_fills(flow, content, since_us=_repeat_start(settings, now_us, rearmed_us=rearmed_us)),
        )

    def count_message(self, order: Order, *, at_us: int, settings: GateSettings) -> None:
        """Count one message of the user: it takes a token, if there is one."""
        self._count_message(order.user_id, at_us, settings=settings)

    def _count_message(self, user_id: str, at_us: int, *, settings: GateSettings) -> None:
        flow = self._user(user_id)
        flow.orders.append(at_us)
        most = settings.orders_per_second_max
        if most:
            flow.level, _ = _level(flow, at_us, most=most)
            flow.message_us = at_us

    def count_accepted(self, order: Order, *, at_us: int, notional_usdt: Decimal, settings: GateSettings) -> None:
        """Count an order that may proceed: its notional, and its content for the duplicate check."""
        checked = Checked(at_us, content_of(order), notional_usdt)
        self._count_accepted(order.user_id, checked, notional_usdt=notional_usdt, settings=settings)

    def _count_accepted(
        self, user_id: str, checked: Checked, *, notional_usdt: Decimal, settings: GateSettings
    ) -> None:
        flow, at_us = self._user(user_id), checked.at_us
        flow.notional.add(at_us, notional_usdt)
        if settings.duplicate_window_ms:
            _drop_old(flow.equal, at_us - settings.duplicate_window_ms * 1_000)
            flow.equal[checked.content] = at_us

    def count_reject(self, order: Order, *, at_us: int) -> None:
        """Count a refusal."""
        self._user(order.user_id).rejects.add(at_us, ONE)

    def take_back_accepted(self, order: Order, *, at_us: int, notional_usdt: Decimal) -> None:
        """Count an order no longer that could not be recorded: its notional, and its content if it was the latest."""
        flow = self._user(order.user_id)
        flow.notional.take_back(at_us, notional_usdt)
        content = content_of(order)
        if flow.equal.get(content) == at_us:
            del flow.equal[content]

    def take_back_reject(self, order: Order, *, at_us: int) -> None:
        """Count a refusal no longer that could not be recorded."""
        self._user(order.user_id).rejects.take_back(at_us, ONE)

    def restore(self, totals: Iterable[FlowTotal], recent: RecentFlow) -> None:
        """Count again what was counted before this process began; totals in order, and before anything is decided."""
        for total in totals:
            flow = self._user(total.user_id)
            if total.notional_usdt:
                flow.notional.add(total.start_us, total.notional_usdt)
            if total.rejects:
                flow.rejects.add(total.start_us, Decimal(total.rejects))
        for user_id, at_us in recent.messages:
            self._user(user_id).orders.append(at_us)
        for (user_id, content), at_us in recent.equal.items():
            self._user(user_id).equal[content] = at_us

    def hear(self, change: StateChange, *, settings: GateSettings) -> None:
        """Count an executed order for the repeat throttle: once, at its first fill, at the time of the event.

        A fill that does not say its own quantity is counted when it fills the order whole.
        """
        if not settings.repeat_max or not isinstance(change, EngineReported):
            return
        order, last = change.row.order, change.last_fill_quantity
        first = order.quantity if last is None else last
        if change.event is not EngineEventType.FILLED or order.filled_quantity != first:
            return
        fills, at_us = self._user(change.user_id).fills, change.stamp.at_us
        if len(fills) >= _EQUAL_KEPT:
            latest = ((content, times[-1]) for content, times in fills.items())
            for content in _older(latest, at_us - settings.repeat_window_ms * 1_000):
                del fills[content]
        content = (order.symbol, order.side, order.order_type, order.price, order.quantity)
        fills.setdefault(content, deque(maxlen=_FILLS_KEPT)).append(at_us)

    def count_checked(self, user_id: str, checked: Checked, *, settings: GateSettings) -> None:
        """Count a check that another process made of this user."""
        self._count_message(user_id, checked.at_us, settings=settings)
        if checked.notional_usdt is None:
            self._user(user_id).rejects.add(checked.at_us, ONE)
        else:
            self._count_accepted(user_id, checked, notional_usdt=checked.notional_usdt, settings=settings)

    def users(self) -> Sequence[str]:
        """Give the users of whom anything was counted."""
        return list(self._users)

    def kept(self, user_id: str) -> FlowKept | None:
        """Give the windows of a user whole; ``None`` when nothing was ever counted."""
        flow = self._users.get(user_id)
        if flow is None:
            return None
        return FlowKept(
            level=flow.level,
            message_us=flow.message_us,
            orders=tuple(flow.orders),
            notional=flow.notional.kept(),
            rejects=flow.rejects.kept(),
            equal=tuple(flow.equal.items()),
            fills=tuple((content, tuple(times)) for content, times in flow.fills.items()),
        )

    def put(self, user_id: str, kept: FlowKept | None) -> None:
        """Put the windows of a user in place of what was counted; ``None`` empties them."""
        self._users.pop(user_id, None)
        if kept is None:
            return
        flow = self._user(user_id)
        flow.level, flow.message_us = kept.level, kept.message_us
        flow.orders = deque(kept.orders)
        flow.notional.put(kept.notional)
        flow.rejects.put(kept.rejects)
        flow.equal = dict(kept.equal)
        flow.fills = {content: deque(times, maxlen=_FILLS_KEPT) for content, times in kept.fills}

    def _user(self, user_id: str) -> UserFlow:
        flow = self._users.get(user_id)
        if flow is None:
            flow = self._users[user_id] = UserFlow()
        return flow


_FILLS_KEPT = 1_000
_EQUAL_KEPT = 1_000


def _level(flow: UserFlow, now_us: int, *, most: int) -> tuple[Decimal, bool]:
    if not most:
        return ZERO, True
    level = Decimal(most) if flow.level is None else flow.level
    return take_token(level, now_us - flow.message_us if flow.level is not None else 0, most=most)


def _repeat_start(settings: GateSettings, now_us: int, *, rearmed_us: int | None) -> int:
    start = now_us - settings.repeat_window_ms * 1_000
    return start if rearmed_us is None else max(start, rearmed_us)


def _fills(flow: UserFlow, content: Content, *, since_us: int) -> int:
    return sum(1 for at_us in flow.fills.get(content, ()) if at_us > since_us)


def _drop_old(equal: dict[Content, int], since_us: int) -> None:
    if len(equal) < _EQUAL_KEPT:
        return
    for content in _older(equal.items(), since_us):
        del equal[content]


def _older(entries: Iterable[tuple[Content, int]], since_us: int) -> list[Content]:
    return [content for content, at_us in entries if at_us <= since_us]
