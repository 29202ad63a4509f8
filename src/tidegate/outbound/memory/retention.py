"""Deletes what nothing reads any more from the memory twins."""

from tidegate.outbound.memory.decisions import MemoryDecisionJournal
from tidegate.outbound.memory.event_bus import MemoryEventBus
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.ports.retention import Compacted


class MemoryRetention:
    """``Retention`` in memory, where there is one process only."""

    def __init__(self, journal: MemoryDecisionJournal, bus: MemoryEventBus, *, profiles: MemoryProfiles) -> None:
        self._journal = journal
        self._bus = bus
        self._profiles = profiles

    async def forget_answers(self, *, before_us: int, limit: int) -> int:
        return self._journal.forget_answers(before_us, limit)

    async def forget_receipts(self, *, before_us: int, limit: int) -> int:
        return self._profiles.forget_receipts(before_us, limit)

    async def forget_records(self, topic: str, *, before_us: int, limit: int) -> int:
        first = [record.offset for record in self._bus.published_before(topic, before_us)][:limit]
        self._bus.delete(topic, first)
        return len(first)

    async def compact(self, topic: str, group: str, *, start: int, before_us: int, limit: int) -> Compacted:
        old = self._bus.published_before(topic, before_us)
        place = self._bus.place_of(group, topic)
        passed = [record for record in old if start <= record.offset < place][:limit]
        if not passed:
            return Compacted(0, None)
        latest = {record.key: record.offset for record in passed}
        gone = [record.offset for record in old if record.offset < latest.get(record.key, 0)]
        self._bus.delete(topic, gone)
        return Compacted(len(gone), passed[-1].offset + 1)
