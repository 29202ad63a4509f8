"""How long does it take to screen one name against a whole list, and does that grow with the list?"""

import csv
import gzip
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import process_time
from typing import Final

from benchmarks.measuring import Pace, Table, calibration_us, cpu_us, on_reference, verdict
from benchmarks.processes import ROOT
from tidegate.core.assessment.screening.circumstances import Circumstances
from tidegate.core.assessment.screening.entries import ListedName, ListEntry
from tidegate.core.assessment.screening.index import ScreeningIndex
from tidegate.core.assessment.screening.names import NameReader
from tidegate.core.assessment.screening.reference import search_plainly
from tidegate.outbound.screening.engines import screening_engines

GOAL_US: Final = 1_000.0
GOAL_US_MAX: Final = 1_500.0
ENTRIES: Final = (1_000, 10_000, 30_000)
NAMES: Final = 200
"""Names that one round asks for: half of them listed, with a slip, half of them not."""

_ENGINES: Final = screening_engines()
_NOTHING: Final = Circumstances()
_SYLLABLES: Final = [
    "al", "an", "ba", "be", "bo", "da", "de", "do", "el", "fa", "fer", "ga", "go", "ha",
    "hi", "ib", "ja", "jo", "ka", "ki", "kol", "la", "le", "lo", "ma", "mi", "mo", "na",
    "ni", "no", "ol", "or", "pa", "pe", "qa", "ra", "ri", "ro", "sa", "se", "si", "so",
    "ta", "te", "to", "ul", "us", "va", "vi", "vo", "wa", "ya", "yu", "za", "zi",
]  # fmt: skip
_PLAIN_NAMES: Final = 2


@dataclass(frozen=True, slots=True)
class _Case:
    """A list, and how it is called."""

    title: str
    entries: Sequence[ListEntry]


def measure(pace: Pace, *, sizes: Sequence[int] = ENTRIES, names: int = NAMES) -> Table:
    """Time searches on invented lists of several lengths, and on the part of OFAC's list where that is at hand."""
    cases = [_Case(f"invented, {size} entries", _invented(size)) for size in sizes] + _published()
    calibration = calibration_us(pace)
    rows: list[tuple[str, ...]] = []
    typical = 0.0
    for case in cases:
        begun = process_time()
        index = ScreeningIndex(case.entries, _ENGINES)
        built_ms = (process_time() - begun) * 1_000
        asked = _asked(case.entries, names)
        typical = cpu_us(_searching(index, asked), pace) / len(asked)
        plain = _plain_us(index, asked[:_PLAIN_NAMES])
        rows.append(
            (
                case.title,
                str(sum(len(entry.names) for entry in case.entries)),
                f"{built_ms:.0f}",
                f"{typical:.0f}",
                f"{1e6 / typical:.0f}",
                f"{on_reference(typical, calibration):.0f}",
                f"{plain / typical:.0f}",
            )
        )
    return Table(
        title="Screening",
        question="How long does it take to screen one name against a whole list?",
        method=(
            "CPU time of reading and searching a name, the best ten entries scored; half of the names are listed and"
            " have one letter exchanged, half are put together from the list's own words. The plain search compares"
            " with every name and gives the same hits. Lists are invented from syllables, closer to each other than"
            " real names are; the last row is other people's data, where it is at hand."
        ),
        columns=(
            "list",
            "names",
            "ms to build",
            "us a name",
            "names a second",
            "us on the reference machine",
            "x plain",
        ),
        rows=tuple(rows),
        findings=(
            (
                f"one name against {rows[-1][0]}: {typical:.0f} us; goal about {GOAL_US:g} us, {GOAL_US_MAX:g} at most:"
                f" {verdict(met=typical <= GOAL_US_MAX)}"
            ),
        ),
    )


def _searching(index: ScreeningIndex, asked: Sequence[str]) -> Callable[[], None]:
    reader = NameReader(_ENGINES.transliterate)

    def search() -> None:
        for text in asked:
            index.search(reader.read(text), _NOTHING)

    return search


def _plain_us(index: ScreeningIndex, asked: Sequence[str]) -> float:
    """Microseconds of a plain search; it takes so long that once is enough."""
    reader = NameReader(_ENGINES.transliterate)
    begun = process_time()
    for text in asked:
        search_plainly(index, reader.read(text), known=_NOTHING)
    return (process_time() - begun) * 1e6 / len(asked)


def _asked(entries: Sequence[ListEntry], count: int) -> list[str]:
    """Listed names with a slip, and names of listed words that are on no list together."""
    dice = Random(7)  # noqa: S311 - nothing secret is drawn
    words = [word for entry in entries[:2_000] for word in entry.names[0].text.split()]
    slipped = []
    for entry in dice.choices(entries, k=count // 2):
        text = entry.names[-1].text
        at = dice.randrange(len(text))
        slipped.append(f"{text[:at]}e{text[at + 1 :]}")
    return [*slipped, *(" ".join(dice.choices(words, k=3)) for _ in range(count - len(slipped)))]


def _invented(size: int) -> list[ListEntry]:
    """Names of two to four words; first names are few and common, as they are on real lists."""
    dice = Random(size)  # noqa: S311 - nothing secret is drawn
    first = ["".join(dice.choices(_SYLLABLES, k=dice.randint(2, 3))) for _ in range(400)]
    entries = []
    for number in range(size):
        last = ["".join(dice.choices(_SYLLABLES, k=dice.randint(2, 4))) for _ in range(2)]
        given = [first[min(int(dice.expovariate(1 / 60)), 399)] for _ in range(dice.randint(1, 2))]
        names = (" ".join([*last[:1], *given]), " ".join([*given, *last]))
        entries.append(ListEntry(str(number), tuple(ListedName(name) for name in names)))
    return entries


def _published() -> list[_Case]:
    folder = Path(os.environ.get("TIDEGATE_SHARED") or ROOT.parent / "shared") / "data" / "sanctions"
    tables = (folder / "sdn.csv.gz", folder / "alt.csv.gz")
    if not all(table.is_file() for table in tables):
        return []
    names: dict[str, list[ListedName]] = {}
    for table, column in zip(tables, (1, 3), strict=True):
        with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                names.setdefault(row[0], []).append(ListedName(row[column]))
    entries = [ListEntry(number, tuple(listed)) for number, listed in names.items()]
    return [_Case(f"a part of OFAC's SDN list, {len(entries)} entries", entries)]
