"""A schema registry, for real: Apicurio on a free port, spoken to as Confluent's is, which keeps nothing."""

import contextlib
from http.client import HTTPConnection, HTTPException
from typing import Final, Self

from services.daemon import free_ports
from services.maven import Archive, unpacked
from services.places import run_folder
from services.restartable import Plan, Restartable

DISTRIBUTION: Final = Archive(
    "io.apicurio",
    "apicurio-registry-app",
    "2.6.13.Final",
    sha256="3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba",
    classifier="all",
)
API: Final = "/apis/ccompat/v7"
READY_S_MAX: Final = 120.0
"""On a quiet machine it takes 5 s."""

_ASK_S_MAX: Final = 2.0


class Registry(Restartable):
    """A running registry. Subjects and ids are gone after ``kill`` or ``restart``: it keeps them in memory."""

    @classmethod
    def start(cls) -> Self:
        """Fetch it if need be, start it, and wait until it answers.

        Raises:
            ServerMissing: it cannot be had, or did not start.
        """
        home = unpacked(DISTRIBUTION)
        folder, (port,) = run_folder("registry"), free_ports(1)
        command = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command += ["-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}"]
        command += ["-jar", str(home / f"{DISTRIBUTION.name}-{DISTRIBUTION.version}-runner.jar")]
        plan = Plan(command, folder, port=port, ready=lambda: _answers(port), ready_s_max=READY_S_MAX)
        return cls(plan, url=f"http://127.0.0.1:{port}{API}")


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=_ASK_S_MAX)
    with contextlib.closing(connection), contextlib.suppress(OSError, HTTPException):
        connection.request("GET", f"{API}/subjects")
        return connection.getresponse().status == 200
    return False
