"""Which published records follow our formulas, and what their tests share (docs/vectors.md)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from tests.core.pretrade.builders import D, tiers

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.tiers import MarginTier
from tidegate.core.pretrade.verdict import Verdict

Engine = Callable[[Scenario], Verdict]
Record = dict[str, Any]

BINANCE: Final = ("binance-eth-isolated", "binance-btc-isolated", "binance-eth-cross", "binance-btc-cross")
FREQTRADE: Final = (
    *(f"ft-binance-short-{number}" for number in range(4)),
    *(f"ft-binance-long-{number}" for number in range(4, 8)),
    "ft-gate-short-10",
    "ft-gate-short-11",
    "ft-okx-short-12",
)
TIER_LOOKUPS: Final = ("ft-tier-ada-500", "ft-tier-ada-20000000", "ft-tier-zec-500", "ft-tier-zec-20000000")
MAINTENANCE_AMOUNT: Final = "binance-cum-l3"
OPEN_LOSSES: Final = ("binance-cost-limit-short", "cointiger-cost-long", "cointiger-cost-short")
SINGLE: Final = (
    "bybit-order-cost-inverse-long",
    "bybit-bankruptcy-inverse-cross-2020",
    "okx-im",
    "lean-shared-collateral",
)
LEAN_MARGINS: Final = (
    *(f"lean-cf-{symbol}-{quantity}" for symbol in ("BTCUSD", "BTCUSDT") for quantity in ("10", "-10")),
    *(f"lean-bybit-BTCUSDT-{quantity}-{leverage}" for quantity in ("0.5", "-0.5") for leverage in ("10", "25")),
    *(f"lean-bybit-BTCUSD-{quantity}-{leverage}" for quantity in ("15000", "-15000") for leverage in ("10", "25")),
)
DRIFT: Final = (
    "drift-bid-None",
    "drift-bid-90",
    "drift-ask-None",
    "drift-ask-90",
    "drift-dep2-ask1-None",
    "drift-dep2-ask1-110",
    "drift-dep1-ask2-None",
)
EXCHANGE_CORE_FUTURES: Final = tuple(f"ec-fut-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10))
EXCHANGE_CORE_SPOT: Final = tuple(f"ec-spot-{number}" for number in range(1, 9))
LEAN_CASH: Final = (
    *(f"lean-{kind}-{number}" for kind in ("buy", "eur") for number in (1, 2, 3)),
    *(f"lean-{kind}-{number}" for kind in ("sell", "open", "fee") for number in (1, 2)),
    *(f"lean-opens-{number}" for number in range(1, 7)),
)

USED: Final = {
    *BINANCE,
    *FREQTRADE,
    *TIER_LOOKUPS,
    MAINTENANCE_AMOUNT,
    *OPEN_LOSSES,
    *SINGLE,
    *LEAN_MARGINS,
    *DRIFT,
    *EXCHANGE_CORE_FUTURES,
    *EXCHANGE_CORE_SPOT,
    *LEAN_CASH,
}

NOT_OURS: Final = {
    "binance-cost-short-2025rule",
    "bybit-liq-usdt-long-1",
    "btse-im",
    "whitebit-progressive-1.2bn",
    "okx-tier-announce-chz",
    "near-real-position",
    *(f"ft-bybit-{rest}" for rest in ("long-16", "long-19", "short-20", "short-21", "short-22")),
    *(f"drift-{rest}" for rest in ("bid-110", "ask-110", "dep2-ask1-90", "dep1-ask2-110", "dep1-ask2-90")),
    *(f"drift-{rest}" for rest in ("5x-bid", "5x-ask", "sol-dep-ask")),
    "ec-fut-9",
    *(f"ec-spot-{rest}" for rest in ("9", "10", "11", "12-fill-release")),
}

# The ladders of that time (cap, percent, leverage), whose amounts the records state for the first and the last tier.
FORMER_LADDERS: Final = {
    "ADA/USDT:USDT": (
        ("100000", "2.5", "20"),
        ("500000", "5", "10"),
        ("1000000", "10", "5"),
        ("2000000", "15", "3"),
        ("5000000", "25", "2"),
        ("30000000", "50", "1"),
    ),
    "ZEC/USDT:USDT": (
        ("50000", "1", "50"),
        ("150000", "2.5", "20"),
        ("250000", "5", "10"),
        ("500000", "10", "5"),
        ("1000000", "12.5", "4"),
        ("2000000", "25", "2"),
        ("30000000", "50", "1"),
    ),
}


def ladder_for(mmr: Decimal, cum: Decimal) -> tuple[MarginTier, ...]:
    """A ladder whose last tier has this rate and amount: below it a tier of 0 % up to cum / mmr."""
    percent = str(mmr * 100)
    if cum == ZERO:
        return tiers(("1000000000000", percent, "1"))
    return tiers((str(cum / mmr), "0", "1"), ("1000000000000", percent, "1"))


def near(value: Decimal | None, expected: str, *, step: str) -> bool:
    return value is not None and abs(value - D(expected)) <= D(step) / 2
