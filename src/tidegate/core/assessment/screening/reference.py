"""The plain search: every name of the list is scored. Slow, and what the index must agree with."""

from tidegate.core.assessment.screening.bounds import MATCHES_MAX, SCORE_TOLD
from tidegate.core.assessment.screening.circumstances import Circumstances, effects, moved
from tidegate.core.assessment.screening.index import Hit, ScreeningIndex
from tidegate.core.assessment.screening.names import Name


def search_plainly(index: ScreeningIndex, asked: Name, *, known: Circumstances) -> list[Hit]:
    """Give what ``ScreeningIndex.search`` gives."""
    best: dict[str, Hit] = {}
    for entry, listed, name in index.names():
        scored = index.scorer.score(asked, name)
        if scored.score < SCORE_TOLD:
            continue
        by = effects(known, entry)
        hit = Hit(moved(scored.score, by), entry, listed, scored, by)
        former = best.get(entry.entry_id)
        if former is None or hit.score > former.score:
            best[entry.entry_id] = hit
    return sorted(best.values(), key=lambda hit: -hit.score)[:MATCHES_MAX]
