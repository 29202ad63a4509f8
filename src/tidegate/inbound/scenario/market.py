"""Instruments, margin tiers and marks of a scenario."""

from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel, Mark
from tidegate.core.pretrade.tiers import MarginTier, UnsoundLadder, build_ladder
from tidegate.inbound.scenario.row import Row


def read_instruments(file: Row) -> dict[str, Instrument]:
    """The instruments by symbol. Leverage bounds may be null on SPOT alone; two rows of one symbol are a fault."""
    instruments: dict[str, Instrument] = {}
    for row in file.rows("instruments"):
        instrument = _instrument(row)
        if instrument.symbol in instruments:
            row.fault("symbol", f"{instrument.symbol} stands twice")
        elif instrument.symbol:
            instruments[instrument.symbol] = instrument
    return instruments


def read_margin_tiers(file: Row) -> tuple[MarginTier, ...]:
    """The margin tiers; the active ones of each symbol (null: the default ladder) must make a sound ladder."""
    tiers: list[MarginTier] = []
    for row in file.rows("margin_tiers"):
        row.value("id")
        tier = MarginTier(
            symbol=row.optional_text("symbol"),
            tier=row.count("tier", at_least=1),
            max_notional=row.decimal("max_notional"),
            maintenance_margin_pct=row.decimal("maintenance_margin_pct"),
            max_leverage=row.optional_decimal("max_leverage"),
            active=row.flag("active", default=True),
        )
        row.close()
        if row.sound:
            tiers.append(tier)
    by_symbol: dict[str | None, list[MarginTier]] = {}
    for tier in tiers:
        if tier.active:
            by_symbol.setdefault(tier.symbol, []).append(tier)
    for symbol, ladder in by_symbol.items():
        try:
            build_ladder(ladder)
        except UnsoundLadder as unsound:
            for reason in unsound.faults:
                file.fault("margin_tiers", f"ladder of {symbol or 'every other symbol'}: {reason}")
    return tuple(tiers)


def read_marks(file: Row) -> dict[str, Mark]:
    """The marks by symbol, which need be no instrument; a null row is passed over, a price that is null or not above
    0 is unreadable.
    """
    marks: dict[str, Mark] = {}
    for place, element in enumerate(file.elements("marks")):
        if element is None:
            continue
        row = Row(element, f"{file.at('marks')}/{place}", faults=file.faults)
        symbol = row.text("symbol")
        price = row.optional_decimal("price")
        mark = Mark(price if price is not None and price > ZERO else None, row.instant_us("at"))
        row.close()
        if symbol in marks:
            row.fault("symbol", f"{symbol} stands twice")
        elif symbol:
            marks[symbol] = mark
    return marks


def _instrument(row: Row) -> Instrument:
    kind = row.choice("kind", Kind)
    leverage_max = row.optional_decimal("leverage_max", at_least=ONE)
    leverage_default = row.optional_decimal("leverage_default", at_least=ONE)
    kind_is_known = row.sound
    instrument = Instrument(
        symbol=row.text("symbol"),
        kind=kind,
        base=row.text("base"),
        quote=row.text("quote"),
        status=row.text("status"),
        tick_size=row.decimal("tick_size", above=ZERO),
        lot_size=row.decimal("lot_size", above=ZERO),
        taker_fee_pct=row.decimal("taker_fee_pct", at_least=ZERO),
        quantity_min=row.optional_decimal("quantity_min", at_least=ZERO),
        quantity_max=row.optional_decimal("quantity_max", above=ZERO),
        notional_min=row.optional_decimal("notional_min", at_least=ZERO),
        notional_max=row.optional_decimal("notional_max", above=ZERO),
        price_band_pct=row.optional_decimal("price_band_pct", at_least=ZERO),
        leverage_max=leverage_max,
        leverage_default=leverage_default,
        contract_size=_contract_size(row),
        kyc_min_level=row.choice("kyc_min_level", KycLevel) if row.has("kyc_min_level") else None,
    )
    row.close()
    if kind_is_known and kind is not Kind.SPOT:
        for key in ("leverage_max", "leverage_default"):
            if not row.has(key):
                row.fault(key, "is required for a derivative")
    return instrument


def _contract_size(row: Row) -> Decimal:
    return row.decimal("contract_size", above=ZERO) if row.has("contract_size") else ONE
