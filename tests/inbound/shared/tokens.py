"""Builds tokens, good and bad, byte by byte, and publishes their keys without a server."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tidegate.inbound.shared.token_guard import TokenGuard
from tidegate.outbound.identity.verification import VerificationKey, verification_keys

ISSUER = "http://127.0.0.1:8080/issuer"
AUDIENCE = "tidegate"
NOW_S = 1_767_225_600

Key = RSAKey | ECKey | OKPKey | OctKey


class FakeClock:
    """A clock that stands where it is put."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def now_us(self) -> int:
        return int(self.now_s * 1_000_000)


class PublishedKeys:
    """``SigningKeys`` over a JWKS that a test writes."""

    def __init__(self, *jwks: Mapping[str, object]) -> None:
        self.asked: list[str] = []
        self._keys: Mapping[str, tuple[VerificationKey, ...]] = {}
        self.publish(*jwks)

    def publish(self, *jwks: Mapping[str, object]) -> None:
        self._keys = verification_keys({"keys": list(jwks)}, self._keys)

    async def of(self, kid: str) -> tuple[VerificationKey, ...]:
        self.asked.append(kid)
        return self._keys.get(kid, ())


@dataclass(frozen=True)
class KeyRing:
    """One key of each allowed kind; ``rsa`` is what tests use unless they are about the others."""

    rsa: RSAKey
    other_rsa: RSAKey
    pss: RSAKey
    unnamed: RSAKey
    elliptic: ECKey
    edwards: OKPKey

    def jwks(self) -> list[dict[str, object]]:
        return [
            {**key.as_dict(private=False)} for key in (self.rsa, self.pss, self.unnamed, self.elliptic, self.edwards)
        ]


@cache
def key_ring() -> KeyRing:
    """The ring is made once a run: RSA keys take their time."""
    return KeyRing(
        rsa=RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256", "use": "sig"}),
        other_rsa=RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256", "use": "sig"}),
        pss=RSAKey.generate_key(2048, {"kid": "pss", "alg": "PS256", "use": "sig"}),
        unnamed=RSAKey.generate_key(2048, {"kid": "unnamed"}),
        elliptic=ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256", "use": "sig"}),
        edwards=OKPKey.generate_key("Ed25519", {"kid": "ed", "alg": "EdDSA", "use": "sig"}),
    )


def a_guard(clock: FakeClock | None = None, keys: PublishedKeys | None = None) -> TokenGuard:
    return TokenGuard(keys or PublishedKeys(*key_ring().jwks()), clock or FakeClock(), issuer=ISSUER, audience=AUDIENCE)


def some_claims(**changes: object) -> dict[str, object]:
    """Claims of a good token; a change to ``...`` takes a claim out."""
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "typ": "Bearer",
        "iat": NOW_S,
        "exp": NOW_S + 300,
        "realm_access": {"roles": ["RISK_ADMIN", "offline_access"]},
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not ...}


def some_header(**changes: object) -> dict[str, object]:
    header: dict[str, object] = {"alg": "RS256", "typ": "JWT", "kid": "rsa"}
    return {name: value for name, value in {**header, **changes}.items() if value is not ...}


def segment(content: object) -> str:
    octets = content if isinstance(content, bytes) else json.dumps(content).encode()
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def a_token(
    claims: object = None, header: object = None, *, key: Key | None = None, algorithm: str | None = None
) -> str:
    """Sign a token; ``bytes`` stand for a header or payload that is not what JSON would give."""
    head = some_header() if header is None else header
    named = head.get("alg") if isinstance(head, dict) else None
    signing_input = f"{segment(head)}.{segment(some_claims() if claims is None else claims)}"
    model = JWSRegistry.algorithms[algorithm or str(named)]
    signature = model.sign(signing_input.encode(), key or key_ring().rsa)
    return f"{signing_input}.{segment(signature)}"
