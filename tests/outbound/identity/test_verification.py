"""Which keys of a JWKS are fit for signatures."""

import warnings
from collections.abc import Callable

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from tests.outbound.identity.issuers import a_jwk

from tidegate.outbound.identity.verification import UnreadableKeys, verification_keys


def _weak_rsa() -> dict[str, object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {**RSAKey.generate_key(2040, {"kid": "k"}).as_dict(private=False)}


UNFIT: dict[str, Callable[[], object]] = {
    "for encryption": lambda: a_jwk("k", use="enc"),
    "use a list": lambda: a_jwk("k", use=["sig"]),
    "key_ops without verify": lambda: a_jwk("k", key_ops=["sign"]),
    "key_ops a text": lambda: a_jwk("k", key_ops="verify"),
    "no kid": lambda: {name: value for name, value in a_jwk("k").items() if name != "kid"},
    "kid a number": lambda: {**a_jwk("k"), "kid": 1},
    "symmetric": lambda: {**OctKey.generate_key(256, {"kid": "k", "alg": "HS256"}).as_dict(private=True)},
    "RSA of 2040 bits": _weak_rsa,
    "P-384": lambda: {**ECKey.generate_key("P-384", {"kid": "k"}).as_dict(private=False)},
    "X25519": lambda: {**OKPKey.generate_key("X25519", {"kid": "k"}).as_dict(private=False)},
    "alg of another kind": lambda: a_jwk("k", alg="RS256"),
    "alg not allowed": lambda: a_jwk("k", alg="ES512"),
    "alg null": lambda: a_jwk("k", alg=None),
    "kty unknown": lambda: a_jwk("k", kty="AKP"),
    "kty absent": lambda: a_jwk("k", kty=None),
    "crv a list": lambda: a_jwk("k", crv=["P-256"]),
    "a coordinate missing": lambda: a_jwk("k", y=None),
    "a coordinate that is no base64": lambda: a_jwk("k", y="?"),
    "a point off the curve": lambda: a_jwk("k", y=a_jwk("k")["y"]),
    "no object": lambda: "key",
}


@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_key_is_passed_over_and_the_others_stay(name: str) -> None:
    """A key that must not verify, or cannot be read, does not spoil the set."""
    keys = verification_keys({"keys": [UNFIT[name](), a_jwk("good")]}, {})
    assert list(keys) == ["good"]


def test_a_key_takes_the_algorithms_of_its_kind_or_the_one_it_names() -> None:
    """The algorithm must equal the JWK's when it names one."""
    rsa = {**RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False)}
    (free,) = verification_keys({"keys": [rsa]}, {})["rsa"]
    (named,) = verification_keys({"keys": [{**rsa, "alg": "PS256"}]}, {})["rsa"]
    every = ("RS256", "PS256", "ES256", "EdDSA", "RS512", "HS256", "none")
    assert [algorithm for algorithm in every if free.takes(algorithm)] == ["RS256", "PS256"]
    assert [algorithm for algorithm in every if named.takes(algorithm)] == ["PS256"]


def test_private_members_in_a_jwks_are_not_kept() -> None:
    """An issuer that leaks its private key does not make us hold it."""
    leaked = {**ECKey.generate_key("P-256", {"kid": "k"}).as_dict(private=True)}
    (key,) = verification_keys({"keys": [leaked]}, {})["k"]
    assert "d" not in key.members


def test_two_keys_of_one_kid_are_both_held() -> None:
    """RFC 7517 lets equivalent keys of different kinds share a kid; the token's algorithm picks."""
    edwards = {**OKPKey.generate_key("Ed25519", {"kid": "k"}).as_dict(private=False)}
    assert len(verification_keys({"keys": [a_jwk("k"), edwards]}, {})["k"]) == 2


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": [{}] * 257}])
def test_a_document_that_is_no_jwks_is_unreadable(document: object) -> None:
    """The caller keeps what it had."""
    with pytest.raises(UnreadableKeys):
        verification_keys(document, {})
