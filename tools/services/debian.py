"""Programs from Debian's packages: installed by apt as root, else named in the one line that a person runs."""

import os
import shutil
import subprocess
from collections.abc import Mapping

from services.places import alone


class ServerMissing(RuntimeError):
    """A server that cannot be had here; the message says what to do. For a test it is a failure, never a skip."""


def require_programs(packages: Mapping[str, str]) -> None:
    """Have programs on PATH: program by program, the package that brings it.

    Raises:
        ServerMissing: not root, no apt, or apt did not bring them.
    """
    if not _missing(packages):
        return
    with alone("apt"):
        if missing := _missing(packages):
            _install(sorted(set(missing.values())))
    if missing := _missing(packages):
        raise ServerMissing(f"apt has run and {', '.join(sorted(missing))} is still not on PATH")


def _missing(packages: Mapping[str, str]) -> dict[str, str]:
    return {program: package for program, package in packages.items() if shutil.which(program) is None}


def _install(packages: list[str]) -> None:
    line = f"apt-get install --yes --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ServerMissing(f"run this as root, then again: {line}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in ("apt-get update", line):
        ended = subprocess.run(
            command.split(), env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        if ended.returncode != 0:
            raise ServerMissing(f"{command} ended with {ended.returncode}: {ended.stderr[-1_000:]}")
