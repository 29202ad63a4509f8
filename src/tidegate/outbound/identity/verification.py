"""The issuer's JWKS as verification keys: which of its keys are fit for signatures, and for which algorithms."""

from collections.abc import Mapping
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import base64_to_int, to_bytes, urlsafe_b64decode

RSA_BITS_MIN: Final = 2_048
RSA_BITS_MAX: Final = 16_384
"""A modulus beyond it would make each verification a burden."""

KEYS_MAX: Final = 256
"""Keys that one JWKS may hold."""

_ALGORITHMS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("RSA", ""): frozenset({"RS256", "PS256"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    ("OKP", "Ed448"): frozenset({"EdDSA"}),
}
"""Algorithms by key type and curve; symmetric keys have none."""

_PUBLIC_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


class UnreadableKeys(ValueError):
    """A document that is no JWKS (RFC 7517)."""


class VerificationKey:
    """One public key of the issuer (``SigningKey``)."""

    def __init__(self, key: RSAKey | ECKey | OKPKey, algorithms: frozenset[str], *, members: Mapping[str, str]) -> None:
        self._key = key
        self._algorithms = algorithms
        self.members = members
        """The public members it was made of: equal members are the same key."""

    def takes(self, algorithm: str) -> bool:
        return algorithm in self._algorithms

    def verifies(self, token: str, *, algorithm: str) -> bool:
        signing_input, _, signature = token.rpartition(".")
        model = JWSRegistry.algorithms[algorithm]
        try:
            model.check_key(self._key)
            return model.verify(signing_input.encode(), urlsafe_b64decode(to_bytes(signature)), self._key)
        except (JoseError, ValueError):
            return False


def verification_keys(
    document: object, former: Mapping[str, tuple[VerificationKey, ...]]
) -> dict[str, tuple[VerificationKey, ...]]:
    """Give the keys of a JWKS that are fit for signatures, by kid; a key that was known stays the same object.

    Passed over: keys for encryption (``use=enc``, or ``key_ops`` without ``verify``), without kid, symmetric, of
    another curve or algorithm, RSA under 2048 bits, and keys that cannot be read.

    Raises:
        UnreadableKeys: not an object with a list of keys, or more than 256 of them.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise UnreadableKeys("the JWKS has no list of keys")
    if len(listed) > KEYS_MAX:
        raise UnreadableKeys(f"the JWKS has more than {KEYS_MAX} keys")
    keys: dict[str, tuple[VerificationKey, ...]] = {}
    for member in listed:
        key = _verification_key(member) if isinstance(member, Mapping) else None
        if key is not None:
            kid = key.members["kid"]
            known = next((old for old in former.get(kid, ()) if old.members == key.members), key)
            keys[kid] = (*keys.get(kid, ()), known)
    return keys


def _verification_key(jwk: Mapping[str, object]) -> VerificationKey | None:
    kind, kid, named = jwk.get("kty"), jwk.get("kid"), jwk.get("alg")
    if not isinstance(kind, str) or not isinstance(kid, str) or not kid or not _for_signatures(jwk):
        return None
    if "alg" in jwk and not isinstance(named, str):
        return None
    curve = jwk.get("crv", "") if kind != "RSA" else ""
    algorithms = _ALGORITHMS.get((kind, curve)) if isinstance(curve, str) else None
    if algorithms is None:
        return None
    if isinstance(named, str):
        algorithms &= {named}
    public = {name: jwk.get(name) for name in _PUBLIC_MEMBERS[kind]}
    members = {name: value for name, value in public.items() if isinstance(value, str)}
    if not algorithms or len(members) != len(public):
        return None
    try:
        key = _imported(kind, members)
    except (JoseError, ValueError, TypeError):
        return None
    identity = {**members, "kty": kind, "kid": kid, "alg": named if isinstance(named, str) else ""}
    return VerificationKey(key, algorithms, members=identity) if key is not None else None


def _for_signatures(jwk: Mapping[str, object]) -> bool:
    operations = jwk.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return False
    return jwk.get("use", "sig") == "sig"


def _imported(kind: str, members: Mapping[str, str]) -> RSAKey | ECKey | OKPKey | None:
    jwk: dict[str, str | list[str]] = {"kty": kind, **members}
    if kind == "RSA":
        bits = base64_to_int(members["n"]).bit_length()
        return RSAKey.import_key(jwk) if RSA_BITS_MIN <= bits <= RSA_BITS_MAX else None
    return ECKey.import_key(jwk) if kind == "EC" else OKPKey.import_key(jwk)
