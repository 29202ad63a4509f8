"""Records as the services around the gate would write them: envelopes, and sequences without holes."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final
from uuid import UUID

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import Profile
from tidegate.wire.topics import ACCOUNT_TOPICS, key_field

ACCOUNT: Final = "main"
"""The one account that every trader of the demo has."""

Event = tuple[str, dict[str, Any]]
"""A topic's base name and a record of it."""


class Teller:
    """Fills in what every record carries. Times are milliseconds since 1970 and never go back.

    Sequences of users and accounts begin at 1; those of symbols at the time of the start, because symbols, other than
    the demo's users, may have been told of before in the same data folder.
    """

    def __init__(self, now_ms: Callable[[], int], *, dice: Random) -> None:
        self._now_ms = now_ms
        self._dice = dice
        self._latest_ms = now_ms()
        self._symbols_from = self._latest_ms
        self._last: dict[tuple[str, str], int] = defaultdict(int)

    def now_ms(self) -> int:
        """Give the time of the next record."""
        self._latest_ms = max(self._latest_ms, self._now_ms())
        return self._latest_ms

    def last(self, topic: str, entity: str) -> int:
        """Give the last sequence told of an entity in a topic; 0: none."""
        return self._last[topic, entity]

    def tell(self, topic: str, entity: str, *, fields: Mapping[str, Any], at_ms: int | None = None) -> Event:
        """Write a record about a user, or a symbol, in the order of telling; ``at_ms`` tells of an earlier time."""
        key = key_field(topic)
        place = (topic, entity)
        if key == "symbol" and not self._last[place]:
            self._last[place] = self._symbols_from
        self._last[place] += 1
        envelope = {
            "event_id": str(UUID(int=self._dice.getrandbits(128), version=4)),
            "event_ts": self.now_ms() if at_ms is None else at_ms,
            "trace_id": "",
            "sequence": self._last[place],
            key: entity,
        }
        account = {"account_id": ACCOUNT} if topic in ACCOUNT_TOPICS else {}
        return topic, envelope | account | dict(fields)


def profile_fields(profile: Profile) -> dict[str, Any]:
    """Write the limits of user.created.v1."""
    return {
        "kyc_level": profile.kyc_level.value,
        "exposure_limit_usdt": plain(profile.exposure_limit_usdt),
        "max_leverage": plain(profile.max_leverage),
        "risk_score": plain(profile.risk_score),
        "frozen": profile.frozen,
    }
