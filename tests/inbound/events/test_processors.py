"""From bytes on the bus to state: every topic, what cannot be read, and bugs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.core.pretrade.told import (
    ACCOUNT,
    a_stamp,
    an_instrument,
    an_order,
    balance_set,
    balances_replaced,
    commanded,
    position_closed,
    position_set,
    reported,
)
from tests.inbound.events.desk import NOW_US, Desk
from tests.inbound.events.records import (
    ENVIRONMENT,
    LIMITS,
    USER,
    an_event,
    change_record,
    instrument_record,
    user_record,
)

from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.changes import BalanceSet, EngineEventType, ExposureReported, StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.core.pretrade.state import UserState
from tidegate.inbound.events.processors import RECORDS_A_TURN, EventProcessors
from tidegate.ports.event_bus import BusRecord, OutgoingEvent
from tidegate.ports.shared_book import BookLost
from tidegate.wire.topics import topic_name


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def told(desk: Desk, *events: OutgoingEvent, crash_before_commit: bool = False) -> None:
    """Publish and process what the group has not committed yet."""
    await desk.durable.bus.publish(events)
    batch = await desk.durable.bus.read("gate", desk.processors.topics, limit=1_000, now_us=NOW_US)
    records = batch.records
    await desk.processors.process(records)
    if not crash_before_commit:
        places = {(record.topic, record.partition): record.offset + 1 for record in records}
        await desk.durable.bus.commit("gate", places)


def event_of(desk: Desk, change: StateChange) -> OutgoingEvent:
    topic, record = change_record(change)
    return an_event(desk.codec, topic, record=record)


def user_event(desk: Desk, topic: str, *, sequence: int, **fields: Any) -> OutgoingEvent:
    return an_event(desk.codec, topic, record=user_record(topic, sequence, **fields))


def instrument_event(desk: Desk, topic: str, *, sequence: int, **changes: Any) -> OutgoingEvent:
    record = instrument_record(sequence, replace(an_instrument(), **changes), topic=topic)
    return an_event(desk.codec, topic, record=record)


def unreadable(topic: str, *, key: str = USER, value: bytes = b"\xc3\x01garbage") -> OutgoingEvent:
    return OutgoingEvent(topic_name(topic, environment=ENVIRONMENT), key, value, "")


async def state(desk: Desk) -> UserState:
    return (await desk.book.snapshot([USER], now_us=NOW_US))[USER]


async def profile_of(desk: Desk) -> Mapping[str, Any]:
    profile = desk.replica.profiles[USER].profile
    return {name: getattr(profile, name) for name in ("kyc_level", "frozen", "max_leverage")}


async def test_account_topics_feed_the_book(desk: Desk) -> None:
    """PT-704: positions, orders, the engine, the wallet and the reported exposure end in the account book."""
    stamp = a_stamp(feeds.EXPOSURE, 1)
    changes: list[StateChange] = [
        balance_set(1, "100"),
        position_set(1),
        commanded(1, an_order("o-1")),
        reported(1, an_order("o-2"), event=EngineEventType.ACCEPTED),
        position_set(2),
        position_closed(1, position_sequence=2),
        ExposureReported(USER, stamp, ReportedExposure(Decimal(7), stamp.at_us)),
    ]
    await told(desk, instrument_event(desk, "md.instrument.created.v1", sequence=1))
    await told(desk, *(event_of(desk, change) for change in changes))
    user = await state(desk)
    account = user.account(ACCOUNT)
    assert (account.balances or {})["USDT"].total == 100
    assert set(account.open_orders) == {"o-1", "o-2"}
    assert account.symbols["BTCUSDT"].both is None
    assert user.reported_exposure == ReportedExposure(Decimal(7), stamp.at_us)
    assert user.gap_reason(ACCOUNT) == ""
    assert sum(desk.counts.values()) == len(changes) + 1
    assert len(desk.heard) == len(changes)
    assert not desk.alarms


async def test_user_topics_feed_the_profile(desk: Desk) -> None:
    """PT-704, PT-708: each user.* topic sets what it says, and the gate sees it with the batch."""
    await told(desk, user_event(desk, "user.created.v1", sequence=1, **LIMITS))
    assert await profile_of(desk) == {"kyc_level": KycLevel.L1, "frozen": False, "max_leverage": 50}
    await told(desk, user_event(desk, "user.frozen.v1", sequence=2, reason="r", actor="a"))
    await told(desk, user_event(desk, "user.kyc.updated.v1", sequence=1, kyc_level="L0"))
    assert await profile_of(desk) == {"kyc_level": KycLevel.L0, "frozen": True, "max_leverage": 50}
    await told(desk, user_event(desk, "user.verified.v1", sequence=2, level="L2"))
    await told(desk, user_event(desk, "user.updated.v1", sequence=3, max_leverage="5"))
    await told(desk, user_event(desk, "user.unfrozen.v1", sequence=4, reason="r", actor="a"))
    assert await profile_of(desk) == {"kyc_level": KycLevel.L2, "frozen": False, "max_leverage": 5}


async def test_verified_never_lowers_the_level(desk: Desk) -> None:
    """PT-708: a level below the one held changes nothing."""
    await told(desk, user_event(desk, "user.created.v1", sequence=1, **{**LIMITS, "kyc_level": "L2"}))
    await told(desk, user_event(desk, "user.verified.v1", sequence=1, level="L1"))
    assert (await profile_of(desk))["kyc_level"] is KycLevel.L2
    assert desk.counts["user.verified.v1", Applied.APPLIED] == 1


async def test_user_event_before_its_profile_waits_for_it(desk: Desk) -> None:
    """PT-704: between topics there is no order: a freeze that overtakes the creation is not lost."""
    await told(
        desk, user_event(desk, "user.frozen.v1", sequence=1, at_ms=NOW_US // 1_000 + 9_000, reason="r", actor="a")
    )
    assert USER not in desk.replica.profiles
    await told(desk, user_event(desk, "user.created.v1", sequence=1, **LIMITS))
    assert (await profile_of(desk))["frozen"] is True
    assert (await state(desk)).gap_reason(ACCOUNT) == ""


async def test_user_gap_makes_accounts_stale_until_a_snapshot(desk: Desk) -> None:
    """PT-707: a missing user.* record might have been a freeze."""
    await told(desk, user_event(desk, "user.created.v1", sequence=1, **LIMITS), event_of(desk, balance_set(1)))
    await told(desk, user_event(desk, "user.unfrozen.v1", sequence=2, reason="r", actor="a"))
    assert (await state(desk)).gap_reason(ACCOUNT) == "user.unfrozen.v1 lacks records up to 1"
    heals = {
        "user.created.v1": 1,
        "user.verified.v1": 0,
        "user.kyc.updated.v1": 0,
        "user.frozen.v1": 0,
        "user.unfrozen.v1": 2,
    }
    await told(desk, user_event(desk, "user.updated.v1", sequence=5, **LIMITS, heals=heals))
    assert (await state(desk)).gap_reason(ACCOUNT) == ""


async def test_user_snapshot_makes_a_profile_that_was_never_told_of(desk: Desk) -> None:
    """PT-704: a snapshot has all limits, so it needs no creation before it."""
    heals = dict.fromkeys(
        ["user.created.v1", "user.verified.v1", "user.kyc.updated.v1", "user.frozen.v1", "user.unfrozen.v1"], 1
    )
    await told(desk, user_event(desk, "user.updated.v1", sequence=1, **LIMITS, heals=heals))
    assert (await profile_of(desk))["kyc_level"] is KycLevel.L1


async def test_instrument_later_in_time_stands_and_of_the_same_time_the_update(desk: Desk) -> None:
    """PT-705: created and updated know no order between them but their time."""
    created, updated = "md.instrument.created.v1", "md.instrument.updated.v1"
    await told(desk, instrument_event(desk, updated, sequence=2, status="REDUCING_ONLY"))
    revision = desk.market.revision
    await told(desk, instrument_event(desk, created, sequence=1, status="TRADING"))
    assert desk.market.instruments["BTCUSDT"].status == "REDUCING_ONLY"
    await told(desk, instrument_event(desk, created, sequence=2, status="TRADING"))
    assert desk.market.instruments["BTCUSDT"].status == "REDUCING_ONLY"
    assert desk.market.revision == revision
    await told(desk, instrument_event(desk, updated, sequence=4, status="TRADING"))
    assert desk.market.instruments["BTCUSDT"].status == "TRADING"
    assert desk.counts[created, Applied.OUTDATED] == 2


async def test_unreadable_record_is_set_aside_and_the_partition_goes_on(desk: Desk) -> None:
    """PT-709: original bytes, topic, partition, offset and error are kept; what its key names is stale at once."""
    topic = feeds.BALANCE_CHANGED
    await told(desk, event_of(desk, balance_set(1)), unreadable(topic), event_of(desk, balance_set(2, "200")))
    (letter,) = await desk.durable.letters.list(None, limit=10)
    assert (letter.topic, letter.partition, letter.offset, letter.key, letter.value) == (
        "wallet.balance_changed.v1.test",
        0,
        1,
        USER,
        b"\xc3\x01garbage",
    )
    assert letter.error == "truncated_header"
    user = await state(desk)
    assert (user.account(ACCOUNT).balances or {})["USDT"].total == 200
    assert user.gap_reason(ACCOUNT) == "wallet.balance_changed.v1 lacks records up to 2"


@pytest.mark.parametrize(("topic", "key"), [(feeds.BALANCE_CHANGED, "nobody"), ("md.instrument.created.v1", "BTCUSDT")])
async def test_unreadable_record_whose_key_names_no_user_is_only_set_aside(desk: Desk, topic: str, key: str) -> None:
    """PT-709: nobody is made stale by a record that cannot be ascribed."""
    await told(desk, event_of(desk, balance_set(1)), unreadable(topic, key=key))
    assert len(await desk.durable.letters.list(None, limit=10)) == 1
    assert (await state(desk)).gap_reason(ACCOUNT) == ""


async def test_unreadable_record_makes_stale_though_the_book_was_away_at_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RE-158: what a record that cannot be read concerns is stale, however often its batch has to be processed."""
    leave_out, asked = desk.ingests.accounts.leave_out, 0

    async def away_once(user_id: str, topic: str) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise BookLost("lost")
        await leave_out(user_id, topic)

    await told(desk, event_of(desk, balance_set(1)))
    monkeypatch.setattr(desk.ingests.accounts, "leave_out", away_once)
    with pytest.raises(BookLost):
        await told(desk, unreadable(feeds.BALANCE_CHANGED))
    await told(desk)
    await told(desk)
    assert (asked, desk.aside.count) == (2, 1)
    assert (await state(desk)).gap_reason(ACCOUNT) == "wallet.balance_changed.v1 lacks records up to 2"


