"""The areas of the desk's API: the tag of each, and its operations."""

from tidegate.inbound.rest.desk import assessments, evaluate, lists, rules, thresholds
from tidegate.inbound.rest.desk.dependencies import DeskDependencies
from tidegate.inbound.rest.operations import Operation


def desk_areas(desk: DeskDependencies) -> list[tuple[str, list[Operation]]]:
    """Give the operations that the application serves with what its desk has; routes are tried in their order, so the
    one that is called most comes first.
    """
    areas = [] if desk.assessments is None else [("risk evaluation", evaluate.operations())]
    areas += [
        ("desk rules", rules.operations()),
        ("desk thresholds", thresholds.operations()),
        ("desk lists", lists.operations()),
    ]
    if desk.assessments is not None:
        areas.append(("assessments", assessments.operations()))
    return areas
