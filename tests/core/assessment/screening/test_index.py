"""Searching a list: the index against the plain search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.assessment.screening.listed import a_name, an_entry, an_index
from tests.core.assessment.screening.test_scoring import NAMES

from tidegate.core.assessment.screening.bounds import FULL, MATCHES_MAX, SCORE_FOUND
from tidegate.core.assessment.screening.circumstances import Circumstances
from tidegate.core.assessment.screening.explaining import sentences
from tidegate.core.assessment.screening.reference import search_plainly

UNKNOWN = Circumstances()
KNOWN = st.builds(
    Circumstances,
    birth_date=st.sampled_from(["", "1974", "1974-02-17", "1990-01-01"]),
    country=st.sampled_from(["", "CH", "RU"]),
)
LISTS = st.lists(
    st.tuples(
        st.lists(NAMES, min_size=1, max_size=3),
        st.sampled_from([(), ("1974-02-17",), ("1974",)]),
        st.sampled_from([(), ("RU",), ("CH", "DE")]),
    ),
    min_size=1,
    max_size=14,
)


@given(listed=LISTS, asked=NAMES, known=KNOWN)
def test_the_index_finds_what_comparing_with_every_name_finds(
    listed: list[tuple[list[str], tuple[str, ...], tuple[str, ...]]], asked: str, known: Circumstances
) -> None:
    """AS-566: no hit is missed for speed: same entries, names, scores and order as the plain search."""
    index = an_index(
        *(
            an_entry(str(number), *names, birth_dates=dates, countries=countries)
            for number, (names, dates, countries) in enumerate(listed)
        )
    )
    fast = [(hit.score, hit.entry.entry_id, hit.listed) for hit in index.search(a_name(asked), known)]
    slow = [(hit.score, hit.entry.entry_id, hit.listed) for hit in search_plainly(index, a_name(asked), known=known)]
    assert fast == slow


@pytest.mark.parametrize(
    "asked",
    ["Kadyrov", "Kadirow", "Kadyorv", "KADYROV", "Кадыров", "Kad yrov", "Ramzankadyrov", "R. Kadyrov", "Kdyrov"],
)
def test_a_name_is_found_however_it_is_written(asked: str) -> None:
    """AS-562: the candidates of the index cover spelling, slips, scripts, and words together or apart."""
    index = an_index(an_entry("1", "KADYROV, Ramzan"), an_entry("2", "SMITH, John"))
    assert [hit.entry.entry_id for hit in index.search(a_name(asked), UNKNOWN)] == ["1"]


def test_an_entry_is_told_once_by_its_best_name_and_the_best_ten_are_told() -> None:
    """AS-568: aliases do not multiply a party, and an answer stays small."""
    entries = [an_entry(str(number), "Zyxal Qorvin", "Zyxal Qorvim") for number in range(15)]
    hits = an_index(*entries).search(a_name("Zyxal Qorvim"), UNKNOWN)
    assert [hit.entry.entry_id for hit in hits] == [str(number) for number in range(MATCHES_MAX)]
    assert all(hit.listed.is_alias and hit.score == FULL for hit in hits)


@pytest.mark.parametrize(
    ("known", "moves", "why"),
    [
        (Circumstances(birth_date="1974-02-17"), 1, "born on the same day, 1974-02-17"),
        (Circumstances(birth_date="1974"), 1, "born 1974, which fits 1974-02-17"),
        (Circumstances(birth_date="1974-03-01"), -1, "close, not the same"),
        (Circumstances(birth_date="1975-02-17"), -1, "close, not the same"),
        (Circumstances(birth_date="1960-02-17"), -1, "born 1960-02-17, listed as 1974-02-17"),
        (Circumstances(country="RU"), 1, "country RU is listed"),
        (Circumstances(country="CH"), -1, "country CH is not among RU"),
    ],
)
def test_circumstances_raise_or_lower_a_score_and_say_so(known: Circumstances, moves: int, why: str) -> None:
    """AS-564: what fits raises, what contradicts lowers, and the sentence says what was compared."""
    index = an_index(an_entry("1", "Zyxal Qorvin", birth_dates=["1974-02-17"], countries=["RU"]))
    plain, moved = (index.search(a_name("Zyxal Qorvim"), each)[0] for each in (UNKNOWN, known))
    assert (moved.score > plain.score) - (moved.score < plain.score) == moves
    assert any(why in sentence for sentence in sentences(moved))


def test_circumstances_that_only_one_side_knows_move_nothing() -> None:
    """AS-564: the absence of a date is no evidence."""
    index = an_index(an_entry("1", "Zyxal Qorvin"))
    known = Circumstances("1974-02-17", "RU")
    knowing, unknowing = (index.search(a_name("Zyxal Qorvim"), each)[0] for each in (known, UNKNOWN))
    assert knowing.score == unknowing.score
    assert knowing.effects == []


def test_another_year_of_birth_alone_does_not_hide_an_equal_name() -> None:
    """AS-564: lists err in dates; a name that is the same stays found."""
    index = an_index(an_entry("1", "Zyxal Qorvin", birth_dates=["1974"]))
    assert index.search(a_name("Zyxal Qorvin"), Circumstances("1950-01-01"))[0].score >= SCORE_FOUND


def test_sentences_name_every_word_and_what_is_left_over() -> None:
    """AS-565: a hit is explained word by word, in words."""
    hit = an_index(an_entry("1", "Ramzan Akhmatovich Kadyrov")).search(a_name("Kadyrof Ramzan"), UNKNOWN)[0]
    assert sorted(sentences(hit)) == [
        '"Kadyrof" is one letter from "Kadyrov"',
        '"Ramzan" is the same as "Ramzan"',
        'only the listed name holds "Akhmatovich"',
    ]


def test_names_of_a_list_that_hold_nothing_to_compare_are_counted() -> None:
    """AS-568: an unreadable name of a list is not searched and not hidden."""
    index = an_index(an_entry("1", "---", "Zyxal"))
    assert index.unreadable == 1
    assert index.search(a_name("Zyxal"), UNKNOWN)[0].entry.entry_id == "1"
