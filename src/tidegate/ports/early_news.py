"""News of users whose profile was not told of yet: the topics know no order between them, so it waits for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.core.pretrade.account import Profile
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.ports.configuration import ProfileChange


@dataclass(frozen=True, slots=True)
class ProfileNews:
    """A user.* event: the limits it sets, ``created`` when it has all of them, ``reached`` the KYC level to which it
    raises, ``heals`` when it is a snapshot.
    """

    user_id: str
    stamp: EventStamp
    change: ProfileChange = field(default_factory=ProfileChange)
    created: Profile | None = None
    reached: KycLevel | None = None
    heals: Mapping[str, int] | None = None


class EarlyNews(Protocol):
    """Keeps what came early, for whichever process is told of the profile. ``DependencyFailed`` when the store does not
    answer.
    """

    async def keep(self, news: ProfileNews, *, most: int) -> bool:
        """Keep one, once for each event_id of its user; False when ``most`` are kept already, of all users together,
        and it is none of them.
        """

    async def of(self, user_id: str) -> Sequence[ProfileNews]:
        """Give what waits for the profile of a user, by time and sequence."""

    async def forget(self, user_id: str, event_ids: Sequence[str]) -> None:
        """Forget what has been applied."""
