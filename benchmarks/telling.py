"""Tells a running gate of many users, as their systems would: on its bus, from another process."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import time_ns
from typing import Any, Final

from benchmarks.worlds import a_position, a_profile, an_instrument, some_rules, some_tiers, symbol_of, user_id_of
from tidegate.bootstrap.stores import Stores, open_stores
from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import Balance
from tidegate.core.pretrade.instrument import Mark
from tidegate.core.pretrade.scenario import Scenario
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.ports.stored import Change
from tidegate.settings import read_settings
from tidegate.usecases.pretrade.seed import Event, seed_events
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import record_key, topic_name

_AT_ONCE: Final = 500


async def tell(data: Path, *, users: int, positions: int, rules: int) -> None:
    """Put instruments, ladders, rules and marks in place, and users with positions; the server applies them itself."""
    settings = read_settings((), {"data": {"dir": data}})
    codec = AvroCodec(SchemaCatalogue.load())
    now_us = time_ns() // 1_000
    async with open_stores(settings) as stores:
        await _configure(stores, positions, rules=rules, now_us=now_us)
        waiting: list[OutgoingEvent] = []
        for topic, record in _events(users, positions, now_us=now_us):
            waiting.append(
                OutgoingEvent(
                    topic_name(topic, environment=settings.topics.suffix),
                    record_key(topic, record).decode(),
                    codec.encode(topic, record),
                    str(record["event_id"]),
                )
            )
            if len(waiting) == _AT_ONCE:
                await stores.bus.publish(waiting)
                waiting.clear()
        await stores.bus.publish(waiting)


async def _configure(stores: Stores, symbols: int, *, rules: int, now_us: int) -> None:
    by = Change("benchmark", now_us)
    await stores.tiers.create([tier for number in range(symbols) for tier in some_tiers(symbol_of(number))], by=by)
    for rule in some_rules(rules):
        await stores.rules.create(rule, by=by)


def _events(users: int, positions: int, *, now_us: int) -> Iterator[Event]:
    instruments = [an_instrument(number) for number in range(positions)]
    market = Scenario(
        now_us,
        instruments={instrument.symbol: instrument for instrument in instruments},
        marks={instrument.symbol: Mark(Decimal("5000.7"), now_us) for instrument in instruments},
    )
    yield from seed_events(market, now_us=now_us)
    account = Scenario(
        now_us,
        balances={"USDT": Balance("USDT", Decimal(50_000_000), Decimal(0))},
        positions=tuple(a_position(number) for number in range(positions)),
    )
    for number in range(users):
        profile = a_profile(user_id_of(number))
        yield "user.created.v1", _created(number, now_us)
        yield from seed_events(replace(account, profile=profile), now_us=now_us)


def _created(number: int, now_us: int) -> dict[str, Any]:
    profile = a_profile(user_id_of(number))
    return {
        "event_id": f"10000000-0000-4000-8000-{number:012d}",
        "event_ts": now_us // 1_000,
        "trace_id": "",
        "sequence": 1,
        "user_id": profile.user_id,
        "kyc_level": profile.kyc_level.value,
        "exposure_limit_usdt": plain(profile.exposure_limit_usdt),
        "max_leverage": plain(profile.max_leverage),
        "risk_score": plain(profile.risk_score),
        "frozen": profile.frozen,
    }
