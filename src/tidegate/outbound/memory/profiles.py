"""Profiles in memory."""

from collections.abc import Sequence
from dataclasses import replace

from tidegate.core.pretrade.account import Profile
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.versioned_rows import VersionedRows
from tidegate.ports.configuration import Applied, EventStamp, ProfileChange, ProfileRow
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.profile_events import KnownProfile, ProfileEvent, changed_profile, outcome
from tidegate.ports.storable import profile_faults
from tidegate.ports.stored import Change, Conflict, NotStored, Stored


class MemoryProfiles:
    """``Profiles`` in memory."""

    def __init__(self, areas: MemoryConfigurationAreas) -> None:
        self._areas = areas
        self._rows: VersionedRows[ProfileRow] = VersionedRows("profiles")
        self._ids: dict[str, int] = {}
        self._receipts: dict[str, int] = {}
        self._sequences: dict[tuple[str, str], int] = {}
        self._field_times: dict[str, dict[str, int]] = {}

    async def page(
        self, request: PageRequest, *, kyc_level: KycLevel | None, frozen: bool | None
    ) -> Page[Stored[ProfileRow]]:
        def wanted(row: ProfileRow) -> bool:
            return kyc_level in {None, row.profile.kyc_level} and frozen in {None, row.profile.frozen}

        return self._rows.page(request, wanted)

    async def get(self, user_id: str) -> Stored[ProfileRow]:
        return self._stored(user_id)

    async def change(
        self, user_id: str, change: ProfileChange, *, version: int | None, by: Change
    ) -> Stored[ProfileRow]:
        self._stored(user_id)
        former = self._rows.at_version(self._ids[user_id.lower()], version).row
        rearmed_us = by.at_us if change.rearm_repeat_throttle else former.repeat_rearmed_us
        profile = changed_profile(former.profile, change)
        return self._write(replace(former, profile=profile, repeat_rearmed_us=rearmed_us), by=by)

    async def apply(
        self, user_id: str, change: ProfileChange, *, stamp: EventStamp, created: Profile | None
    ) -> Applied:
        if stamp.event_id in self._receipts:
            return Applied.REPEATED
        former = None if user_id.lower() not in self._ids else self._stored(user_id).row
        counted = (stamp.topic, user_id.lower())
        known = KnownProfile(
            None if former is None else former.profile,
            self._field_times.get(user_id.lower(), {}),
            self._sequences.get(counted),
        )
        result = outcome(known, ProfileEvent(change, stamp, created))
        if result.profile is not None:
            row = ProfileRow(result.profile) if former is None else replace(former, profile=result.profile)
            row = replace(
                row,
                last_event_id=stamp.event_id,
                last_event_us=max(stamp.at_us, row.last_event_us or stamp.at_us),
                repeat_rearmed_us=stamp.at_us if result.rearms else row.repeat_rearmed_us,
            )
            self._write(row, by=Change(f"{stamp.topic} {stamp.event_id}", stamp.at_us))
            self._field_times[user_id.lower()] = dict(result.field_times)
        self._receipts[stamp.event_id] = stamp.at_us
        self._sequences[counted] = max(stamp.sequence, known.last_sequence or 0)
        return result.applied

    async def put(self, profile: Profile, *, by: Change) -> Stored[ProfileRow]:
        row_id = self._ids.get(profile.user_id.lower())
        row = ProfileRow(profile) if row_id is None else replace(self._rows.get(row_id).row, profile=profile)
        return self._write(row, by=by)

    async def load(self, *, after_version: int) -> tuple[int, Sequence[ProfileRow]]:
        changed = [stored.row for stored in self._rows.changed_after(after_version)]
        return self._areas.version(Area.PROFILES), changed

    def forget_receipts(self, before_us: int, limit: int) -> int:
        """Forget receipts of events that happened before a moment; give how many (for retention)."""
        old = [event_id for event_id, at_us in self._receipts.items() if at_us < before_us][:limit]
        for event_id in old:
            del self._receipts[event_id]
        return len(old)

    def take_margin_call(self, user_id: str, *, at_us: int, cooldown_us: int) -> bool:
        """Set ``last_margin_call`` unless its cool-down still runs; tell whether it was set (for the journal)."""
        row_id = self._ids.get(user_id.lower())
        if row_id is None:
            return False
        row = self._rows.get(row_id).row
        if row.last_margin_call_us is not None and row.last_margin_call_us > at_us - cooldown_us:
            return False
        self._rows.amend(row_id, replace(row, last_margin_call_us=at_us))
        return True

    def _stored(self, user_id: str) -> Stored[ProfileRow]:
        row_id = self._ids.get(user_id.lower())
        if row_id is None:
            raise NotStored(user_id)
        return self._rows.get(row_id)

    def _write(self, row: ProfileRow, *, by: Change) -> Stored[ProfileRow]:
        faults = profile_faults(row.profile)
        if faults:
            raise Conflict(faults)
        user_id = row.profile.user_id.lower()
        row_id = self._ids.setdefault(user_id, self._rows.next_id())
        return self._rows.write(row_id, row, by=by, area_version=self._areas.publish(Area.PROFILES))