async def test_unreadable_record_makes_stale_in_every_book_that_is_told_of_it(desk: Desk) -> None:
    """RE-158: a book that is built anew by the process that has met the record is stale as the one before it was."""
    await told(desk, event_of(desk, balance_set(1)), unreadable(feeds.BALANCE_CHANGED))
    next_life = Desk(desk.durable)
    processors = EventProcessors(desk.codec, next_life.ingests, aside=desk.aside.anew(), environment=ENVIRONMENT)
    async for records in desk.durable.bus.replay(processors.topics):
        await processors.retell(records)
    assert (await state(next_life)).gap_reason(ACCOUNT) == (await state(desk)).gap_reason(ACCOUNT) != ""
    assert len(await desk.durable.letters.list(None, limit=9)) == 1


async def test_field_that_is_no_decimal_sets_the_record_aside(desk: Desk) -> None:
    """PT-709: money is a plain decimal; anything else is an unreadable record whose error names the field."""
    topic, record = change_record(balance_set(1))
    record["balance"]["total"] = "1e9"
    await told(desk, event_of(desk, balance_set(1, asset="BTC")), an_event(desk.codec, topic, record=record))
    (letter,) = await desk.durable.letters.list(None, limit=10)
    assert letter.error == "balance.total: must be a plain decimal such as 0.25, without exponent"


