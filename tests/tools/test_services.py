"""Real servers for tests: what is fetched is what was tried, what answers is our own, nothing is left running."""

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import services.debian
import services.maven
import services.places
from services.daemon import Daemon, free_ports
from services.debian import ServerMissing, require_programs
from services.keycloak import DISTRIBUTION
from services.maven import Archive, jars, unpacked

LISTENS = """
import socket, sys
held = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    held.accept()
"""
SHELL = f"""{sys.executable} -c '{LISTENS}' $1 & wait"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a PATH on which a test puts the programs that it wants there to be."""
    for module in (services.places, services.maven):
        monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    return tmp_path


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def shell(tmp_path: Path, port: int) -> Iterator[Daemon]:
    """A shell that has started what listens, as kc.sh does."""
    started = Daemon(["/bin/sh", "-c", SHELL, "shell", str(port)], folder=tmp_path)
    yield started
    started.stop()


def a_program(folder: Path, name: str, *, text: str) -> None:
    program = folder / "programs" / name
    program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    program.chmod(0o755)


def somebody_listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_stop_ends_a_shell_and_what_it_started(shell: Daemon, port: int) -> None:
    """PL-104: nothing is left running: the whole group of a server ends with it."""
    shell.wait_until(lambda: somebody_listens(port), port=port, within_s=30)
    family = [psutil.Process(shell.pid), *psutil.Process(shell.pid).children(recursive=True)]
    assert len(family) == 2
    shell.stop()
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    assert not somebody_listens(port)


def test_stop_ends_a_server_that_hangs(shell: Daemon, port: int) -> None:
    """PL-104: a paused server is ended too."""
    shell.wait_until(lambda: somebody_listens(port), port=port, within_s=30)
    shell.pause()
    shell.stop()
    assert not psutil.pid_exists(shell.pid)


def test_a_server_that_somebody_else_answers_for_is_missing(shell: Daemon) -> None:
    """PL-104: what answers on the port has to be the server that was started."""
    with socket.create_server(("127.0.0.1", 0)) as stranger, pytest.raises(ServerMissing, match="somebody else"):
        shell.wait_until(lambda: True, port=stranger.getsockname()[1], within_s=30)


def test_a_server_that_ends_is_missing_and_says_what_it_said(tmp_path: Path) -> None:
    """PL-104: the failure carries the server's own complaint."""
    daemon = Daemon(["/bin/sh", "-c", "echo no such option >&2; exit 3"], folder=tmp_path)
    with pytest.raises(ServerMissing, match="ended with 3: no such option"):
        daemon.wait_until(lambda: False, port=1, within_s=30)
    daemon.stop()


def test_a_program_that_is_missing_names_the_line_to_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-104: who is not root is told the one line, and the test that needs the server fails."""
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    with pytest.raises(ServerMissing, match="apt-get install --yes --no-install-recommends redis-server"):
        require_programs({"redis-server": "redis-server"})


def test_a_program_that_is_missing_is_installed_by_root(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-104: as root apt brings it, after its lists were renewed; what is there is not asked for again."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    log = cache / "log"
    a_program(cache, "apt-get", text=f'echo "$@" >> {log}; [ "$1" = update ] || {{ echo > {cache}/programs/one; }}')
    with pytest.raises(ServerMissing, match="one is still not on PATH"):
        require_programs({"one": "package-of-one"})  # apt left a file that is no program
    (cache / "programs" / "one").chmod(0o755)
    require_programs({"one": "package-of-one"})
    calls = log.read_text(encoding="utf-8").splitlines()
    assert calls == ["update", "install --yes --no-install-recommends package-of-one"]


def test_a_folder_whose_run_was_killed_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-104: the next run clears away what a killed one left, and nothing of those that still run."""
    monkeypatch.setattr(services.places, "RUNS", tmp_path)
    gone = subprocess.Popen(["true"])
    gone.wait()
    killed, running = tmp_path / f"keycloak-{gone.pid}-abc", tmp_path / f"keycloak-{os.getppid()}-abc"
    for folder in (killed, running):
        folder.mkdir()
    mine = services.places.run_folder("kafka")
    assert set(tmp_path.iterdir()) == {running, mine}


def test_an_archive_that_changed_is_refused(cache: Path) -> None:
    """PL-103: what is run has the hash that stands here, whoever the mirror is."""
    for name in ("java", "mvn"):
        a_program(cache, name, text="")
    archive = replace(DISTRIBUTION, name="planted")
    file = cache / "cache" / "downloads" / archive.file_name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"something else")
    with pytest.raises(ServerMissing, match="SHA-256"):
        unpacked(archive)
    assert not file.exists()


def test_an_archive_that_cannot_be_fetched_says_what_the_client_said(cache: Path) -> None:
    """PL-104: a server that cannot be had is a failure with its reason."""
    a_program(cache, "java", text="")
    a_program(cache, "mvn", text="echo no such artifact; exit 1")
    with pytest.raises(ServerMissing, match=r"a:b:1:tar\.gz:all.*no such artifact"):
        unpacked(Archive("a", "b", "1", sha256="0", classifier="all"))


def test_jars_other_than_those_tried_are_refused_by_name(cache: Path) -> None:
    """RE-251: a jar that changed, one that is new and one that is gone are each told, and none is run."""
    fetches = "mkdir jars; echo x > jars/same.jar; echo other > jars/changed.jar; echo x > jars/new.jar"
    for name, text in (("java", ""), ("mvn", f"PATH=/usr/bin:/bin; {fetches}")):
        a_program(cache, name, text=text)
    project = cache / "planted.xml"
    project.write_text("<project/>", encoding="utf-8")
    tried = hashlib.sha256(b"x\n").hexdigest()
    lines = "".join(f"{tried}  {name}.jar\n" for name in ("changed", "gone", "same"))
    project.with_suffix(".sha256").write_text(lines, encoding="utf-8")
    with pytest.raises(ServerMissing, match=r"tried: changed\.jar, gone\.jar, new\.jar$"):
        jars(project)
