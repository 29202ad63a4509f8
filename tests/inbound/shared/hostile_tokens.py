"""Tokens that open nothing, for any issuer and any moment: forged, expired, misdirected, ambiguous, or no token."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from joserfc.jwk import OctKey
from tests.inbound.shared.tokens import (
    AUDIENCE,
    ISSUER,
    NOW_S,
    Key,
    a_token,
    key_ring,
    segment,
    some_claims,
    some_header,
)


@dataclass(frozen=True)
class Mint:
    """Mints tokens of one issuer at one moment; ``slack_s`` is how late they may be asked with."""

    issuer: str = ISSUER
    now_s: int = NOW_S
    roles: tuple[str, ...] = ("RISK_ADMIN", "offline_access")
    slack_s: int = 0

    def claims(self, **changes: object) -> dict[str, object]:
        """Claims of a good token; a change to ``...`` takes a claim out."""
        times = {"iat": self.now_s, "exp": self.now_s + 300}
        own = {"iss": self.issuer, "realm_access": {"roles": list(self.roles)}, **times}
        return some_claims(**{**own, **changes})

    def token(
        self,
        claims: object = None,
        header: object = None,
        *,
        key: Key | None = None,
        algorithm: str | None = None,
    ) -> str:
        """Sign claims (a good token's when not given)."""
        return a_token(self.claims() if claims is None else claims, header, key=key, algorithm=algorithm)

    def raw(self, **texts: str) -> bytes:
        """A payload in which some members are spelt as given."""
        members = {name: json.dumps(value) for name, value in self.claims().items()} | texts
        return ("{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}").encode()

    def twin(self, key: str, first: object, *, second: object) -> bytes:
        """A payload in which a member stands twice."""
        rest = json.dumps({name: value for name, value in self.claims().items() if name != key})[1:]
        return f'{{"{key}": {json.dumps(first)}, "{key}": {json.dumps(second)}, {rest}'.encode()


Make = Callable[[Mint], str]


def _claims(**changes: object) -> Make:
    return lambda mint: mint.token(mint.claims(**changes))


def _header(**changes: object) -> Make:
    return lambda mint: mint.token(header=some_header(**changes), algorithm="RS256")


def _header_bytes(octets: bytes) -> Make:
    return lambda mint: mint.token(header=octets, algorithm="RS256")


def _payload(octets: bytes) -> Make:
    return lambda mint: mint.token(octets)


def _raw(**texts: str) -> Make:
    return lambda mint: mint.token(mint.raw(**texts))


def _spoilt(change: Callable[[str], str]) -> Make:
    return lambda mint: change(mint.token())


def _signed_with(signature: bytes, **header: object) -> Make:
    return lambda mint: f"{segment(some_header(**header))}.{segment(mint.claims())}.{segment(signature)}"


def _by_another_key(**header: object) -> Make:
    return lambda mint: mint.token(header=some_header(**header), key=key_ring().other_rsa)


def _noncanonical(token: str) -> str:
    """The same octets in another spelling: the last character's unused bits set."""
    head, body, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return f"{head}.{body}.{signature[:-1]}{alphabet[alphabet.index(signature[-1]) ^ 1]}"


def _keyed_with(secret: Callable[[], bytes]) -> Make:
    """Signed by HMAC with what everybody knows of the public key."""
    return lambda mint: mint.token(header=some_header(alg="HS256"), key=OctKey.import_key(secret()))


def _public_pem() -> bytes:
    return key_ring().rsa.as_pem(private=False).replace(b"-----", b"=====")


def _public_jwk() -> bytes:
    return json.dumps({**key_ring().rsa.as_dict(private=False)}).encode()


def _der_signature(mint: Mint) -> str:
    """An ECDSA signature in the form of X.509, which JOSE does not take."""
    token = mint.token(header=some_header(alg="ES256", kid="ec"), key=key_ring().elliptic)
    signing_input = token.rpartition(".")[0]
    signature = key_ring().elliptic.private_key
    assert signature is not None
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return f"{signing_input}.{segment(signature.sign(signing_input.encode(), ECDSA(SHA256())))}"


def _bringing_its_key(**header: object) -> Make:
    """Signed by a key that it brings along."""

    def make(mint: Mint) -> str:
        jwk = {**key_ring().other_rsa.as_dict(private=False), "kid": "own"}
        return mint.token(header=some_header(jwk=jwk, **header), key=key_ring().other_rsa)

    return make


FORM: Final[dict[str, Make]] = {
    "empty": lambda mint: "",
    "one segment": lambda mint: "abc",
    "two segments": _spoilt(lambda token: token.rpartition(".")[0]),
    "four segments": _spoilt(lambda token: token + ".e30"),
    "five segments, a JWE": lambda mint: "e30.e30.e30.e30.e30",
    "no signature": _spoilt(lambda token: token.rpartition(".")[0] + "."),
    "no header": _spoilt(lambda token: "." + token.partition(".")[2]),
    "no payload": _spoilt(lambda token: f"{token.split('.')[0]}..{token.split('.')[2]}"),
    "dots alone": lambda mint: "..",
    "padded header": _spoilt(lambda token: token.replace(".", "=.", 1)),
    "padded payload": _spoilt(lambda token: f"{token.rpartition('.')[0]}=.{token.rpartition('.')[2]}"),
    "padded signature": _spoilt(lambda token: token + "="),
    "doubly padded signature": _spoilt(lambda token: token + "=="),
    "plain base64 alphabet": _spoilt(lambda token: token[:-1] + "+"),
    "a blank inside": _spoilt(lambda token: token[:40] + " " + token[40:]),
    "a line break inside": _spoilt(lambda token: token[:40] + "\n" + token[40:]),
    "a NUL inside": _spoilt(lambda token: token[:40] + "\x00" + token[40:]),
    "a letter beyond ASCII": _spoilt(lambda token: token[:40] + "é" + token[40:]),
    "a full-width letter": _spoilt(lambda token: "\uff45" + token[1:]),
    "percent-encoded": _spoilt(lambda token: token.replace(".", "%2E")),
    "in quotes": _spoilt(lambda token: f'"{token}"'),
    "two with a comma": _spoilt(lambda token: f"{token},{token}"),
    "the scheme twice": _spoilt(lambda token: f"Bearer {token}"),
    "as JSON serialisation": _spoilt(
        lambda token: json.dumps(dict(zip(("protected", "payload", "signature"), token.split("."), strict=True)))
    ),
    "another spelling of the signature": _spoilt(_noncanonical),
    "three characters more": _spoilt(lambda token: token + "AAA"),
    "one character more": _spoilt(lambda token: token + "A"),
    "cut in the middle": _spoilt(lambda token: token[: len(token) // 2]),
    "header and payload swapped": _spoilt(lambda token: ".".join([token.split(".")[at] for at in (1, 0, 2)])),
    "backwards": _spoilt(lambda token: token[::-1]),
    "in upper case": _spoilt(str.upper),
    "over 16 KiB": _claims(note="x" * 16_384),
    "over 16 KiB of nothing": lambda mint: "x" * 16_385,
    "a nested JWT": lambda mint: mint.token(json.dumps(mint.token()).encode(), header=some_header(cty="JWT")),
    "a nested JWT as it is": lambda mint: mint.token(mint.token().encode(), header=some_header(cty="JWT")),
    "a nested JWT in a claim": lambda mint: mint.token(
        {"jwt": mint.token()}, header=some_header(cty="JWT"), key=key_ring().rsa
    ),
    "header is no JSON": _header_bytes(b"{"),
    "header is a list": _header_bytes(b"[]"),
    "header is not UTF-8": _header_bytes(b'{"alg": "RS256", "kid": "\xff"}'),
    "header with a byte order mark": _header_bytes(b'\xef\xbb\xbf{"alg": "RS256", "kid": "rsa"}'),
    "header names alg twice": _header_bytes(b'{"alg": "none", "alg": "RS256", "kid": "rsa"}'),
    "header names kid twice": _header_bytes(b'{"alg": "RS256", "kid": "never", "kid": "rsa"}'),
    "payload is no JSON": _payload(b"nothing"),
    "payload is a list": _payload(b"[]"),
    "payload is null": _payload(b"null"),
    "payload is not UTF-8": _payload(b'{"sub": "\xff"}'),
    "payload with a byte order mark": lambda mint: mint.token(b"\xef\xbb\xbf" + mint.raw()),
    "payload in UTF-16": lambda mint: mint.token(mint.raw().decode().encode("utf-16")),
    "payload with something behind it": lambda mint: mint.token(mint.raw() + b"{}"),
    "payload nests too deep": _raw(note="[" * 40 + "]" * 40),
    "payload nests absurdly deep": _raw(note="[" * 5_000 + "]" * 5_000),
    "NaN in the payload": _raw(note="NaN"),
    "Infinity as exp": _raw(exp="Infinity"),
    "base64 within base64": _spoilt(lambda token: b64encode(token.encode()).decode()),
}

HEADER: Final[dict[str, Make]] = {
    "alg none": _signed_with(b"x", alg="none"),
    "alg none without signature": lambda mint: f"{segment(some_header(alg='none'))}.{segment(mint.claims())}.",
    "alg None in capitals": _signed_with(b"x", alg="NONE"),
    "alg nOnE": _signed_with(b"x", alg="nOnE"),
    "alg absent": _header(alg=...),
    "alg null": _header(alg=None),
    "alg a list": _header(alg=["RS256"]),
    "alg an object": _header(alg={"RS256": 1}),
    "alg in lower case": _header(alg="rs256"),
    "alg with a blank": _header(alg="RS256 "),
    "alg in full-width letters": _header(alg="\uff32\uff33256"),
    "alg HS256 with the public key as secret": _keyed_with(_public_pem),
    "alg HS256 with the JWK as secret": _keyed_with(_public_jwk),
    "alg HS256 with an empty-looking secret": _keyed_with(lambda: b"\x00" * 32),
    "alg RS384": lambda mint: mint.token(header=some_header(alg="RS384")),
    "alg RS512": lambda mint: mint.token(header=some_header(alg="RS512")),
    "alg PS256 with a key named RS256": lambda mint: mint.token(header=some_header(alg="PS256")),
    "alg RS256 with a key named PS256": lambda mint: mint.token(header=some_header(kid="pss"), key=key_ring().pss),
    "alg ES256 with an RSA key": lambda mint: mint.token(header=some_header(alg="ES256"), algorithm="RS256"),
    "alg RS256 with an elliptic key": lambda mint: mint.token(header=some_header(kid="ec"), algorithm="RS256"),
    "alg RS256 with an Edwards key": lambda mint: mint.token(header=some_header(kid="ed"), algorithm="RS256"),
    "alg of a JWE": _header(alg="RSA-OAEP", enc="A256GCM"),
    "typ JWE": _header(typ="JWE"),
    "typ of a logout token": _header(typ="logout+jwt"),
    "typ of a DPoP proof": _header(typ="dpop+jwt"),
    "typ null": _header(typ=None),
    "crit empty": _header(crit=[]),
    "crit exp": _header(crit=["exp"]),
    "crit b64": _header(crit=["b64"], b64=False),
    "b64 false": _header(b64=False),
    "b64 true": _header(b64=True),
    "zip": _header(zip="DEF"),
    "kid absent": _header(kid=...),
    "kid empty": _header(kid=""),
    "kid a number": _header(kid=1),
    "kid null": _header(kid=None),
    "kid a list": _header(kid=["rsa"]),
    "kid unknown": _header(kid="never"),
    "kid in other case": _header(kid="RSA"),
    "kid with a blank": _header(kid="rsa "),
    "kid a path": _header(kid="../../../dev/null"),
    "kid a query": _header(kid="rsa' OR '1'='1"),
    "kid a command": _header(kid="rsa;$(id)"),
    "kid with a NUL": _header(kid="rsa\x00"),
    "kid beyond ASCII": _header(kid="rs\uff41"),
    "kid of ten thousand characters": _header(kid="k" * 10_000),
    "key sent along": _bringing_its_key(kid="own"),
    "key sent along under our kid": _bringing_its_key(),
    "key sent along without kid": _bringing_its_key(kid=...),
    "certificate sent along": _by_another_key(x5c=["MIIB"], x5t="abc"),
}

SIGNATURE: Final[dict[str, Make]] = {
    "signed by another key": _by_another_key(),
    "signature of another token": lambda mint: (
        f"{mint.token().rpartition('.')[0]}.{mint.token(mint.claims(sub='bob')).rpartition('.')[2]}"
    ),
    "signature cut": _spoilt(lambda token: token[:-4]),
    "signature of zeros": _signed_with(b"\x00" * 256),
    "signature all ones": _signed_with(b"\xff" * 256),
    "signature one octet longer": _spoilt(lambda token: token + "AAAA"),
    "elliptic signature of zeros": _signed_with(b"\x00" * 64, alg="ES256", kid="ec"),
    "elliptic signature in DER": _der_signature,
    "Edwards signature of zeros": _signed_with(b"\x00" * 64, alg="EdDSA", kid="ed"),
    "claims exchanged": lambda mint: ".".join(
        [mint.token().split(".")[0], segment(mint.claims(sub="eve")), mint.token().split(".")[2]]
    ),
    "header exchanged": lambda mint: ".".join([segment(some_header(note="x")), *mint.token().split(".")[1:]]),
}

CLAIMS: Final[dict[str, Make]] = {
    "iss absent": _claims(iss=...),
    "iss null": _claims(iss=None),
    "iss with a slash more": lambda mint: mint.token(mint.claims(iss=mint.issuer + "/")),
    "iss in other case": lambda mint: mint.token(mint.claims(iss=mint.issuer.upper())),
    "iss of another realm": lambda mint: mint.token(mint.claims(iss=mint.issuer + "-other")),
    "iss with a query": lambda mint: mint.token(mint.claims(iss=mint.issuer + "?")),
    "iss a list": lambda mint: mint.token(mint.claims(iss=[mint.issuer])),
    "iss twice": lambda mint: mint.token(mint.twin("iss", "http://evil.example", second=mint.issuer)),
    "aud absent": _claims(aud=...),
    "aud null": _claims(aud=None),
    "aud another": _claims(aud="account"),
    "aud contains ours as a part": _claims(aud="tidegate-console"),
    "aud with a Cyrillic letter": _claims(aud="tid\u0435gate"),
    "aud in other case": _claims(aud=AUDIENCE.upper()),
    "aud an empty list": _claims(aud=[]),
    "aud a list of others": _claims(aud=["account", "broker"]),
    "aud a list with a number": _claims(aud=[AUDIENCE, 1]),
    "aud a list in a list": _claims(aud=[[AUDIENCE]]),
    "aud an object": _claims(aud={AUDIENCE: True}),
    "exp absent": _claims(exp=...),
    "exp null": _claims(exp=None),
    "exp a text": lambda mint: mint.token(mint.claims(exp=str(mint.now_s + 300))),
    "exp true": _claims(exp=True),
    "exp a list": lambda mint: mint.token(mint.claims(exp=[mint.now_s + 300])),
    "exp at the leeway": lambda mint: mint.token(mint.claims(exp=mint.now_s - 30)),
    "exp long ago": lambda mint: mint.token(mint.claims(exp=mint.now_s - 3_600)),
    "exp negative": _claims(exp=-1),
    "exp beyond all time": _raw(exp="1e40"),
    "exp with an exponent that no number has": _raw(exp="1e99999999999999999999"),
    "exp with thousands of digits": _raw(exp="9" * 5_000),
    "exp twice": lambda mint: mint.token(mint.twin("exp", 0, second=mint.now_s + 300)),
    "nbf beyond the leeway": lambda mint: mint.token(mint.claims(nbf=mint.now_s + mint.slack_s + 31)),
    "nbf a text": _claims(nbf="now"),
    "nbf null": _claims(nbf=None),
    "iat a text": _claims(iat="now"),
    "sub absent": _claims(sub=...),
    "sub null": _claims(sub=None),
    "sub empty": _claims(sub=""),
    "sub blank": _claims(sub="  "),
    "sub a number": _claims(sub=7),
    "sub with a NUL": _claims(sub="ada\x00"),
    "sub half a surrogate pair": _raw(sub='"\\ud800"'),
    "sub that turns the writing round": _claims(sub="ada\u202eadmin"),
    "sub of 256 characters": _claims(sub="a" * 256),
    "sub twice": lambda mint: mint.token(mint.twin("sub", "ada", second="root")),
    "typ of an ID token": _claims(typ="ID"),
    "typ of a refresh token": _claims(typ="Refresh"),
    "typ in other case": _claims(typ="bearer"),
    "typ null in the payload": _claims(typ=None),
    "roles twice": lambda mint: mint.token(mint.twin("realm_access", {"roles": []}, second={"roles": ["RISK_ADMIN"]})),
}

BAD: Final[dict[str, Make]] = {**FORM, **HEADER, **SIGNATURE, **CLAIMS}
"""By what is wrong with it."""

FORBIDDEN: Final[dict[str, Make]] = {
    "realm_access null": _claims(realm_access=None),
    "realm_access a list": _claims(realm_access=["RISK_ADMIN"]),
    "realm_access a text": _claims(realm_access="RISK_ADMIN"),
    "roles a text": _claims(realm_access={"roles": "RISK_ADMIN"}),
    "roles an object": _claims(realm_access={"roles": {"RISK_ADMIN": True}}),
    "roles with a number": _claims(realm_access={"roles": ["RISK_ADMIN", 1]}),
    "roles nested": _claims(realm_access={"roles": [["RISK_ADMIN"]]}),
    "roles null": _claims(realm_access={"roles": None}),
    "resource_access a list": _claims(resource_access=[]),
    "resource_access null": _claims(resource_access=None),
    "our client a list": _claims(resource_access={"tidegate": ["RISK_ADMIN"]}),
    "our client's roles a text": _claims(resource_access={"tidegate": {"roles": "RISK_ADMIN"}}),
}
"""Valid tokens whose roles cannot be read: their bearer is known, and may do nothing."""
