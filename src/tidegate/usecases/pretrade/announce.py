"""Which events a decision announces, and what they say: plain records, by the schemas of ``docs/events.md``."""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha1
from typing import Any, Final
from uuid import UUID

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.evidence import Evidence
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.reasons import Action, RejectReason
from tidegate.core.pretrade.rendering import SHOWN_METRICS, shown
from tidegate.core.pretrade.rules import LIST_OPERATORS, RiskRule
from tidegate.core.pretrade.verdict import Verdict
from tidegate.core.pretrade.violation import Violation
from tidegate.ports.configuration import RiskRules
from tidegate.ports.configuration_watch import Area
from tidegate.ports.decision_journal import MARGIN_CALL_TOPIC, DecisionRecord
from tidegate.ports.outbox import Announcement

DECISION_TOPIC: Final = "risk.pretrade_decision.v1"
EXPOSURE_SNAPSHOT_TOPIC: Final = "risk.exposure_snapshot.v1"
VIOLATION_TOPIC: Final = "risk.violation.v1"
LIQUIDATION_TOPIC: Final = "risk.liquidation.v1"

_EVENT_IDS: Final = UUID("5d5b7b0e-3c5e-4d0f-9d2a-6a3a5c1f0b77")
"""Namespace of event ids: the same decision is announced under the same ids, however often it is sent."""

_RULE_VERSIONS_KEPT: Final = 8
_RATIO: Final = "projected_margin_ratio"
_VERSION_NAMES: Final = {
    Area.RULES.value: "rules",
    Area.TIERS.value: "margin_tiers",
    Area.TRADING_STATES.value: "trading_state",
    Area.PROFILES.value: "profile",
}

RulesById = Mapping[str, RiskRule]


def announces(verdict: Verdict, evidence: Evidence) -> tuple[str, ...]:
    """Give the topics of the events that a decision announces, in the order they are sent (PT-710 to PT-713).

    Every decision is announced; the exposure when the projected position notional was computed; each dynamic rule
    that was hit, those on trial excepted; a margin call when the projected margin ratio is at or above
    ``margin_call_ratio`` or a rule on it was hit; a liquidation risk.
    """
    topics = [DECISION_TOPIC]
    if verdict.metrics.projected_position_notional is not None:
        topics.append(EXPOSURE_SNAPSHOT_TOPIC)
    if any(_is_rule_hit(violation) for violation in verdict.violations):
        topics.append(VIOLATION_TOPIC)
    if _ratio_reached(verdict.metrics, evidence) or any(map(_is_ratio_rule, verdict.violations)):
        topics.append(MARGIN_CALL_TOPIC)
    if any(violation.code is RejectReason.LIQUIDATION_RISK for violation in verdict.violations):
        topics.append(LIQUIDATION_TOPIC)
    return tuple(topics)


