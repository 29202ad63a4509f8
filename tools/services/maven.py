"""Archives and jars from Maven, fetched by mvn itself: it knows the machine's mirror and keeps what it fetched."""

import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.debian import ServerMissing, require_programs
from services.places import CACHE, alone

_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
COPY_GOAL: Final = f"{_PLUGIN}:copy"
COPY_ALL_GOAL: Final = f"{_PLUGIN}:copy-dependencies"
FETCH_S_MAX: Final = 600
_PROGRAMS: Final = {"java": "default-jre-headless", "mvn": "maven"}


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar.gz on Maven; ``sha256`` is of the file as it was first tried, so nothing else is ever run."""

    group: str
    name: str
    version: str
    sha256: str
    classifier: str = ""

    @property
    def coordinates(self) -> str:
        """What mvn calls it."""
        return f"{self.group}:{self.name}:{self.version}:tar.gz{':' + self.classifier if self.classifier else ''}"

    @property
    def file_name(self) -> str:
        """What mvn names the file that it fetches."""
        return f"{self.name}-{self.version}{'-' + self.classifier if self.classifier else ''}.tar.gz"


def unpacked(archive: Archive) -> Path:
    """Give the folder that an archive holds at its top, or what it holds there, fetched once for this tree.

    Raises:
        ServerMissing: it cannot be fetched, or it is not the file that it was.
    """
    require_programs(_PROGRAMS)
    target = CACHE / f"{archive.name}-{archive.version}"
    with alone(archive.name):
        if not target.is_dir():
            draft = CACHE / f"{archive.name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            _unpack(_fetched(archive), draft)
            match list(draft.iterdir()):
                case [top] if top.is_dir():
                    top.rename(target)
                    draft.rmdir()
                case _:
                    draft.rename(target)
    return target


def jars(project: Path) -> Path:
    """Give the folder of the jars that a project file names, with all that they need, fetched once for this tree.

    Beside the project file lies the list of what was tried: ``<hash>  <name>`` a line, in the suffix ``.sha256``.

    Raises:
        ServerMissing: they cannot be fetched, or they are not the files that they were.
    """
    require_programs(_PROGRAMS)
    expected = project.with_suffix(".sha256").read_text(encoding="utf-8")
    # A changed list names another folder, so what an older one fetched is not taken for it.
    target = CACHE / f"{project.stem}-{hashlib.sha256(expected.encode()).hexdigest()[:12]}"
    with alone(project.stem):
        if not target.is_dir():
            draft = CACHE / f"{project.stem}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            shutil.copy2(project, draft / "pom.xml")
            _run_mvn(
                [COPY_ALL_GOAL, "-DincludeScope=runtime", "-DoutputDirectory=jars"], folder=draft, wanted=project.name
            )
            _compare(draft / "jars", expected)
            (draft / "jars").rename(target)
            shutil.rmtree(draft)
    return target


def _compare(folder: Path, expected: str) -> None:
    found = "".join(f"{_sha256(file)}  {file.name}\n" for file in sorted(folder.glob("*.jar")))
    if changed := set(found.splitlines()) ^ set(expected.splitlines()):
        names = sorted({line.partition("  ")[2] for line in changed})
        raise ServerMissing(f"these jars are not what was tried: {', '.join(names)}")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _run_mvn(arguments: list[str], *, folder: Path, wanted: str) -> None:
    command = ["mvn", "--batch-mode", "--quiet", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=FETCH_S_MAX)
    if ended.returncode != 0:
        raise ServerMissing(f"mvn cannot fetch {wanted}: {(ended.stdout + ended.stderr)[-1_000:]}")


def _fetched(archive: Archive) -> Path:
    downloads = CACHE / "downloads"
    file = downloads / archive.file_name
    if not file.exists():
        arguments = [COPY_GOAL, f"-Dartifact={archive.coordinates}", f"-DoutputDirectory={downloads}"]
        _run_mvn(arguments, folder=CACHE, wanted=archive.coordinates)
    found = _sha256(file)
    if found != archive.sha256:
        file.unlink()
        raise ServerMissing(f"{archive.file_name} has the SHA-256 {found}, not {archive.sha256}")
    return file


def _unpack(file: Path, folder: Path) -> None:
    with tarfile.open(file) as content:
        content.extractall(folder, filter="data")
    # mvn keeps its own copy; ours is no longer needed.
    file.unlink()
