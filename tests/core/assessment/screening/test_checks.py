"""What rules ask of screening, and what they read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.assessment.screening.listed import READER, an_entry, an_index

from tidegate.core.assessment.screening.checks import (
    ReadyList,
    ScreeningAnswer,
    ScreeningCheck,
    UnreadableCheck,
    answer_checks,
    read_checks,
)
from tidegate.core.rules.lookup import nested_lookup

LISTS = {
    "sdn": ReadyList("sdn", 3, an_index(an_entry("36", "KADYROV, Ramzan", birth_dates=["1976-10-05"]))),
    "pep": ReadyList("pep", 1, an_index(an_entry("P1", "Ramzan Kadirov"), an_entry("P2", "Jane Doe"))),
}
CHECK = ScreeningCheck("k1", "context_data.name", ("sdn", "pep"))


def answer(request: dict[str, object], *checks: ScreeningCheck) -> ScreeningAnswer:
    """Answer checks of a request."""
    return answer_checks(checks or (CHECK,), LISTS, look=nested_lookup(request), reader=READER)


def named(name: object) -> dict[str, object]:
    """A request with a name."""
    return {"context_data": {"name": name, "born": "1976-10-05", "country": "RU"}}


def test_an_answer_has_score_matches_and_versions_under_the_key_of_the_check() -> None:
    """AS-568: what rules read: found, score as Decimal of four places, matches best first, and the lists' versions."""
    fields = answer(named("Ramzan Kadyrov")).fields
    assert fields["found"] is True
    assert fields["lists"] == {"pep": 1, "sdn": 3}
    checks = fields["checks"]
    assert isinstance(checks, dict)
    told = checks["k1"]
    assert told["found"] is True
    assert told["score"] == Decimal("1.0000")
    assert [(match["list"], match["entry_id"]) for match in told["matches"]] == [("sdn", "36"), ("pep", "P1")]
    assert {"name", "matched_name", "matched_alias", "score", "why", "birth_dates", "countries", "programmes"} <= set(
        told["matches"][0]
    )


def test_a_name_that_is_on_no_list_scores_zero() -> None:
    """AS-568: a business "not found" is an answer."""
    fields = answer(named("Xavier Quux")).fields
    assert fields["found"] is False
    assert fields["checks"] == {"k1": {"found": False, "score": Decimal("0.0000"), "matches": []}}


def test_birth_date_and_country_are_read_from_the_fields_that_the_rule_names() -> None:
    """AS-564: circumstances come from the request, and move the score."""
    check = ScreeningCheck("k1", "context_data.name", ("pep",), "context_data.born", "context_data.country")
    plain = answer(named("Ramzan Kadyrov"), ScreeningCheck("k1", "context_data.name", ("sdn",)))
    raised = answer(
        named("Ramzan Kadyrof"),
        ScreeningCheck("k1", "context_data.name", ("sdn",), birth_date_field="context_data.born"),
    )
    assert plain.fields["found"] is raised.fields["found"] is True
    assert answer(named("Jane Doe"), check).fields["found"] is True


@pytest.mark.parametrize("name", [None, "", "\x00", "\U0001f600", "x" * 10_000, Decimal(7), True, ["a"], {"a": "b"}])
def test_a_check_that_cannot_be_read_is_not_answered(name: object) -> None:
    """AS-568: what is no name leaves its check without an answer, so that what reads it is UNKNOWN, never false."""
    told = answer(named(name))
    assert told.is_empty
    assert told.fields["checks"] == {}
    assert "found" not in told.fields
    assert "context_data.name is" in told.unreadable[0]


def test_a_check_that_cannot_be_read_leaves_the_others_answered() -> None:
    """AS-568: one missing field does not take the other checks away; what was found stays found."""
    other = ScreeningCheck("k2", "context_data.owner", ("sdn",))
    found = answer(named("Ramzan Kadyrov"), CHECK, other)
    assert found.fields["found"] is True
    assert list(found.fields["checks"]) == ["k1"]  # type: ignore[call-overload] # it is a mapping, as tested above
    assert "found" not in answer(named("Xavier Quux"), CHECK, other).fields


def test_a_list_that_is_not_there_makes_the_check_unreadable() -> None:
    """AS-568: a name is never cleared by a list that nobody loaded."""
    told = answer(named("Ramzan Kadyrov"), ScreeningCheck("k1", "context_data.name", ("sdn", "none")))
    assert told.is_empty
    assert told.unreadable == ["there is no screening list none"]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"checks": []},
        {"checks": "x"},
        {"checks": [1]},
        {"checks": [{"key": "k", "field": "f"}]},
        {"checks": [{"key": "k", "field": "f", "lists": []}]},
        {"checks": [{"key": "k", "field": "f", "lists": [1]}]},
        {"checks": [{"key": "", "field": "f", "lists": ["a"]}]},
        {"checks": [{"key": "k", "field": 1, "lists": ["a"]}]},
        {"checks": [{"key": "k", "field": "f", "lists": ["a"], "country_field": 1}]},
    ],
)
def test_parameters_of_another_shape_are_told(parameters: dict[str, object]) -> None:
    """AS-568: what no rule can have meant is a fault in words."""
    with pytest.raises(UnreadableCheck):
        read_checks(parameters)


def test_parameters_as_the_preset_writes_them_are_read() -> None:
    """AS-568: key, field, lists, and where the date of birth and the country are."""
    row = {"key": "k", "field": "f", "lists": ["a", "b"], "birth_date_field": "d", "country_field": "c"}
    assert read_checks({"checks": [row]}) == [ScreeningCheck("k", "f", ("a", "b"), "d", "c")]


@given(name=st.recursive(st.none() | st.booleans() | st.text(max_size=40), lambda inner: st.lists(inner, max_size=2)))
def test_no_value_of_a_request_makes_screening_raise(name: object) -> None:
    """AS-568: any JSON value gives a defined result."""
    told = answer(named(name))
    assert told.is_empty is bool(told.unreadable)
