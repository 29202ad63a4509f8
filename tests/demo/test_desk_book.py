"""Who asks for credit in the demo: the project's own people, and rows of the study where they are at hand."""

from pathlib import Path

import pytest

from tidegate.demo.desk_book import (
    ATTRIBUTES,
    NUMBERS,
    SHARED_BOOK,
    Applicant,
    UnreadableBook,
    own_applicants,
    repayment_scores,
    shared_book,
    studied_applicants,
)

CODES = {
    "checking_status": "A11 A12 A13 A14",
    "credit_history": "A30 A31 A32 A33 A34",
    "purpose": "A40 A41 A42 A43 A44 A45 A46 A48 A49 A410",
    "savings_status": "A61 A62 A63 A64 A65",
    "employment": "A71 A72 A73 A74 A75",
    "personal_status": "A91 A92 A93 A94",
    "other_parties": "A101 A102 A103",
    "property_magnitude": "A121 A122 A123 A124",
    "other_payment_plans": "A141 A142 A143",
    "housing": "A151 A152 A153",
    "job": "A171 A172 A173 A174",
    "own_telephone": "A191 A192",
    "foreign_worker": "A201 A202",
}
SOUND_ROW = "A12\t48\tA32\tA43\t5951\tA61\tA73\t2\tA92\tA101\t2\tA121\t22\tA143\tA152\t1\tA173\t1\tA191\tA201"


def a_book(folder: Path, *rows: str) -> Path:
    """A file with these lines."""
    path = folder / "german.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_own_people_are_forty_within_the_codes_of_the_study() -> None:
    """PL-120: without any file there are people, each with all twenty attributes, codes and numbers as the study's."""
    people = own_applicants()
    assert len(people) == 40
    assert len({person.name for person in people}) == 40
    for person in people:
        assert tuple(person.attributes) == ATTRIBUTES
        assert person.repaid is None
        for name, codes in CODES.items():
            assert person.attributes[name] in codes.split()
        assert all(isinstance(person.attributes[name], int) for name in NUMBERS)
    assert CODES.keys() | set(NUMBERS) == set(ATTRIBUTES)


@pytest.mark.shared_data
def test_own_people_are_no_rows_of_the_study(shared_data_dir: Path) -> None:
    """PL-120: the book is the project's own, not a copy."""
    studied = studied_applicants(shared_data_dir / "credit" / "german.tsv", count=10_000)
    assert len(studied) > 600
    rows = {tuple(person.attributes.values()) for person in studied}
    assert not [person for person in own_applicants() if tuple(person.attributes.values()) in rows]


def test_studied_people_are_taken_evenly_with_how_it_went(tmp_path: Path) -> None:
    """PL-120: of ten rows five are every other one; label 1 is repaid, 2 is not."""
    rows = [f"{SOUND_ROW}\t{1 if place % 4 else 2}" for place in range(10)]
    people = studied_applicants(a_book(tmp_path, *rows), count=5)
    assert [person.name for person in people] == ["row-1", "row-3", "row-5", "row-7", "row-9"]
    assert [person.repaid for person in people] == [False, True, False, True, False]
    assert people[0].attributes["duration"] == 48
    assert people[0].attributes["foreign_worker"] == "A201"
    assert len(studied_applicants(a_book(tmp_path, *rows), count=99)) == 10


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (SOUND_ROW, "line 2: not 20 attributes"),
        (f"{SOUND_ROW}\t3", "line 2: not 20 attributes and a label of 1 or 2"),
        (f"{SOUND_ROW.replace('48', 'long')}\t1", "line 2: invalid literal"),
        ("\x00\ufffd", "line 2: not 20 attributes"),
    ],
)
def test_book_that_is_none_is_refused_by_line(tmp_path: Path, row: str, said: str) -> None:
    """PL-120: another file is refused, and the line is named."""
    with pytest.raises(UnreadableBook, match=said):
        studied_applicants(a_book(tmp_path, f"{SOUND_ROW}\t1", row), count=5)


def test_book_without_rows_is_refused(tmp_path: Path) -> None:
    """PL-120: an empty file is no book."""
    with pytest.raises(UnreadableBook, match="holds no rows"):
        studied_applicants(a_book(tmp_path, "", " "), count=5)


def test_book_is_looked_for_where_told_then_beside_the_repository(tmp_path: Path) -> None:
    """PL-120: a folder that is named wins; without the file there is no book."""
    repository = tmp_path / "repository"
    assert shared_book(None, repository=repository) is None
    beside, named = tmp_path / "shared" / SHARED_BOOK, tmp_path / "elsewhere" / SHARED_BOOK
    for path in (beside, named):
        path.parent.mkdir(parents=True)
        path.touch()
    assert shared_book(None, repository=repository) == beside
    assert shared_book(str(tmp_path / "elsewhere"), repository=repository) == named
    assert shared_book(str(tmp_path / "nowhere"), repository=repository) is None


def test_scores_of_the_study_are_compared_only_where_both_kinds_are() -> None:
    """PL-120: the mean of those who repaid and of those who did not, or nothing."""
    good, bad, nobody = (Applicant(f"a-{repaid}", {}, repaid) for repaid in (True, False, None))
    assert repayment_scores([(good, 100), (good, 200), (bad, 500), (nobody, 900)]) == (150.0, 500.0)
    assert repayment_scores([(good, 100), (nobody, 900)]) is None
