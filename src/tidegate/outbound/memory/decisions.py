"""The journal of decisions in memory, its archive and its outbox: three views of one list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from tidegate.core.pretrade.reasons import Decision
from tidegate.outbound.memory.book_mirror import LivesKept
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.ports.decision_journal import (
    MARGIN_CALL_TOPIC,
    DecisionFilter,
    DecisionRecord,
    FlowTotal,
    RememberedAnswer,
)
from tidegate.ports.outbox import Backlog, PendingAnnouncement
from tidegate.ports.paging import Page, PageRequest, UnreadableCursor, read_cursor, write_cursor

_LISTING: Final = "decisions"
_ANSWER_KEPT_US: Final = 86_400_000_000


class MemoryDecisionJournal:
    """``DecisionJournal`` in memory; the archive and the outbox read what it keeps."""

    def __init__(self, profiles: MemoryProfiles, lives: LivesKept | None = None) -> None:
        self._profiles = profiles
        self._lives = LivesKept() if lives is None else lives
        self._written: dict[str, DecisionRecord] = {}
        self._answers: dict[tuple[str, str], DecisionRecord] = {}
        self._waiting: dict[int, str] = {}
        self._last_position = 0
        self.withdrawn: set[str] = set()
        """Decisions whose answer never reached its caller."""
        self.relay: object | None = None
        """Who holds the claim of the outbox."""

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        if book_epoch is not None:
            self._lives.require(book_epoch)
        refused: dict[int, RememberedAnswer] = {}
        for place, record in enumerate(batch):
            order = (record.order.user_id, record.order.order_id)
            standing = self._answers.get(order)
            kept_since_us = record.answer.evaluated_at_us - _ANSWER_KEPT_US
            stands = standing is not None and standing.answer.evaluated_at_us >= kept_since_us
            if standing is not None and stands and not record.contradicts:
                refused[place] = RememberedAnswer(standing.fingerprint, standing.answer)
                continue
            written = self._without_early_margin_call(record, margin_call_cooldown_us)
            self._written[written.answer.decision_id] = written
            if record.remembered and not record.contradicts:
                self._answers[order] = written
            if written.announces:
                self._last_position += 1
                self._waiting[self._last_position] = written.answer.decision_id
        return refused

    async def remembered(self, user_id: str, order_id: str, *, since_us: int) -> RememberedAnswer | None:
        standing = self._answers.get((user_id, order_id))
        if standing is None or standing.answer.evaluated_at_us < since_us:
            return None
        return RememberedAnswer(standing.fingerprint, standing.answer)

    async def withdraw(self, decision_ids: Sequence[str]) -> None:
        for decision_id in decision_ids:
            record = self._written.get(decision_id)
            if record is None:
                continue
            self.withdrawn.add(decision_id)
            order = (record.order.user_id, record.order.order_id)
            if self._answers.get(order) is record:
                del self._answers[order]

    def forget_answers(self, before_us: int, limit: int) -> int:
        """Forget which answers stand that were given before a moment; give how many (for retention)."""
        answers = self._answers.items()
        old = [order for order, record in answers if record.answer.evaluated_at_us < before_us][:limit]
        for order in old:
            del self._answers[order]
        return len(old)

    def oldest_first(self) -> list[DecisionRecord]:
        """Give everything that was written."""
        return sorted(self._written.values(), key=_place)

    def decision(self, decision_id: str) -> DecisionRecord | None:
        """Give one decision."""
        return self._written.get(decision_id)

    def waiting(self) -> Iterator[tuple[int, DecisionRecord]]:
        """Give what has still to be announced, in order."""
        return ((position, self._written[decision_id]) for position, decision_id in self._waiting.items())

    def announced(self, position: int) -> None:
        """Forget what was announced."""
        self._waiting.pop(position, None)

    def _without_early_margin_call(self, record: DecisionRecord, cooldown_us: int) -> DecisionRecord:
        if MARGIN_CALL_TOPIC not in record.announces:
            return record
        at_us = record.answer.evaluated_at_us
        if self._profiles.take_margin_call(record.order.user_id, at_us=at_us, cooldown_us=cooldown_us):
            return record
        return replace(record, announces=tuple(topic for topic in record.announces if topic != MARGIN_CALL_TOPIC))


class MemoryDecisionArchive:
    """``DecisionArchive`` in memory."""

    def __init__(self, journal: MemoryDecisionJournal) -> None:
        self._journal = journal

    async def page(self, request: PageRequest, wanted: DecisionFilter) -> Page[DecisionRecord]:
        found = [record for record in reversed(self._journal.oldest_first()) if _matches(record, wanted)]
        if request.cursor is not None:
            after = read_cursor(_LISTING, request.cursor)
            if not after[1]:
                raise UnreadableCursor("this cursor was given by no page of this listing")
            found = [record for record in found if _place(record) < after]
        items = tuple(found[: request.limit])
        if len(found) <= request.limit:
            return Page(items, None)
        after_us, decision_id = _place(items[-1])
        return Page(items, write_cursor(_LISTING, after=after_us, tie=decision_id))

    async def get(self, decision_id: str) -> DecisionRecord | None:
        return self._journal.decision(decision_id.lower())

    async def live_reservations(self, now_us: int) -> Sequence[DecisionRecord]:
        return [
            record
            for record in self._journal.oldest_first()
            if record.reservation is not None
            and record.reservation.expires_at_us > now_us
            and record.answer.decision_id not in self._journal.withdrawn
        ]

    async def flow_since(self, since_us: int, *, until_us: int | None = None) -> Sequence[DecisionRecord]:
        return [
            record
            for record in self._journal.oldest_first()
            if record.answer.evaluated_at_us >= since_us
            and (until_us is None or record.answer.evaluated_at_us < until_us)
            and record.answer.decision_id not in self._journal.withdrawn
        ]

    async def flow_totals(self, *, since_us: int, until_us: int | None = None, step_us: int) -> Sequence[FlowTotal]:
        totals: dict[tuple[int, str], FlowTotal] = {}
        for record in await self.flow_since(since_us, until_us=until_us):
            key = (record.answer.evaluated_at_us // step_us * step_us, record.order.user_id)
            held = totals.get(key) or FlowTotal(record.order.user_id, key[0], Decimal(0), 0)
            if record.answer.decision is Decision.REJECTED:
                held = replace(held, rejects=held.rejects + 1)
            else:
                held = replace(held, notional_usdt=held.notional_usdt + (record.notional_usdt or 0))
            totals[key] = held
        return list(totals.values())


class MemoryOutbox:
    """``Outbox`` in memory; the first that claims is the relay until it closes."""

    def __init__(self, journal: MemoryDecisionJournal) -> None:
        self._journal = journal

    async def pending(self, limit: int) -> Sequence[PendingAnnouncement[DecisionRecord]]:
        waiting = [
            PendingAnnouncement(position, record, record.answer.evaluated_at_us)
            for position, record in self._journal.waiting()
        ]
        return waiting[:limit]

    async def done(self, positions: Sequence[int]) -> None:
        for position in positions:
            self._journal.announced(position)

    async def backlog(self, most: int) -> Backlog:
        waiting = [record for _, record in self._journal.waiting()]
        oldest_us = waiting[0].answer.evaluated_at_us if waiting else None
        return Backlog(min(len(waiting), most), oldest_us)

    async def claim(self) -> bool:
        if self._journal.relay is None:
            self._journal.relay = self
        return self._journal.relay is self

    async def close(self) -> None:
        """Give the claim up."""
        if self._journal.relay is self:
            self._journal.relay = None


def _place(record: DecisionRecord) -> tuple[int, str]:
    return record.answer.evaluated_at_us, record.answer.decision_id


def _matches(record: DecisionRecord, wanted: DecisionFilter) -> bool:
    answer, order = record.answer, record.order
    return (
        (wanted.user_id is None or wanted.user_id.lower() == order.user_id)
        and wanted.symbol in {None, order.symbol}
        and wanted.decision in {None, answer.decision}
        and wanted.reason in {None, answer.reject_reason}
        and (wanted.from_us is None or answer.evaluated_at_us >= wanted.from_us)
        and (wanted.to_us is None or answer.evaluated_at_us < wanted.to_us)
    )
