"""News that a state has heard already, told without changing the state."""

from tidegate.core.pretrade.changes import (
    BalancesReplaced,
    ExposureReported,
    LeftOut,
    OrdersReplaced,
    PositionsReplaced,
    ProfileTold,
    StateChange,
)
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.state import UserState


def heard_before(user: UserState, change: StateChange) -> Applied | None:
    """Tell what ``apply_change`` would answer to news that changes nothing, now and whatever else is told before it.

    ``None``: it would change something, or may. A snapshot that ends just where its topic was heard to is such news.
    """
    if isinstance(change, LeftOut):
        return None
    places = user.places
    if not isinstance(change, ProfileTold | ExposureReported):
        account = user.accounts.get(change.account_id)
        places = {} if account is None else account.heard.places
    place, stamp = places.get(change.stamp.topic), change.stamp
    if place is None:
        return None
    if stamp.event_id in place.event_ids:
        return Applied.REPEATED
    if isinstance(change, BalancesReplaced | PositionsReplaced | OrdersReplaced):
        return Applied.OUTDATED if stamp.sequence < place.last else None
    older = isinstance(change, ExposureReported) and stamp.at_us < place.at_us
    return Applied.OUTDATED if older or stamp.sequence <= place.last else None
