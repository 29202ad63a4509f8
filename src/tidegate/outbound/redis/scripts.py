"""The scripts that run in Redis, one file each under ``lua``; ``common.lua`` stands before all of them."""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final

_FOLDER: Final = files("tidegate.outbound.redis") / "lua"


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name by which a server knows it once it was loaded."""

    source: bytes
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        # the protocol names scripts by their SHA-1; nothing rests on it
        digest = sha1(self.source, usedforsecurity=False).hexdigest()
        object.__setattr__(self, "digest", digest.encode())


@cache
def script(name: str) -> Script:
    """Give a script by the name of its file."""
    return Script((_FOLDER / "common.lua").read_bytes() + (_FOLDER / f"{name}.lua").read_bytes())
