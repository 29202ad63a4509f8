"""Numbers of companies carry check digits: a wrong one is seen before anyone is asked."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.assessment.lei import is_lei
from tidegate.core.assessment.uid import compact_uid, uid_check_digit

BODIES = st.text("0123456789", min_size=8, max_size=8)


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        ("CHE-107.787.577", "CHE107787577"),
        ("CHE107787577", "CHE107787577"),
        ("che 107 787 577", "CHE107787577"),
        (" CHE-107.787.577 MWST ", "CHE107787577"),
        ("CHE-107.787.577 TVA", "CHE107787577"),
        ("CHE-107.787.577IVA", "CHE107787577"),
        ("CHE-107.787.578", None),
        ("CHE-100.357.900", None),
        ("CHE-107.787.57", None),
        ("CHE-107.787.5770", None),
        ("ZZZ-107.787.577", None),
        ("CHE-10A.787.577", None),
        ("CHE-107.787.577 GMBH", None),
        ("CHE-\u0661\u0660\u0667.787.577", None),
        ("", None),
    ],
)
def test_uid_in_any_usual_form_is_read_and_any_other_text_is_not(text: str, compact: str | None) -> None:
    """AS-501: signs, blanks, case and a VAT suffix do not matter; letters, lengths and check digits do."""
    assert compact_uid(text) == compact


@given(body=BODIES, digit=st.sampled_from("0123456789"), place=st.integers(0, 8))
def test_uid_with_one_digit_changed_is_refused(body: str, digit: str, place: int) -> None:
    """AS-501: modulus 11 sees every change of a single digit."""
    check = uid_check_digit(body)
    if check is None:
        assert all(compact_uid(f"CHE{body}{last}") is None for last in "0123456789")
        return
    right = f"{body}{check}"
    changed = right[:place] + digit + right[place + 1 :]
    assert compact_uid(f"CHE{right}") == f"CHE{right}"
    assert (compact_uid(f"CHE{changed}") is None) == (changed != right)


@pytest.mark.shared_data
def test_uids_of_the_register_are_told_from_wrong_ones(shared_data_dir: Path) -> None:
    """AS-501: all vectors of Swiss UIDs, right, mutated and never assigned."""
    with (shared_data_dir / "register" / "ch_uid_vectors.csv").open(encoding="utf-8", newline="") as file:
        vectors = list(csv.DictReader(file))
    assert len(vectors) > 100
    for vector in vectors:
        expected = None if vector["valid"] == "false" else vector["compact"]
        assert compact_uid(vector["input"]) == expected, vector


@pytest.mark.shared_data
def test_leis_of_entities_are_told_from_wrong_ones(shared_data_dir: Path) -> None:
    """AS-502: all vectors of LEIs, right, mutated and transposed."""
    with (shared_data_dir / "register" / "lei_vectors.csv").open(encoding="utf-8", newline="") as file:
        vectors = list(csv.DictReader(file))
    assert len(vectors) > 50
    for vector in vectors:
        assert is_lei(vector["lei"]) == (vector["valid"] == "true"), vector


@pytest.mark.parametrize(
    "text", ["", "5493001bd9hce74uh411", "5493001BD9HCE74UH41", "5493001BD9HCE74UH4110", "5493001BD9HCE74UH41A"]
)
def test_lei_of_another_form_is_refused(text: str) -> None:
    """AS-502: twenty signs, upper case, check digits that are digits."""
    assert is_lei("5493001BD9HCE74UH411")
    assert not is_lei(text)
