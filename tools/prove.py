"""make prove: every suite at full size, mutation tests of the core, and docs/PROOF.md with what was seen.

`python tools/prove.py [--no-mutants] [pytest arguments]`. The page is written from what ran, also when something
failed: it then says so and the exit code is not 0.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proof_plugin import REPORT_VARIABLE

ROOT = Path(__file__).resolve().parent.parent
PROOF = ROOT / "docs" / "PROOF.md"
_OUTCOMES = ("passed", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Proof:
    """What one run of make prove saw."""

    commit: str
    finished_at: datetime
    exit_code: int
    suites: dict[str, dict[str, int]] = field(default_factory=dict)
    figures: list[dict[str, str]] = field(default_factory=list)
    skips: list[dict[str, str]] = field(default_factory=list)
    mutants: dict[str, int] | None = None

    def page(self) -> str:
        """The proof page, as Markdown."""
        verdict = "Everything passed." if self.exit_code == 0 else f"**Not proven: exit code {self.exit_code}.**"
        machine = (
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        )
        lines = [
            "# Proof",
            "",
            "Written by `make prove`; not edited.",
            "",
            f"Commit {self.commit}, {self.finished_at:%Y-%m-%d %H:%M} UTC, {machine}. {verdict}",
            "",
            "| suite | passed | failed | skipped |",
            "|---|---|---|---|",
            *(_row(suite, self.suites[suite]) for suite in sorted(self.suites)),
            _row("**all**", {outcome: self._total(outcome) for outcome in _OUTCOMES}),
        ]
        if self.figures:
            lines += ["", "## Figures", "", "| test | figure |", "|---|---|"]
            lines += [f"| `{_short(row['test'])}` | {_cell(row['figure'])} |" for row in self.figures]
        if self.skips:
            lines += ["", "## Skipped", "", "| test | reason |", "|---|---|"]
            lines += [f"| `{_short(row['test'])}` | {_cell(row['reason'])} |" for row in self.skips]
        if self.mutants is not None:
            lines += ["", "## Mutants of the core", "", "| outcome | mutants |", "|---|---|"]
            lines += [f"| {outcome} | {count} |" for outcome, count in sorted(self.mutants.items())]
        return "\n".join([*lines, ""])

    def _total(self, outcome: str) -> int:
        return sum(counts.get(outcome, 0) for counts in self.suites.values())


def run_tests(arguments: list[str]) -> tuple[int, dict[str, Any]]:
    """Run pytest at full size; its exit code and the plugin's report (empty when pytest did not get that far)."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        environment = os.environ | {"TIDEGATE_FULL": "1", REPORT_VARIABLE: str(report)}
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(ROOT / "tools"), os.environ.get("PYTHONPATH", "")])
        )
        command = [sys.executable, "-m", "pytest", "-p", "proof_plugin", *arguments]
        exit_code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        return exit_code, json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}


def run_mutants() -> tuple[int, dict[str, int]]:
    """Run mutmut over the core; its exit code and its counts by outcome."""
    mutmut = str(Path(sys.executable).parent / "mutmut")
    exit_code = subprocess.run([mutmut, "run"], cwd=ROOT, check=False).returncode
    subprocess.run([mutmut, "export-cicd-stats"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    stats = ROOT / "mutants" / "mutmut-cicd-stats.json"
    return exit_code, json.loads(stats.read_text(encoding="utf-8")) if stats.exists() else {}


def commit() -> str:
    """The commit at hand, marked when the work tree differs from it (the proof page itself aside)."""
    described = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", f":(exclude){PROOF.relative_to(ROOT)}")
    return f"`{described}`" + (" with uncommitted changes" if changed else "")


def main(arguments: list[str]) -> int:
    """Prove, write the page, and end with the first exit code that was not 0."""
    at = commit()
    tests_code, report = run_tests([argument for argument in arguments if argument != "--no-mutants"])
    mutants_code, mutants = (0, None) if "--no-mutants" in arguments else run_mutants()
    proof = Proof(
        commit=at,
        finished_at=datetime.now(UTC),
        exit_code=tests_code or mutants_code,
        suites=report.get("suites", {}),
        figures=report.get("figures", []),
        skips=report.get("skips", []),
        mutants=mutants,
    )
    PROOF.parent.mkdir(exist_ok=True)
    PROOF.write_text(proof.page(), encoding="utf-8")
    print(f"wrote {PROOF.relative_to(ROOT)}")
    return proof.exit_code


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _row(suite: str, counts: dict[str, int]) -> str:
    return f"| {suite} | " + " | ".join(str(counts.get(outcome, 0)) for outcome in _OUTCOMES) + " |"


def _short(nodeid: str) -> str:
    return _cell(nodeid.removeprefix("tests/"))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