class Announcer:
    """Turns stored decisions into events. ``program`` is the version of this software."""

    def __init__(self, rules: RiskRules, *, program: str) -> None:
        self._rules = rules
        self._program = program
        self._versions: OrderedDict[int, RulesById] = OrderedDict()

    async def announcements(self, record: DecisionRecord) -> tuple[Announcement, ...]:
        """Give the events of a decision, in the order of ``record.announces``; ids are the same every time.

        Raises:
            DependencyFailed: the store of rules does not answer.
            NotStored: the decision names a version of the rules that never was.
        """
        told = _Told(record, await self._rules_of(record))
        found: list[Announcement] = []
        for topic in record.announces:
            for index, fields in enumerate(self._told(topic, told)):
                event_id = _event_id(f"{record.answer.decision_id}/{topic}/{index}")
                envelope = _envelope(record, event_id)
                found.append(Announcement(topic, event_id, {**envelope, **fields}, record.traceparent))
        return tuple(found)

    async def _rules_of(self, record: DecisionRecord) -> RulesById:
        """The rules as they were at the decision: published versions never change, so the latest few are kept."""
        if not any(violation.rule_id for violation in record.answer.violations):
            return {}
        version = record.evidence.versions[Area.RULES.value]
        if version not in self._versions:
            loaded = await self._rules.load_version(version)
            self._versions[version] = {rule.rule_id: rule for rule in loaded}
            if len(self._versions) > _RULE_VERSIONS_KEPT:
                self._versions.popitem(last=False)
        return self._versions[version]

    def _told(self, topic: str, told: "_Told") -> Iterator[dict[str, Any]]:
        if topic == DECISION_TOPIC:
            yield _decision(told, program=self._program)
        elif topic == EXPOSURE_SNAPSHOT_TOPIC:
            yield _exposure(told)
        elif topic == VIOLATION_TOPIC:
            for violation in filter(_is_rule_hit, told.record.answer.violations):
                yield _rule_violation(violation, told.rules[violation.rule_id])
        elif topic == MARGIN_CALL_TOPIC:
            yield _margin_call(told)
        elif topic == LIQUIDATION_TOPIC:
            yield _liquidation(told)
        else:
            raise ValueError(f"not a topic that a decision announces: {topic}")


def _event_id(name: str) -> str:
    """The UUID (version 5, RFC 9562) of a name in our namespace, as text: what ``uuid.uuid5`` gives, sooner."""
    text = sha1(_EVENT_IDS.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


class _Told:
    """A decision with what all its events tell: rules as they were, and metrics as text, each written once."""

    def __init__(self, record: DecisionRecord, rules: RulesById) -> None:
        self.record = record
        self.rules = rules
        self._metrics: dict[str, str | None] = {}

    def metric(self, name: str) -> str | None:
        """A metric as it is shown."""
        if name not in self._metrics:
            value: Decimal | None = getattr(self.record.metrics, name)
            self._metrics[name] = None if value is None else shown(name, value)
        return self._metrics[name]

    def mark(self) -> str | None:
        """The mark price of the order's symbol."""
        mark = self.record.evidence.marks.get(self.record.order.symbol)
        return None if mark is None else _plain(mark.price)


def _envelope(record: DecisionRecord, event_id: str) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "event_ts": record.answer.evaluated_at_us // 1_000,
        "trace_id": record.order.trace_id,
        "decision_id": record.answer.decision_id,
        "user_id": record.order.user_id,
        "account_id": record.order.account_id,
        "order_id": record.order.order_id,
        "symbol": record.order.symbol,
    }


def _decision(told: _Told, *, program: str) -> dict[str, Any]:
    record = told.record
    order, answer = record.order, record.answer
    versions = {_VERSION_NAMES.get(area, area): str(version) for area, version in record.evidence.versions.items()}
    return {
        "side": order.side.value,
        "order_type": order.order_type.value,
        "position_side": order.position_side.value,
        "quantity": plain(order.quantity),
        "price": _plain(order.price),
        "stop_price": _plain(order.stop_price),
        "leverage": _plain(order.leverage),
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
        "decision": answer.decision.value,
        "reject_reason": None if answer.reject_reason is None else answer.reject_reason.value,
        "message": answer.message,
        "metrics": {name: told.metric(name) for name in SHOWN_METRICS},
        "liquidation_risk": answer.liquidation_risk,
        "violations": [_violation(violation, told.rules) for violation in answer.violations],
        "rule_hits": list(answer.rule_hits),
        "versions": {**versions, "program": program},
        "evaluated_at": answer.evaluated_at_us,
        "reservation_expires_at": answer.reservation_expires_at_us,
    }


def _violation(violation: Violation, rules: RulesById) -> dict[str, Any]:
    rule = rules.get(violation.rule_id)
    return {
        "code": violation.code.value,
        "message": violation.message,
        "metric": violation.metric or None,
        "observed": violation.observed or None,
        "limit": (violation.limit if rule is None else _threshold(rule)) or None,
        "unit": violation.unit or None,
        "rule_id": violation.rule_id or None,
        "rule_version": violation.rule_version if violation.rule_id else None,
        "action": violation.action.value,
    }


