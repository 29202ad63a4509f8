"""What can be wrong with a scenario file: every fault has its place in the file."""

from collections.abc import Iterable

from tidegate.core.kernel.readings import FieldFault


class ScenarioFault(FieldFault):
    """One fault: ``field`` is a JSON pointer (RFC 6901) into the scenario, ``reason`` says what would be right."""


class UnreadableScenario(ValueError):
    """A scenario that cannot be read; ``faults`` names everything that is wrong with it, in the order of the file."""

    def __init__(self, faults: Iterable[ScenarioFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field or 'file'}: {fault.reason}" for fault in self.faults))
