"""The account's arithmetic, written once more and plainly, for holding recorded decisions against it.

Two independent ways: the naive reference of the whole decision, fed with nothing but the orders and their order; and
the few sums of an account without positions, written here from ``spec/pretrade.md`` section 4.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from tests.system.world import DAY_MS, INSTRUMENTS, MARKS, TIERS, User

from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.instrument import Kind, Mark
from tidegate.core.pretrade.order import Side
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import Activity, Scenario
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.verdict import Verdict
from tidegate.ports.decision_journal import DecisionRecord

HOUR_US = 3_600_000_000


def settings_of(*, reservation_ttl_ms: int) -> GateSettings:
    """Give the settings of a calm service."""
    return GateSettings(mark_age_ms_max=DAY_MS, reservation_ttl_ms=reservation_ttl_ms)


@dataclass
class Ledger:
    """One account as its recorded decisions leave it."""

    user: User
    settings: GateSettings
    live: dict[str, Reservation] = field(default_factory=dict)

    def expire(self, now_us: int) -> None:
        """Let go of what has expired."""
        self.live = {order_id: held for order_id, held in self.live.items() if held.expires_at_us > now_us}

    def decide(self, record: DecisionRecord) -> Verdict:
        """Decide a recorded order anew, on the state that all earlier approvals have left."""
        now_us = record.answer.evaluated_at_us
        scenario = Scenario(
            now_us=now_us,
            settings=self.settings,
            instruments=INSTRUMENTS,
            margin_tiers=TIERS,
            marks={symbol: Mark(price, now_us) for symbol, price in MARKS.items()},
            profile=self.user.profile,
            balances={balance.asset: balance for balance in self.user.balances},
            reservations=tuple(self.live.values()),
            activity=Activity(),
            order=record.order,
        )
        return decide_plainly(scenario, evaluate_condition=_no_conditions)

    def hold(self, record: DecisionRecord) -> None:
        """Take in what an approval holds."""
        if record.reservation is not None:
            assert record.order.order_id not in self.live, f"{record.order.order_id} is reserved twice"
            self.live[record.order.order_id] = record.reservation

    def overdrawn(self) -> dict[str, Decimal]:
        """Give by how much what is reserved goes beyond what there is, by asset."""
        spent = spent_by_asset(self.live.values())
        held = {balance.asset: balance.total - balance.locked for balance in self.user.balances}
        return {asset: spent[asset] - held[asset] for asset in spent if spent[asset] > held[asset]}


def _no_conditions(condition: str, values: Mapping[str, Decimal | str | bool | None]) -> bool | None:
    raise AssertionError(f"there are no rules here: {condition} {values}")


def spent_by_asset(live: Iterable[Reservation]) -> dict[str, Decimal]:
    """Sum what live orders of an account without positions take of each asset: margin, open loss and fees, spot."""
    sides: dict[str, dict[Side, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    leverages: dict[str, list[Decimal]] = defaultdict(list)
    spent: dict[str, Decimal] = defaultdict(Decimal)
    with localcontext(prec=60):
        for held in live:
            listing = INSTRUMENTS[held.symbol]
            if listing.kind is Kind.SPOT:
                buys = held.quantity * held.price * (1 + listing.taker_fee_pct / 100)
                spent[listing.quote if held.side is Side.BUY else listing.base] += (
                    buys if held.side is Side.BUY else held.quantity
                )
                continue
            units = held.quantity * listing.contract_size
            notional = units * held.price if listing.kind is Kind.LINEAR else units / held.price
            sides[held.symbol][held.side] += notional
            leverages[held.symbol].append(held.leverage or listing.leverage_default or Decimal(1))
            spent[listing.settle] += held.extra
        for symbol, of_side in sides.items():
            worse = max(of_side.values())
            spent[INSTRUMENTS[symbol].settle] += worse / min(leverages[symbol])
    return dict(spent)


def reckon(
    records: Sequence[DecisionRecord], users: Iterable[User], *, settings: GateSettings
) -> Iterator[tuple[Ledger, DecisionRecord, Verdict]]:
    """Walk through recorded decisions in their order; give the ledger as it was, the record and the plain verdict."""
    ledgers = {user.user_id: Ledger(user, settings) for user in users}
    for record in records:
        ledger = ledgers[record.order.user_id]
        ledger.expire(record.answer.evaluated_at_us)
        yield ledger, record, ledger.decide(record)
        ledger.hold(record)


def disagreements(verdict: Verdict, record: DecisionRecord) -> list[str]:
    """Say where a recorded decision is not the plain one."""
    answer, metrics = record.answer, record.metrics
    found = []
    if (verdict.decision, verdict.reject_reason) != (answer.decision, answer.reject_reason):
        found.append(f"{answer.decision} {answer.reject_reason}, plainly {verdict.decision} {verdict.reject_reason}")
    for name in ("available_margin", "required_initial_margin", "projected_exposure_usdt", "projected_margin_ratio"):
        if getattr(metrics, name) != getattr(verdict.metrics, name):
            found.append(f"{name} {getattr(metrics, name)}, plainly {getattr(verdict.metrics, name)}")
    if (record.reservation is None) != (answer.decision is Decision.REJECTED):
        found.append(f"{answer.decision} with reservation {record.reservation}")
    return found
