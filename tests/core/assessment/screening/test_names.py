"""How a name is read before it is compared."""

import pytest
from tests.core.assessment.screening.listed import a_name, words

from tidegate.core.assessment.screening.folding import fold
from tidegate.core.assessment.screening.names import UnreadableName


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Vladimir PUTIN", "putin vladimir"),
        ("PUTIN, Vladimir", "putin vladimir"),
        ("Владимир Путин", "putin vladimir"),
        ("José Núñez", "jose nunez"),
        ("Jose\u0301 Nun\u0303ez", "jose nunez"),
        ("Müller & Söhne GmbH", "muller sohne"),
        ("Al-Qa'ida", "al qaida"),
        ("Al Qa\u2019ida", "al qaida"),
        ("Deutsche Bank's AG", "bank deutsche"),
        ("J.P. Morgan", "jp morgan"),
        ("J. P. Morgan", "j morgan p"),
        ("A.B.C. Company", "abc"),
        ("Gazprom O.A.O.", "gazprom"),
        ("OPEN JOINT STOCK COMPANY GAZPROM", "gazprom"),
        ("Limited Liability Company Stripe", "stripe"),
        ("Volkswagen Gesellschaft mit beschränkter Haftung", "volkswagen"),
        ("1st Bank", "1 bank"),
        ("First Bank", "1 bank"),
        ("Ibn Laden", "bin laden"),
        ("習近平", "jin ping xi"),
        ("\u202bVladimir\u202c Putin", "putin vladimir"),
        ("Vla\u200bdimir", "vladimir"),
        ("\U0001f600 Putin \U0001f600", "putin"),
        ("Pu\x00tin", "pu tin"),
        ("GmbH", "gmbh"),
    ],
)
def test_a_name_is_its_words_in_latin_letters_without_legal_forms(text: str, expected: str) -> None:
    """AS-560: case, script, accents, points, order and legal form of a name do not matter; a form alone is a name."""
    assert " ".join(words(text)) == expected


def test_what_was_left_out_of_a_name_is_kept_beside_it() -> None:
    """AS-560: which words were held to be a legal form can be told."""
    assert a_name("Gazprom Open Joint Stock Company").left_out == ("Open", "Joint", "Stock", "Company")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no letter and no figure"),
        (" \t\n", "no letter and no figure"),
        ("\U0001f600\U0001f600", "no letter and no figure"),
        ("\x00", "no letter and no figure"),
        ("...", "no letter and no figure"),
        ("'", "no letter and no figure"),
        ("\u202e", "no letter and no figure"),
        ("x" * 1_001, "1001 characters, at most 1000"),
        ("x" * 10_000, "10000 characters, at most 1000"),
        ("a " * 41, "41 words, at most 40"),
    ],
)
def test_a_text_that_is_no_name_is_unreadable(text: str, why: str) -> None:
    """AS-568: nothing to compare, or more than is compared, is told in words that repeat nothing of the text."""
    with pytest.raises(UnreadableName, match=why):
        a_name(text)


@pytest.mark.parametrize("text", ["x" * 1_000, "ab " * 40])
def test_a_name_at_the_bounds_is_read(text: str) -> None:
    """AS-568: 1,000 characters and 40 words pass."""
    assert a_name(text).words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mohammed", "muhammad"),
        ("osama", "usama"),
        ("hussein", "hussain"),
        ("sergei", "sergey"),
        ("abdallah", "abdalla"),
        ("philip", "filip"),
        ("schmidt", "shmidt"),
        ("yusuf", "yousouf"),
        ("s3rgei", "sergei"),
    ],
)
def test_words_that_transcriptions_spell_differently_fold_alike(one: str, other: str) -> None:
    """AS-562: one spelling for what sounds alike, or one letter from it."""
    assert sum(a != b for a, b in zip(fold(one), fold(other), strict=True)) <= 1


def test_folding_leaves_no_word_empty_and_numbers_as_they_are() -> None:
    """AS-562: whatever is folded away, something is left; figures are never read as letters."""
    assert [fold(word) for word in ("h", "j", "1330", "hh")] == ["h", "i", "1330", "h"]
