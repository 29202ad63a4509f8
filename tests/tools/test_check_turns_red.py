"""The commands of make check, run on a copy of this repository with one offence planted, end in red."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
LINT_IMPORTS = (str(BIN / "lint-imports"), "--no-cache")
TIDY = (sys.executable, "tools/tidy.py", ".")

pytestmark = pytest.mark.slow


@pytest.fixture(name="copied")
def copied_repository(tmp_path: Path) -> Path:
    """What the commands read, copied: the source, the tools, the settings; no git, no environment."""
    for folder in ("src", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(command: Sequence[str], root: Path) -> subprocess.CompletedProcess[str]:
    """Run a check in the copy, whose own src comes before the installed one."""
    return subprocess.run(
        command,
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "PATH": str(BIN)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [LINT_IMPORTS, TIDY], ids=["lint-imports", "tidy"])
def test_check_on_the_repository_as_it_is_ends_green(copied: Path, command: Sequence[str]) -> None:
    """The copy itself is clean, so that red below comes from what was planted."""
    done = run(command, copied)
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_on_a_forbidden_import_in_core_ends_red(copied: Path) -> None:
    """A core that waits breaks its contract."""
    (copied / "src/tidegate/core/kernel/planted.py").write_text('"""Planted."""\n\nimport asyncio\n\nX = asyncio\n')
    done = run(LINT_IMPORTS, copied)
    assert done.returncode != 0
    assert "tidegate.core.kernel.planted -> asyncio" in done.stdout


def test_check_on_an_import_against_the_layers_ends_red(copied: Path) -> None:
    """A use case that reaches for a technology breaks the layers."""
    (copied / "src/tidegate/usecases/pretrade/planted.py").write_text(
        '"""Planted."""\n\nfrom tidegate.outbound import memory\n\nX = memory\n'
    )
    done = run(LINT_IMPORTS, copied)
    assert done.returncode != 0
    assert "tidegate.usecases.pretrade.planted -> tidegate.outbound" in done.stdout


def test_check_on_a_float_in_core_ends_red(copied: Path) -> None:
    """A float in core is named by tidy."""
    (copied / "src/tidegate/core/kernel/planted.py").write_text('"""Planted."""\n\nRATE = 0.1\n')
    done = run(TIDY, copied)
    assert done.returncode == 1
    assert "src/tidegate/core/kernel/planted.py:3: core-float" in done.stdout


def test_check_on_an_overlong_function_ends_red(copied: Path) -> None:
    """A function of more than 60 lines is named by tidy."""
    body = "    x = 1\n" * 61
    (copied / "src/tidegate/cli/planted.py").write_text(f'"""Planted."""\n\n\ndef decide() -> None:\n{body}')
    done = run(TIDY, copied)
    assert done.returncode == 1
    assert "src/tidegate/cli/planted.py:4: function-length: decide has 62 lines" in done.stdout
