"""What the README tells a person to paste is pasted, top to bottom."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent


def _free_ports(count: int) -> Iterator[str]:
    """Ports that were free together a moment ago."""
    with ExitStack() as stack:
        for _ in range(count):
            taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            yield str(taken.getsockname()[1])


def _script(data: Path) -> str:
    """The README's blocks of shell as one script, on free ports and with a folder of the test's own."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    rest, grpc = _free_ports(2)
    script = "\n".join(["set -euo pipefail", *blocks])
    places = {":8080": f":{rest}", ":8081": f":{grpc}", "/tmp/tidegate-first": str(data), ".venv/bin": str(PROGRAMS)}
    for written, ours in places.items():
        assert written in script
        script = script.replace(written, ours)
    return script


@pytest.mark.system
@pytest.mark.servers
@pytest.mark.slow
def test_readme_pasted_from_top_to_bottom_decides_as_it_says(tmp_path: Path) -> None:
    """PL-106, PL-107, PL-108, PL-110, PL-124, PT-103: seed, repeats, tokens, desk, admin and the end are as written."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    ran = subprocess.run(
        ["/bin/bash", "-c", _script(tmp_path / "data")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answers = dict.fromkeys(re.findall(r"^o-1 APPROVED approved (\S+)$", ran.stdout, re.MULTILINE))
    assert len(answers) == 1, ran.stdout
    assert re.findall(r"^o-1 APPROVED", ran.stdout, re.MULTILINE) == ["o-1 APPROVED"] * 2
    assert "o-2 REJECTED 5023.995 USDT is required, 4976.005 USDT is available" in ran.stdout
    assert '"state": "REDUCING"' in ran.stdout
    evaluated = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"assessment_id"')]
    assert [(each["decision"], each["duplicate_of_request"]) for each in evaluated] == [
        ("APPROVED", False),
        ("APPROVED", True),
    ]
    first, again = evaluated
    assert first["assessment_id"] == again["assessment_id"]
    told = f'"risk_score": {first["risk_score"]}, "reason_codes": {json.dumps(first["reason_codes"][:2])[:-1]}, ...]'
    assert told in (ROOT / "README.md").read_text(encoding="utf-8"), "the README shows what comes"
    assert f'"items": [{{"assessment_id": "{first["assessment_id"]}"' in ran.stdout
