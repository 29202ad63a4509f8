"""A list that officers keep and that rules name."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.rules.values import Scalar


@dataclass(frozen=True, slots=True)
class ManagedList:
    """One version of a managed list: texts, numbers or booleans. ``list_id`` is a UUID, empty in files."""

    name: str
    entries: Sequence[Scalar]
    is_active: bool = True
    list_id: str = ""
    version: int = 1
