"""Writers' schemas from memory: where no registry is set, a number in a record stands for nothing."""

from collections.abc import Mapping
from typing import Any


class MemorySchemas:
    """Implements ``SchemaSource`` over what it is given, which may be nothing."""

    def __init__(self, schemas: Mapping[int, Mapping[str, Any]] | None = None) -> None:
        self._schemas = dict(schemas or {})

    async def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        return self._schemas.get(schema_id)
