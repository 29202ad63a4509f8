"""``Metadata`` over ``metadata.v1``."""

from typing import Final
from uuid import UUID, uuid5

import grpc

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel
from tidegate.outbound.upstream.line import UpstreamLine
from tidegate.outbound.upstream.reading import AnswerReader
from tidegate.ports.upstream import InstrumentTold, Page
from tidegate.wire.proto.metadata.v1 import main_pb2 as pb
from tidegate.wire.proto.metadata.v1.main_pb2_grpc import MetadataServiceStub
from tidegate.wire.topics import INSTRUMENT_TOPICS

PAGE_SIZE: Final = 500
"""Instruments of a page."""

_INSTRUMENT_IDS: Final = UUID("b0a6f0ce-3a61-4a50-8f0e-2d1c9a5e7b34")


class GrpcMetadata:
    """Implements ``Metadata``."""

    def __init__(self, channel: grpc.aio.Channel, line: UpstreamLine) -> None:
        self._stub = MetadataServiceStub(channel)
        self._line = line

    async def instruments_page(self, token: str) -> Page[InstrumentTold]:
        return await self._line.ask(
            self._stub.ListInstruments,
            pb.ListInstrumentsRequest(page_size=PAGE_SIZE, page_token=token),
            deadline_ms=self._line.policy.page_deadline_ms,
            read=_page,
        )


def _page(answer: pb.ListInstrumentsResponse) -> Page[InstrumentTold]:
    reader = AnswerReader()
    rows = tuple(_told(reader.at(f"instruments[{place}]"), row) for place, row in enumerate(answer.instruments))
    if len(rows) > PAGE_SIZE:
        reader.fault("instruments", f"are more than the {PAGE_SIZE} that were asked for")
    reader.raise_if_faulty()
    return Page(rows, answer.next_page_token)


def _told(reader: AnswerReader, row: pb.Instrument) -> InstrumentTold:
    """Read an instrument; its stamp is that of an update when there was one."""
    created = reader.count("created_sequence", row.created_sequence)
    updated = reader.count("updated_sequence", row.updated_sequence)
    if not created and not updated:
        reader.fault("created_sequence", "must be above 0")
    of_created, of_updated = INSTRUMENT_TOPICS
    topic, sequence = (of_updated, updated) if updated else (of_created, created)
    event_id = uuid5(_INSTRUMENT_IDS, f"{topic}/{row.symbol}/{sequence}")
    stamp = EventStamp(str(event_id), topic, sequence, reader.instant_us("event_ts", row.event_ts))
    return InstrumentTold(_instrument(reader, row), stamp)


def _instrument(reader: AnswerReader, row: pb.Instrument) -> Instrument:
    kind = reader.choice("kind", row, choices=Kind)
    demanded = row.kyc_min_level != pb.KYC_LEVEL_UNSPECIFIED
    instrument = Instrument(
        symbol=reader.text("symbol", row.symbol),
        kind=kind,
        base=reader.text("base", row.base),
        quote=reader.text("quote", row.quote),
        status=reader.text("status", row.status),
        tick_size=reader.decimal("tick_size", row.tick_size, above=ZERO),
        lot_size=reader.decimal("lot_size", row.lot_size, above=ZERO),
        taker_fee_pct=reader.decimal("taker_fee_pct", row.taker_fee_pct, at_least=ZERO),
        quantity_min=reader.optional_decimal("quantity_min", row.quantity_min, at_least=ZERO),
        quantity_max=reader.optional_decimal("quantity_max", row.quantity_max, above=ZERO),
        notional_min=reader.optional_decimal("notional_min", row.notional_min, at_least=ZERO),
        notional_max=reader.optional_decimal("notional_max", row.notional_max, above=ZERO),
        price_band_pct=reader.optional_decimal("price_band_pct", row.price_band_pct, at_least=ZERO),
        leverage_max=reader.optional_decimal("leverage_max", row.leverage_max, at_least=ONE),
        leverage_default=reader.optional_decimal("leverage_default", row.leverage_default, at_least=ONE),
        contract_size=reader.optional_decimal("contract_size", row.contract_size, above=ZERO) or ONE,
        kyc_min_level=(reader.choice("kyc_min_level", row, choices=KycLevel) if demanded else None),
    )
    if kind is not Kind.SPOT and None in (instrument.leverage_max, instrument.leverage_default):
        reader.fault("leverage_max", "and leverage_default are required for a derivative")
    return instrument
