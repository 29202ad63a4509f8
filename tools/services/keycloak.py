"""Keycloak, the production issuer, for real: one server on a free port with realms of our own file."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

from services.daemon import Daemon, free_ports
from services.maven import Archive, unpacked
from services.places import ROOT, alone, run_folder

DISTRIBUTION: Final = Archive(
    "org.keycloak",
    "keycloak-quarkus-dist",
    "26.7.3",
    sha256="77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47",
)
REALM_FILE: Final = ROOT / "deploy" / "keycloak" / "tidegate-realm.json"
REALM: Final = "tidegate"
READY_S_MAX: Final = 300.0
"""On a quiet machine it takes 20 s, the first time 50 s."""

ASK_S_MAX: Final = 30.0
_ADMINISTRATOR: Final = "administrator"
_AUGMENTED: Final = Path("lib") / "quarkus"
_LIBRARIES: Final = Path("lib") / "lib"
_KEPT: Final = Path("lib") / "augmented-for-tests"


class KeycloakRefused(RuntimeError):
    """Keycloak answered something else than was asked for."""


class Keycloak:
    """A running Keycloak with the realm of ``deploy/keycloak``; nothing of it is left after ``stop``."""

    def __init__(self, daemon: Daemon, folder: Path, *, port: int, password: str) -> None:
        self.daemon = daemon
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._password = password

    @classmethod
    def start(cls) -> Self:
        """Fetch it if need be, start it, and wait until its realm answers.

        Raises:
            ServerMissing: it cannot be had, or did not start.
        """
        home = unpacked(DISTRIBUTION)
        folder, (port,), password = run_folder("keycloak"), free_ports(1), secrets.token_urlsafe(24)
        _lay_out(home, folder)
        options = ["--import-realm", "--http-host=127.0.0.1", f"--http-port={port}", "--cache=local", "--db=dev-mem"]
        options.append("--hostname-strict=false")
        daemon = Daemon(
            [str(folder / "bin" / "kc.sh"), "start-dev", *options],
            folder=folder,
            environment={
                "JAVA_OPTS_KC_HEAP": "-Xmx320m -XX:TieredStopAtLevel=1",
                "KC_BOOTSTRAP_ADMIN_USERNAME": _ADMINISTRATOR,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
            },
        )
        started = cls(daemon, folder, port=port, password=password)
        try:
            daemon.wait_until(started._answers, port=port, within_s=READY_S_MAX)
        except BaseException:
            started.stop()
            raise
        _keep_augmented(home, folder)
        return started

    def stop(self) -> None:
        """End the shell and the Java that it started, and remove what they wrote."""
        self.daemon.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def issuer(self, realm: str = REALM) -> str:
        """Give the ``iss`` of a realm, as asked at this address."""
        return f"{self.url}/realms/{realm}"

    def ask(self, method: str, path: str, *, body: object = None) -> Any:  # noqa: ANN401 - a JSON document
        """Ask the admin API (path after ``/admin/realms``), as the administrator that only this process knows.

        Raises:
            KeycloakRefused: it answered with an error.
        """
        headers = {"Authorization": f"Bearer {self._administrator()}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        return self._answer(method, f"/admin/realms{path}", sent=sent, headers=headers)

    def _administrator(self) -> str:
        form = {"grant_type": "password", "username": _ADMINISTRATOR, "password": self._password}
        return self.token_by({**form, "client_id": "admin-cli"}, realm="master")

    def token_by(self, form: Mapping[str, str], *, realm: str = REALM) -> str:
        """Ask the token endpoint of a realm; gives the access token.

        Raises:
            KeycloakRefused: it does not hand one out for that.
        """
        answer = self._answer(
            "POST",
            f"/realms/{realm}/protocol/openid-connect/token",
            sent=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        return str(answer["access_token"])

    def _answer(self, method: str, path: str, *, sent: bytes | None, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - a JSON document
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ASK_S_MAX)
        try:
            connection.request(method, path, body=sent, headers=dict(headers))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise KeycloakRefused(f"{method} {path}: {response.status} {content[:500]!r}")
        return json.loads(content) if content else None

    def client_secret(self, client: str, *, realm: str = REALM) -> str:
        """Give the secret that Keycloak made for a client at import."""
        (found,) = self.ask("GET", f"/{realm}/clients?clientId={client}")
        return str(self.ask("GET", f"/{realm}/clients/{found['id']}/client-secret")["value"])

    def add_realm(self, name: str) -> None:
        """Add a realm of the same file under another name: same clients and roles, other keys, another ``iss``."""
        self.ask("POST", "", body={**json.loads(REALM_FILE.read_text(encoding="utf-8")), "realm": name})

    def add_key(self, kind: str, *, algorithm: str, priority: int = 200, realm: str = REALM) -> str:
        """Add a generated key (``rsa``, ``ecdsa``, ``eddsa``), published at once; of the keys that fit, the one of the
        highest priority signs. Gives its id.
        """
        form = {"priority": [str(priority)], "enabled": ["true"], "active": ["true"], "algorithm": [algorithm]}
        name = f"{kind}-{secrets.token_hex(4)}"
        parent = self.ask("GET", f"/{realm}")["id"]
        self.ask(
            "POST",
            f"/{realm}/components",
            body={
                "name": name,
                "providerId": f"{kind}-generated",
                "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": parent,
                "config": form,
            },
        )
        return self.keys(realm=realm)[name]

    def keys(self, *, realm: str = REALM) -> dict[str, str]:
        """Give the key components of a realm: id by name."""
        found = self.ask("GET", f"/{realm}/components?type=org.keycloak.keys.KeyProvider")
        return {str(each["name"]): str(each["id"]) for each in found}

    def remove_key(self, component: str, *, realm: str = REALM) -> None:
        """Retire a key: it is gone from the JWKS."""
        self.ask("DELETE", f"/{realm}/components/{component}")

    def _answers(self) -> bool:
        try:
            return bool(self.ask("GET", f"/{REALM}")["realm"] == REALM)
        except (KeycloakRefused, HTTPException, OSError):
            return False


def _lay_out(home: Path, folder: Path) -> None:
    """Give a run its own tree: libraries are linked, what the server rewrites is copied."""
    libraries = home / _LIBRARIES

    def linked(source: str, target: str) -> None:
        if libraries in Path(source).parents:
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    with alone(DISTRIBUTION.name):
        shutil.copytree(home, folder, dirs_exist_ok=True, copy_function=linked)
        if (home / _KEPT).is_dir():
            shutil.rmtree(folder / _AUGMENTED)
            shutil.move(folder / _KEPT, folder / _AUGMENTED)
    imported = folder / "data" / "import"
    imported.mkdir(parents=True)
    shutil.copy2(REALM_FILE, imported)


def _keep_augmented(home: Path, folder: Path) -> None:
    """Keep what the first start worked out from the options (half a minute): later runs begin with it."""
    with alone(DISTRIBUTION.name):
        if not (home / _KEPT).exists():
            draft = home / "lib" / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(folder / _AUGMENTED, draft)
            draft.rename(home / _KEPT)
