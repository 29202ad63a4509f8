"""Decide one order on the state at hand: snapshot, evidence, verdict, reservation held, answer."""

from collections.abc import Callable

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.capture import capture
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.evidence import Evidence
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.snapshot import FlowFacts, Snapshot
from tidegate.core.pretrade.state import UserState
from tidegate.core.pretrade.verdict import Verdict
from tidegate.ports.account_book import Checked, Held
from tidegate.ports.clock import Ids
from tidegate.usecases.pretrade.answering import (
    Decided,
    answer_of,
    duplicate_verdict,
    failed_verdict,
    reservation_of,
)
from tidegate.usecases.pretrade.asked import Asked
from tidegate.usecases.pretrade.flow import FlowWindows, content_of
from tidegate.usecases.pretrade.replica import Replica

Alarm = Callable[[Exception], None]
"""Told of every bug that was caught so that the batch could go on."""


class Decider:
    """Decides orders on what this replica keeps in memory and the state it is handed."""

    def __init__(self, replica: Replica, flow: FlowWindows, *, ids: Ids, alarm: Alarm) -> None:
        self._replica = replica
        self._flow = flow
        self._ids = ids
        self.alarm = alarm

    def require_configuration(self, now_us: int) -> None:
        """Refuse to decide on a configuration whose version was not confirmed lately.

        Raises:
            DependencyFailed: not confirmed for more than ``config_age_ms_max`` (at the limit passes), or confirmed
                further in the future than ``future_ms_max``: the clock was set back, and nobody knows the age.
        """
        settings = self._replica.configuration.settings
        age_us = now_us - self._replica.confirmed_at_us
        if not -settings.future_ms_max * 1_000 <= age_us <= settings.config_age_ms_max * 1_000:
            raise DependencyFailed("configuration", f"not confirmed for {age_us // 1_000} ms", retry_after_ms=1_000)

    def kept_since(self, now_us: int) -> int:
        """Give the time since which answers are remembered."""
        return now_us - self._replica.configuration.settings.answer_kept_ms * 1_000

    def decide(self, asked: Asked, state: UserState, *, now_us: int) -> Decided:
        """Decide one order; an approval holds its reservation in the state, so that the next order sees it.

        A bug in one order answers that order INTERNAL_ERROR and raises an alarm; it never approves (PT-103).
        """
        order = asked.order
        snapshot = self.snapshot(order, state, now_us=now_us)
        evidence = capture(order, snapshot)
        verdict = self._judge(asked, snapshot)
        reservation = None if asked.dry_run else reservation_of(order, verdict, snapshot=snapshot)
        held = None
        if reservation is not None:
            instrument = snapshot.market.instruments[order.symbol]
            held = Held(order.account_id, reservation, instrument)
            state.hold(order.account_id, reservation, instrument=instrument)
        answer = answer_of(
            order,
            verdict,
            decision_id="" if asked.dry_run else self._ids.new(),
            now_us=now_us,
            reservation=reservation,
        )
        checked = None if asked.dry_run else _checked(order, verdict, evidence=evidence, accepted=held is not None)
        if checked is not None:
            self._count(order, checked)
        return Decided(verdict, answer, evidence, held, checked)

    def _judge(self, asked: Asked, snapshot: Snapshot) -> Verdict:
        if asked.contradicts:
            return duplicate_verdict(asked.order)
        try:
            return decide(asked.order, snapshot)
        except Exception as bug:  # noqa: BLE001 - one order must not take the batch with it; the alarm is raised
            self.alarm(bug)
            return failed_verdict(asked.order)

    def snapshot(self, order: Order, state: UserState, *, now_us: int) -> Snapshot:
        """Give everything the check of an order reads."""
        replica = self._replica
        row = replica.profiles.get(order.user_id)
        return Snapshot(
            now_us=now_us,
            user=state,
            market=replica.market,
            configuration=replica.configuration,
            profile=None if row is None else row.profile,
            trading_state=replica.trading_state(order.symbol, order.user_id),
            flow=self._facts(order, now_us=now_us, rearmed_us=None if row is None else row.repeat_rearmed_us),
            account_lag_ms=replica.account_lag_ms(now_us),
            account_gap=state.gap_reason(order.account_id),
            position_known=state.position_known(order.account_id),
            versions=replica.versions,
        )

    def _facts(self, order: Order, *, now_us: int, rearmed_us: int | None) -> FlowFacts:
        settings = self._replica.configuration.settings
        return self._flow.facts(order, now_us=now_us, settings=settings, rearmed_us=rearmed_us)

    def _count(self, order: Order, checked: Checked) -> None:
        """Count a check in the user's windows at once, so that the next order of the batch sees it."""
        at_us, settings = checked.at_us, self._replica.configuration.settings
        self._flow.count_message(order, at_us=at_us, settings=settings)
        if checked.notional_usdt is None:
            self._flow.count_reject(order, at_us=at_us)
        else:
            self._flow.count_accepted(order, at_us=at_us, notional_usdt=checked.notional_usdt, settings=settings)

    def take_back(self, asked: Asked, decided: Decided) -> None:
        """Count a check no longer that came to nothing; that the message was sent stays counted."""
        checked = decided.checked
        if checked is None:
            return
        if checked.notional_usdt is None:
            self._flow.take_back_reject(asked.order, at_us=checked.at_us)
        else:
            self._flow.take_back_accepted(asked.order, at_us=checked.at_us, notional_usdt=checked.notional_usdt)


def _checked(order: Order, verdict: Verdict, *, evidence: Evidence, accepted: bool) -> Checked:
    """Give how a check counts: what it adds to the user's notional of 24 h is 0 when that is not known."""
    if not accepted:
        return Checked(evidence.now_us, content_of(order), None)
    added = verdict.metrics.notional_added(evidence.flow.notional_24h)
    return Checked(evidence.now_us, content_of(order), ZERO if added is None else added)
