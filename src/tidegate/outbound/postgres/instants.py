"""Instants: microseconds since 1970 inside, ``timestamptz`` in the tables; no float between them."""

from datetime import UTC, datetime, timedelta
from typing import Final, overload

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EARLIEST_US: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def to_timestamp(instant_us: int) -> datetime:
    """Give the instant for a ``timestamptz`` column; what no calendar holds becomes its first or last day."""
    return _EPOCH + timedelta(microseconds=min(max(instant_us, _EARLIEST_US), _LATEST_US))


@overload
def to_us(instant: datetime) -> int: ...
@overload
def to_us(instant: None) -> None: ...
def to_us(instant: datetime | None) -> int | None:
    """Give microseconds since 1970 of what a ``timestamptz`` column held."""
    return None if instant is None else (instant - _EPOCH) // _MICROSECOND
