"""The form in which JSON is decided on is the form in which a store gives it back."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.postgres import fresh_pool, postgres_server

from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.rules.json_exact import read_json, write_json
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.usecases.assessment.snapshot import (
    Circumscribed,
    UnreadableSnapshot,
    read_snapshot,
    storable_answer,
    storable_request,
    write_snapshot,
)
from tidegate.usecases.assessment.stored_form import stored_form, stored_members

__all__ = ["postgres_server"]

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
NUMBERS = st.builds(
    lambda digits, exponent, sign: Decimal(f"{sign}{digits}E{exponent}"),
    st.integers(0, 10**20),
    st.integers(-40, 40),
    st.sampled_from(["", "-"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | TEXTS | NUMBERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)


def written(value: object) -> str:
    """A text in which every digit, sign and the order of keys shows."""
    return write_json(value)


@pytest.mark.servers
async def test_jsonb_gives_back_the_stored_form_as_it_is(postgres_server: EmbeddedPostgres) -> None:
    """AS-316: numbers to the digit, keys in their order, so that a replay meets what was decided on."""
    values: list[Any] = []

    @settings(max_examples=300)
    @given(JSON)
    def collect(value: object) -> None:
        values.append(stored_form(value))

    collect()
    texts = [written(value) for value in values]
    async with fresh_pool(postgres_server) as pool, pool.connection() as connection:
        rows = await connection.fetch("SELECT text::jsonb::text AS back FROM unnest($1::text[]) AS text", texts)
    for text, row in zip(texts, rows, strict=True):
        assert written(read_json(row["back"])) == text


@given(JSON)
def test_stored_form_changes_no_value_and_is_its_own(value: object) -> None:
    """AS-316: the form is only a form: equal values, and once brought into it nothing moves any more."""
    form = stored_form(value)
    assert form == value
    assert written(stored_form(form)) == written(form)


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E+2", "100"), ("-0.00", "0.00"), ("1.10", "1.10"), ("1E-3", "0.001"), ("-0", "0"), ("12", "12")],
)
def test_stored_number_is_plain(number: str, text: str) -> None:
    """AS-316: digits stay, exponents and the sign of a zero go."""
    assert str(stored_form(Decimal(number))) == text


@given(st.dictionaries(TEXTS, JSON, max_size=4), st.dictionaries(TEXTS, JSON, max_size=4))
def test_snapshot_is_read_as_it_was_written(context: dict[str, object], fields: dict[str, object]) -> None:
    """AS-316: request, answers, history and clock come back equal through JSON."""
    request = storable_request(AssessmentRequest("t", "s", "kyc", "CH", "LOAN", "R", context))
    outside = {
        "zefix": storable_answer(ProviderAnswer(CallStatus.SUCCESS, fields)),
        "crif": ProviderAnswer(CallStatus.TIMEOUT, {}, "late"),
    }
    made_on = Circumscribed(request, outside, stored_members({"count": {"PT1H": 3}}), 1_767_225_600_000_001)
    snapshot = write_snapshot(made_on, versions={"rules": 1}, engine="1.2.3")
    back = read_json(written(snapshot))
    assert isinstance(back, dict)
    assert read_snapshot(back) == made_on
    assert json.loads(written(back))["engine"] == "1.2.3"


@pytest.mark.parametrize("lost", ["request", "providers", "history", "now_us"])
def test_snapshot_that_lacks_a_part_is_refused(lost: str) -> None:
    """AS-316: what was not written by this program is not guessed at."""
    request = AssessmentRequest("t", "s", "kyc", "CH", "LOAN", "R", {})
    snapshot = write_snapshot(Circumscribed(request, {}, {}, 1), versions={}, engine="1.2.3")
    del snapshot[lost]
    with pytest.raises(UnreadableSnapshot):
        read_snapshot(snapshot)
