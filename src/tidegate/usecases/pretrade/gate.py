"""The order gate: one loop that thinks in batches - snapshot, decide, reserve, record, reply.

Every order is put on one bounded queue; the loop takes all that has queued. Two orders can never spend the same
margin: orders of one batch see each other's reservations, and a user whose state moved is decided again.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.core.pretrade.answer import Answer, content_fingerprint
from tidegate.core.pretrade.order import Order
from tidegate.ports.account_book import AccountBook, Checked, Held, ReserveRequest
from tidegate.ports.clock import Clock
from tidegate.ports.tracing import BatchTraces
from tidegate.usecases.pretrade.answering import Decided
from tidegate.usecases.pretrade.asked import Asked
from tidegate.usecases.pretrade.deciding import Decider
from tidegate.usecases.pretrade.pressure import Pressure
from tidegate.usecases.pretrade.recording import Recorder
from tidegate.usecases.pretrade.remembered import OrderKey

ATTEMPTS_MAX = 3
"""Times a batch is decided before a caller whose user keeps moving is told to come back."""


GATHER_S = 0.008
GATHERED_MIN = 32
"""Under pressure, fewer than ``GATHERED_MIN`` orders are given ``GATHER_S`` seconds to become more."""


@dataclass(frozen=True, slots=True)
class GateLimits:
    """``queue_max`` orders may wait; ``batch_max`` are decided at once; a full queue asks back after
    ``retry_after_ms``.
    """

    queue_max: int = 4_096
    batch_max: int = 256
    retry_after_ms: int = 50


class Gate:
    """The order gate of one process. ``ask`` from any transport; ``run`` is the loop; ``drain`` ends it orderly."""

    def __init__(
        self, *, book: AccountBook, decider: Decider, recorder: Recorder, clock: Clock, limits: GateLimits
    ) -> None:
        self._book = book
        self._decider = decider
        self._recorder = recorder
        self._clock = clock
        self._limits = limits
        self._waiting: list[Asked] = []
        self._woken = asyncio.Event()
        self._draining = False
        self._pressure = Pressure()
        self.traces: BatchTraces | None = None
        """Who is told of batches; nobody, and then nothing is spent on it."""

    async def ask(self, order: Order, *, dry_run: bool = False) -> Answer:
        """Decide one order.

        Raises:
            Overloaded: the queue is full, or the gate is shutting down; nothing was done.
            DependencyFailed: book, journal or configuration did not answer; nothing is reserved.
        """
        if self._draining or len(self._waiting) >= self._limits.queue_max:
            raise Overloaded("the order queue", retry_after_ms=self._limits.retry_after_ms)
        asked = Asked(order, dry_run, asyncio.get_running_loop().create_future())
        if self.traces is not None:
            asked.trace = self.traces.here()
        self._waiting.append(asked)
        self._woken.set()
        try:
            return await asked.reply
        except asyncio.CancelledError:
            if asked.told is not None:  # between the answer and its caller the deadline was spent
                self._recorder.leave_unheard(asked)
            raise

    async def run(self) -> None:
        """Take all that has queued, decide it, tell it; until drained.

        While the process has time to spare, whatever has queued is decided at once. When it has none, orders are given
        a moment to gather: the transport hands them over singly, and a batch costs less than its orders one by one.
        """
        while True:
            await self._woken.wait()
            if len(self._waiting) < GATHERED_MIN and self._pressure.busy():
                await asyncio.sleep(GATHER_S)
            batch = self._waiting[: self._limits.batch_max]
            del self._waiting[: self._limits.batch_max]
            if not self._waiting:
                self._woken.clear()
            live = [asked for asked in batch if not asked.reply.done()]
            if live:
                await self._serve_seen(live)
            if self._draining and not self._waiting:
                return

    async def _serve_seen(self, batch: Sequence[Asked]) -> None:
        if self.traces is None:
            await self._serve(batch)
            return
        with self.traces.batch([asked.trace for asked in batch]):
            await self._serve(batch)

    @property
    def waiting(self) -> int:
        """Number of orders that wait to be decided."""
        return len(self._waiting)

    def drain(self) -> None:
        """Take no more orders; ``run`` returns when those that wait are answered."""
        self._draining = True
        self._woken.set()

    async def _serve(self, batch: Sequence[Asked]) -> None:
        try:
            first, repeats = self._split_repeats(batch)
            await self._decide_batch(first)
            for asked in repeats:
                await self._decide_batch([asked])
        except DependencyFailed as trouble:
            for asked in batch:
                asked.fail(trouble)
        except Exception as bug:  # noqa: BLE001 - whatever broke, callers must not wait for ever
            self._decider.alarm(bug)
            for asked in batch:
                asked.fail(DependencyFailed("order gate", "an internal fault; it has been reported"))

    def _split_repeats(self, batch: Iterable[Asked]) -> tuple[list[Asked], list[Asked]]:
        """Part a batch into orders whose key comes first in it, and repeats of those keys."""
        seen: set[OrderKey] = set()
        first: list[Asked] = []
        repeats: list[Asked] = []
        for asked in batch:
            if asked.dry_run or asked.key not in seen:
                seen.add(asked.key)
                first.append(asked)
            else:
                repeats.append(asked)
        return first, repeats

    async def _decide_batch(self, batch: Sequence[Asked]) -> None:
        now_us = self._clock.now_us()
        self._decider.require_configuration(now_us)
        await self._recorder.require_journal()
        left = [asked for asked in batch if not self._told_before(asked, now_us)]
        for _ in range(ATTEMPTS_MAX):
            if not left:
                return
            left = await self._attempt(left, now_us=now_us)
        for asked in left:
            asked.fail(DependencyFailed("account book", "the account keeps moving", retry_after_ms=10))

    def _told_before(self, asked: Asked, now_us: int) -> bool:
        """Answer a repeat of the same content from memory; of other content it is decided as a duplicate."""
        if asked.dry_run:
            return False
        asked.fingerprint = asked.fingerprint or content_fingerprint(asked.order)
        found = self._recorder.answers.get(asked.key, since_us=self._decider.kept_since(now_us))
        if found is None:
            return False
        if found.fingerprint != asked.fingerprint:
            asked.contradicts = True
            return False
        asked.tell(found.answer)
        return True

    async def _attempt(self, batch: Sequence[Asked], *, now_us: int) -> list[Asked]:
        """Decide, reserve and record a batch once; give the orders whose user moved meanwhile."""
        batch = [asked for asked in batch if not asked.reply.done()]
        users = list(dict.fromkeys(asked.order.user_id for asked in batch))
        epoch = self._book.epoch
        states = await self._book.snapshot(users, now_us=now_us)
        decided: list[tuple[Asked, Decided]] = []
        versions = {user_id: states[user_id].version for user_id in users}
        for asked in batch:
            decided.append((asked, self._decider.decide(asked, states[asked.order.user_id], now_us=now_us)))
        requests = _requests(decided, versions)
        try:
            moved = await self._reserve(requests, users=users, epoch=epoch)
        except DependencyFailed:
            await self._book.forget(requests)
            for asked, one in decided:
                self._decider.take_back(asked, one)
            raise
        for asked, one in decided:
            if asked.order.user_id in moved:
                self._decider.take_back(asked, one)
        settled = [(asked, one) for asked, one in decided if asked.order.user_id not in moved]
        await self._recorder.record_and_tell(settled, epoch or None)
        return [asked for asked, _ in decided if asked.order.user_id in moved]

    async def _reserve(self, requests: Sequence[ReserveRequest], *, users: Sequence[str], epoch: int) -> set[str]:
        """Reserve in the life of the book that was read; give whose state has moved: everyone's when it has ended."""
        if self._book.epoch != epoch:
            return set(users)
        moved = set(await self._book.reserve(requests)) if requests else set()
        return moved if self._book.epoch == epoch else set(users)


def _requests(decided: Iterable[tuple[Asked, Decided]], versions: Mapping[str, int]) -> list[ReserveRequest]:
    """Group by user what approvals hold and how every check counts."""
    held: dict[str, list[Held]] = {}
    checked: dict[str, list[Checked]] = {}
    for asked, one in decided:
        user_id = asked.order.user_id
        if one.checked is not None:
            checked.setdefault(user_id, []).append(one.checked)
        if one.held is not None:
            held.setdefault(user_id, []).append(one.held)
    return [
        ReserveRequest(user_id, versions[user_id], tuple(held.get(user_id, ())), tuple(of_user))
        for user_id, of_user in checked.items()
    ]
