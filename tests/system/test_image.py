"""The image's build, step by step as its Dockerfile has it, where there is no container engine to do it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.system import processes
from tests.system.processes import Served, end_server_of
from tests.system.world import CALM

pytestmark = [pytest.mark.system, pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).resolve().parents[2]
DEVELOPMENT: Final = ("pytest", "mypy", "ruff", "mutmut", "hypothesis", "uv", "pip", "buf")


def _first_stage() -> list[str]:
    """Give the instructions of the stage that builds, each in one line, without comments."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    stage = text.split("\nFROM ")[1]
    return [
        line for line in re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", stage, flags=re.MULTILINE)).splitlines() if line
    ]


def _build(root: Path) -> None:
    """Do what the stage does, with the folders of the image below ``root``."""
    (root / "src").mkdir()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if "PIP_INDEX_URL" in environment:  # uv does not read pip's settings
        environment.setdefault("UV_INDEX_URL", environment["PIP_INDEX_URL"])
    for line in _first_stage():
        instruction, _, rest = line.partition(" ")
        if instruction == "COPY":
            *sources, target = rest.split()
            for source in sources:
                place = root / "src" / (target if len(sources) == 1 else Path(target) / source)
                place.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
                else:
                    shutil.copy(ROOT / source, place)
        elif instruction == "RUN":
            # not --no-cache: what is fetched here is fetched by hash anyway
            moved = re.sub(r"(^|[\s=])/(opt|tools|wheels)\b", rf"\1{root}/\2", rest).replace("--no-cache ", "")
            command = ["bash", "-euo", "pipefail", "-c", moved]
            ended = subprocess.run(
                command, cwd=root / "src", env=environment, capture_output=True, text=True, check=False, timeout=500
            )
            assert ended.returncode == 0, f"{rest}: {ended.stderr[-2_000:]}"


@pytest.fixture
def image() -> Iterator[Path]:
    """A folder for what the image would hold."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-image-"))
    try:
        yield folder
    finally:
        end_server_of(folder / "data")
        shutil.rmtree(folder)


def test_what_the_dockerfile_builds_serves_without_development_tools(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RE-373: the steps of the Dockerfile make a program that serves, from a wheel, with what it reads at run time."""
    _build(image)
    installed = {each.name for each in (image / "opt" / "tidegate" / "bin").iterdir()}
    assert "tidegate" in installed
    assert installed.isdisjoint(DEVELOPMENT)
    monkeypatch.setattr(processes, "PROGRAM", str(image / "opt" / "tidegate" / "bin" / "tidegate"))
    with Served(image / "data", settings=CALM) as served:
        assert served.running
