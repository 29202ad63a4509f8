from dataclasses import fields
from decimal import Decimal

import pytest
from tests.core.pretrade.builders import D, a_scenario, an_order

from tidegate.core.pretrade.margin_report import AssetMargin, MarginReport, SymbolMargin
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.rendering import SHOWN_METRICS, render_margin_report, render_verdict, shown

THIRD = Decimal("0.33333333333333333333")


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("order_notional", THIRD, "0.33333334"),
        ("worst_case_notional", THIRD, "0.33333334"),
        ("initial_margin_after", -THIRD, "-0.33333333"),
        ("fee", Decimal("0.00000000000000000001"), "0.00000001"),
        ("open_loss", Decimal("1E+3"), "1000"),
        ("projected_exposure_usdt", Decimal("5.10"), "5.1"),
        ("equity", THIRD, "0.33333333"),
        ("equity", -THIRD, "-0.33333334"),
        ("available_margin", THIRD, "0.33333333"),
        ("unrealised_pnl", -THIRD, "-0.33333334"),
        ("projected_margin_ratio", THIRD, "0.33333333"),
        ("projected_liquidation_price", Decimal("0.000000005"), "0"),
        ("projected_liquidation_price", Decimal("0.000000015"), "0.00000002"),
        ("margin_ratio", Decimal(999999999), "999999999"),
        ("open_orders_count", Decimal(7), "7"),
        ("order_quantity", Decimal("0.123456789012"), "0.123456789012"),
        ("initial_margin_before", Decimal("-0.000000001"), "0"),
    ],
)
def test_number_is_shown_with_eight_places(metric: str, value: Decimal, text: str) -> None:
    """PT-403: owed up, owned down, prices and ratios half-even; no exponent, no negative zero."""
    assert shown(metric, value) == text


def test_verdict_is_rendered_in_the_order_of_the_specification() -> None:
    """PT-910: keys as printed; numbers as texts, null when not computed."""
    output = render_verdict(decide_plainly(a_scenario(order=an_order(leverage=D(100)), balances=None)))
    assert list(output) == [
        "decision",
        "reject_reason",
        "message",
        "violations",
        "rule_hits",
        "metrics",
        "liquidation_risk",
    ]
    assert tuple(output["metrics"]) == SHOWN_METRICS
    assert (output["decision"], output["reject_reason"], output["liquidation_risk"]) == (
        "REJECTED",
        "STALE_DATA",
        False,
    )
    assert (output["metrics"]["order_notional"], output["metrics"]["equity"]) == ("5000", None)
    assert list(output["violations"][0]) == [
        "code",
        "message",
        "metric",
        "observed",
        "limit",
        "unit",
        "rule_id",
        "rule_version",
        "action",
    ]


def test_verdict_without_rejection_has_no_reject_reason() -> None:
    """PT-303: reject_reason is null unless REJECTED."""
    output = render_verdict(decide_plainly(a_scenario()))
    assert (output["decision"], output["reject_reason"], output["message"]) == ("APPROVED", None, "approved")


def test_every_shown_metric_is_a_metric() -> None:
    """PT-910: the fifteen metrics of the output are computed ones."""
    assert len(SHOWN_METRICS) == 15
    assert set(SHOWN_METRICS) <= {field.name for field in fields(Metrics)}


def test_margin_report_is_rendered_with_nulls() -> None:
    """PT-911: null where a datum lacks."""
    report = MarginReport({"USDT": AssetMargin(equity=THIRD)}, {"BTCUSDT": SymbolMargin(initial_margin=THIRD)})
    assert render_margin_report(report) == {
        "assets": {"USDT": {"equity": "0.33333333", "available_margin": None, "margin_ratio": None}},
        "symbols": {
            "BTCUSDT": {
                "worst_case_notional": None,
                "initial_margin": "0.33333334",
                "maintenance_margin": None,
                "unrealised_pnl": None,
                "liquidation_price": None,
            }
        },
    }
