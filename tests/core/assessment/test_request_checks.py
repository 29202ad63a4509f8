"""What the desk takes as a request: every fault at once."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.assessment.countries import COUNTRY_CODES
from tidegate.core.assessment.request_checks import InvalidRequest, checked_request

TRACE = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
GOOD: dict[str, Any] = {
    "subject_id": "s-1",
    "source_system": "kyc",
    "country": "CH",
    "product_type": "LOAN",
    "risk_category": "STANDARD",
    "context_data": {},
}
TEXTS = ("subject_id", "source_system", "product_type", "risk_category")


def places(members: object) -> list[tuple[str, str]]:
    try:
        checked_request(members)
    except InvalidRequest as invalid:
        return [(fault.pointer, fault.code) for fault in invalid.faults]
    return []


def test_request_with_every_field_is_taken() -> None:
    """AS-001: as it stands; a trace_id is read in lower case, and the given one is for requests that have none."""
    request = checked_request({**GOOD, "trace_id": TRACE.upper()}, trace_id="other")
    assert (request.trace_id, request.subject_id, request.context_data) == (TRACE, "s-1", {})
    assert checked_request(GOOD, trace_id="other").trace_id == "other"
    assert checked_request(GOOD).trace_id == ""


FAULTS: list[tuple[object, list[tuple[str, str]]]] = [
    (None, [("", "not_an_object")]),
    ([GOOD], [("", "not_an_object")]),
    (
        {},
        [
            (f"/{key}", "missing")
            for key in ("subject_id", "source_system", "country", "product_type", "risk_category", "context_data")
        ],
    ),
    ({**GOOD, "colour": 1, "a/b": 2}, [("/colour", "unknown_key"), ("/a~1b", "unknown_key")]),
    ({**GOOD, "context_data": []}, [("/context_data", "not_an_object")]),
    ({**GOOD, "context_data": None}, [("/context_data", "not_an_object")]),
    ({**GOOD, "trace_id": None}, [("/trace_id", "bad_uuid")]),
    ({**GOOD, "trace_id": "x"}, [("/trace_id", "bad_uuid")]),
    ({**GOOD, "country": "ch"}, [("/country", "bad_country")]),
    ({**GOOD, "country": "XX"}, [("/country", "bad_country")]),
    ({**GOOD, "country": "CHE"}, [("/country", "bad_country")]),
    ({**GOOD, "country": ""}, [("/country", "bad_length")]),
    ({**GOOD, "country": True}, [("/country", "not_a_text")]),
    *[({**GOOD, key: ""}, [(f"/{key}", "bad_length")]) for key in TEXTS],
    *[({**GOOD, key: "x" * 257}, [(f"/{key}", "bad_length")]) for key in TEXTS],
    *[({**GOOD, key: None}, [(f"/{key}", "not_a_text")]) for key in TEXTS],
    (
        {**GOOD, "subject_id": 1, "country": "ZZ", "more": 1},
        [("/more", "unknown_key"), ("/subject_id", "not_a_text"), ("/country", "bad_country")],
    ),
]


@pytest.mark.parametrize(("members", "expected"), FAULTS)
def test_request_with_faults_names_each(members: object, expected: list[tuple[str, str]]) -> None:
    """AS-001, AS-002: what is missing, unknown, of another type or out of bounds, each with its place."""
    assert places(members) == expected


def test_texts_have_256_characters_at_most() -> None:
    """AS-001: characters and not bytes; at the bound passes."""
    for key in TEXTS:
        assert places({**GOOD, key: "\u00e9" * 256}) == []


def test_countries_are_the_assigned_codes() -> None:
    """AS-002: 249 codes of two upper-case letters."""
    assert len(COUNTRY_CODES) == 249
    assert all(len(code) == 2 and code.isascii() and code.isupper() for code in COUNTRY_CODES)
    assert {"CH", "LI", "GB", "US"} <= COUNTRY_CODES
    assert not {"UK", "XK", "EU", "AN", "CS"} & COUNTRY_CODES


@pytest.mark.shared_data
def test_countries_are_those_of_the_list(shared_data_dir: Path) -> None:
    """AS-002: the published list of ISO 3166-1."""
    lines = (shared_data_dir / "register" / "iso3166.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {line.partition(",")[0] for line in lines} == COUNTRY_CODES


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | st.decimals(allow_nan=False, allow_infinity=False),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=3), below, max_size=2),
    max_leaves=4,
)


@given(json_values | st.fixed_dictionaries({}, optional={key: json_values | st.just(GOOD[key]) for key in GOOD}))
def test_request_of_any_json_is_taken_or_told_what_is_wrong(members: object) -> None:
    """AS-001: never another exception."""
    is_whole = isinstance(members, dict) and set(members) == set(GOOD)
    assert members != GOOD or places(members) == []
    assert is_whole or places(members) != []
