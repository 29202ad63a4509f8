"""Record what was decided, then tell it; give back what came to nothing.

``journal``: an answer is told when its decision is durable. ``relaxed``: it is told at once and written within 50 ms;
a journal that does not answer stops the gate as soon as that is known.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.settings import GateSettings
from tidegate.ports.account_book import AccountBook
from tidegate.ports.decision_journal import DecisionJournal, DecisionRecord, RememberedAnswer
from tidegate.usecases.pretrade.announce import announces
from tidegate.usecases.pretrade.answering import Decided, answer_of, duplicate_verdict
from tidegate.usecases.pretrade.asked import Asked
from tidegate.usecases.pretrade.remembered import RememberedAnswers

Settled = Sequence[tuple[Asked, Decided]]

RELAXED_BATCH_MAX = 512
RELAXED_GATHER_S = 0.015
"""How long ``relaxed`` gathers decisions before it writes them; with the writing it stays under the 50 ms promised."""

ANSWERS_MAX = 50_000
"""Answers kept in memory; what is forgotten, the journal still knows."""

_RETRY_S = 0.05


class Durability(StrEnum):
    """When an answer may be told: after its decision is durable, or at once."""

    JOURNAL = "journal"
    RELAXED = "relaxed"


class Recorder:
    """Writes decisions to the journal and tells the answers that stand."""

    def __init__(
        self,
        journal: DecisionJournal,
        book: AccountBook,
        *,
        durability: Durability,
        settings: Callable[[], GateSettings],
        take_back: Callable[[Asked, Decided], None],
    ) -> None:
        self._journal = journal
        self._book = book
        self._durability = durability
        self._settings = settings
        self._take_back = take_back
        self.answers = RememberedAnswers(ANSWERS_MAX)
        self._backlog: list[DecisionRecord] = []
        self._unheard: list[Asked] = []
        self._withdrawals: list[str] = []
        self._to_do = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.trouble: DependencyFailed | None = None

    async def require_journal(self) -> None:
        """Make sure that a batch may be decided: the journal answers, and nothing stands that nobody was told.

        Raises:
            DependencyFailed: the journal is known not to answer (``relaxed`` would answer what may be lost), or does
                not take back what has to be withdrawn first.
        """
        if self.trouble is not None:
            raise self.trouble
        if self._unheard or self._withdrawals:
            await self.flush()

    async def record_and_tell(self, settled: Settled, book_epoch: int | None) -> None:
        """Record a batch and tell each caller the answer that stands.

        ``book_epoch``: the life of a shared book that the batch was decided on. ``relaxed`` is not bound to it: what it
        tells before it is written may be lost with the book as with the process.

        Raises:
            DependencyFailed: nothing, or nothing for sure, was written of those that were told nothing; what they held
                is given back. ``BookLost``: the life has ended.
        """
        records = [(asked, decided, _record(asked, decided)) for asked, decided in settled if not asked.dry_run]
        told = 0
        try:
            standing = await self._write([record for _, _, record in records], book_epoch)
            for place, (asked, decided, record) in enumerate(records):
                if place in standing:
                    await self._tell_standing(asked, decided, standing=standing[place], book_epoch=book_epoch)
                else:
                    await self._tell(asked, decided, remembered=record.remembered)
                told += 1
        except DependencyFailed:
            await self._give_back(records[told:])
            raise
        for asked, decided in settled:
            if asked.dry_run:
                asked.tell(decided.answer)

    async def _write(self, records: Sequence[DecisionRecord], book_epoch: int | None) -> dict[int, RememberedAnswer]:
        if not records:
            return {}
        if self._durability is Durability.RELAXED:
            self._backlog.extend(records)
            self._to_do.set()
            return {}
        cooldown_us = self._settings().margin_call_cooldown_s * 1_000_000
        standing = await self._journal.record(records, margin_call_cooldown_us=cooldown_us, book_epoch=book_epoch)
        return dict(standing)

    async def _tell(self, asked: Asked, decided: Decided, *, remembered: bool) -> None:
        if asked.tell(decided.answer):
            asked.told = decided
            if remembered:
                self.answers.put(asked.key, fingerprint=asked.fingerprint, answer=decided.answer)
            return
        # The caller's deadline was spent while the decision was written: no reservation may remain, and a repeat is
        # decided anew.
        await self._release(asked, decided)
        self._withdraw_later(decided)

    async def _tell_standing(
        self, asked: Asked, decided: Decided, *, standing: RememberedAnswer, book_epoch: int | None
    ) -> None:
        """Tell the answer that another process, or this one before a restart, gave to the same order."""
        await self._release(asked, decided)
        self.answers.put(asked.key, fingerprint=standing.fingerprint, answer=standing.answer)
        if standing.fingerprint == asked.fingerprint:
            asked.tell(standing.answer)
            return
        asked.contradicts = True
        verdict = duplicate_verdict(asked.order)
        answer = answer_of(
            asked.order,
            verdict,
            decision_id=decided.answer.decision_id,
            now_us=decided.answer.evaluated_at_us,
            reservation=None,
        )
        refused = Decided(verdict, answer, decided.evidence, None, None)
        await self._write([_record(asked, refused)], book_epoch)
        asked.tell(answer)

    async def _release(self, asked: Asked, decided: Decided) -> None:
        self._take_back(asked, decided)
        if decided.held is None:
            return
        # A book that does not answer is not asked again: by then another process may have reserved under the same id.
        # What was not released expires by itself.
        with suppress(DependencyFailed):
            await self._book.release(
                asked.order.user_id, account_id=asked.order.account_id, order_ids=[asked.order.order_id]
            )

    async def _give_back(self, records: Iterable[tuple[Asked, Decided, DecisionRecord]]) -> None:
        """Give back what was held for records of which nothing, or nothing for sure, was written.

        A commit whose acknowledgement was lost stands in the journal. It is withdrawn before anything else is decided,
        else a repeat would be told an approval that holds nothing.
        """
        for asked, decided, _ in records:
            await self._release(asked, decided)
            self._withdraw_later(decided)

    def leave_unheard(self, asked: Asked) -> None:
        """Undo, before anything else is decided, an answer that was told and whose caller did not wait to hear it."""
        self._unheard.append(asked)
        self._to_do.set()

    def _withdraw_later(self, decided: Decided) -> None:
        self._withdrawals.append(decided.answer.decision_id)
        self._to_do.set()

    async def run(self) -> None:
        """Write the backlog of ``relaxed`` and withdraw until cancelled; ``flush`` does what is left."""
        while True:
            await self._to_do.wait()
            self._to_do.clear()
            if self._backlog:
                await asyncio.sleep(RELAXED_GATHER_S)
            try:
                await self.flush()
                self.trouble = None
            except DependencyFailed as trouble:
                self.trouble = trouble
                self._to_do.set()
                await asyncio.sleep(_RETRY_S)

    async def flush(self) -> None:
        """Write the backlog as it is now, then withdraw what nobody was told (by then it has been written).

        Raises:
            DependencyFailed: the journal did not take it; what was not done is done the next time.
        """
        async with self._one_at_a_time:
            while self._unheard:
                await self._forget(self._unheard.pop())
            withdrawn = tuple(self._withdrawals)
            await self._write_backlog()
            if withdrawn:
                await self._journal.withdraw(withdrawn)
                del self._withdrawals[: len(withdrawn)]

    async def _forget(self, asked: Asked) -> None:
        """Release what an unheard answer holds; one that a repeat was told stands."""
        if asked.told is not None and not self.answers.was_repeated(asked.key):
            self.answers.forget(asked.key)
            await self._release(asked, asked.told)
            self._withdraw_later(asked.told)

    async def _write_backlog(self) -> None:
        left = len(self._backlog)  # what comes meanwhile is gathered for the next time
        while left:
            batch = self._backlog[: min(left, RELAXED_BATCH_MAX)]
            cooldown_us = self._settings().margin_call_cooldown_s * 1_000_000
            standing = await self._journal.record(batch, margin_call_cooldown_us=cooldown_us)
            del self._backlog[: len(batch)]
            left -= len(batch)
            for place, answered in standing.items():
                order = batch[place].order
                if answered.answer.decision_id == batch[place].answer.decision_id:
                    continue  # our own: a commit whose acknowledgement was lost, written again
                with suppress(DependencyFailed):  # as above
                    await self._book.release(order.user_id, account_id=order.account_id, order_ids=[order.order_id])


def _record(asked: Asked, decided: Decided) -> DecisionRecord:
    return DecisionRecord(
        order=asked.order,
        fingerprint=asked.fingerprint,
        answer=decided.answer,
        metrics=decided.verdict.metrics,
        evidence=decided.evidence,
        reservation=None if decided.held is None else decided.held.reservation,
        remembered=decided.remembered and not asked.contradicts,
        announces=announces(decided.verdict, decided.evidence),
        contradicts=asked.contradicts,
        traceparent="" if asked.trace is None else asked.trace.traceparent,
    )
