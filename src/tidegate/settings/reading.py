"""Reads the settings of this process, and says in words what is wrong with them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from tidegate.settings.root import PREFIX, Settings

TEST_NAMES: Final = frozenset({"TIDEGATE_SHARED", "TIDEGATE_FULL"})
"""Names that the test suites read; the service does not."""


class UnreadableSettings(ValueError):
    """Settings that are not right; ``faults`` says each in one line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def read_settings(
    environment: Iterable[str], overrides: Mapping[str, object] | None = None, *, factory: type[Settings] = Settings
) -> Settings:
    """Read settings from the process's environment; ``overrides`` (by area) come from the command line and win.

    ``environment`` names the variables that are set, so that an unknown one is refused and not passed over.

    Raises:
        UnreadableSettings: naming every variable that is unknown or not right, and every relation that is broken.
    """
    known = set(setting_names())
    faults = [
        f"{name} is not a setting"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known and name not in TEST_NAMES
    ]
    try:
        settings = factory(**(overrides or {}))  # type: ignore[arg-type]  # areas by name, checked by pydantic
    except ValidationError as refused:
        faults += [_told(error["loc"], str(error["msg"])) for error in refused.errors()]
        raise UnreadableSettings(faults) from None
    except SettingsError as refused:
        raise UnreadableSettings([*faults, str(refused)]) from None
    if faults:
        raise UnreadableSettings(faults)
    return settings


def setting_names() -> Iterator[str]:
    """Give the names of all variables."""
    for area, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        if inner is None:
            yield f"{PREFIX}{area}".upper()
        else:
            yield from (f"{PREFIX}{area}_{name}".upper() for name in inner)


def _told(place: tuple[int | str, ...], message: str) -> str:
    name = PREFIX + "_".join(str(part) for part in place).upper() if place else "settings"
    return f"{name}: {message.removeprefix('Value error, ')}"
