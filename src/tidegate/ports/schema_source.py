"""Schemas that others wrote their records with, by the number that such a record names."""

from collections.abc import Mapping
from typing import Any, Protocol


class SchemaSource(Protocol):
    """Knows writers' schemas. What a number means never changes."""

    async def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        """Give the Avro record schema of a number; ``None`` when it is certain that the number stands for none.

        Raises:
            DependencyFailed: it cannot be told now. Asking again may help: a record of that number is not unreadable.
        """
