"""The image: how it is built, and how a process in it comes by its secrets."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from services.deploy_tools import hadolint

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = ROOT / "deploy" / "Dockerfile"
ENTRYPOINT: Final = ROOT / "deploy" / "entrypoint"


@pytest.mark.servers
def test_dockerfile_has_nothing_that_its_linter_finds() -> None:
    """RE-373: hadolint finds nothing."""
    assert hadolint(DOCKERFILE) == ""


def test_image_is_built_from_named_versions_and_runs_as_nobody() -> None:
    """RE-373: every stage starts from a full version, all is installed to the hash, and the user is not root."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:3.11.14-slim-bookworm"] * 2
    installs = [line for line in text.replace("\\\n", " ").splitlines() if "pip install" in line]
    parts = [part for line in installs for part in line.split("&&") if "pip install" in part]
    assert len(parts) == 4
    assert all("--require-hashes" in part or "--no-deps /wheels/" in part for part in parts), parts
    users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert users == ["10001:10001"]


def test_image_holds_what_it_copies() -> None:
    """RE-373: what the Dockerfile copies is there, and the build is shown nothing else of the tree."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    sources = {source for line in copied for source in line}
    shown = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in shown if line.startswith("!")} == sources
    assert [source for source in sorted(sources) if not (ROOT / source).exists()] == []


def _started(secrets: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the entrypoint with a program ``tidegate`` that prints its arguments and its settings."""
    program = secrets.parent / "bin" / "tidegate"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\necho "arguments: $*"\nenv | grep ^TIDEGATE_ | sort\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    return subprocess.run(
        [str(ENTRYPOINT), "serve", "--workers", "2"],
        env={"PATH": path, "SECRETS_DIR": str(secrets), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder of secrets."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def test_secret_in_a_file_becomes_the_setting_of_its_name(secrets: Path) -> None:
    """RE-374: files TIDEGATE_* become settings, other files do not, and the program gets its arguments."""
    (secrets / "TIDEGATE_POSTGRES_URL").write_text("postgresql://u:a b$c'd\"e@h/n\n", encoding="utf-8")
    (secrets / "audit.key").write_text("PEM", encoding="utf-8")
    ended = _started(secrets, TIDEGATE_PROFILE="prod")
    assert ended.stdout.splitlines() == [
        "arguments: serve --workers 2",
        "TIDEGATE_POSTGRES_URL=postgresql://u:a b$c'd\"e@h/n",
        "TIDEGATE_PROFILE=prod",
    ]


def test_start_without_secrets_is_left_to_the_program(secrets: Path) -> None:
    """RE-374: an empty folder, or none, is no fault of the entrypoint's."""
    assert _started(secrets).stdout == "arguments: serve --workers 2\n"
    assert _started(secrets / "absent").stdout == "arguments: serve --workers 2\n"


@pytest.mark.parametrize(
    ("content", "environment"), [("", {}), ("x", {"TIDEGATE_REDIS_URL": "y"}), ("x", {"TIDEGATE_REDIS_URL": ""})]
)
def test_secret_that_is_empty_or_said_twice_ends_the_start(
    secrets: Path, content: str, environment: dict[str, str]
) -> None:
    """RE-374: an empty file, or a setting that the environment has too, ends with 2 and the name, and no value."""
    (secrets / "TIDEGATE_REDIS_URL").write_text(content, encoding="utf-8")
    ended = _started(secrets, **environment)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "TIDEGATE_REDIS_URL" in ended.stderr
