"""What two names score."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.assessment.screening.listed import a_name, a_scorer, score

from tidegate.core.assessment.screening.assignment import best_assignment
from tidegate.core.assessment.screening.bounds import FULL, SCORE_FOUND
from tidegate.core.assessment.screening.likeness import Reason
from tidegate.core.assessment.screening.names import UnreadableName

SYLLABLES = st.sampled_from(
    ["mo", "ham", "med", "al", "i", "ka", "dyr", "ov", "kim", "jong", "ben", "\u043e", "\u043b\u0435", "\u0433", "李"]
)
WORDS = st.lists(SYLLABLES, min_size=1, max_size=3).map("".join)
NAMES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
ANY_TEXT = st.text(max_size=60)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Vladimir Putin", "PUTIN, Vladimir"),
        ("Владимир Путин", "Vladimir Putin"),
        ("Vladimir Putni", "Vladimir Putin"),
        ("Mohammed Salman", "Muhammad Salman"),
        ("Usama bin Ladin", "Osama bin Laden"),
        ("RamiMakhlouf", "Rami Makhlouf"),
        ("vanderbilt corp", "van der bilt corp"),
        ("N. Nazarbayev", "Nursultan Nazarbayev"),
        ("Sirajuddin Haqqani", "Sirajuddin Jallaloudine Haqqani"),
        ("OAO Gazprom", "Open Joint Stock Company Gazprom"),
        ("President Putin", "Putin"),
        ("محمد سلمان", "Mohammed Salman"),
    ],
)
def test_names_of_one_party_are_found(one: str, other: str) -> None:
    """AS-562: order, script, a slip, a spelling, an initial, words together or apart, a part left out, a title."""
    assert score(one, other) >= SCORE_FOUND


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ahmad Hassan al-Harbi", "Ahmad Hassan al-Ghamdi"),
        ("Kim Jong Man", "Kim Jong Sik"),
        ("Bank of China Singapore", "Bank of China Hong Kong"),
        ("Hafez Makhlouf", "Rami Makhlouf"),
        ("이재형", "이재명"),
        ("General Al Bin", "General Al Abu"),
        ("N. N.", "Nursultan Nazarbayev"),
        ("Brigade 44", "Brigade 45"),
        ("Hans", "Gretel"),
    ],
)
def test_names_that_each_hold_what_the_other_does_not_are_not_found(one: str, other: str) -> None:
    """AS-563: a surname exchanged is another party, and letters, titles and small words prove nothing."""
    assert score(one, other) < SCORE_FOUND


def test_a_word_that_many_entries_hold_counts_less() -> None:
    """AS-562: a common word missing costs less than a rare one, and agreement in it alone proves less."""
    common = a_scorer({"mutabar": 500})
    rare = a_scorer()
    one, other = a_name("Mutabar Zyxal"), a_name("Zyxal")
    assert common.score(one, other).score > rare.score(one, other).score
    agreed, apart = a_name("Mutabar Qorvin"), a_name("Mutabar Zyxal")
    assert common.score(agreed, apart).score < rare.score(agreed, apart).score


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("Putin", "putin", Reason.EQUAL),
        ("Abdulrahman", "Abdul Rahman", Reason.JOINED),
        ("Sergei", "Sergey", Reason.SOUND),
        ("金", "今", Reason.HOMOPHONE),
        ("Lukashenko", "Lukashenka", Reason.LETTERS),
        ("سلمان", "Salman", Reason.CONSONANTS),
    ],
)
def test_each_pair_of_words_tells_by_what_it_is_one(one: str, other: str, reason: Reason) -> None:
    """AS-565: the reason of a pair is part of the score, not made up after it."""
    assert [pair.likeness.reason for pair in a_scorer().score(a_name(one), a_name(other)).pairing.pairs] == [reason]


@given(one=NAMES, other=NAMES)
def test_the_score_is_the_same_both_ways_and_within_its_bounds(one: str, other: str) -> None:
    """AS-561: symmetric, and from 0 to 10,000."""
    forth, back = score(one, other), score(other, one)
    assert forth == back
    assert 0 <= forth <= FULL


@given(text=ANY_TEXT)
def test_any_text_scores_full_with_itself_or_is_no_name(text: str) -> None:
    """AS-561: whatever a text holds, it is itself, and nothing is raised but that it is no name."""
    try:
        name = a_name(text)
    except UnreadableName:
        return
    assert a_scorer().score(name, name).score == FULL


@given(words=st.lists(WORDS, min_size=1, max_size=5), other=NAMES, order=st.randoms(use_true_random=False))
def test_order_and_case_of_words_do_not_matter(words: list[str], other: str, order: Random) -> None:
    """AS-561: the words of a name in another order or in other letters score the same."""
    turned = list(words)
    order.shuffle(turned)
    expected = score(" ".join(words), other)
    assert score(" ".join(turned), other) == expected
    assert score(" ".join(words).upper(), other) == expected


@given(
    worth=st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(1, 50), min_size=1, max_size=10)
)
def test_the_assignment_is_the_best_there_is(worth: dict[tuple[int, int], int]) -> None:
    """AS-562: words are paired so that the sum of their worth is the greatest of all assignments."""

    def best(pairs: list[tuple[int, int]]) -> int:
        if not pairs:
            return 0
        (row, column), *rest = pairs
        apart = [pair for pair in rest if pair[0] != row and pair[1] != column]
        return max(best(rest), worth[row, column] + best(apart))

    found = best_assignment(worth)
    assert len({row for row, _ in found}) == len({column for _, column in found}) == len(found)
    assert sum(worth[pair] for pair in found) == best(list(worth))
