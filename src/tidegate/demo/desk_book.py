"""Who asks the demo's bank for credit: the Statlog German credit rows where they are at hand, else people of its own.

``desk_applicants.csv`` is the project's own small book of invented people over the Statlog attributes and their codes
(UCI Machine Learning Repository, Statlog German Credit, ``german.doc``); nobody in it was ever in that study.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

NUMBERS: Final = (
    "duration",
    "credit_amount",
    "installment_commitment",
    "residence_since",
    "age",
    "existing_credits",
    "num_dependents",
)
"""Attributes that are whole numbers; all others are codes such as A11."""

ATTRIBUTES: Final = (
    "checking_status",
    "duration",
    "credit_history",
    "purpose",
    "credit_amount",
    "savings_status",
    "employment",
    "installment_commitment",
    "personal_status",
    "other_parties",
    "residence_since",
    "property_magnitude",
    "age",
    "other_payment_plans",
    "housing",
    "existing_credits",
    "job",
    "num_dependents",
    "own_telephone",
    "foreign_worker",
)
"""The columns of the study in their order; its last, the label, follows them."""

SHARED_BOOK: Final = Path("data", "credit", "german.tsv")
"""Where the study's rows lie in a folder of shared data."""

_LABELS: Final[Mapping[str, bool]] = {"1": True, "2": False}


class UnreadableBook(ValueError):
    """A file that holds no rows of the study; the message names the line."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who asks for credit. ``repaid``: how it went in the study; ``None`` where nobody knows."""

    name: str
    attributes: Mapping[str, str | int]
    repaid: bool | None = None


def own_applicants() -> Sequence[Applicant]:
    """Give the project's own people."""
    text = files("tidegate.demo").joinpath("desk_applicants.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return [Applicant(f"own-{place}", _attributes(row)) for place, row in enumerate(rows, 1)]


def studied_applicants(path: Path, *, count: int) -> Sequence[Applicant]:
    """Give ``count`` people of the study, evenly from the whole file (all of them when it has fewer).

    Raises:
        UnreadableBook: a line is not 20 attributes and a label, or there is none.
        OSError: the file cannot be read.
    """
    lines = path.read_text("utf-8", errors="replace").splitlines()
    people = [_studied(line, place) for place, line in enumerate(lines, 1) if line.strip()]
    if not people:
        raise UnreadableBook(f"{path}: holds no rows")
    wanted = min(count, len(people))
    return [people[place * len(people) // wanted] for place in range(wanted)]


def shared_book(shared: str | None, *, repository: Path) -> Path | None:
    """Find the study's rows: in the folder that ``shared`` names, else in ``shared`` beside the repository."""
    folder = Path(shared) if shared else repository.parent / "shared"
    path = folder / SHARED_BOOK
    return path if path.is_file() else None


def _studied(line: str, place: int) -> Applicant:
    *cells, label = line.split("\t")
    if len(cells) != len(ATTRIBUTES) or label.strip() not in _LABELS:
        raise UnreadableBook(f"line {place}: not {len(ATTRIBUTES)} attributes and a label of 1 or 2")
    try:
        attributes = _attributes(dict(zip(ATTRIBUTES, cells, strict=True)))
    except ValueError as wrong:
        raise UnreadableBook(f"line {place}: {wrong}") from None
    return Applicant(f"row-{place}", attributes, _LABELS[label.strip()])


def _attributes(row: Mapping[str, str]) -> Mapping[str, str | int]:
    return {name: int(row[name]) if name in NUMBERS else row[name] for name in ATTRIBUTES}


def repayment_scores(scored: Iterable[tuple[Applicant, int]]) -> tuple[float, float] | None:
    """Give the mean scores of those who repaid and of those who did not; ``None`` without both kinds."""
    by_repaid: dict[bool, list[int]] = {True: [], False: []}
    for applicant, score in scored:
        if applicant.repaid is not None:
            by_repaid[applicant.repaid].append(score)
    good, bad = by_repaid[True], by_repaid[False]
    return (sum(good) / len(good), sum(bad) / len(bad)) if good and bad else None
