"""Marks by symbol as they are known at the moment, counted, so that a check can tell that none has moved."""

from collections.abc import Mapping
from typing import NoReturn

from tidegate.core.pretrade.instrument import Mark


class Marks(dict[str, Mark]):
    """A dictionary of marks; ``revision`` counts its changes. Every way to change a dictionary counts or is refused."""

    __slots__ = ("revision",)

    def __init__(self) -> None:
        super().__init__()
        self.revision = 0

    def __setitem__(self, symbol: str, mark: Mark) -> None:
        self.revision += 1
        super().__setitem__(symbol, mark)

    def __delitem__(self, symbol: str) -> None:
        self.revision += 1
        super().__delitem__(symbol)

    def update(self, marks: Mapping[str, Mark]) -> None:  # type: ignore[override]  # of all its forms only this one
        """Put several marks in their places."""
        self.revision += 1
        super().update(marks)

    def pop(self, symbol: str, default: Mark | None = None) -> Mark | None:  # type: ignore[override]  # never raises
        """Take a mark out and give it, if there is one."""
        self.revision += 1
        return super().pop(symbol, default)

    def clear(self) -> None:
        """Forget all marks."""
        self.revision += 1
        super().clear()

    def _refuse(self, *_arguments: object, **_named: object) -> NoReturn:
        raise TypeError("this change would not be counted: use an assignment, update, pop, del or clear")

    popitem = setdefault = __ior__ = _refuse
