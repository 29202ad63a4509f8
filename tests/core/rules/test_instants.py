"""RFC 3339 date-times and ISO 8601 durations, read strictly and compared exactly."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.rules.instants import (
    Duration,
    Instant,
    before,
    date_time_text,
    instant_of,
    parse_date_time,
    parse_duration,
    parse_moment,
)

SAME_INSTANT = [
    ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z"),
    ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"),
    ("1990-12-31T23:59:60Z", "1990-12-31T15:59:60-08:00"),
    ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.87Z"),
    ("2026-01-01t00:00:00z", "2026-01-01T00:00:00Z"),
    ("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00Z"),
    ("2024-02-29T00:00:00Z", "2024-02-29T23:59:00+23:59"),
    ("0000-02-29T00:00:00Z", "0000-02-29T01:00:00+01:00"),
]

NOT_DATE_TIMES = [
    "",
    "2026-01-01",
    "2026-01-01T00:00Z",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00Z",
    "2026-1-01T00:00:00Z",
    "20260101T000000Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:61Z",
    "2026-01-01T00:00:60Z",
    "2026-03-31T23:59:60Z",
    "2026-06-30T23:59:60+01:00",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00,5Z",
    "2026-01-01T00:00:00+1:00",
    "2026-01-01T00:00:00+0100",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+00:60",
    "2026-01-01T00:00:00Z\n",
    " 2026-01-01T00:00:00Z",
    "+2026-01-01T00:00:00Z",
    "\u0662026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z[UTC]",
]

IN_ORDER = [
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.9Z",
    "1970-01-01T00:00:00Z",
    "2016-12-31T23:59:59Z",
    "2016-12-31T23:59:59.999999999999Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:60.05Z",
    "2016-12-31T23:59:60.5Z",
    "2017-01-01T00:00:00Z",
    "2017-01-01T00:00:00.000000000000000001Z",
    "2017-01-01T00:00:00.1Z",
    "2017-01-01T00:00:00.10001Z",
    "2017-01-01T00:00:00.2Z",
    "9999-12-31T23:59:59Z",
]

DURATIONS = [
    ("P1W", 604_800, ""),
    ("P1D", 86_400, ""),
    ("PT1H", 3_600, ""),
    ("PT1M", 60, ""),
    ("PT1S", 1, ""),
    ("PT0S", 0, ""),
    ("P1W2DT3H4M5S", 604_800 + 172_800 + 10_800 + 240 + 5, ""),
    ("PT24H", 86_400, ""),
    ("PT0.5S", 0, "5"),
    ("PT0,5S", 0, "5"),
    ("PT1.50H", 5_400, ""),
    ("P0.5D", 43_200, ""),
    ("PT0.000000001S", 0, "000000001"),
    ("PT00000000000000000001S", 1, ""),
]

NOT_DURATIONS = [
    "", "P", "PT", "P1DT", "P1Y", "P1M", "1D", "P1", "P-1D", "-P1D", "+P1D", "p1d", "P1H", "PT1D", "P1D1W", "PT1S1M",
    "P1.5DT1H", "P 1D", "P1D ", "P.5D", "P1.D", "P1D\n", "P\u0661D", "P" + "9" * 65 + "D",
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME_INSTANT)
def test_date_time_written_two_ways_is_one_instant(one: str, other: str) -> None:
    """RU-106: offsets, small letters, leap seconds and trailing zeros are read as RFC 3339 has them."""
    assert parse_date_time(one) is not None
    assert parse_date_time(one) == parse_date_time(other)


@pytest.mark.parametrize("text", NOT_DATE_TIMES)
def test_text_that_is_no_date_time_is_not_read_as_one(text: str) -> None:
    """RU-106: only RFC 3339 date-times are instants."""
    assert parse_date_time(text) is None


def test_instants_order_as_time_does() -> None:
    """RU-106: fractions of any length and leap seconds keep their place."""
    instants = [parse_date_time(text) for text in IN_ORDER]
    assert None not in instants
    assert all(earlier < later for earlier, later in pairwise(instants) if earlier and later)


def test_bare_date_is_midnight_utc_for_ages_only() -> None:
    """RU-111: a bare date is a moment, and no date-time."""
    assert parse_moment("2026-01-01") == parse_date_time("2026-01-01T00:00:00Z")
    assert parse_moment("2026-02-30") is None
    assert parse_date_time("2026-01-01") is None


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-1439, 1439))
def test_any_datetime_is_read_back_as_the_same_instant(moment: datetime, offset_minutes: int) -> None:
    """RU-106: the reader agrees with the standard library on every date it can hold."""
    instant = instant_of(moment)
    assert parse_date_time(moment.isoformat()) == instant
    assert parse_date_time(date_time_text(instant) or "") == instant
    try:
        elsewhere = moment.astimezone(timezone(timedelta(minutes=offset_minutes)))
    except OverflowError:
        return
    assert parse_date_time(elsewhere.isoformat()) == instant


@given(st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1)), st.timedeltas(timedelta(0), timedelta(days=90_000)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_before_subtracts_as_the_standard_library_does(moment: datetime, span: timedelta) -> None:
    """RU-111: now - D is exact."""
    moment = moment.replace(tzinfo=UTC)
    duration = Duration(span.days * 86_400 + span.seconds, f"{span.microseconds:06d}".rstrip("0"))
    assert before(instant_of(moment), duration) == instant_of(moment - span)


@pytest.mark.parametrize(("text", "seconds", "fraction"), DURATIONS)
def test_duration_of_weeks_to_seconds_is_read(text: str, seconds: int, fraction: str) -> None:
    """RU-111: the amounts add up."""
    assert parse_duration(text) == Duration(seconds, fraction)


@pytest.mark.parametrize("text", NOT_DURATIONS)
def test_text_that_is_no_fixed_duration_is_not_read(text: str) -> None:
    """RU-111: years and months have no fixed length; signs, disorder and empty parts are not read."""
    assert parse_duration(text) is None


def test_naive_datetime_is_refused_as_now() -> None:
    """RU-111: a clock without an offset is no point in time."""
    with pytest.raises(ValueError, match="offset"):
        instant_of(datetime(2026, 1, 1))  # noqa: DTZ001 - the naive one is what is tested


def test_instant_outside_the_calendar_has_no_text() -> None:
    """RU-503: a counterfactual never invents a date that nobody could send."""
    assert date_time_text(Instant(-(10**12))) is None
    assert date_time_text(Instant(10**12)) is None
