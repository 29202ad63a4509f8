"""The instruments in Redis: of each the latest news, and a revision by which a process sees that one has changed."""

from collections.abc import Callable
from functools import cache

import msgspec

from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.snapshot import Market
from tidegate.outbound.redis.keys import INSTRUMENTS
from tidegate.outbound.redis.link import Call, RedisLink, whole
from tidegate.outbound.redis.scripts import script
from tidegate.outbound.redis.state_codec import read, write
from tidegate.ports.account_book import UNDATED, InstrumentAge


class RedisInstruments:
    """Keeps the instruments of the market those in Redis. ``changed`` is told of each that is to be known, or to be
    known anew. ``DependencyFailed`` when Redis does not answer, or holds what cannot be read.
    """

    def __init__(self, link: RedisLink, market: Market, *, changed: Callable[[Instrument], None]) -> None:
        self._link = link
        self._market = market
        self._changed = changed
        self._ages: dict[str, int] = {}
        self._revision: int | None = None

    def revision_call(self) -> Call:
        """Give the call whose reply ``follow`` compares."""
        return Call(script("revision"), INSTRUMENTS[2:], ())

    async def put(self, instrument: Instrument, age: InstrumentAge) -> None:
        """Put an instrument in its place, here and there, unless later news of it stands: then have that."""
        number = _as_number(age)
        ((stands, before, now),) = whole(await self._link.evaluate([_put_call(instrument, number)]))
        if not stands:
            await self.load()
            return
        if before == self._revision:
            self._revision = now
        self._know(instrument, number)

    async def follow(self, revision: int) -> None:
        """Read the instruments if they have another revision than when they were read last."""
        if revision != self._revision:
            await self.load()

    async def load(self) -> None:
        """Read the instruments. One that is known here and not there was lost there: it is put in again."""
        symbols = await self._read()
        lost = [instrument for symbol, instrument in self._market.instruments.items() if symbol not in symbols]
        if lost:
            undated = _as_number(UNDATED)
            calls = [_put_call(instrument, self._ages.get(instrument.symbol, undated)) for instrument in lost]
            whole(await self._link.evaluate(calls))
            await self._read()

    def forget(self) -> None:
        """Have them read anew."""
        self._revision = None

    async def _read(self) -> set[str]:
        """Know what is there, and give its symbols."""
        (reply,) = whole(await self._link.evaluate([Call(script("read_instruments"), INSTRUMENTS, ())]))
        revision, rows = reply
        told = [(read(raw, _decoder()), int(age)) for _, raw, age in rows]
        for instrument, age in told:
            self._know(instrument, age)
        self._revision = revision
        return {instrument.symbol for instrument, _ in told}

    def _know(self, instrument: Instrument, age: int) -> None:
        self._ages[instrument.symbol] = age
        if self._market.instruments.get(instrument.symbol) != instrument:
            self._market.put_instrument(instrument)
            self._changed(instrument)


def _put_call(instrument: Instrument, age: int) -> Call:
    return Call(script("put_instrument"), INSTRUMENTS, (instrument.symbol, age, write(instrument)))


def _as_number(age: InstrumentAge) -> int:
    """An age as one number that orders as it does: Lua compares numbers."""
    at_us, updated = age
    return 2 * at_us + updated


@cache
def _decoder() -> "msgspec.msgpack.Decoder[Instrument]":
    return msgspec.msgpack.Decoder(Instrument)
