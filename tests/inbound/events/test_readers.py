"""Records become changes and back, and what a schema cannot say is checked field by field."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from tests.core.pretrade.event_world import World, interleaved
from tests.core.pretrade.told import (
    ACCOUNT,
    USER,
    a_position,
    a_stamp,
    an_instrument,
    an_order,
    balance_set,
    commanded,
    position_closed,
    position_set,
    reported,
)
from tests.inbound.events.records import LIMITS, change_record, instrument_record, user_record

from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.account import Balance, MarginMode
from tidegate.core.pretrade.changes import (
    EngineEventType,
    ExposureReported,
    OrderCommanded,
    OrdersReplaced,
    StateChange,
)
from tidegate.core.pretrade.instrument import Kind, KycLevel
from tidegate.core.pretrade.order import OrderType, PositionSide
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.inbound.events.market import read_instrument
from tidegate.inbound.events.processors import ACCOUNT_READERS, STATE_TOPICS, USER_READERS
from tidegate.inbound.events.record import FaultyRecord, RecordRow
from tidegate.inbound.events.users import FreezeAsked, read_freeze_account
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import IN_TOPICS, MARK_TOPIC


@pytest.fixture(scope="module")
def codec() -> AvroCodec:
    return AvroCodec(SchemaCatalogue.load())


def read(codec: AvroCodec, topic: str, *, record: Mapping[str, Any]) -> object:
    row = RecordRow(codec.decode(topic, codec.encode(topic, record)))
    reader = ACCOUNT_READERS.get(topic) or USER_READERS.get(topic) or read_instrument
    news = reader(row)
    row.raise_if_faulty()
    return news


def as_told(change: StateChange) -> StateChange:
    """A change with what the wire adds: ids are UUIDs, an order has a time."""
    stamp = getattr(change, "stamp")  # noqa: B009 - every change of these tests has one
    told = replace(change, stamp=replace(stamp, event_id=str(uuid5(NAMESPACE_OID, stamp.event_id))))
    if isinstance(told, OrdersReplaced):
        return replace(told, rows=tuple(replace(row, order=replace(row.order, at_us=0)) for row in told.rows))
    row = getattr(told, "row", None)
    return told if row is None else replace(told, row=replace(row, order=replace(row.order, at_us=0)))


def test_topics_each_has_its_reader() -> None:
    """PT-704: the 14 topics of the shared group and md.mark.v1 are those of the wire."""
    assert {*ACCOUNT_READERS, *USER_READERS, "md.instrument.created.v1", "md.instrument.updated.v1"} == set(
        STATE_TOPICS
    )
    assert len(STATE_TOPICS) == 14
    assert {*STATE_TOPICS, MARK_TOPIC} == set(IN_TOPICS)


@pytest.mark.parametrize("seed", range(5))
def test_change_written_as_a_record_is_read_back(codec: AvroCodec, seed: int) -> None:
    """PT-704: every kind of news about an account survives the wire."""
    world = World(Random(seed))
    world.live(80)
    for change in interleaved(world):
        topic, record = change_record(change)
        assert read(codec, topic, record=record) == as_told(change)


def test_reported_exposure_has_the_time_of_its_event(codec: AvroCodec) -> None:
    """PT-337: its age is judged by event_ts."""
    stamp = a_stamp(feeds.EXPOSURE, 3)
    change = ExposureReported(USER, stamp, ReportedExposure(Decimal("12.5"), stamp.at_us))
    topic, record = change_record(change)
    assert read(codec, topic, record=record) == as_told(change)


@pytest.mark.parametrize("kind", list(Kind))
def test_instrument_record_is_read_with_all_its_terms(codec: AvroCodec, kind: Kind) -> None:
    """PT-704: instruments come from md.instrument.*; null is no bound."""
    instrument = replace(
        an_instrument(kind=kind),
        quantity_min=Decimal("0.001"),
        notional_max=Decimal(1_000_000),
        contract_size=Decimal(100),
        kyc_min_level=KycLevel.L2,
        status="AUCTION",
    )
    record = instrument_record(1, instrument)
    assert read(codec, "md.instrument.created.v1", record=record) == instrument


def _order(**changes: Any) -> OrderCommanded:
    return commanded(1, replace(an_order(), **changes))


FAULTS: list[tuple[str, StateChange | tuple[str, Mapping[str, Any]], list[str]]] = [
    ("no account", replace(balance_set(1), account_id=""), ["account_id"]),
    ("control character", replace(balance_set(1), account_id="a\n"), ["account_id"]),
    (
        "locked below 0",
        replace(balance_set(1), balance=Balance("USDT", Decimal(1), Decimal(-1))),
        ["balance.locked"],
    ),
    ("position of a leg below 0", position_set(1, a_position("-1", side=PositionSide.LONG)), ["position.quantity"]),
    ("entry price 0", position_set(1, replace(a_position(), entry_price=Decimal(0))), ["position.entry_price"]),
    ("leverage below 1", position_set(1, replace(a_position(), leverage=Decimal("0.5"))), ["position.leverage"]),
    (
        "isolated without margin",
        position_set(1, replace(a_position(), margin_mode=MarginMode.ISOLATED)),
        ["position.isolated_margin"],
    ),
    (
        "cross with margin",
        position_set(1, replace(a_position(), isolated_margin=Decimal(1))),
        ["position.isolated_margin"],
    ),
    (
        "gone, with nothing to say",
        position_set(1, replace(a_position("0"), entry_price=Decimal(0), leverage=Decimal(0))),
        [],
    ),
    ("closed up to a negative sequence", position_closed(1, position_sequence=-1), ["position_sequence"]),
    ("quantity 0", _order(quantity=Decimal(0), filled_quantity=Decimal(0)), ["order.quantity"]),
    ("filled beyond the quantity", _order(filled_quantity=Decimal(2)), ["order.filled_quantity"]),
    ("limit without price", _order(price=None), ["order.price"]),
    ("market with price", _order(order_type=OrderType.MARKET), ["order.price"]),
    ("stop market without trigger", _order(order_type=OrderType.STOP_MARKET, price=None), ["order.stop_price"]),
    ("several at once", _order(symbol="", price=Decimal(0)), ["order.symbol", "order.price"]),
    ("negative revision", commanded(1, an_order(), revision=-1), ["order.revision"]),
    ("engine event", reported(1, an_order(order_id=""), event=EngineEventType.ACCEPTED), ["order.order_id"]),
    (
        "limits that are no decimals",
        ("user.created.v1", user_record("user.created.v1", 1, **{**LIMITS, "max_leverage": "1e3", "risk_score": ""})),
        ["risk_score", "max_leverage"],
    ),
    (
        "derivative without leverage",
        ("md.instrument.updated.v1", instrument_record(1, replace(an_instrument(), leverage_max=None))),
        ["leverage_max"],
    ),
]


@pytest.mark.parametrize(("said", "faulty"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_record_with_unreadable_fields_names_every_one(
    codec: AvroCodec, said: StateChange | tuple[str, Mapping[str, Any]], faulty: list[str]
) -> None:
    """PT-709: what the schema lets through and cannot be right is unreadable, and the error says where."""
    topic, record = said if isinstance(said, tuple) else change_record(said)
    if not faulty:
        read(codec, topic, record=record)
        return
    with pytest.raises(FaultyRecord) as refused:
        read(codec, topic, record=record)
    assert [fault.field for fault in refused.value.faults] == faulty


def test_row_of_a_snapshot_is_named_by_its_place(codec: AvroCodec) -> None:
    """PT-709: in a list the fault says which row it is in."""
    world = World(Random(1))
    world.live(40)
    rows = world.snapshots()[1]
    topic, record = change_record(rows)
    assert len(record["snapshot"]) > 1
    record["snapshot"][1]["quantity"] = "1e5"
    with pytest.raises(FaultyRecord, match=r"snapshot\[1\]\.quantity: must be a plain decimal"):
        read(codec, topic, record=record)


def test_freeze_request_is_read(codec: AvroCodec) -> None:
    """PT-716: risk.freeze_account.v1 has a schema and a deserialiser."""
    topic = "risk.freeze_account.v1"
    record = {
        "event_id": str(UUID(int=7)),
        "event_ts": 1_767_225_600_123,
        "trace_id": "",
        "user_id": USER,
        "account_id": None,
        "reason": "chargeback",
        "actor": "fraud-desk",
    }
    row = RecordRow(codec.decode(topic, codec.encode(topic, record)))
    assert read_freeze_account(row) == FreezeAsked(
        str(UUID(int=7)), 1_767_225_600_123_000, USER, None, "chargeback", "fraud-desk"
    )
    nobody = RecordRow(codec.decode(topic, codec.encode(topic, {**record, "actor": "", "account_id": ACCOUNT})))
    with pytest.raises(FaultyRecord, match="actor"):
        read_freeze_account(nobody)
