"""The generated protobuf can be compared with what protos/ says."""

import subprocess
import sys
from pathlib import Path

from protos import ROOT, differences


def test_protos_generated_twice_agree_and_a_change_is_named(tmp_path: Path) -> None:
    """What make check compares is stable, and a changed, missing or left-over file is named."""
    script = "import sys; from pathlib import Path; import protos; protos.generate(Path(sys.argv[1]))"
    first, second = tmp_path / "first", tmp_path / "second"
    for target in (first, second):
        target.mkdir()
        subprocess.run([sys.executable, "-c", script, str(target)], cwd=ROOT / "tools", check=True)
    assert differences(first, second) == []
    (second / "risk/v1/main_pb2.py").write_text("# edited\n")
    (second / "left_over.py").write_text("")
    (second / "risk/__init__.py").unlink()
    assert differences(first, second) == ["left_over.py", "risk/__init__.py", "risk/v1/main_pb2.py"]
