"""A tiny OpenID issuer for the demo and for tests: signs the kind of tokens that Keycloak hands out.

It stands on loopback, serves its discovery document and JWKS under its own ``iss``, and refuses the prod profile.
``tidegate token`` signs with the same keys from another process: they lie in the data folder, readable by the owner
alone, with the ``iss`` that the running server gave itself.
"""

import json
import os
import stat
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY_FILE: Final = "issuer-keys.json"
DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
JWKS_PATH: Final = "/jwks"
_OWNER_ONLY: Final = stat.S_IRUSR | stat.S_IWUSR


class IssuerRefused(ValueError):
    """The tiny issuer must not run here; the message says why."""


class NoIssuerKeys(LookupError):
    """The data folder holds no keys of a tiny issuer that can be used."""


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What a token shall say. ``ttl_s`` counts from ``now_s`` (seconds since 1970); a negative one is expired."""

    roles: tuple[str, ...]
    now_s: int
    audience: str = "tidegate"
    ttl_s: int = 3_600
    subject: str = "demo"


class TinyIssuer:
    """Holds an RSA-2048 key and a P-256 key, signs tokens and publishes the public halves."""

    def __init__(self, issuer: str, rsa: RSAKey, *, elliptic: ECKey) -> None:
        self.issuer = issuer
        self._keys: dict[str, RSAKey | ECKey] = {"RS256": rsa, "ES256": elliptic}

    @classmethod
    def start(cls, issuer: str, *, profile: str, data_dir: Path | None = None) -> "TinyIssuer":
        """Start as ``issuer`` (its address); with a data folder the keys in it are used, or made and kept there.

        Raises:
            IssuerRefused: the profile is prod, or the address is not http on loopback.
            NoIssuerKeys: the key file is open to others or cannot be read.
        """
        if profile == "prod":
            raise IssuerRefused("the tiny issuer refuses the prod profile: set TIDEGATE_OIDC_ISSUER")
        if not _on_loopback(issuer):
            raise IssuerRefused(f"the tiny issuer stands on loopback only, not at {issuer}")
        if data_dir is not None and (data_dir / KEY_FILE).exists():
            kept = cls.kept_in(data_dir)
            started = cls(issuer, kept._rsa(), elliptic=kept._elliptic())  # noqa: SLF001 - its own class
        else:
            started = cls(
                issuer,
                RSAKey.generate_key(2_048, {"use": "sig", "alg": "RS256"}, auto_kid=True),
                elliptic=ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True),
            )
        if data_dir is not None:
            started._keep(data_dir)
        return started

    @classmethod
    def kept_in(cls, data_dir: Path) -> "TinyIssuer":
        """Read the issuer that a server started with this data folder.

        Raises:
            NoIssuerKeys: there is none, its key file is open to others, or it cannot be read.
        """
        path = data_dir / KEY_FILE
        try:
            if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
                raise NoIssuerKeys(f"{path} must be readable by its owner alone (mode 0600)")
            kept = json.loads(path.read_text())
            rsa = RSAKey.import_key(kept["keys"]["RS256"])
            return cls(str(kept["issuer"]), rsa, elliptic=ECKey.import_key(kept["keys"]["ES256"]))
        except FileNotFoundError:
            raise NoIssuerKeys(f"no server has been started with {data_dir}: {KEY_FILE} is not there") from None
        except (OSError, JoseError, ValueError, KeyError, TypeError) as fault:
            raise NoIssuerKeys(f"{path} cannot be read: {fault}") from fault

    def token(self, wish: TokenWish, *, algorithm: str = "RS256") -> str:
        """Sign a token; RS256 or ES256."""
        key = self._keys[algorithm]
        header = {"alg": algorithm, "typ": "JWT", "kid": str(key.kid)}
        claims = {
            "iss": self.issuer,
            "aud": wish.audience,
            "sub": wish.subject,
            "azp": "tidegate-demo",
            "typ": "Bearer",
            "iat": wish.now_s,
            "exp": wish.now_s + wish.ttl_s,
            "realm_access": {"roles": list(wish.roles)},
        }
        return jwt.encode(header, claims, key, algorithms=[algorithm])

    def discovery(self) -> dict[str, object]:
        """Give the discovery document (OpenID Connect Discovery 1.0, the part that verifying needs)."""
        return {
            "issuer": self.issuer,
            "jwks_uri": self.issuer + JWKS_PATH,
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted(self._keys),
        }

    def jwks(self) -> dict[str, object]:
        """Give the public keys (RFC 7517)."""
        return {"keys": [key.as_dict(private=False) for key in self._keys.values()]}

    def app(self) -> Starlette:
        """Give the ASGI application to be mounted at the path of ``iss``; it answers callers on loopback alone."""

        async def discovery(request: Request) -> Response:
            return _for_loopback(request, self.discovery())

        async def jwks(request: Request) -> Response:
            return _for_loopback(request, self.jwks())

        return Starlette(routes=[Route(DISCOVERY_PATH, discovery), Route(JWKS_PATH, jwks)])

    def _rsa(self) -> RSAKey:
        key = self._keys["RS256"]
        assert isinstance(key, RSAKey)
        return key

    def _elliptic(self) -> ECKey:
        key = self._keys["ES256"]
        assert isinstance(key, ECKey)
        return key

    def _keep(self, data_dir: Path) -> None:
        keys = {algorithm: key.as_dict(private=True) for algorithm, key in self._keys.items()}
        draft = data_dir / f".{KEY_FILE}.{os.getpid()}"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"issuer": self.issuer, "keys": keys}, file)
        draft.replace(data_dir / KEY_FILE)


def _on_loopback(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _for_loopback(request: Request, document: dict[str, object]) -> Response:
    if request.client is None or not _is_loopback(request.client.host):
        return JSONResponse({"error": "loopback only"}, status_code=403)
    return JSONResponse(document)
