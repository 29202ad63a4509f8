"""The areas of the desk's API: the tag of each, and its operations."""

from tidegate.inbound.rest.operations import Operation


def desk_areas() -> list[tuple[str, list[Operation]]]:
    """Give the operations that the application serves when it has a desk."""
    return []
