"""A server of one process that can hang, die, and come back where it was."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from services.daemon import Daemon


@dataclass(frozen=True, slots=True)
class Plan:
    """How a server is started, each time the same: same port, same folder.

    Attributes:
        folder: where it runs and writes; removed when the server is stopped for good.
        port: on which it listens on loopback.
        ready: asks it whether it serves.
        ready_s_max: how long a busy machine may take until it does, in seconds.
    """

    command: Sequence[str]
    folder: Path
    port: int
    ready: Callable[[], bool]
    ready_s_max: float
    environment: Mapping[str, str] = field(default_factory=dict)


class Restartable:
    """A running server; nothing of it is left after ``stop``.

    Attributes:
        url: where clients of its kind find it.
    """

    def __init__(self, plan: Plan, *, url: str) -> None:
        """Start it, and wait until it serves.

        Raises:
            ServerMissing: it did not start.
        """
        self.url = url
        self.port = plan.port
        self._plan = plan
        try:
            self.daemon = self._launched()
        except BaseException:
            shutil.rmtree(plan.folder, ignore_errors=True)
            raise

    def _launched(self) -> Daemon:
        plan = self._plan
        daemon = Daemon(plan.command, folder=plan.folder, environment=plan.environment)
        try:
            daemon.wait_until(plan.ready, port=plan.port, within_s=plan.ready_s_max)
        except BaseException:
            daemon.stop()
            raise
        return daemon

    def pause(self) -> None:
        """Let it hang: connections are taken by the kernel, nothing is answered."""
        self.daemon.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.daemon.resume()

    def kill(self) -> None:
        """End it at once, as a crash does; ``restart`` brings it back."""
        self.daemon.kill()

    def restart(self) -> None:
        """Start it again on the same port and folder, after ``kill`` or by ending it first.

        Raises:
            ServerMissing: it did not come back.
        """
        self.daemon.stop()
        self.daemon = self._launched()

    def stop(self) -> None:
        """End it, also one that hangs, and remove what it wrote."""
        self.daemon.stop()
        shutil.rmtree(self._plan.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
