"""The rules with which a desk of the demo profile starts, so that it decides something before an officer writes."""

from tidegate.core.rules.parse import Engines
from tidegate.demo.desk_rows import SCORECARD_FILE, shipped_bytes
from tidegate.inbound.scenario.assessment import read_desk_seed
from tidegate.usecases.assessment.seed import DeskSeed


def shipped_seed(engines: Engines) -> DeskSeed:
    """Give the credit scorecard as a seed, for a desk that nobody has ever written to: what officers made of it, or did
    away with, is never written over.
    """
    return seed_for_untouched_desks(shipped_bytes(SCORECARD_FILE), engines)


def seed_for_untouched_desks(content: bytes, engines: Engines) -> DeskSeed:
    """Read a seed file as one for untouched desks.

    Raises:
        UnreadableScenario: naming every fault of the file.
    """
    rows = read_desk_seed(content, engines=engines)
    return DeskSeed(rows.rules, rows.thresholds, rows.lists, untouched_only=True)