async def test_limit_that_no_profile_can_keep_sets_the_record_aside(desk: Desk) -> None:
    """PT-709: an event that reads well and cannot be stored is no reason to stop."""
    await told(desk, event_of(desk, balance_set(1)))
    await told(desk, user_event(desk, "user.created.v1", sequence=1, **{**LIMITS, "exposure_limit_usdt": "9" * 30}))
    (letter,) = await desk.durable.letters.list(None, limit=10)
    assert "exposure_limit_usdt" in letter.error
    assert (await state(desk)).gap_reason(ACCOUNT) == "user.created.v1 lacks records up to 1"


async def test_batch_read_again_after_a_crash_changes_nothing(desk: Desk) -> None:
    """PT-704, PT-705, PT-709: applied and not committed is applied once, and an old fault undoes no healing."""
    events = [event_of(desk, balance_set(1)), unreadable(feeds.BALANCE_CHANGED)]
    await told(desk, *events, event_of(desk, balances_replaced(3, USDT="5")), crash_before_commit=True)
    before = await state(desk)
    version = before.version
    assert before.gap_reason(ACCOUNT) == ""
    await told(desk)
    after = await state(desk)
    assert (after.version, after.gap_reason(ACCOUNT)) == (version, "")
    assert len(await desk.durable.letters.list(None, limit=10)) == 1


