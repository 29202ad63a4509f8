"""The areas of the desk's API: the tag of each, and its operations."""

from tidegate.inbound.rest.desk import assessments, evaluate, lists, rules, thresholds
from tidegate.inbound.rest.desk.dependencies import DeskDependencies
from tidegate.inbound.rest.operations import Operation


def desk_areas(desk: DeskDependencies) -> list[tuple[str, list[Operation]]]:
    """Give the operations that the application serves with what its desk has."""
    areas = [
        ("desk rules", rules.operations()),
        ("desk thresholds", thresholds.operations()),
        ("desk lists", lists.operations()),
    ]
    if desk.assessments is not None:
        areas += [("risk evaluation", evaluate.operations()), ("assessments", assessments.operations())]
    return areas
