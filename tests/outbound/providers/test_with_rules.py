"""Rules of the desk read what the adapters answer, over real sockets."""

from dataclasses import replace

import pytest
from tests.outbound.providers.builders import A_PERSON, a_call, crif_at, sst_at, zefix_at

from tidegate.core.assessment.decide import assess
from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.moments import instant_at
from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.rule_set import build_rule_set
from tidegate.core.assessment.verdict import Verdict
from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.faults import Fault
from tidegate.demo.stub_providers.server import StubProviders

ACTIVE, LEAVING = BOOK[0].uid, BOOK[2].uid
RANGES = [RiskThreshold(0, 499, Decision.APPROVED, {}), RiskThreshold(500, 1_000, Decision.REJECTED, {})]
LOGICS: dict[str, dict[str, object]] = {
    "BORROWER_LEAVES": {
        "type": "company_register",
        "uid_field": "context_data.borrower",
        "statuses": ["BEING_CANCELLED", "CANCELLED"],
    },
    "GUARANTOR_LEAVES": {
        "type": "company_register",
        "uid_field": "context_data.guarantor",
        "statuses": ["BEING_CANCELLED", "CANCELLED"],
    },
    "SMALL_CAPITAL": {
        "when": {"field": "providers.zefix.capital_nominal", "op": "lt", "value": 5_000_000},
        "providers": ["zefix"],
    },
    "CRIF_ANSWERED": {"when": {"field": "providers.crif.score", "op": "gte", "value": 0}, "providers": ["crif"]},
    "SST_BAND": {"when": {"field": "providers.sst.band", "op": "exists"}, "providers": ["sst"]},
}


async def verdict(stub: StubProviders, context: dict[str, object]) -> Verdict:
    rules = [RiskRule(code, Category.CREDIT, 100, logic, {}) for code, logic in LOGICS.items()]
    rule_set = build_rule_set(rules, RANGES)
    call = a_call({**A_PERSON, **context}, budget_ms=300)
    needed = rule_set.providers_for(call.request.attributes())
    outside = {}
    for provider in (zefix_at(stub.url), crif_at(stub.url), sst_at(stub.url)):
        result = await provider.fetch(replace(call, parameters=needed.pop(provider.name)))
        outside[provider.name] = result.answer
        await provider.close()
    assert not needed
    return assess(call.request, rule_set=rule_set, outside=outside, history={}, now=instant_at(0))


def results(of: Verdict) -> dict[str, str]:
    return {outcome.rule_code: outcome.result.name for outcome in of.rules}


@pytest.mark.parametrize(
    ("borrower", "guarantor", "expected"),
    [
        (ACTIVE, LEAVING, ("FALSE", "TRUE", "TRUE")),
        (LEAVING, ACTIVE, ("TRUE", "FALSE", "TRUE")),
        (ACTIVE, None, ("FALSE", "UNKNOWN", "TRUE")),
        (ACTIVE, "CHE-107.787.578", ("FALSE", "UNKNOWN", "TRUE")),
    ],
)
async def test_rules_on_two_companies_each_read_their_own(
    stub: StubProviders, borrower: str, guarantor: str | None, expected: tuple[str, ...]
) -> None:
    """AS-520, AS-503: each by its own field, a free rule by the first; a company that is not there is UNKNOWN."""
    told = results(await verdict(stub, {"borrower": borrower, "guarantor": guarantor}))
    assert tuple(told.values()) == (*expected, "TRUE", "TRUE")


async def test_rules_of_a_provider_that_fails_are_unknown_and_say_so(stub: StubProviders) -> None:
    """AS-514: the others are decided; the warning names provider and status."""
    stub.zefix.every, stub.crif.every = Fault.HANG, Fault.NAN
    judged = await verdict(stub, {"borrower": ACTIVE, "guarantor": LEAVING})
    assert list(results(judged).values()) == ["UNKNOWN"] * 4 + ["TRUE"]
    assert {"zefix: TIMEOUT", "crif: FAILURE"} <= set(judged.warnings)
    assert judged.decision is Decision.MANUAL_REVIEW
