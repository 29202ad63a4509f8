"""Later versions of a topic's schema, as a release might bring them."""

import json
from collections.abc import Mapping
from typing import Any

OPTIONAL = {"name": "venue", "type": ["null", "string"], "default": None}
NESTED = {
    "name": "parts",
    "type": {
        "type": "array",
        "items": {
            "type": "record",
            "name": "Part",
            "fields": [{"name": "share", "type": "string"}, {"name": "of", "type": "long", "default": 0}],
        },
    },
    "default": [],
}
NEEDED = {"name": "venue", "type": "string"}


def evolved(source: Mapping[str, Any], *more: Mapping[str, Any], version: int) -> dict[str, Any]:
    """The schema with fields added at its end, saying another version."""
    schema: dict[str, Any] = json.loads(json.dumps(source))
    for field in schema["fields"]:
        if field["name"] == "schema_version":
            field["default"] = version
    return schema | {"fields": [*schema["fields"], *more]}


def history(source: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Three versions: as it is, with an optional field, and with rows instead, that field having gone again."""
    rows = evolved(source, version=3)
    return [
        evolved(source, version=1),
        evolved(source, OPTIONAL, version=2),
        # Readers go by name: where a field stands is no matter.
        rows | {"fields": [NESTED, *rows["fields"]]},
    ]
