"""What matching needs and core may not import: transliteration and distances of words."""

from anyascii import anyascii
from rapidfuzz.distance import OSA

from tidegate.core.assessment.screening.index import ScreeningEngines


def screening_engines() -> ScreeningEngines:
    """Give the engines of this build: anyascii for scripts, optimal string alignment for words."""
    return ScreeningEngines(anyascii, _distance)


def _distance(one: str, other: str) -> int:
    return OSA.distance(one, other)
