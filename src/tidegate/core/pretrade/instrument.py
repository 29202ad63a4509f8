"""Instruments, their marks and margin ladders."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from tidegate.core.kernel.decimals import ONE
from tidegate.core.kernel.quick import quickly_made


class Kind(StrEnum):
    """SPOT; LINEAR settles in the quote asset; INVERSE settles in the base asset."""

    SPOT = "SPOT"
    LINEAR = "LINEAR"
    INVERSE = "INVERSE"


class KycLevel(StrEnum):
    """Levels of customer verification, lowest first."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"


KYC_RANK: Final = {level: rank for rank, level in enumerate(KycLevel)}

STATUS_TRADING: Final = "TRADING"
STATUS_REDUCING_ONLY: Final = "REDUCING_ONLY"


@dataclass(frozen=True, slots=True)
class Instrument:
    """What can be traded and under which filters.

    Prices and ticks are in the quote asset, notionals in the settle asset, ``*_pct`` in percent. ``None`` in
    ``quantity_min``, ``quantity_max``, ``notional_min``, ``notional_max`` or ``price_band_pct`` says that the venue
    sets no such limit; ``kyc_min_level`` ``None`` says that it demands no more than the house does. ``leverage_max``
    and ``leverage_default`` may be ``None`` on SPOT alone, where leverage is 1. A ``status`` other than TRADING and
    REDUCING_ONLY lets nothing through.
    """

    symbol: str
    kind: Kind
    base: str
    quote: str
    status: str
    tick_size: Decimal
    lot_size: Decimal
    taker_fee_pct: Decimal
    quantity_min: Decimal | None = None
    quantity_max: Decimal | None = None
    notional_min: Decimal | None = None
    notional_max: Decimal | None = None
    price_band_pct: Decimal | None = None
    leverage_max: Decimal | None = None
    leverage_default: Decimal | None = None
    contract_size: Decimal = ONE
    kyc_min_level: KycLevel | None = None
    settle: str = field(init=False)
    """The asset in which profit, margin and notional are counted."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "settle", self.base if self.kind is Kind.INVERSE else self.quote)


@quickly_made
@dataclass(frozen=True, slots=True)
class Mark:
    """A mark price in the quote asset and its time (microseconds since 1970).

    ``price`` is ``None`` when it could not be read; 0 or less counts as unreadable too.
    """

    price: Decimal | None
    at_us: int
