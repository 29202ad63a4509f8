"""Write docs/settings.schema.json and docs/settings.md from the settings: `python tools/settings_schema.py`.

The schema is of the settings by area, each with the environment variable that sets it; the page is the same as a table.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tidegate.settings import PREFIX, Settings

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
SCHEMA: Final = DOCS / "settings.schema.json"
PAGE: Final = DOCS / "settings.md"

# What the gate's limits mean; everything else says so itself.
LIMITS: Final[Mapping[str, str]] = {
    "mark_age_ms_max": "Age of a mark, ms; at it passes.",
    "account_feed_lag_ms_max": "Lag of the feed that carries account state, ms; at it passes.",
    "exposure_age_ms_max": "Age of a reported exposure, ms; an older one is not used.",
    "config_age_ms_max": "Time since the configuration was confirmed, ms; beyond it the gate answers UNAVAILABLE.",
    "kyc_min_level_spot": "KYC level that SPOT needs at least.",
    "kyc_min_level_derivatives": "KYC level that derivatives need at least.",
    "kyc_max_leverage": "Leverage at most by KYC level, as JSON; a level that is not named keeps its default.",
    "market_slippage_pct": "Percent by which a market order is taken to fill worse than mark or trigger.",
    "liquidation_warn_ratio": "Projected margin ratio from which an order is flagged; from 1 it is refused.",
    "margin_call_ratio": "Projected margin ratio from which a margin call is announced; not set: rules alone do.",
    "margin_call_cooldown_s": "Seconds between two margin calls of a user.",
    "orders_per_second_max": "Orders of a user a second (token bucket); 0: off.",
    "open_orders_max": "Live orders of a user; 0: off.",
    "open_orders_per_symbol_max": "Live orders of a user in one symbol; 0: off.",
    "duplicate_window_ms": "Time in which an equal order is a duplicate, ms; 0: off.",
    "repeat_max": "Equal orders filled in repeat_window_ms from which the user is stopped until re-armed; 0: off.",
    "repeat_window_ms": "Window of repeat_max, ms.",
    "reservation_ttl_ms": "Time for which an approval holds its margin unless the order becomes known, ms.",
}
_PROFILE: Final = "demo: embedded, loopback only; prod: refuses what could lose or leak."


class Setting(NamedTuple):
    """One setting: its variable, and its own part of the schema."""

    variable: str
    schema: dict[str, Any]


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of all settings, every setting with its meaning and its variable (`x-environment`)."""
    schema = Settings.model_json_schema()
    schema["properties"]["profile"].setdefault("description", _PROFILE)
    for name, limit in schema["$defs"]["GateArea"]["properties"].items():
        if name in LIMITS:
            limit["description"] = LIMITS[name]
    for setting in settings_in(schema):
        setting.schema["x-environment"] = setting.variable
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def settings_in(schema: Mapping[str, Any]) -> Iterator[Setting]:
    """Every setting of the schema, area by area."""
    for area, reference in schema["properties"].items():
        inner = schema["$defs"][reference["$ref"].rsplit("/", 1)[1]]
        if "properties" not in inner:
            yield Setting(f"{PREFIX}{area}".upper(), reference)
            continue
        for name, setting in inner["properties"].items():
            yield Setting(f"{PREFIX}{area}_{name}".upper(), setting)


def schema_text() -> str:
    """What docs/settings.schema.json holds."""
    return json.dumps(settings_schema(), indent=2, ensure_ascii=False) + "\n"


_ABOUT: Final = f"""\
# Settings

Written by `tools/settings_schema.py`; [settings.schema.json](settings.schema.json) says the same to programs.

Read once, at the start, from the environment; what stands on the command line wins. A name that starts with
`{PREFIX}` and is no setting is refused, and so is a relation that does not hold. `tidegate doctor` says what is set,
from where, and what is wrong.

| variable | default | bounds | meaning |
|---|---|---|---|
"""


def page_text() -> str:
    """What docs/settings.md holds."""
    schema = settings_schema()
    rows = [
        f"| `{variable}` | {_default(setting)} | {_bounds(setting, schema)} | {_meaning(setting)} |\n"
        for variable, setting in settings_in(schema)
    ]
    return _ABOUT + "".join(rows)


def _meaning(setting: Mapping[str, Any]) -> str:
    return str(setting["description"]).replace("``", "`").replace("\n", " ")


def _default(setting: Mapping[str, Any]) -> str:
    default = setting.get("default")
    if default is None:
        return "not set"
    return f"`{json.dumps(default) if isinstance(default, dict | list) else default}`"


def _bounds(setting: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Its values, or its least and most, in the words of the table."""
    parts = [setting, *setting.get("anyOf", ())]
    for part in parts:
        if "$ref" in part:
            values: list[str] = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]["enum"]
            return ", ".join(values)
        signs = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
        told = [f"{word} {_number(part[key])}" for key, word in signs.items() if key in part]
        if told:
            return " ".join(told)
    return ""


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def main() -> None:
    """Write both files."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(page_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
