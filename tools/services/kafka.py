"""Kafka, for real: one broker that is its own controller (KRaft), on free ports."""

import contextlib
import secrets
import socket
import struct
import subprocess
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final, Self

from services.daemon import free_ports
from services.debian import ServerMissing
from services.maven import jars
from services.places import run_folder
from services.restartable import Plan, Restartable

PROJECT: Final = Path(__file__).parent / "kafka_jars.xml"
READY_S_MAX: Final = 120.0
"""On a quiet machine it takes 5 s."""

_JAVA: Final = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGED: Final = "-Dorg.apache.logging.log4j.level=WARN"
_ASK_S_MAX: Final = 2.0
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Tests do not wait for members that might still come, and may have sessions shorter than people have.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# After kill -9 the broker that comes back has to wait until its own former session has ended.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=8388608
"""
_METADATA: Final = 3
_METADATA_VERSION: Final = 4


class Kafka(Restartable):
    """A running broker. Topics are made by who needs them; they outlive ``kill`` and ``restart``.

    Attributes:
        url: the bootstrap address, ``host:port``.
        proxied_port: a second way in, whose clients are told to come by the port given to ``start``; 0 without one.
    """

    proxied_port = 0

    @classmethod
    def start(cls, *, advertised: int = 0) -> Self:
        """Fetch it if need be, start it, and wait until it serves.

        Args:
            advertised: a proxy's port on loopback; the proxy hands on to ``proxied_port``. 0: there is no proxy.

        Raises:
            ServerMissing: it cannot be had, or did not start.
        """
        libraries = jars(PROJECT)
        folder, (port, controller, proxied) = run_folder("kafka"), free_ports(3)
        listeners = [f"DIRECT://127.0.0.1:{port}", f"CONTROLLER://127.0.0.1:{controller}"]
        addresses = [f"DIRECT://127.0.0.1:{port}"]
        if advertised:
            listeners.append(f"PROXIED://127.0.0.1:{proxied}")
            addresses.append(f"PROXIED://127.0.0.1:{advertised}")
        settings = folder / "server.properties"
        places = {
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(addresses),
            "log.dirs": str(folder / "kept"),
        }
        lines = [f"{name}={value}\n" for name, value in places.items()]
        settings.write_text(_PROPERTIES + "".join(lines), encoding="utf-8")
        java = [*_JAVA, _LOGGED, "-cp", f"{libraries}/*"]
        _format(java, settings)
        command = [*java, "kafka.Kafka", str(settings)]
        plan = Plan(command, folder, port=port, ready=lambda: _brokers(port) > 0, ready_s_max=READY_S_MAX)
        started = cls(plan, url=f"127.0.0.1:{port}")
        started.proxied_port = proxied if advertised else 0
        return started


def _format(java: list[str], settings: Path) -> None:
    """Give the folder of what is kept its identity, without which a broker does not start."""
    cluster = urlsafe_b64encode(secrets.token_bytes(15) + b"\0").rstrip(b"=").decode()
    command = [*java, "kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={cluster}"]
    command += ["--config", str(settings)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_S_MAX)
    if ended.returncode != 0:
        raise ServerMissing(f"formatting ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-1_000:]}")


def _brokers(port: int) -> int:
    """Ask the broker how many brokers serve; 0 when it does not say. It opens its port before it serves."""
    client = b"tidegate"
    # No topics are asked for, and none may be made.
    request = struct.pack(f">hhih{len(client)}si?", _METADATA, _METADATA_VERSION, 1, len(client), client, 0, False)
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_ASK_S_MAX) as asking:
        asking.sendall(struct.pack(">i", len(request)) + request)
        answer = b""
        while part := asking.recv(4_096):
            answer += part
            if len(answer) >= 16:
                # Length, correlation, throttle time, count of brokers.
                return int(struct.unpack_from(">iiii", answer)[3])
    return 0
