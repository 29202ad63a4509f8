"""Margin tiers in memory."""

from collections.abc import Sequence

from tidegate.core.pretrade.tiers import MarginTier
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.versioned_rows import VersionedRows
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.storable import ladders_faults, tier_faults
from tidegate.ports.stored import Change, Conflict, NotStored, Stored


class MemoryMarginTiers:
    """``MarginTiers`` in memory."""

    def __init__(self, areas: MemoryConfigurationAreas) -> None:
        self._areas = areas
        self._rows: VersionedRows[MarginTier] = VersionedRows("tiers")

    async def page(
        self, request: PageRequest, *, symbol: str | None, default_only: bool, active: bool | None
    ) -> Page[Stored[MarginTier]]:
        def wanted(tier: MarginTier) -> bool:
            named = symbol in {None, tier.symbol} and (not default_only or tier.symbol is None)
            return named and active in {None, tier.active}

        return self._rows.page(request, wanted)

    async def get(self, row_id: int) -> Stored[MarginTier]:
        return self._rows.get(row_id)

    async def create(self, tiers: Sequence[MarginTier], *, by: Change) -> Sequence[Stored[MarginTier]]:
        if not tiers:
            return ()
        self._require_sound(tiers, replaced=0)
        publishes = self._areas.publish(Area.TIERS)
        return tuple(self._rows.write(self._rows.next_id(), tier, by=by, area_version=publishes) for tier in tiers)

    async def replace(self, row_id: int, tier: MarginTier, *, version: int | None, by: Change) -> Stored[MarginTier]:
        self._rows.at_version(row_id, version)
        self._require_sound([tier], replaced=row_id)
        return self._rows.write(row_id, tier, by=by, area_version=self._areas.publish(Area.TIERS))

    async def load(self) -> tuple[int, Sequence[MarginTier]]:
        return self._areas.version(Area.TIERS), _active([stored.row for stored in self._rows.current()])

    async def load_version(self, version: int) -> Sequence[MarginTier]:
        if not 0 <= version <= self._areas.version(Area.TIERS):
            raise NotStored(version)
        return _active([stored.row for stored in self._rows.as_of(version)])

    def _require_sound(self, written: Sequence[MarginTier], *, replaced: int) -> None:
        """Refuse a write after which a tier would not fit or a ladder would be unsound."""
        faults = [fault for tier in written for fault in tier_faults(tier)]
        if not faults:
            standing = [stored.row for stored in self._rows.current() if stored.row_id != replaced]
            faults = ladders_faults(_active([*standing, *written]))
        if faults:
            raise Conflict(faults)


def _active(tiers: Sequence[MarginTier]) -> list[MarginTier]:
    """Give the active tiers, the default ladder first."""
    active = [tier for tier in tiers if tier.active]
    return sorted(active, key=lambda tier: (tier.symbol is not None, tier.symbol or "", tier.tier))
