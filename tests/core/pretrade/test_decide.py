"""The decision as a whole: every check that can run does, REJECT beats WARN, the headline is first by precedence."""

from dataclasses import replace

from tests.core.pretrade.builders import BUY, D, a_mark, a_profile, a_scenario, an_instrument, an_order, balances

from tidegate.core.pretrade.account import TradingState
from tidegate.core.pretrade.decide import MANY_CHECKS, SINGLE_CHECKS, decide
from tidegate.core.pretrade.loading import load_snapshot
from tidegate.core.pretrade.order import OrderType
from tidegate.core.pretrade.reasons import PRECEDENCE, Action, Decision, RejectReason
from tidegate.core.pretrade.scenario import Scenario, TradingStates
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.verdict import Verdict


def verdict_on(scenario: Scenario) -> Verdict:
    """Decide the order of a scenario."""
    assert scenario.order is not None
    return decide(scenario.order, load_snapshot(scenario, scenario.order))


def test_decide_on_an_order_with_many_faults_names_all_of_them_in_precedence_order() -> None:
    """PT-301, PT-303: no check waits for another: one bad order is told everything that is wrong with it at once."""
    band = an_instrument(status="BREAK", price_band_pct=D(1), notional_min=D(5), quantity_min=D("0.01"))
    verdict = verdict_on(
        a_scenario(
            instruments={"BTCUSDT": band},
            trading_states=TradingStates(everywhere=TradingState.HALTED),
            profile=a_profile(frozen=True, exposure_limit_usdt=D(0)),
            balances=balances(USDT="0"),
            order=an_order(BUY, "0.0095", "60000.05", leverage=D(60), post_only=True, reduce_only=True),
        )
    )
    reasons = [violation.code for violation in verdict.violations]
    assert reasons == sorted(reasons, key=PRECEDENCE.__getitem__)
    assert set(reasons) == {
        RejectReason.TRADING_HALTED,
        RejectReason.USER_FROZEN,
        RejectReason.INSTRUMENT_NOT_TRADABLE,
        RejectReason.INVALID_PRICE,
        RejectReason.INVALID_QUANTITY,
        RejectReason.PRICE_OUT_OF_BAND,
        RejectReason.REDUCE_ONLY_VIOLATION,
        RejectReason.MAX_LEVERAGE_EXCEEDED,
        RejectReason.INSUFFICIENT_MARGIN,
        RejectReason.LIQUIDATION_RISK,
    }
    assert (verdict.decision, verdict.reject_reason) == (Decision.REJECTED, RejectReason.TRADING_HALTED)


def test_decide_when_a_check_lacks_its_datum_still_runs_the_others() -> None:
    """PT-301, PT-305: without a mark the sums are left out, and what does not need it is still judged."""
    verdict = verdict_on(a_scenario(marks={}, order=an_order(BUY, "0.0005", "50000.05")))
    assert {violation.code for violation in verdict.violations} == {
        RejectReason.STALE_DATA,
        RejectReason.INVALID_PRICE,
        RejectReason.INVALID_QUANTITY,
    }
    assert verdict.metrics.required_initial_margin is None
    assert verdict.reject_reason is RejectReason.STALE_DATA


def test_decide_with_nothing_but_warnings_flags_and_names_no_reject_reason() -> None:
    """PT-303, PT-391: a WARN lets the order proceed; reject_reason is set on REJECTED alone."""
    scenario = a_scenario(
        settings=GateSettings(liquidation_warn_ratio=D("0.001")), order=an_order(BUY, "0.5", leverage=D(10))
    )
    verdict = verdict_on(scenario)
    assert [violation.action for violation in verdict.violations] == [Action.WARN]
    assert (verdict.decision, verdict.reject_reason, verdict.liquidation_risk) == (Decision.FLAGGED, None, True)


def test_decide_is_a_pure_function_of_order_and_snapshot() -> None:
    """PT-301, PT-908: the same snapshot gives the same verdict, however often it is asked, and moves nothing."""
    scenario = a_scenario(order=an_order(order_type=OrderType.MARKET, price=None))
    assert scenario.order is not None
    snapshot = load_snapshot(scenario, scenario.order)
    first = decide(scenario.order, snapshot)
    assert [decide(scenario.order, snapshot) for _ in range(3)] == [first] * 3
    assert snapshot.user.version == 0


def test_decide_at_a_moved_mark_values_the_account_anew() -> None:
    """PT-440: what was cached at one mark is not used at the next."""
    scenario = a_scenario()
    assert scenario.order is not None
    snapshot = load_snapshot(scenario, scenario.order)
    decide(scenario.order, snapshot)
    snapshot.market.marks["BTCUSDT"] = a_mark("51000")
    moved = replace(scenario, marks={**scenario.marks, "BTCUSDT": a_mark("51000")})
    assert decide(scenario.order, snapshot) == verdict_on(moved)


def test_every_check_is_in_the_policy_once() -> None:
    """PT-301: the tuples of decide.py are the policy; none of its checks is there twice."""
    names = [check.__name__ for check in (*SINGLE_CHECKS, *MANY_CHECKS)]
    assert len(names) == len(set(names))
