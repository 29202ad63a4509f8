"""How many marks, and how many account events, does one core apply a second, from bytes to state?"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from statistics import median
from time import process_time_ns
from typing import Any, Final

from benchmarks.measuring import Pace, Table, calibration_us, on_reference, verdict
from benchmarks.worlds import NOW_US, symbol_of, user_id_of
from tidegate.core.pretrade.feeds import BALANCE_CHANGED
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.inbound.events.marks import MarkProcessor
from tidegate.inbound.events.processors import EventProcessors, Ingests, SettingAside
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.early_news import MemoryEarlyNews
from tidegate.outbound.memory.event_bus import MemoryDeadLetters
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.ports.event_bus import BusRecord
from tidegate.usecases.pretrade.configuration import empty_configuration
from tidegate.usecases.pretrade.ingest import AccountIngest, Counts, InstrumentIngest, MarkIngest, ProfileIngest
from tidegate.usecases.pretrade.replica import Replica
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import MARK_TOPIC, topic_name

GOAL_A_SECOND: Final = 100_000.0
"""Marks; account events have no goal of their own."""

SYMBOLS: Final = 40
USERS: Final = 200
EVENTS: Final = 8_000
"""Events applied in one sample."""

_ENVIRONMENT: Final = "bench"

Apply = Callable[[Sequence[BusRecord]], Coroutine[Any, Any, None]]


class StandingClock:
    """The clock of a run: nothing in it is dated but dead letters, and there are none."""

    def now_us(self) -> int:
        """Give the time of the benchmarks' worlds."""
        return NOW_US


class Applier:
    """Applies encoded events to an empty state, and tells what each costs."""

    def __init__(self) -> None:
        self._codec = AvroCodec(SchemaCatalogue.load())

    def marks_us(self, events: int, pace: Pace) -> float:
        """CPU microseconds of one mark."""
        return self._event_us(_mark_records(self._codec, events), self._marks, pace=pace)

    def balances_us(self, events: int, pace: Pace) -> float:
        """CPU microseconds of one balance."""
        return self._event_us(balance_records(self._codec, events), self._balances, pace=pace)

    def _event_us(self, records: Sequence[BusRecord], apply: "Callable[[], _Feed]", *, pace: Pace) -> float:
        return min(median(_sample(apply(), records) for _ in range(pace.samples)) for _ in range(pace.rounds))

    def _marks(self) -> "_Feed":
        ingest = MarkIngest(Market())
        processor = MarkProcessor(self._codec, ingest, aside=_aside(), environment=_ENVIRONMENT)
        return _Feed(processor.process, lambda: ingest.applied)

    def _balances(self) -> "_Feed":
        counts = Counts()
        processors = account_processors(self._codec, counts, aside=_aside())
        return _Feed(processors.process, lambda: sum(counts.values()))


class _Feed:
    """A way in with an empty state behind it; ``count`` tells how many events have been judged there."""

    def __init__(self, apply: Apply, count: Callable[[], int]) -> None:
        self.apply = apply
        self.count = count


def measure(pace: Pace, *, events: int = EVENTS) -> Table:
    """Time the two feeds, each beside its own calibration."""
    applier = Applier()
    figures: list[tuple[str, float, float]] = []
    for name, event_us in (
        (f"marks of {SYMBOLS} symbols", applier.marks_us),
        (f"balances of {USERS} users", applier.balances_us),
    ):
        calibration = calibration_us(pace)
        figures.append((name, event_us(events, pace), calibration))
    marks_a_second = 1_000_000 / on_reference(*figures[0][1:])
    return Table(
        title="Applying events",
        question="How many marks and account events does one core apply a second?",
        method=(
            f"CPU time of the processors of md.mark.v1 and wallet.balance_changed.v1 for {events} encoded records, each"
            " newer than the one before, from Avro bytes to the state that orders are decided on; bus not included."
        ),
        columns=("events", "us an event", "x calibration", "a second", "a second on the reference machine"),
        rows=tuple(
            (
                name,
                f"{us:.2f}",
                f"{us / calibration:.2f}",
                f"{1_000_000 / us:.0f}",
                f"{1_000_000 / on_reference(us, calibration):.0f}",
            )
            for name, us, calibration in figures
        ),
        findings=(
            (
                f"{marks_a_second:.0f} marks a second on the reference machine; goal {GOAL_A_SECOND:.0f}:"
                f" {verdict(met=marks_a_second >= GOAL_A_SECOND)}"
            ),
        ),
    )


def account_processors(
    codec: AvroCodec, counts: Counts, *, aside: SettingAside, environment: str = _ENVIRONMENT
) -> EventProcessors:
    """Give what applies account events to an empty book in memory; ``counts`` tells what became of them."""
    market = Market()
    book = MemoryAccountBook(market)
    accounts = AccountIngest(book, counts)
    replica = Replica(market, empty_configuration(GateSettings()))
    profiles = ProfileIngest(
        MemoryProfiles(MemoryConfigurationAreas()),
        accounts,
        early=MemoryEarlyNews(),
        replica=replica,
        refresh=_nothing_moved,
    )
    ingests = Ingests(accounts, profiles, InstrumentIngest(book, counts))
    return EventProcessors(codec, ingests, aside=aside, environment=environment)


def _sample(feed: _Feed, records: Sequence[BusRecord]) -> float:
    begun = process_time_ns()
    asyncio.run(feed.apply(records))
    took = process_time_ns() - begun
    if feed.count() != len(records):
        raise AssertionError(f"{feed.count()} of {len(records)} events were applied")
    return took / len(records) / 1_000


def _aside() -> SettingAside:
    def alarm(bug: Exception) -> None:
        raise bug

    return SettingAside(MemoryDeadLetters(), StandingClock(), alarm)


async def _nothing_moved() -> None:
    """Profiles do not change in this benchmark."""


def _mark_records(codec: AvroCodec, events: int) -> list[BusRecord]:
    def mark(number: int) -> tuple[str, dict[str, Any]]:
        symbol = symbol_of(number % SYMBOLS)
        return symbol, {"symbol": symbol, "price": f"{50_000 + number % 977}.{number % 10}"}

    return _records(codec, MARK_TOPIC, keyed=[mark(number) for number in range(events)], each=SYMBOLS)


def balance_records(codec: AvroCodec, events: int) -> list[BusRecord]:
    """Give so many balances of users who take turns, as they lie on the bus."""

    def balance(number: int) -> tuple[str, dict[str, Any]]:
        user_id = user_id_of(number % USERS)
        row = {"asset": "USDT", "total": f"{100_000 + number}.25", "locked": "12.5"}
        account = {"user_id": user_id, "account_id": "main"}
        return user_id, {**account, "balance": row, "snapshot": None, "heals": None}

    return _records(codec, BALANCE_CHANGED, keyed=[balance(number) for number in range(events)], each=USERS)


def _records(
    codec: AvroCodec, topic: str, *, keyed: Sequence[tuple[str, dict[str, Any]]], each: int
) -> list[BusRecord]:
    """Encode events of keys that take turns; ``each`` says how many keys there are."""
    name = topic_name(topic, environment=_ENVIRONMENT)
    return [
        BusRecord(name, 0, number, key, codec.encode(topic, {**_envelope(number, number // each + 1), **fields}))
        for number, (key, fields) in enumerate(keyed)
    ]


def _envelope(number: int, sequence: int) -> dict[str, Any]:
    return {
        "event_id": f"30000000-0000-4000-8000-{number:012d}",
        "event_ts": NOW_US // 1_000 + number,
        "trace_id": f"trace-{number}",
        "sequence": sequence,
    }
