"""What can be wrong with a rule, told all at once."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleFault:
    """One thing that is wrong: where (RFC 6901 pointer), which kind, and in words what would be right.

    In an `InvalidRule` the pointer starts at the condition's root and names the leaf or group.
    """

    pointer: str
    code: str
    message: str


class InvalidRule(ValueError):
    """A rule that must not be saved; `faults` holds everything that is wrong with it, in document order."""

    def __init__(self, faults: Iterable[RuleFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.pointer or '(root)'}: {fault.message}" for fault in self.faults))


class InvalidDocument(InvalidRule):
    """An evaluation document that cannot be read; its pointers start at the document's root."""


class InvalidJson(ValueError):
    """A JSON text that is refused; pointers start at the text's root."""

    def __init__(self, faults: Iterable[RuleFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.pointer or '(root)'}: {fault.message}" for fault in self.faults))


def pointer_to(parent: str, step: str | int) -> str:
    """The RFC 6901 pointer of a member or an element of what `parent` points at."""
    return f"{parent}/{str(step).replace('~', '~0').replace('/', '~1')}"
