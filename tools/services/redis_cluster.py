"""A cluster of Redis, for real: three servers, enough to see that keys lie where scripts look, and a standby."""

import shutil
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from services.daemon import Daemon, free_ports
from services.debian import ServerMissing, require_programs
from services.places import run_folder

MASTERS: Final = 3
NODE_TIMEOUT_MS: Final = "2000"
READY_S_MAX: Final = 60.0
POLL_S: Final = 0.1


class RedisCluster:
    """A running cluster.

    Attributes:
        url: of the last of its three servers, which knows the others.
        servers: of which the first is the one that a standby stands by for.
    """

    def __init__(self) -> None:
        """Start it, and wait until it serves every slot.

        Raises:
            ServerMissing: it cannot be had, or did not start.
        """
        require_programs({"redis-server": "redis-server", "redis-cli": "redis-tools"})
        self._folder = run_folder("redis_cluster")
        ports = free_ports(2 * MASTERS)
        self._ports, buses = ports[:MASTERS], ports[MASTERS:]
        self.url = f"redis://127.0.0.1:{self._ports[-1]}/0"
        self.servers: list[Daemon] = []
        self._standby: int | None = None
        try:
            for port, bus in zip(self._ports, buses, strict=True):
                self.servers.append(self._server(port, bus))
            addresses = [f"127.0.0.1:{port}" for port in self._ports]
            self._wait_for("PING", "PONG")
            _ask(self._ports[0], "--cluster", "create", *addresses, "--cluster-yes")
            self._wait_for("CLUSTER INFO", "cluster_state:ok")
        except BaseException:
            self.stop()
            raise

    def _server(self, port: int, bus: int) -> Daemon:
        folder = self._folder / str(port)
        folder.mkdir()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
        command += ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", NODE_TIMEOUT_MS]
        return Daemon(command, folder=folder)

    def add_standby(self) -> None:
        """Have a fourth server copy the first one, to take its place when it is gone.

        Raises:
            ServerMissing: it does not.
        """
        port, bus = free_ports(2)
        self._standby = port
        self.servers.append(self._server(port, bus))
        self._wait_for("PING", "PONG", ports=[port])
        first, new = (f"127.0.0.1:{each}" for each in (self._ports[0], port))
        _ask(port, "--cluster", "add-node", new, first, "--cluster-slave")
        master = _ask(self._ports[0], "CLUSTER", "MYID").strip()
        self._wait_for(f"CLUSTER REPLICATE {master}", "OK", ports=[port])
        self._wait_for("INFO replication", "master_link_status:up", ports=[port])
        self._wait_for("CLUSTER NODES", f":{port}@", ports=self._ports)

    def wait_until_standby_serves(self) -> None:
        """Wait until the standby has taken the place of the first server, and all that are left agree.

        Raises:
            ServerMissing: it does not.
        """
        assert self._standby is not None, "there is one"
        # its own word comes last: it may have the place and still think that the cluster is down
        self._wait_for("CLUSTER INFO", "cluster_state:ok", ports=[*self._ports[1:], self._standby])

    def _wait_for(self, question: str, answer: str, *, ports: Sequence[int] | None = None) -> None:
        until = time.monotonic() + READY_S_MAX
        for port in self._ports if ports is None else ports:
            while answer not in (said := _ask(port, *question.split())):
                if time.monotonic() > until:
                    raise ServerMissing(f"no {answer} from the Redis on port {port}: {said}")
                time.sleep(POLL_S)

    def stop(self) -> None:
        """End all of it, and remove what it wrote."""
        for server in self.servers:
            server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _ask(port: int, *words: str) -> str:
    # redis-cli is a program of the package that brings the server
    ended = subprocess.run(
        ["redis-cli", "-p", str(port), *words], capture_output=True, text=True, timeout=READY_S_MAX, check=False
    )
    return ended.stdout + ended.stderr
