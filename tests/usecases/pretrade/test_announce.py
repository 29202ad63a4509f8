"""What a decision announces, and what the events say."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.inbound.events.desk import Desk
from tests.ports.builders import a_record, a_rule, a_violation, an_evidence, an_order, by

from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.reasons import Action, Decision, RejectReason
from tidegate.core.pretrade.rules import Operator
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.verdict import Verdict
from tidegate.core.pretrade.violation import Violation
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.ports.stored import NotStored
from tidegate.usecases.pretrade.announce import Announcer, announces
from tidegate.wire.topics import OUT_TOPICS

DECISION, EXPOSURE, VIOLATION, MARGIN_CALL, LIQUIDATION = OUT_TOPICS
NOW_US = 1_767_225_600_123_456
RATIO_HIT = Violation(
    RejectReason.RISK_RULE_VIOLATION,
    "rule thin margin: projected_margin_ratio is 0.7",
    metric="projected_margin_ratio",
    observed="0.7",
    limit="0.6",
    rule_id="1",
    rule_version=1,
    action=Action.WARN,
)
RISK = Violation(
    RejectReason.LIQUIDATION_RISK,
    "projected margin ratio 0.9 reaches 0.8",
    metric="projected_margin_ratio",
    observed="0.9",
    limit="0.8",
    action=Action.WARN,
)


def a_verdict(*violations: Violation, ratio: str | None = None, projected: str | None = None) -> Verdict:
    metrics = Metrics(
        projected_margin_ratio=None if ratio is None else Decimal(ratio),
        projected_position_notional=None if projected is None else Decimal(projected),
    )
    return Verdict(Decision.APPROVED, None, "approved", violations, (), metrics, liquidation_risk=False)


SHADOW = replace(RATIO_HIT, action=Action.SHADOW)
BUILT_IN = replace(RATIO_HIT, rule_id="", rule_version=0)
OTHER_RULE = replace(RATIO_HIT, metric="order_notional")

ANNOUNCED: list[tuple[str, Verdict, str | None, set[str]]] = [
    ("nothing but itself", a_verdict(), None, set()),
    ("projected notional", a_verdict(projected="0"), None, {EXPOSURE}),
    ("rule", a_verdict(OTHER_RULE), None, {VIOLATION}),
    ("rule on trial", a_verdict(SHADOW), None, set()),
    ("built-in check", a_verdict(BUILT_IN), None, set()),
    ("rule on the ratio", a_verdict(RATIO_HIT), None, {VIOLATION, MARGIN_CALL}),
    ("ratio at the call ratio", a_verdict(ratio="0.7"), "0.7", {MARGIN_CALL}),
    ("ratio below the call ratio", a_verdict(ratio="0.69999999999999999999"), "0.7", set()),
    ("no call ratio set", a_verdict(ratio="2"), None, set()),
    ("ratio not computed", a_verdict(), "0.7", set()),
    ("liquidation risk", a_verdict(RISK), None, {LIQUIDATION}),
]


@pytest.mark.parametrize(
    ("verdict", "call_ratio", "topics"), [row[1:] for row in ANNOUNCED], ids=[row[0] for row in ANNOUNCED]
)
def test_announces_each_topic_exactly_when_it_says_so(
    verdict: Verdict, call_ratio: str | None, topics: set[str]
) -> None:
    """PT-710, PT-711, PT-713: every decision; exposure, violations, margin call and liquidation when they apply."""
    settings = GateSettings(margin_call_ratio=None if call_ratio is None else Decimal(call_ratio))
    evidence = replace(an_evidence(an_order(), at_us=NOW_US), settings=settings)
    told = announces(verdict, evidence)
    assert told[0] == DECISION
    assert set(told[1:]) == topics
    assert list(told) == [topic for topic in OUT_TOPICS if topic in told]


def a_decision(*violations: Violation, announced: tuple[str, ...], call_ratio: str | None = None) -> DecisionRecord:
    record = a_record(at_us=NOW_US, announces=announced)
    metrics = Metrics(
        order_notional=Decimal("2500.000000001"),
        equity=Decimal("9999.999999999"),
        projected_margin_ratio=Decimal("0.7"),
        maintenance_margin_after=Decimal(20),
        projected_position_notional=Decimal(2_500),
        exposure_utilization_pct=Decimal("1.2"),
    )
    settings = GateSettings(margin_call_ratio=None if call_ratio is None else Decimal(call_ratio))
    evidence = replace(record.evidence, settings=settings, versions={"rules": 1, "tiers": 2})
    answer = replace(record.answer, violations=violations)
    return replace(record, answer=answer, metrics=metrics, evidence=evidence)


@pytest.fixture
async def desk() -> Desk:
    """A desk with one published rule: number 1, BETWEEN."""
    desk = Desk()
    rule = replace(
        a_rule("thin margin"),
        metric="projected_margin_ratio",
        operator=Operator.BETWEEN,
        thresholds=(Decimal("0.60"), Decimal(1)),
    )
    await desk.durable.rules.create(rule, by=by())
    return desk


async def said(desk: Desk, record: DecisionRecord) -> dict[str, list[dict[str, Any]]]:
    """What each topic's readers get, through the wire."""
    events = await Announcer(desk.durable.rules, program="1.2.3").announcements(record)
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        decoded = desk.codec.decode(event.topic, desk.codec.encode(event.topic, event.record))
        assert str(decoded["event_id"]) == event.event_id
        found.setdefault(event.topic, []).append(decoded)
    return found


