"""The desk's three decisions, from lenient to strict."""

from enum import StrEnum


class Decision(StrEnum):
    """What becomes of a request; the order of the members is the order of strictness."""

    APPROVED = "APPROVED"
    MANUAL_REVIEW = "MANUAL_REVIEW"
    REJECTED = "REJECTED"

    @property
    def strictness(self) -> int:
        """Give 0 for APPROVED, 1 for MANUAL_REVIEW, 2 for REJECTED."""
        return tuple(Decision).index(self)


def stricter(one: Decision, other: Decision) -> Decision:
    """Give the stricter of two decisions."""
    return max(one, other, key=lambda decision: decision.strictness)