async def test_bug_in_one_record_raises_an_alarm_and_the_partition_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PT-709: a fault of ours costs the account its freshness, not everybody the feed."""
    apply = desk.book.apply

    async def broken_on_the_second(change: StateChange) -> Applied:
        if isinstance(change, BalanceSet) and change.stamp.sequence == 2:
            raise KeyError("a bug")
        return await apply(change)

    monkeypatch.setattr(desk.book, "apply", broken_on_the_second)
    await told(desk, *(event_of(desk, balance_set(sequence, f"{sequence}00")) for sequence in (1, 2, 3)))
    assert [type(alarm) for alarm in desk.alarms] == [KeyError]
    user = await state(desk)
    assert (user.account(ACCOUNT).balances or {})["USDT"].total == 300
    assert user.gap_reason(ACCOUNT) == "wallet.balance_changed.v1 lacks records up to 2"


async def test_bug_that_comes_with_many_alone_raises_an_alarm_and_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RE-205: what a book cannot take together it is told one by one; nothing is set aside that could be applied."""

    async def broken(changes: Sequence[StateChange]) -> Sequence[Applied]:
        raise KeyError("a bug")

    monkeypatch.setattr(desk.book, "apply_all", broken)
    await told(desk, event_of(desk, balance_set(1, "100")), event_of(desk, balance_set(2, "200")))
    assert [type(alarm) for alarm in desk.alarms] == [KeyError]
    assert ((await state(desk)).account(ACCOUNT).balances or {})["USDT"].total == 200
    assert desk.counts == {(feeds.BALANCE_CHANGED, Applied.APPLIED): 2}
    assert await desk.durable.letters.list(None, limit=10) == []


async def test_account_news_goes_to_the_book_in_runs_in_its_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-205: a book on another machine is asked once for what comes in a row; whatever comes between (a record that
    cannot be read, an event of a user) is applied in its place, and a long row leaves the loop to orders.
    """
    apply_all, runs = desk.book.apply_all, list[int]()

    async def watched(changes: Sequence[StateChange]) -> Sequence[Applied]:
        runs.append(len(changes))
        return await apply_all(changes)

    monkeypatch.setattr(desk.book, "apply_all", watched)
    events = [
        event_of(desk, balance_set(1, "100")),
        event_of(desk, commanded(1, an_order("o-1"))),
        unreadable(feeds.BALANCE_CHANGED),
        event_of(desk, balances_replaced(3, USDT="5")),
        user_event(desk, "user.created.v1", sequence=1, **LIMITS),
        event_of(desk, balance_set(5, "7")),
        *(event_of(desk, commanded(number, an_order(f"o-{number}"))) for number in range(2, RECORDS_A_TURN + 2)),
    ]
    await told(desk, *events)
    assert runs == [2, 1, RECORDS_A_TURN - 5, 6]
    user = await state(desk)
    assert user.gap_reason(ACCOUNT).startswith("wallet.balance_changed.v1 lacks records up to 4;")
    assert (user.account(ACCOUNT).balances or {})["USDT"].total == 7
    assert desk.counts[feeds.ORDER_COMMAND, Applied.APPLIED] == RECORDS_A_TURN + 1
    assert len(desk.heard) == len(events) - 1
    assert desk.counts[feeds.BALANCE_CHANGED, Applied.GAP] == 1


async def test_record_of_a_topic_nobody_processes_is_a_fault_of_the_wiring(desk: Desk) -> None:
    """PT-704: what is subscribed is processed; anything else is not passed over in silence."""
    with pytest.raises(KeyError):
        await desk.processors.process([BusRecord("other.v1.test", 0, 0, USER, b"")])
