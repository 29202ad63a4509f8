"""The whole admin API in one process over the memory twins, with tokens for every role."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.inbound.shared.tokens import (
    AUDIENCE,
    ISSUER,
    NOW_S,
    FakeClock,
    PublishedKeys,
    a_token,
    key_ring,
    some_claims,
)

from tidegate.core.pretrade.account import Balance, Profile, Reservation, TradingState
from tidegate.core.pretrade.answer import Answer, content_fingerprint
from tidegate.core.pretrade.evidence import AccountEvidence, Evidence
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel, Mark
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order, OrderType, Side
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.core.pretrade.violation import Violation
from tidegate.core.rules.parse import Engines
from tidegate.inbound.rest.app import create_app
from tidegate.inbound.rest.dependencies import AdminDependencies, ReplayResult
from tidegate.inbound.rest.rule_checks import rule_checker
from tidegate.inbound.shared.token_guard import TokenGuard
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.decisions import MemoryDecisionArchive, MemoryDecisionJournal
from tidegate.outbound.memory.margin_tiers import MemoryMarginTiers
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.outbound.memory.risk_rules import MemoryRiskRules
from tidegate.outbound.memory.trading_states import MemoryTradingStates
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.ports.stored import Change

NOW_US = NOW_S * 1_000_000
USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
OTHER_USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c12"
BY = Change("seed", NOW_US)
PROBLEM = "application/problem+json"


def compiled(pattern: str) -> Callable[[str], bool]:
    """Stands in for RE2 with the standard library's engine."""
    try:
        search = re.compile(pattern).search
    except re.error as fault:
        raise ValueError(str(fault)) from None
    return lambda text: search(text) is not None


def token_for(*roles: str, subject: str = "ada") -> str:
    return a_token(some_claims(sub=subject, realm_access={"roles": list(roles)}))


def headers_for(*roles: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(*roles)}", **{name.replace("_", "-"): more[name] for name in more}}


class Admin:
    """The API and what stands behind it; ``client`` speaks to it as RISK_ADMIN unless told otherwise."""

    def __init__(self, **changes: Any) -> None:
        self.clock = FakeClock()
        areas = MemoryConfigurationAreas()
        self.profiles = MemoryProfiles(areas)
        self.rules = MemoryRiskRules(areas)
        self.tiers = MemoryMarginTiers(areas)
        self.trading_states = MemoryTradingStates(areas)
        self.journal = MemoryDecisionJournal(self.profiles)
        self.keys = PublishedKeys(*key_ring().jwks())
        dependencies = AdminDependencies(
            profiles=self.profiles,
            rules=self.rules,
            tiers=self.tiers,
            trading_states=self.trading_states,
            decisions=MemoryDecisionArchive(self.journal),
            replay=self.replay,
            rule_faults=rule_checker(Engines(regex=compiled)),
            guard=TokenGuard(self.keys, self.clock, issuer=ISSUER, audience=AUDIENCE),
            clock=self.clock,
            metrics=lambda _ready: (b"tidegate_up 1\n", "text/plain; version=0.0.4; charset=utf-8"),
        )
        self.dependencies = replace(dependencies, **changes)
        self.app: FastAPI = create_app(self.dependencies)
        self.client = TestClient(self.app, raise_server_exceptions=False, headers=headers_for("RISK_ADMIN"))

    async def replay(self, decision_id: str) -> ReplayResult | None:
        record = self.journal.decision(decision_id)
        if record is None:
            return None
        return ReplayResult(identical=True, recorded=record.answer, replayed=record.answer)

    async def seeded(self) -> "Admin":
        """One profile and one decision stand; the rest is made through the API."""
        await self.profiles.put(a_profile(), by=BY)
        await self.journal.record([a_decision()], margin_call_cooldown_us=0)
        return self


def a_profile(user_id: str = USER, **changes: Any) -> Profile:
    profile = Profile(
        user_id, KycLevel.L2, Decimal(1_000_000), frozen=False, risk_score=Decimal("12.5"), max_leverage=Decimal(50)
    )
    return replace(profile, **changes)


def an_order(**changes: Any) -> Order:
    order = Order(USER, "main", "o-1", "BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal("0.05"), price=Decimal(50_000))
    return replace(order, **changes)


def a_decision(
    decision_id: str = "4f9c2a64-52b1-4d0e-9a3e-1f2f3a4b5c6d",
    *,
    order: Order | None = None,
    decision: Decision = Decision.REJECTED,
    at_us: int = NOW_US,
) -> DecisionRecord:
    judged = order or an_order()
    refused = decision is Decision.REJECTED
    violation = Violation(
        RejectReason.INSUFFICIENT_MARGIN, "too little", "required_initial_margin", "251.25", "100", unit="USDT"
    )
    answer = Answer(
        decision=decision,
        reject_reason=RejectReason.INSUFFICIENT_MARGIN if refused else None,
        message="too little" if refused else "",
        projected_margin_ratio="0.01",
        required_initial_margin="251.25",
        liquidation_risk=False,
        rule_hits=(),
        trace_id="t-1",
        decision_id=decision_id,
        violations=(violation,) if refused else (),
        available_margin="100",
        projected_exposure_usdt="2500",
        projected_liquidation_price="",
        evaluated_at_us=at_us,
        reservation_expires_at_us=None if refused else at_us + 30_000_000,
    )
    reservation = Reservation(
        judged.order_id,
        judged.symbol,
        judged.side,
        judged.order_type,
        judged.quantity,
        price=Decimal(50_000),
        expires_at_us=at_us + 30_000_000,
    )
    return DecisionRecord(
        order=judged,
        fingerprint=content_fingerprint(judged),
        answer=answer,
        metrics=Metrics(order_notional=Decimal(2_500), required_initial_margin=Decimal("251.250000001")),
        evidence=some_evidence(at_us),
        reservation=None if refused else reservation,
        remembered=True,
        announces=("risk.pretrade_decision.v1",),
    )


def some_evidence(at_us: int) -> Evidence:
    instrument = Instrument(
        "BTCUSDT", Kind.LINEAR, "BTC", "USDT", "TRADING", Decimal("0.1"), Decimal("0.001"), Decimal("0.05")
    )
    balance = Balance("USDT", Decimal("1E+4"), Decimal(0))
    return Evidence(
        now_us=at_us,
        user_version=3,
        accounts=(AccountEvidence("main", (balance,), (), live_count=0),),
        reported_exposure=None,
        profile=a_profile(),
        trading_state=TradingState.ACTIVE,
        flow=FlowFacts(),
        account_lag_ms=0,
        account_gap="",
        position_known=True,
        order_id_live=False,
        instruments=(instrument,),
        marks={"BTCUSDT": Mark(Decimal("50000.10"), at_us)},
        settings=GateSettings(),
        versions={"rules": 3, "tiers": 2},
    )


def errors_of(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Give pointer and code of every bad field that a problem document names."""
    return {(error["pointer"], error["code"]) for error in document.get("errors", ())}
