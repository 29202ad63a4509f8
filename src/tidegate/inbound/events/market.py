"""md.instrument.created.v1, md.instrument.updated.v1 and md.mark.v1."""

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel
from tidegate.inbound.events.record import RecordRow

INSTRUMENT_CREATED = "md.instrument.created.v1"
INSTRUMENT_UPDATED = "md.instrument.updated.v1"
MARK = "md.mark.v1"


def read_instrument(record: RecordRow) -> Instrument:
    """An instrument with all its terms; the same fields in both topics."""
    kind = record.choice("kind", Kind)
    instrument = Instrument(
        symbol=record.text("symbol"),
        kind=kind,
        base=record.text("base"),
        quote=record.text("quote"),
        status=record.text("status"),
        tick_size=record.decimal("tick_size", above=ZERO),
        lot_size=record.decimal("lot_size", above=ZERO),
        taker_fee_pct=record.decimal("taker_fee_pct", at_least=ZERO),
        quantity_min=record.optional_decimal("quantity_min", at_least=ZERO),
        quantity_max=record.optional_decimal("quantity_max", above=ZERO),
        notional_min=record.optional_decimal("notional_min", at_least=ZERO),
        notional_max=record.optional_decimal("notional_max", above=ZERO),
        price_band_pct=record.optional_decimal("price_band_pct", at_least=ZERO),
        leverage_max=record.optional_decimal("leverage_max", at_least=ONE),
        leverage_default=record.optional_decimal("leverage_default", at_least=ONE),
        contract_size=record.decimal("contract_size", above=ZERO),
        kyc_min_level=record.choice("kyc_min_level", KycLevel) if record.has("kyc_min_level") else None,
    )
    if kind is not Kind.SPOT:
        for key in ("leverage_max", "leverage_default"):
            if not record.has(key):
                record.fault(key, "is required for a derivative")
    return instrument
