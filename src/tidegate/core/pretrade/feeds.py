"""How far the topics have been heard: sequences, repeats and gaps, by the rules of ``docs/events.md``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.core.kernel.quick import quickly_made

POSITION_UPDATED: Final = "position.updated.v1"
POSITION_CLOSED: Final = "position.closed.v1"
ORDER_COMMAND: Final = "order.command.v1"
ENGINE_EVENT: Final = "engine.event.v1"
BALANCE_CHANGED: Final = "wallet.balance_changed.v1"
EXPOSURE: Final = "risk.exposure.v2"

POSITION_TOPICS: Final = (POSITION_UPDATED, POSITION_CLOSED, ORDER_COMMAND, ENGINE_EVENT)
"""Topics that tell of positions and live orders: with a gap in one of them no order is proven to reduce."""

ACCOUNT_TOPICS: Final = (*POSITION_TOPICS, BALANCE_CHANGED)
"""Topics whose sequences count per account."""

USER_TOPIC_PREFIX: Final = "user."
"""Topics of this prefix count per user; a gap in one makes all accounts of the user stale."""

EVENT_IDS_KEPT: Final = 16
"""Latest event ids kept per topic and entity: they catch a repeat under a new sequence, the sequence all others."""


class Applied(StrEnum):
    """What became of an event."""

    APPLIED = "APPLIED"
    REPEATED = "REPEATED"
    OUTDATED = "OUTDATED"
    GAP = "GAP"
    """Applied or kept, but an earlier event is missing: what it concerns is stale until a snapshot heals it."""


@quickly_made
@dataclass(frozen=True, slots=True)
class EventStamp:
    """Identity of an event: ``sequence`` counts 1, 2, 3... per (topic, entity), ``at_us`` is its time at the source."""

    event_id: str
    topic: str
    sequence: int
    at_us: int


class FeedPlace:
    """How far one topic has been heard of one entity.

    ``last`` is the highest sequence applied (0: none), ``missing_to`` the highest one known to have been left out
    (0: none), ``at_us`` the time of the latest event applied.
    """

    __slots__ = ("at_us", "event_ids", "last", "missing_to")

    def __init__(self) -> None:
        self.last = self.missing_to = self.at_us = 0
        self.event_ids: list[str] = []

    def take(self, stamp: EventStamp) -> Applied:
        """Judge a record that tells of one row; APPLIED and GAP say that it is to be applied.

        One that is newer by sequence and older by time contradicts itself: it counts as left out.
        """
        if stamp.event_id in self.event_ids:
            return Applied.REPEATED
        if stamp.sequence <= self.last:
            return Applied.OUTDATED
        if stamp.at_us < self.at_us:
            self.missing_to = self.last = stamp.sequence
            return Applied.OUTDATED
        gap = stamp.sequence > self.last + 1
        if gap:
            self.missing_to = stamp.sequence - 1
        self._note(stamp)
        return Applied.GAP if gap else Applied.APPLIED

    def judge_whole(self, stamp: EventStamp) -> Applied:
        """Judge a record that is complete in itself and replaces all that was known: it leaves no gap."""
        if stamp.event_id in self.event_ids:
            return Applied.REPEATED
        if stamp.sequence <= self.last or stamp.at_us < self.at_us:
            return Applied.OUTDATED
        return Applied.APPLIED

    def take_whole(self, stamp: EventStamp) -> Applied:
        """Judge a record that is complete in itself, and count it as heard when it is to be applied."""
        applied = self.judge_whole(stamp)
        if applied is Applied.APPLIED:
            self._note(stamp)
        return applied

    def take_snapshot(self, stamp: EventStamp) -> Applied:
        """Judge a snapshot: one that is new opens no gap and heals its own topic."""
        if stamp.event_id in self.event_ids:
            return Applied.REPEATED
        if stamp.sequence <= self.last:
            return Applied.OUTDATED
        self.missing_to = 0
        self._note(stamp)
        return Applied.APPLIED

    def take_level(self, stamp: EventStamp) -> Applied:
        """Take a snapshot that was read from its service and ends where this topic has been heard to
        (``level_but_newer`` has said that it says more).
        """
        if stamp.event_id in self.event_ids:
            return Applied.REPEATED
        self.heal(stamp.sequence)
        self._note(stamp)
        return Applied.APPLIED

    def gains_by(self, up_to: int) -> bool:
        """Tell whether to hear all records up to a sequence would tell anything that is not known."""
        return up_to > self.last or 0 < self.missing_to <= up_to

    def heal(self, up_to: int) -> None:
        """Count all records up to a sequence as heard: a snapshot of a sister topic has them in it."""
        self.last = max(self.last, up_to)
        if up_to >= self.missing_to:
            self.missing_to = 0

    def leave_out(self) -> None:
        """Count the record after the last one as left out: it could not be read."""
        self.missing_to = max(self.missing_to, self.last + 1)

    def _note(self, stamp: EventStamp) -> None:
        self.last = stamp.sequence
        self.at_us = max(self.at_us, stamp.at_us)
        if len(self.event_ids) >= EVENT_IDS_KEPT:
            del self.event_ids[0]
        self.event_ids.append(stamp.event_id)


def place_of(places: dict[str, FeedPlace], topic: str) -> FeedPlace:
    """Give the place in a topic, made when nothing was heard of it."""
    found = places.get(topic)
    if found is None:
        found = places[topic] = FeedPlace()
    return found


def heal_all(places: dict[str, FeedPlace], heals: Mapping[str, int]) -> None:
    """Heal the sister topics that a snapshot names, each up to its sequence."""
    for topic, up_to in heals.items():
        place_of(places, topic).heal(up_to)


def level_but_newer(places: dict[str, FeedPlace], stamp: EventStamp, *, heals: Mapping[str, int]) -> bool:
    """Tell whether a snapshot that ends where its topic has been heard to is to be applied all the same: it has all in
    it that was heard of the sister topics too, and something that was not, or was left out. Such a one was read from
    its service, since a snapshot on the topic has a sequence of its own.
    """
    place = place_of(places, stamp.topic)
    if stamp.sequence != place.last:
        return False
    told = [(place_of(places, topic), up_to) for topic, up_to in heals.items()]
    if any(up_to < sister.last for sister, up_to in told):
        return False
    return any(one.gains_by(up_to) for one, up_to in [(place, stamp.sequence), *told])


def gaps_of(places: Mapping[str, FeedPlace]) -> Iterable[str]:
    """Say which topics lack records, in words."""
    missing = [(topic, place.missing_to) for topic, place in places.items() if place.missing_to]
    return [f"{topic} lacks records up to {sequence}" for topic, sequence in sorted(missing)] if missing else ()
