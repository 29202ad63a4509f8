"""The latest mark of each symbol in Redis, so that a process that starts knows them before the topic tells it more."""

from functools import cache

import msgspec

from tidegate.core.pretrade.instrument import Mark
from tidegate.core.pretrade.snapshot import Market
from tidegate.outbound.redis.keys import MARKS
from tidegate.outbound.redis.link import Argument, RedisLink
from tidegate.outbound.redis.state_codec import read, write


class RedisMarks:
    """Saves the marks of a market, and loads them. ``DependencyFailed`` when Redis does not answer, or holds what is no
    mark. Which process saves last does not matter: a mark's own time says how old it is.
    """

    def __init__(self, link: RedisLink, market: Market) -> None:
        self._link = link
        self._market = market
        self._saved: dict[str, Mark] = {}

    async def save(self) -> int:
        """Save the marks that have moved since they were saved last, of each symbol the latest; give how many."""
        moved = {symbol: mark for symbol, mark in self._market.marks.items() if self._saved.get(symbol) is not mark}
        if moved:
            arguments: list[Argument] = []
            for symbol, mark in moved.items():
                arguments += [symbol, write(mark)]
            await self._link.command("HSET", MARKS, *arguments)
            self._saved |= moved
        return len(moved)

    async def load(self) -> int:
        """Put in place the marks that are later than those the market has; give how many."""
        rows = await self._link.command("HGETALL", MARKS)
        told = {symbol.decode(): read(raw, _decoder()) for symbol, raw in rows.items()}
        held = self._market.marks
        later = {symbol: mark for symbol, mark in told.items() if symbol not in held or held[symbol].at_us < mark.at_us}
        held.update(later)
        self._saved |= later
        return len(later)


@cache
def _decoder() -> "msgspec.msgpack.Decoder[Mark]":
    return msgspec.msgpack.Decoder(Mark)
