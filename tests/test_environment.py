"""The environment is what the lock says: every package by hash, none by an address."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("lock", ["requirements.lock", "tools/uv.lock"])
def test_lock_names_every_package_with_hashes_and_no_address(lock: str) -> None:
    """PL-103: what is installed is what was locked, whatever registry serves it."""
    text = (ROOT / lock).read_text()
    hashes = r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
    packages = re.findall(rf"^[a-z0-9-]+==[^\s\\]+(?: ;[^\\\n]*)? \\\n{hashes}", text, re.MULTILINE)
    pinned = re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE)
    assert len(packages) == len(pinned) > 0
    assert "://" not in text


def test_suites_that_need_a_server_fail_without_it() -> None:
    """PL-104: no suite skips for want of a server; the only skips are for shared data that is not there."""
    skips = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.search(r"pytest\.(skip|importorskip)\(|mark\.skip", line)
        and path.parent.name != "tools"
        and path != Path(__file__)
    ]
    assert all("shared" in skip for skip in skips), skips