async def test_decision_event_says_the_whole_decision(desk: Desk) -> None:
    """PT-710: order, answer, sums as shown, violations and the versions it was decided on."""
    record = a_decision(RATIO_HIT, a_violation_of_nobody(), announced=(DECISION,))
    (event,) = (await said(desk, record))[DECISION]
    assert (event["decision"], event["order_id"], event["quantity"], event["price"]) == (
        "APPROVED",
        "o-1",
        "0.05",
        "50000",
    )
    assert event["metrics"]["order_notional"] == "2500.00000001"
    assert event["metrics"]["equity"] == "9999.99999999"
    assert event["metrics"]["fee"] is None
    assert [violation["limit"] for violation in event["violations"]] == ['["0.6", "1"]', "100"]
    assert [violation["rule_id"] for violation in event["violations"]] == ["1", None]
    assert event["versions"] == {"rules": "1", "margin_tiers": "2", "program": "1.2.3"}
    assert event["evaluated_at"].microsecond == 123_456


def a_violation_of_nobody() -> Violation:
    return replace(a_violation(), rule_id="", rule_version=0, limit="100")


async def test_violation_events_name_rule_and_both_numbers(desk: Desk) -> None:
    """PT-711: one event a hit, rules on trial excepted, each with an id of its own."""
    events = (await said(desk, a_decision(RATIO_HIT, RATIO_HIT, SHADOW, announced=(VIOLATION,))))[VIOLATION]
    assert len({event["event_id"] for event in events}) == len(events) == 2
    told = {
        name: events[0][name] for name in ("rule_name", "rule_version", "severity", "operator", "observed", "action")
    }
    assert told == {
        "rule_name": "thin margin",
        "rule_version": 1,
        "severity": "MEDIUM",
        "operator": "BETWEEN",
        "observed": "0.7",
        "action": "WARN",
    }
    assert json.loads(events[0]["threshold"]) == ["0.6", "1"]


@pytest.mark.parametrize(
    ("call_ratio", "threshold", "rule_id"),
    [("0.7", "0.7", None), ("0.71", '["0.6", "1"]', "1"), (None, '["0.6", "1"]', "1")],
)
async def test_margin_call_names_the_ratio_or_the_rule_that_was_reached(
    desk: Desk, call_ratio: str | None, threshold: str, rule_id: str | None
) -> None:
    """PT-713: the configured ratio is named where it was reached, else the rule."""
    record = a_decision(RATIO_HIT, announced=(MARGIN_CALL,), call_ratio=call_ratio)
    (event,) = (await said(desk, record))[MARGIN_CALL]
    assert (event["threshold"], event["rule_id"]) == (threshold, rule_id)
    assert (event["projected_margin_ratio"], event["maintenance_margin_after"]) == ("0.7", "20")


async def test_liquidation_and_exposure_events_say_mark_and_sums(desk: Desk) -> None:
    """PT-711: with the mark that was used, and null for what was not computed."""
    told = await said(desk, a_decision(RISK, announced=(EXPOSURE, LIQUIDATION)))
    (risk,), (exposure,) = told[LIQUIDATION], told[EXPOSURE]
    assert (risk["action"], risk["threshold"], risk["mark_price"]) == ("WARN", "0.8", "50000.1")
    assert (exposure["projected_position_notional"], exposure["position_notional"]) == ("2500", None)
    assert (exposure["exposure_limit_usdt"], exposure["exposure_utilization_pct"]) == ("1000000", "1.2")


async def test_events_have_the_same_ids_every_time_and_others_for_other_decisions(desk: Desk) -> None:
    """PT-715: sent twice, known as the same."""
    announcer = Announcer(desk.durable.rules, program="1.2.3")
    record = a_decision(RATIO_HIT, announced=(DECISION, VIOLATION, MARGIN_CALL))
    other = replace(record, answer=replace(record.answer, decision_id="other"))
    ids = [{event.event_id for event in await announcer.announcements(one)} for one in (record, record, other)]
    assert ids[0] == ids[1]
    assert len(ids[0] | ids[2]) == 6


async def test_rules_are_those_of_the_decision_not_of_today(desk: Desk) -> None:
    """PT-711: a rule renamed since is announced as it was."""
    stored = await desk.durable.rules.get(1)
    await desk.durable.rules.replace(1, replace(stored.row, name="renamed"), version=None, by=by())
    (event,) = (await said(desk, a_decision(RATIO_HIT, announced=(VIOLATION,))))[VIOLATION]
    assert event["rule_name"] == "thin margin"


async def test_version_that_never_was_is_no_event(desk: Desk) -> None:
    """PT-715: nothing is made up."""
    record = a_decision(RATIO_HIT, announced=(DECISION,))
    unknown = replace(record, evidence=replace(record.evidence, versions={"rules": 99}))
    with pytest.raises(NotStored):
        await Announcer(desk.durable.rules, program="1.2.3").announcements(unknown)
