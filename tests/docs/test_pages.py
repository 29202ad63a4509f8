"""The pages name only what exists: make targets, commands and their options, files; decisions have their parts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tidegate.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/operations.md")]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PARTS = ["Context", "Decision", "Alternatives refused", "Consequences"]

_TARGET = re.compile(r"\bmake ([a-z]+(?:-[a-z]+)*)(?![\w-])")
_CODE = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def _code(page: Path) -> Iterator[str]:
    """Every span and block of code, continued lines joined."""
    for block, span in _CODE.findall(page.read_text(encoding="utf-8")):
        yield from (block or span).replace("\\\n", " ").splitlines()


def _targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def _unknown_words(line: str) -> Iterator[str]:
    """Commands and options after `tidegate` that the command line does not know."""
    for words in re.findall(r"(?:^|[\s/(])tidegate((?: [\w.:/$<>=-]+)+)", line):
        command: Any = typer.main.get_command(app)
        for word in words.split():
            if word.startswith("--"):
                known = {option for parameter in command.params for option in parameter.opts}
                if word not in known | {"--help"}:
                    yield f"{command.name} {word}"
            elif hasattr(command, "get_command"):
                command = command.get_command(None, word)
                if command is None:
                    yield word
                    break


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_names_only_make_targets_that_exist(page: Path) -> None:
    """What a page tells a person to make can be made."""
    named = {target for line in _code(page) for target in _TARGET.findall(line)}
    assert named - _targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_names_only_commands_and_options_that_exist(page: Path) -> None:
    """PL-113: what a page tells a person to type is understood."""
    assert [unknown for line in _code(page) for unknown in _unknown_words(line)] == []


def test_page_naming_an_unknown_command_or_option_is_found() -> None:
    """The test above sees what it is there for."""
    assert list(_unknown_words(".venv/bin/tidegate serve --port 1")) == ["serve --port"]
    assert list(_unknown_words("tidegate pay --now")) == ["pay"]


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name)
def test_page_links_only_to_files_that_exist(page: Path) -> None:
    """A link inside the repository leads somewhere."""
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_readme_names_the_commands_that_start_everything() -> None:
    """PL-101: a person who reads only the README finds both commands."""
    named = {target for line in _code(ROOT / "README.md") for target in _TARGET.findall(line)}
    assert {"demo", "test"} <= named


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_decision_page_has_its_number_and_its_parts(page: Path) -> None:
    """A decision is told with its alternatives and what follows from it."""
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS


def test_decision_pages_are_numbered_without_holes() -> None:
    """A number names one decision for ever."""
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
