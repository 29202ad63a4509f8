"""The edges of deploy/ as real processes: HAProxy on the very configuration, with the ports of a test."""

import asyncio
import datetime
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.daemon import Daemon, free_ports
from services.debian import require_programs
from services.places import run_folder

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE_EDGE: Final = DEPLOY / "edge" / "compose.cfg"
POD_EDGE: Final = DEPLOY / "helm" / "tidegate" / "files" / "edge.cfg"
READY_S: Final = 20
_UP: Final = 8404
"""The port in both files on which an edge says that it is there."""


def certificate(folder: Path) -> Path:
    """Write a certificate for localhost as tls.crt, its key beside it, and give the former."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = folder / "tls.crt"
    written.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.crt.key").write_bytes(key.private_bytes(*plain))
    return written


class Edge:
    """One running HAProxy. ``ports``: where it listens in the test, by the port in its file."""

    def __init__(self, daemon: Daemon, ports: Mapping[int, int]) -> None:
        self._daemon = daemon
        self.ports = ports

    def soft_stop(self) -> None:
        """Tell it to end when its clients have gone: what the signal of its image does."""
        os.kill(self._daemon.pid, signal.SIGUSR1)

    async def ended(self, *, within_s: float) -> int:
        """Wait until it has ended, and give its exit code."""
        return await asyncio.to_thread(self._daemon.ended, within_s=within_s)


@contextmanager
def edge(configuration: Path, tls: Path, *, backends: Mapping[int, str]) -> Iterator[Edge]:
    """Run an edge on its configuration. ``backends``: by port in the file, ``HOST:PORT`` of what serves in the test.

    Raises:
        ServerMissing: HAProxy cannot be had, or does not take its configuration.
    """
    require_programs({"haproxy": "haproxy"})
    text = configuration.read_text(encoding="utf-8")
    listened = [int(port) for port in re.findall(r"^\s+bind \S*:(\d+)", text, re.MULTILINE)]
    ports = dict(zip(listened, free_ports(len(listened)), strict=True))
    text = re.sub(r"bind \S*?:(\d+)", lambda found: f"bind 127.0.0.1:{ports[int(found[1])]}", text)
    text = re.sub(r"/run/(secrets|tls)/", f"{tls}/", text)
    for port, address in backends.items():
        text = re.sub(rf"127\.0\.0\.1:{port}\b", address, text)
        text = re.sub(rf"( check .*port) {port}\b", rf"\1 {address.rpartition(':')[2]}", text)
    folder = run_folder("edge")
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    daemon = Daemon(["haproxy", "-db", "-f", "haproxy.cfg"], folder=folder)
    try:
        daemon.wait_until(lambda: _up(ports[_UP]), port=ports[_UP], within_s=READY_S)
        yield Edge(daemon, ports)
    finally:
        daemon.kill()
        shutil.rmtree(folder)


def _up(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/up", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
