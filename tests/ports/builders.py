"""Values for the contract suites; each builder states what its test is not about."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from tidegate.core.pretrade.account import Balance, MarginMode, Position, Profile, Reservation, TradingState
from tidegate.core.pretrade.answer import Answer, content_fingerprint
from tidegate.core.pretrade.evidence import AccountEvidence, Evidence
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel, Mark
from tidegate.core.pretrade.live import SymbolView, TotalsView
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side
from tidegate.core.pretrade.reasons import Action, Decision, RejectReason
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.core.pretrade.tiers import MarginTier
from tidegate.core.pretrade.violation import Violation
from tidegate.ports.configuration import EventStamp
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.ports.stored import Change

USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
OTHER_USER = "0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22"
NOW_US = 1_767_225_600_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
DECISION_TOPIC = "risk.pretrade_decision.v1"
MARGIN_CALL = "risk.margin_call.v1"


def by(actor: str = "officer", *, at_us: int = NOW_US) -> Change:
    """Who changes, and when."""
    return Change(actor, at_us)


def a_profile(user_id: str = USER, *, kyc_level: KycLevel = KycLevel.L2, frozen: bool = False) -> Profile:
    """A profile with room for everything."""
    return Profile(
        user_id=user_id,
        kyc_level=kyc_level,
        exposure_limit_usdt=Decimal(1_000_000),
        frozen=frozen,
        risk_score=Decimal("12.5"),
        max_leverage=Decimal(50),
    )


def a_stamp(
    sequence: int, *, event_id: str = "", topic: str = "user.updated.v1", at_us: int | None = None
) -> EventStamp:
    """An event; without a time of its own, one second a sequence."""
    moment = NOW_US + sequence * SECOND_US if at_us is None else at_us
    return EventStamp(event_id or str(uuid4()), topic, sequence, moment)


def a_rule(name: str = "big order", *, active: bool = True, symbol: str | None = None) -> RiskRule:
    """A rule on the order's notional."""
    return RiskRule(
        rule_id="",
        name=name,
        action=RuleAction.REJECT,
        metric="order_notional",
        operator=Operator.GT,
        thresholds=(Decimal("100000.000000000001"),),
        symbol=symbol,
        active=active,
    )


def a_tier(number: int = 1, *, symbol: str | None = "BTCUSDT", active: bool = True) -> MarginTier:
    """A rung of a sound ladder: caps rise with the number, percentages rise, leverage falls."""
    return MarginTier(
        symbol=symbol,
        tier=number,
        max_notional=Decimal(50_000) * number,
        maintenance_margin_pct=Decimal("0.4") * number,
        max_leverage=Decimal(125) / number if number in {1, 5} else Decimal(120 // number),
        active=active,
    )


def an_order(order_id: str = "o-1", *, user_id: str = USER, symbol: str = "BTCUSDT") -> Order:
    """A limit order to buy."""
    return Order(
        user_id=user_id,
        account_id="main",
        order_id=order_id,
        symbol=symbol,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.05"),
        price=Decimal(50_000),
        leverage=Decimal(10),
        trace_id="t-1",
    )


def a_record(
    order: Order | None = None, *, at_us: int = NOW_US, announces: tuple[str, ...] = (DECISION_TOPIC,)
) -> DecisionRecord:
    """An approval with its reservation and everything that evidence can hold."""
    asked = order or an_order()
    expires_us = at_us + 30 * SECOND_US
    answer = Answer(
        decision=Decision.APPROVED,
        reject_reason=None,
        message="approved",
        projected_margin_ratio="0.12345678",
        required_initial_margin="250.1",
        liquidation_risk=False,
        rule_hits=("big order",),
        trace_id=asked.trace_id,
        decision_id=str(uuid4()),
        violations=(a_violation(),),
        available_margin="9000.1",
        projected_exposure_usdt="12000.1",
        projected_liquidation_price="",
        evaluated_at_us=at_us,
        reservation_expires_at_us=expires_us,
    )
    return DecisionRecord(
        order=asked,
        fingerprint=content_fingerprint(asked),
        answer=answer,
        metrics=Metrics(order_notional=Decimal(2500), equity=Decimal("10000.00000000000000000001")),
        evidence=an_evidence(asked, at_us=at_us),
        reservation=a_reservation(asked, expires_us=expires_us),
        remembered=True,
        announces=announces,
    )


def a_refusal(
    order: Order | None = None, *, at_us: int = NOW_US, reason: RejectReason = RejectReason.INSUFFICIENT_MARGIN
) -> DecisionRecord:
    """A refusal, which reserves nothing."""
    record = a_record(order, at_us=at_us)
    answer = replace(
        record.answer,
        decision=Decision.REJECTED,
        reject_reason=reason,
        reservation_expires_at_us=None,
        message="refused",
    )
    return replace(record, answer=answer, reservation=None)


def a_violation() -> Violation:
    """A warning of a dynamic rule."""
    return Violation(
        code=RejectReason.RISK_RULE_VIOLATION,
        message="order_notional 2500 is above 2000",
        metric="order_notional",
        observed="2500",
        limit="2000",
        unit="USDT",
        rule_id="7",
        rule_version=2,
        action=Action.WARN,
    )


def a_reservation(order: Order, *, expires_us: int) -> Reservation:
    """What the approval of an order holds."""
    return Reservation(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        price=Decimal("50000.1"),
        expires_at_us=expires_us,
        extra=Decimal("1.25"),
        leverage=order.leverage,
        at_us=expires_us - 30 * SECOND_US,
    )


def an_evidence(order: Order, *, at_us: int) -> Evidence:
    """Evidence with one of everything."""
    position = Position(
        order.symbol,
        PositionSide.BOTH,
        Decimal("-0.1"),
        entry_price=Decimal(50_000),
        leverage=Decimal(10),
        margin_mode=MarginMode.CROSS,
    )
    totals = TotalsView(
        Side.BUY,
        PositionSide.BOTH,
        count=1,
        quantity=Decimal("0.1"),
        reducing=Decimal(0),
        notional=Decimal(4_900),
        stops=Decimal(0),
        market=Decimal(0),
        oversized=0,
    )
    view = SymbolView(
        order.symbol,
        position,
        None,
        short=None,
        totals=(totals,),
        leverages=((Decimal(10), 1),),
        leverageless=0,
        extra=Decimal(0),
    )
    return Evidence(
        now_us=at_us,
        user_version=17,
        accounts=(
            AccountEvidence(
                order.account_id, (Balance("USDT", Decimal(10_000), Decimal(0)),), symbols=(view,), live_count=1
            ),
        ),
        reported_exposure=ReportedExposure(Decimal(100), at_us),
        profile=a_profile(order.user_id),
        trading_state=TradingState.ACTIVE,
        flow=FlowFacts(orders_last_minute=3, notional_24h=Decimal("1000.5")),
        account_lag_ms=12,
        account_gap="",
        position_known=True,
        order_id_live=False,
        instruments=(an_instrument(order.symbol),),
        marks={order.symbol: Mark(Decimal("50000.1"), at_us)},
        settings=GateSettings(),
        versions={"rules": 3, "tiers": 2, "profiles": 9, "trading_states": 1},
    )


def an_instrument(symbol: str = "BTCUSDT") -> Instrument:
    """A linear contract."""
    return Instrument(
        symbol=symbol,
        kind=Kind.LINEAR,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        status="TRADING",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        taker_fee_pct=Decimal("0.05"),
        leverage_max=Decimal(125),
        leverage_default=Decimal(10),
    )
