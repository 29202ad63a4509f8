from typing import Any

import pytest
from tests.core.pretrade.builders import (
    BUY,
    LONG,
    SELL,
    SHORT,
    D,
    a_position,
    a_profile,
    a_scenario,
    an_open_order,
    an_order,
    balances,
    tiers,
)
from tests.core.pretrade.reference.phase_scenarios import (
    CLOSE_LONG,
    HALTED,
    HELD,
    REDUCER,
    SPOT_BUY,
    codes,
    listed,
)

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import TradingStates

REDUCE_ONLY: list[tuple[dict[str, Any], tuple[str, str] | None]] = [
    (HELD | {"order": an_order(SELL, "0.2", reduce_only=True)}, None),
    (HELD | {"order": an_order(SELL, "0.201", reduce_only=True)}, ("0.201", "0.2")),
    (HELD | {"order": an_order(BUY, "0.1", reduce_only=True)}, ("0.1", "0")),
    ({"order": an_order(SELL, "0.1", reduce_only=True)}, ("0.1", "0")),
    (
        HELD
        | {
            "open_orders": (an_open_order(SELL, "0.15", "60000", reduce_only=True, filled_quantity=D("0.05")),),
            "order": an_order(SELL, "0.101", reduce_only=True),
        },
        ("0.201", "0.2"),
    ),
    (
        HELD
        | {"open_orders": (an_open_order(SELL, "0.2", "60000"),), "order": an_order(SELL, "0.2", reduce_only=True)},
        None,
    ),
    (CLOSE_LONG | {"order": an_order(SELL, "0.2", position_side=LONG)}, None),
    (CLOSE_LONG | {"order": an_order(SELL, "0.201", position_side=LONG)}, ("0.201", "0.2")),
    (CLOSE_LONG | {"order": an_order(BUY, "0.1", position_side=SHORT)}, ("0.1", "0")),
    (CLOSE_LONG | {"order": an_order(BUY, "0.1", position_side=LONG, reduce_only=True)}, ("0.1", "0")),
]


@pytest.mark.parametrize(("said", "numbers"), REDUCE_ONLY)
def test_reduce_only_phase(said: dict[str, Any], numbers: tuple[str, str] | None) -> None:
    """PT-350, PT-352: the claim is verified with the other reducers of its side; exactly the position passes."""
    found = [row for row in decide_plainly(a_scenario(**said)).violations if row.code == "REDUCE_ONLY_VIOLATION"]
    assert [(row.observed, row.limit) for row in found] == ([] if numbers is None else [numbers])


LEVERAGE: list[tuple[dict[str, Any], str | None]] = [
    ({"order": an_order(leverage=D(50))}, None),
    ({"order": an_order(leverage=D("50.01"))}, "50"),
    ({"order": an_order(leverage=D(21)), "profile": a_profile(kyc_level=KycLevel.L1)}, "20"),
    ({"order": an_order(leverage=D(6))} | listed(leverage_max=D(5)), "5"),
    ({"order": an_order(leverage=D(50)), "margin_tiers": tiers(("5000", "1", "50"), ("9000", "2", "3"))}, None),
    (
        {
            "order": an_order(BUY, "0.101", leverage=D(50)),
            "margin_tiers": tiers(("5000", "1", "50"), ("9000", "2", "3")),
        },
        "3",
    ),
    ({"order": an_order(leverage=D(99)), "profile": None}, None),
    ({"order": an_order(leverage=None)} | listed(leverage_default=D(60)), "50"),
    ({"order": an_order(symbol="BTC-USDT", leverage=D(1))}, None),
    ({"order": an_order(symbol="BTC-USDT", leverage=D(2))}, "1"),
    (HELD | {"order": an_order(SELL, "0.2", leverage=D(100))}, None),
]


@pytest.mark.parametrize(("said", "limit"), LEVERAGE)
def test_leverage_phase(said: dict[str, Any], limit: str | None) -> None:
    """PT-360, PT-361, PT-363: at most the smallest of profile, KYC level, instrument and the tier of W after."""
    found = [row for row in decide_plainly(a_scenario(**said)).violations if row.code == "MAX_LEVERAGE_EXCEEDED"]
    assert [row.limit for row in found] == ([] if limit is None else [limit])


