"""Writes a decision as JSON, and each part that decisions share once.

Instruments, settings, profiles, marks and the totals of symbols are immutable and stand in one decision after the
other: their texts are kept by identity and put in as they are. The bytes are those that ``msgspec`` makes of the whole
record, but for an empty ``traceparent``; a property test holds the two together.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from tidegate.core.pretrade.evidence import AccountEvidence, Evidence
from tidegate.ports.decision_journal import DecisionRecord

_KEPT_MAX: Final = 20_000


class _Account(msgspec.Struct):
    account_id: str
    balances: list[msgspec.Raw] | None
    symbols: list[msgspec.Raw]
    live_count: int


class _Evidence(msgspec.Struct):
    now_us: int
    user_version: int
    accounts: list[_Account]
    reported_exposure: Any
    profile: msgspec.Raw
    trading_state: Any
    flow: Any
    account_lag_ms: int | None
    account_gap: str
    position_known: bool
    order_id_live: bool
    instruments: list[msgspec.Raw]
    marks: dict[str, msgspec.Raw]
    settings: msgspec.Raw
    versions: msgspec.Raw


class _Record(msgspec.Struct, omit_defaults=True):
    # Only what has a default here can be left out: a decision in no trace reads as it did before there were traces.
    order: Any
    fingerprint: bytes
    answer: Any
    metrics: Any
    evidence: _Evidence
    reservation: Any
    remembered: bool
    announces: tuple[str, ...]
    contradicts: bool
    traceparent: str = ""


class DecisionWriter:
    """Encodes records; keeps the texts of some parts, each with its object so that ids stay unique."""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._parts: dict[int, tuple[object, msgspec.Raw]] = {}

    def encode(self, record: DecisionRecord) -> bytes:
        """Give the JSON text of a record."""
        return self._encode(
            _Record(
                record.order,
                record.fingerprint,
                record.answer,
                record.metrics,
                self._evidence(record.evidence),
                record.reservation,
                record.remembered,
                record.announces,
                record.contradicts,
                record.traceparent,
            )
        )

    def _evidence(self, evidence: Evidence) -> _Evidence:
        part = self._part
        return _Evidence(
            evidence.now_us,
            evidence.user_version,
            [self._account(account) for account in evidence.accounts],
            evidence.reported_exposure,
            part(evidence.profile),
            evidence.trading_state,
            evidence.flow,
            evidence.account_lag_ms,
            evidence.account_gap,
            evidence.position_known,
            evidence.order_id_live,
            self._all(evidence.instruments),
            self._marks(evidence.marks),
            part(evidence.settings),
            part(evidence.versions),
        )

    def _account(self, account: AccountEvidence) -> _Account:
        balances = None if account.balances is None else self._all(account.balances)
        return _Account(account.account_id, balances, self._all(account.symbols), account.live_count)

    def _marks(self, marks: Mapping[str, object]) -> dict[str, msgspec.Raw]:
        return {symbol: self._part(mark) for symbol, mark in marks.items()}

    def _all(self, values: Iterable[object]) -> list[msgspec.Raw]:
        return [self._part(value) for value in values]

    def _part(self, value: object) -> msgspec.Raw:
        kept = self._parts.get(id(value))
        if kept is not None:
            return kept[1]
        text = msgspec.Raw(self._encode(value))
        if len(self._parts) >= _KEPT_MAX:
            self._parts.clear()
        self._parts[id(value)] = (value, text)
        return text
