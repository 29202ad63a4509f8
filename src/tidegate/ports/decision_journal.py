"""The journal of decisions: written before the reply, read by auditors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.evidence import Evidence
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.ports.paging import Page, PageRequest

MARGIN_CALL_TOPIC: Final = "risk.margin_call.v1"
"""The one announcement that a cool-down can take back."""


@quickly_made
@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision to be written: order, answer, all metrics (raw), evidence, and the reservation it made.

    ``remembered``: a repeat of the order gets this answer (False for refusals that time heals, PT-103).
    ``contradicts``: the refusal of an order whose id was answered before with other content; it is written beside the
    answer that stands, and never remembered.
    ``announces``: topics of the events that follow from it (always risk.pretrade_decision.v1); they are written to
    the outbox in the same transaction. risk.margin_call.v1 among them is dropped by the journal while the user's
    cool-down runs (``last_margin_call`` of the profile, set in the same transaction).
    ``traceparent``: where in a trace the order was asked, for the events; empty, and then not written: in none.
    """

    order: Order
    fingerprint: bytes
    answer: Answer
    metrics: Metrics
    evidence: Evidence
    reservation: Reservation | None
    remembered: bool
    announces: tuple[str, ...]
    contradicts: bool = False
    traceparent: str = ""

    @property
    def notional_usdt(self) -> Decimal | None:
        """What the decision adds to its user's notional of 24 h, in USDT; ``None`` when it is not known."""
        return self.metrics.notional_added(self.evidence.flow.notional_24h)


@quickly_made
@dataclass(frozen=True, slots=True)
class RememberedAnswer:
    """The answer that stands for (user_id, order_id), and the content it was given to."""

    fingerprint: bytes
    answer: Answer


class DecisionJournal(Protocol):
    """Writes decisions.

    Failure contract: ``DependencyFailed`` when nothing, or nothing for sure, was written.
    """

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        """Write a batch with its outbox rows in one transaction (group commit); durable when it returns.

        ``book_epoch``: the life of the shared account book on which the batch was decided. Where another one counts,
        nothing is written and ``BookLost`` is raised; so whoever begins a life finds in the journal all that was ever
        told of those before (``None``: the batch is bound to no life).

        A record whose (user_id, order_id) was answered within the last 24 h is not written, remembered or not (but
        for one that contradicts): its place in the batch is given back with the answer that stands. The remembered
        records of one batch name each pair once.
        """

    async def remembered(self, user_id: str, order_id: str, *, since_us: int) -> RememberedAnswer | None:
        """Give the answer that stands for an order, if it was given at or after ``since_us``."""

    async def withdraw(self, decision_ids: Sequence[str]) -> None:
        """Let answers that never reached their caller stand no longer: a repeat of their orders is decided anew.

        The decisions stay in the archive, marked as withdrawn.
        """


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """``None`` means any; times are half-open [from, to) in microseconds since 1970."""

    user_id: str | None = None
    symbol: str | None = None
    decision: Decision | None = None
    reason: RejectReason | None = None
    from_us: int | None = None
    to_us: int | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class FlowTotal:
    """What one user was answered in one step of time, which begins at ``start_us``.

    ``notional_usdt``: the sum of what the decisions that let an order pass have added to the notional of 24 h.
    ``rejects``: how many decisions were REJECTED.
    """

    user_id: str
    start_us: int
    notional_usdt: Decimal
    rejects: int


class DecisionArchive(Protocol):
    """Reads decisions, newest first. ``DependencyFailed`` when the store does not answer."""

    async def page(self, request: PageRequest, wanted: DecisionFilter) -> Page[DecisionRecord]:
        """Give the decisions that match."""

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """Give one decision, whole."""

    async def live_reservations(self, now_us: int) -> Sequence[DecisionRecord]:
        """Give the decisions whose reservation has not expired, oldest first: the book is rebuilt from them."""

    async def flow_since(self, since_us: int, *, until_us: int | None = None) -> Sequence[DecisionRecord]:
        """Give the decisions made in [``since_us``, ``until_us``), oldest first, those that were withdrawn left out:
        what the short flow windows (a minute, equal orders) are rebuilt from.
        """

    async def flow_totals(self, *, since_us: int, until_us: int | None = None, step_us: int) -> Sequence[FlowTotal]:
        """Give what each user was answered in each step of [``since_us``, ``until_us``), the steps in order, withdrawn
        decisions left out: what the long flow windows (an hour, a day) are rebuilt from. Steps are counted from 1970.
        """
