"""Flow windows that several processes share: what one counts, the others count too, and windows can move house."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.core.pretrade.told import an_order as a_told_order
from tests.core.pretrade.told import reported
from tests.ports.builders import NOW_US, USER, an_order

from tidegate.core.pretrade.changes import EngineEventType
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.ports.account_book import Checked
from tidegate.usecases.pretrade.flow import FlowWindows, content_of
from tidegate.usecases.pretrade.shared_flows import SharedFlows

SETTINGS = GateSettings(orders_per_second_max=3, duplicate_window_ms=5_000, repeat_max=3, repeat_window_ms=60_000)

checks = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 2_000_000),
        st.none() | st.decimals(0, 10_000, places=8, allow_nan=False, allow_infinity=False),
    ),
    max_size=20,
)
"""Each: which of three contents, how many microseconds after the one before, and the notional, or refused."""


def priced(content: int) -> Order:
    return replace(an_order("asks"), price=Decimal(100 + content))


def facts(flow: FlowWindows, now_us: int) -> list[FlowFacts]:
    """All that a check of each content would read."""
    return [flow.facts(priced(each), now_us=now_us, settings=SETTINGS, rearmed_us=None) for each in range(3)]


def counted_here(told: list[tuple[int, int, Decimal | None]]) -> tuple[FlowWindows, list[Checked], int]:
    """Count checks as the process that decides them does."""
    flow, sent, at_us = FlowWindows(), [], NOW_US
    for content, later_us, notional in told:
        at_us += later_us
        order = priced(content)
        flow.count_message(order, at_us=at_us, settings=SETTINGS)
        if notional is None:
            flow.count_reject(order, at_us=at_us)
        else:
            flow.count_accepted(order, at_us=at_us, notional_usdt=notional, settings=SETTINGS)
        sent.append(Checked(at_us, content_of(order), notional))
    return flow, sent, at_us


@given(checks)
def test_windows_that_are_told_of_checks_count_what_the_deciding_process_counts(
    told: list[tuple[int, int, Decimal | None]],
) -> None:
    """PT-527, PT-340, PT-342: whichever process asks next, it reads the same rate, sums and equal orders."""
    here, sent, now_us = counted_here(told)
    elsewhere = FlowWindows()
    shared = SharedFlows(elsewhere, lambda: SETTINGS)
    for each in sent:
        shared.count_checked(USER, each)
    assert facts(elsewhere, now_us) == facts(here, now_us)


@given(checks, checks)
def test_windows_put_into_another_process_go_on_as_where_they_were_kept(
    before: list[tuple[int, int, Decimal | None]], after: list[tuple[int, int, Decimal | None]]
) -> None:
    """PT-527: kept and put in their place, windows count on as if they had never moved."""
    here, sent, now_us = counted_here([*before, *after])
    first = SharedFlows(FlowWindows(), lambda: SETTINGS)
    for each in sent[: len(before)]:
        first.count_checked(USER, each)
    elsewhere = FlowWindows()
    second = SharedFlows(elsewhere, lambda: SETTINGS)
    second.put(USER, first.kept(USER))
    for each in sent[len(before) :]:
        second.count_checked(USER, each)
    assert facts(elsewhere, now_us) == facts(here, now_us)


def test_windows_that_move_take_the_fills_of_the_repeat_throttle_with_them() -> None:
    """PT-344: an executed order counts for the throttle wherever the next equal one is asked."""
    first = SharedFlows(FlowWindows(), lambda: SETTINGS)
    filled = reported(1, a_told_order("o-1", quantity="1", filled="1"), event=EngineEventType.FILLED)
    first.hear_change(filled)
    elsewhere = FlowWindows()
    SharedFlows(elsewhere, lambda: SETTINGS).put(USER, first.kept(USER))
    order = replace(an_order("asks"), quantity=Decimal(1), price=Decimal(100))
    counted = elsewhere.facts(order, now_us=filled.stamp.at_us, settings=SETTINGS, rearmed_us=None)
    assert counted.equal_fills == 1


def test_windows_of_a_user_nobody_counted_hold_nothing_and_putting_nothing_empties_them() -> None:
    """PT-527: a user of whom nothing is kept begins anew."""
    flow, sent, now_us = counted_here([(0, 0, Decimal(5))])
    shared = SharedFlows(flow, lambda: SETTINGS)
    shared.put(USER, None)
    assert shared.kept(USER) is None
    assert facts(flow, now_us) == facts(FlowWindows(), now_us)
    assert sent
