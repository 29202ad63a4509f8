"""RFC 3339 instants and ISO 8601 durations, exact to any fraction of a second.

An instant is kept as a tuple that orders as time does, so that comparing needs no arithmetic and a fraction of any
length stays exact. A leap second comes after every 23:59:59 fraction and before midnight.
"""

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from tidegate.core.rules.limits import DIGITS_MAX

_DATE: Final = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_DATE_TIME: Final = re.compile(
    _DATE + r"[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_BARE_DATE: Final = re.compile(_DATE)
_AMOUNT: Final = r"([0-9]+(?:[.,][0-9]+)?)"
_DURATION: Final = re.compile(
    rf"P(?:{_AMOUNT}W)?(?:{_AMOUNT}D)?(?:T(?=[0-9])(?:{_AMOUNT}H)?(?:{_AMOUNT}M)?(?:{_AMOUNT}S)?)?"
)
_UNIT_SECONDS: Final = (604_800, 86_400, 3_600, 60, 1)
_DAY_SECONDS: Final = 86_400
_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_LEAP_SECOND_DAYS: Final = ((6, 30), (12, 31))


class Instant(NamedTuple):
    """A point in time: seconds since 1970-01-01T00:00:00Z, 1 inside a leap second, fraction digits."""

    second: int
    leap: int = 0
    fraction: str = ""


class Duration(NamedTuple):
    """A span of time: whole seconds and the digits of the fraction, without trailing zeros."""

    seconds: int
    fraction: str = ""


def instant_of(moment: datetime) -> Instant:
    """The instant of an aware datetime; raises ValueError for a naive one."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError("a point in time needs its offset from UTC")
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    fraction = f"{since.microseconds:06d}".rstrip("0")
    return Instant(since.days * _DAY_SECONDS + since.seconds, 0, fraction)


def parse_date_time(text: str) -> Instant | None:
    """The instant of an RFC 3339 date-time, None for any other text.

    `t` and `z` may be small and `-00:00` is read as UTC, as the RFC says; a space for the T, hour 24 and a missing
    offset are not RFC 3339. Second 60 is read only where leap seconds fall: 23:59:60 UTC on 30 June or 31 December.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    days = _epoch_days(match.group(1, 2, 3))
    if days is None or hour > 23 or minute > 59 or second > 60:
        return None
    offset = 0
    if match[8] is not None:
        offset_hour, offset_minute = int(match[9]), int(match[10])
        if offset_hour > 23 or offset_minute > 59:
            return None
        offset = (offset_hour * 60 + offset_minute) * (60 if match[8] == "+" else -60)
    leap = 1 if second == 60 else 0
    whole = days * _DAY_SECONDS + hour * 3_600 + minute * 60 + second - leap - offset
    if leap and not _may_be_followed_by_leap_second(whole):
        return None
    return Instant(whole, leap, (match[7] or "").rstrip("0"))


def parse_moment(text: str) -> Instant | None:
    """The instant of an RFC 3339 date-time, or of a bare date (midnight UTC): what older_than and newer_than read."""
    match = _BARE_DATE.fullmatch(text)
    if match is None:
        return parse_date_time(text)
    days = _epoch_days(match.group(1, 2, 3))
    return None if days is None else Instant(days * _DAY_SECONDS)


def parse_duration(text: str) -> Duration | None:
    """The span an ISO 8601 duration of weeks, days, hours, minutes, seconds writes; None for any other text.

    Years and months have no fixed length and are not read. Only the last amount may have a fraction, and each amount
    at most 64 digits.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    amounts = [(amount, unit) for amount, unit in zip(match.groups(), _UNIT_SECONDS, strict=True) if amount]
    if not amounts or any(len(amount) > DIGITS_MAX for amount, _ in amounts):
        return None
    if any(not amount.isdigit() for amount, _ in amounts[:-1]):
        return None
    last, last_unit = amounts[-1]
    whole, _, fraction = last.replace(",", ".").partition(".")
    scale = 10 ** len(fraction)
    total = sum(int(amount) * unit for amount, unit in amounts[:-1]) * scale + int(whole + fraction) * last_unit
    return Duration(total // scale, _fraction_digits(total % scale, len(fraction)))


def before(instant: Instant, duration: Duration) -> Instant:
    """The instant that lies `duration` before `instant`; a leap second counts as the second that follows it."""
    places = max(len(instant.fraction), len(duration.fraction))
    scale = 10**places
    left = (instant.second + instant.leap) * scale + int(instant.fraction.ljust(places, "0") or "0")
    right = duration.seconds * scale + int(duration.fraction.ljust(places, "0") or "0")
    second, rest = divmod(left - right, scale)
    return Instant(second, 0, _fraction_digits(rest, places))


def date_time_text(instant: Instant) -> str | None:
    """The instant as RFC 3339 text in UTC; None outside the years 1 to 9999."""
    days, rest = divmod(instant.second, _DAY_SECONDS)
    ordinal = days + _EPOCH_ORDINAL
    if not 1 <= ordinal <= date.max.toordinal():
        return None
    clock = f"{rest // 3_600:02d}:{rest // 60 % 60:02d}:{rest % 60 + instant.leap:02d}"
    fraction = f".{instant.fraction}" if instant.fraction else ""
    return f"{date.fromordinal(ordinal).isoformat()}T{clock}{fraction}Z"


def _fraction_digits(rest: int, places: int) -> str:
    return str(rest).zfill(places).rstrip("0") if places else ""


def _epoch_days(date_digits: tuple[str, ...]) -> int | None:
    year, month, day = (int(digits) for digits in date_digits)
    # RFC 3339 has a year 0000 and `date` has not; the calendar repeats itself every 400 years.
    try:
        ordinal = date(year or _CYCLE_YEARS, month, day).toordinal()
    except ValueError:
        return None
    return ordinal - _EPOCH_ORDINAL - (0 if year else _CYCLE_DAYS)


def _may_be_followed_by_leap_second(second: int) -> bool:
    days, rest = divmod(second, _DAY_SECONDS)
    ordinal = days + _EPOCH_ORDINAL
    if rest != _DAY_SECONDS - 1 or not 1 <= ordinal <= date.max.toordinal():
        return False
    day = date.fromordinal(ordinal)
    return (day.month, day.day) in _LEAP_SECOND_DAYS
