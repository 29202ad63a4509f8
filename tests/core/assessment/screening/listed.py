"""What the tests of screening are made of: the engines, a scorer without a list, small lists."""

from collections.abc import Mapping, Sequence

from tidegate.core.assessment.screening.entries import ListedName, ListEntry
from tidegate.core.assessment.screening.index import ScreeningIndex
from tidegate.core.assessment.screening.likeness import WordLikeness
from tidegate.core.assessment.screening.names import Name, NameReader
from tidegate.core.assessment.screening.scoring import NameScorer, Weights
from tidegate.outbound.screening.engines import screening_engines

ENGINES = screening_engines()
READER = NameReader(ENGINES.transliterate)


def a_name(text: str) -> Name:
    """A name as it is compared."""
    return READER.read(text)


def words(text: str) -> list[str]:
    """The words of a name, as they are compared."""
    return [word.latin for word in a_name(text).words]


def a_scorer(entries_with: Mapping[str, int] | None = None) -> NameScorer:
    """A scorer; without frequencies every word is a rare one."""
    return NameScorer(WordLikeness(ENGINES.distance), Weights(entries_with or {}))


def score(one: str, other: str) -> int:
    """The score of two names, all words rare."""
    return a_scorer().score(a_name(one), a_name(other)).score


def an_entry(entry_id: str, *names: str, birth_dates: Sequence[str] = (), countries: Sequence[str] = ()) -> ListEntry:
    """An entry; names after the first are aliases."""
    listed = tuple(ListedName(name, is_alias=place > 0) for place, name in enumerate(names))
    return ListEntry(entry_id, listed, birth_dates=birth_dates, countries=countries, programmes=("TEST",))


def an_index(*entries: ListEntry) -> ScreeningIndex:
    """A list that is ready to be searched."""
    return ScreeningIndex(entries, ENGINES)