def _exposure(told: _Told) -> dict[str, Any]:
    record = told.record
    profile = record.evidence.profile
    return {
        "side": record.order.side.value,
        "decision": record.answer.decision.value,
        "mark_price": told.mark(),
        "exposure_limit_usdt": None if profile is None else plain(profile.exposure_limit_usdt),
        **{name: told.metric(name) for name in _EXPOSURE_METRICS},
    }


_EXPOSURE_METRICS: Final = (
    "order_notional",
    "position_notional",
    "projected_position_notional",
    "worst_case_notional",
    "equity",
    "available_margin",
    "required_initial_margin",
    "projected_margin_ratio",
    "projected_exposure_usdt",
    "exposure_utilization_pct",
)


def _rule_violation(violation: Violation, rule: RiskRule) -> dict[str, Any]:
    compares = rule.metric is not None
    return {
        "rule_id": rule.rule_id,
        "rule_name": rule.name,
        "rule_version": violation.rule_version,
        "severity": rule.severity.value,
        "action": violation.action.value,
        "metric": rule.metric,
        "operator": None if rule.operator is None else rule.operator.value,
        "observed": (violation.observed or None) if compares else None,
        "threshold": _threshold(rule) if compares else None,
        "unit": (violation.unit or None) if compares else None,
        "message": violation.message,
    }


def _margin_call(told: _Told) -> dict[str, Any]:
    """The configured ratio is named where it was reached, else the rule that was hit."""
    record = told.record
    ratio, settings = told.metric(_RATIO), record.evidence.settings
    numbers = {
        "projected_margin_ratio": ratio,
        "equity": told.metric("equity"),
        "maintenance_margin_after": told.metric("maintenance_margin_after"),
    }
    if settings.margin_call_ratio is not None and _ratio_reached(record.metrics, record.evidence):
        threshold = plain(settings.margin_call_ratio)
        message = f"projected margin ratio {ratio} reaches the margin call ratio {threshold}"
        return {**numbers, "threshold": threshold, "rule_id": None, "rule_version": None, "message": message}
    hit = next(violation for violation in record.answer.violations if _is_ratio_rule(violation))
    return {
        **numbers,
        "threshold": _threshold(told.rules[hit.rule_id]) or "",
        "rule_id": hit.rule_id,
        "rule_version": hit.rule_version,
        "message": hit.message,
    }


def _liquidation(told: _Told) -> dict[str, Any]:
    record = told.record
    risk = next(found for found in record.answer.violations if found.code is RejectReason.LIQUIDATION_RISK)
    return {
        "action": risk.action.value,
        "projected_margin_ratio": told.metric(_RATIO),
        "threshold": risk.limit,
        "projected_liquidation_price": told.metric("projected_liquidation_price"),
        "mark_price": told.mark(),
        "equity": told.metric("equity"),
        "maintenance_margin_after": told.metric("maintenance_margin_after"),
        "message": risk.message,
    }


def _is_rule_hit(violation: Violation) -> bool:
    return bool(violation.rule_id) and violation.action is not Action.SHADOW


def _is_ratio_rule(violation: Violation) -> bool:
    return _is_rule_hit(violation) and violation.metric == _RATIO


def _ratio_reached(metrics: Metrics, evidence: Evidence) -> bool:
    ratio, threshold = metrics.projected_margin_ratio, evidence.settings.margin_call_ratio
    return ratio is not None and threshold is not None and ratio >= threshold


def _threshold(rule: RiskRule) -> str | None:
    """A decimal, a JSON list for the operators that take one, ``None`` for a condition."""
    if rule.metric is None:
        return None
    if rule.operator in LIST_OPERATORS:
        return json.dumps([plain(threshold) for threshold in rule.thresholds])
    return plain(rule.thresholds[0])


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