LIMITED = a_profile(exposure_limit_usdt=D(5000))
MONEY: list[tuple[dict[str, Any], list[str]]] = [
    ({"profile": LIMITED}, []),
    ({"profile": LIMITED, "order": an_order(quantity="0.101")}, ["EXPOSURE_LIMIT_EXCEEDED"]),
    # a short of 0.5 over its limit may be bought back by an order that does not raise |P|
    ({"profile": LIMITED, "positions": (a_position("-0.5"),), "order": an_order(BUY, "0.6")}, []),
    ({"margin_tiers": tiers(("5000", "1", "50"))}, []),
    ({"margin_tiers": tiers(("4999.99", "1", "50"))}, ["EXPOSURE_LIMIT_EXCEEDED"]),
    (
        {"profile": LIMITED, "margin_tiers": tiers(("5000", "1", "50")), "order": an_order(quantity="0.2")},
        ["EXPOSURE_LIMIT_EXCEEDED"] * 2,
    ),
    # 5,000/10 + fee 2.5
    ({"balances": balances(USDT="502.5")}, []),
    ({"balances": balances(USDT="502.49999999")}, ["INSUFFICIENT_MARGIN"]),
    (SPOT_BUY | {"balances": balances(USDT="5002.5")}, []),
    (SPOT_BUY | {"balances": balances(USDT="5002.49999999")}, ["INSUFFICIENT_MARGIN"]),
    ({"order": an_order(SELL, symbol="BTC-USDT", leverage=None), "balances": balances(BTC="0.1")}, []),
    (
        {"order": an_order(SELL, symbol="BTC-USDT", leverage=None), "balances": balances(BTC="0.0999")},
        ["INSUFFICIENT_MARGIN"],
    ),
    (REDUCER | {"balances": balances(USDT="-9"), "profile": a_profile(exposure_limit_usdt=D(0))}, []),
    # at leverage 10 the fee is 2.5; MM of 100 % is not sound, so 40 % of 5,000 against what is left
    ({"balances": balances(USDT="2502.5"), "margin_tiers": tiers(("10000", "40", "10"))}, ["LIQUIDATION_RISK"]),
    ({"balances": balances(USDT="2502.50000001"), "margin_tiers": tiers(("10000", "40", "10"))}, []),
    ({"balances": balances(USDT="2002.5"), "margin_tiers": tiers(("10000", "40", "10"))}, ["LIQUIDATION_RISK"]),
]


@pytest.mark.parametrize(("said", "expected"), MONEY)
def test_exposure_margin_and_liquidation_phases(said: dict[str, Any], expected: list[str]) -> None:
    """PT-370, PT-371, PT-380, PT-381, PT-390, PT-391, PT-302: limits are inclusive, ratios hit at the bound."""
    assert codes(a_scenario(**said)) == expected


@pytest.mark.parametrize(
    ("total", "decision", "risk"),
    [
        ("2002.5", Decision.REJECTED, True),  # 2,000 / 2,000
        ("2002.50000001", Decision.FLAGGED, True),
        ("2502.5", Decision.FLAGGED, True),  # 2,000 / 2,500 = 0.8
        ("2502.50000001", Decision.APPROVED, False),
    ],
)
def test_liquidation_risk_at_its_bounds(total: str, decision: Decision, risk: bool) -> None:
    """PT-390, PT-391, PT-131: at 1 refused, from 0.8 flagged with liquidation_risk, below approved."""
    verdict = decide_plainly(a_scenario(balances=balances(USDT=total), margin_tiers=tiers(("10000", "40", "10"))))
    assert (verdict.decision, verdict.liquidation_risk) == (decision, risk)


def test_violations_are_listed_by_precedence() -> None:
    """PT-129, PT-303: every violation, REJECTs by precedence; the first is the headline."""
    verdict = decide_plainly(
        a_scenario(
            order=an_order(quantity="0.1005", price="50000.03", post_only=True),
            profile=a_profile(frozen=True, exposure_limit_usdt=D(1)),
            balances=balances(USDT="1"),
            trading_states=TradingStates(everywhere=HALTED),
        )
    )
    assert [found.code.value for found in verdict.violations] == [
        "TRADING_HALTED",
        "USER_FROZEN",
        "INVALID_PRICE",
        "INVALID_QUANTITY",
        "EXPOSURE_LIMIT_EXCEEDED",
        "INSUFFICIENT_MARGIN",
        "LIQUIDATION_RISK",
    ]
    assert (verdict.reject_reason, verdict.message) == (verdict.violations[0].code, verdict.violations[0].message)
