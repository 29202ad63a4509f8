"""What the demo ships for the desk: the credit scorecard, the onboarding rules, and a sanctions list of its own.

All of it is data in files: an officer can read and change every row. ``scorecard.json`` decides CONSUMER_CREDIT,
``desk_rules.json`` COMPANY_ONBOARDING; both have the keys of a seed file (``assessment_rules``, ``thresholds``,
``lists``), whose rows are those of the REST API.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

SCORECARD_FILE: Final = "scorecard.json"
ONBOARDING_FILE: Final = "desk_rules.json"
SANCTIONS_FILE: Final = "desk_sanctions.json"

CREDIT: Final = "CONSUMER_CREDIT"
ONBOARDING: Final = "COMPANY_ONBOARDING"
PRODUCTS: Final = (CREDIT, ONBOARDING)
"""Product types that the demo decides."""


@dataclass(frozen=True, slots=True)
class ShippedRows:
    """Rows as the REST API takes them; ``lists`` by name."""

    rules: Sequence[Mapping[str, Any]]
    thresholds: Sequence[Mapping[str, Any]]
    lists: Mapping[str, Sequence[Any]]


def shipped_bytes(name: str) -> bytes:
    """Read a file that comes with the package."""
    return files("tidegate.demo").joinpath(name).read_bytes()


def shipped_rows(name: str) -> ShippedRows:
    """Read the rows of a file that comes with the package. Numbers are written back as they were read."""
    document = json.loads(shipped_bytes(name))
    return ShippedRows(document["assessment_rules"], document["thresholds"], document.get("lists", {}))
