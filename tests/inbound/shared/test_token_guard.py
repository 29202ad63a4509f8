"""Who is let in: every rule of spec/assessment.md section 6."""

import json
from collections.abc import Callable

import pytest
from joserfc.jwk import OctKey, RSAKey
from tests.inbound.shared.tokens import (
    AUDIENCE,
    ISSUER,
    NOW_S,
    FakeClock,
    PublishedKeys,
    a_guard,
    a_token,
    key_ring,
    segment,
    some_claims,
    some_header,
)

from tidegate.inbound.shared.token_guard import Forbidden, Principal, Role, Unauthenticated, bearer_token


def _twin(key: str, first: object, *, second: object) -> bytes:
    rest = json.dumps({name: value for name, value in some_claims().items() if name != key})[1:]
    return f'{{"{key}": {json.dumps(first)}, "{key}": {json.dumps(second)}, {rest}'.encode()


def _raw(**texts: str) -> bytes:
    claims = {name: json.dumps(value) for name, value in some_claims().items()} | texts
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in claims.items()) + "}").encode()


def _noncanonical(token: str) -> str:
    """The same octets in another spelling: the last character's unused bits set."""
    head, body, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return f"{head}.{body}.{signature[:-1]}{alphabet[alphabet.index(signature[-1]) ^ 1]}"


def _hmac_with_the_public_key() -> str:
    pem = key_ring().rsa.as_pem(private=False)
    return a_token(header=some_header(alg="HS256"), key=OctKey.import_key(pem.replace(b"-----", b"=====")))


def _claims(**changes: object) -> Callable[[], str]:
    return lambda: a_token(some_claims(**changes))


def _header(**changes: object) -> Callable[[], str]:
    return lambda: a_token(header=some_header(**changes), algorithm="RS256")


def _payload(octets: bytes) -> Callable[[], str]:
    return lambda: a_token(octets)


def _spoilt(change: Callable[[str], str]) -> Callable[[], str]:
    return lambda: change(a_token())


def _unsigned(algorithm: object) -> str:
    return f"{segment(some_header(alg=algorithm))}.{segment(some_claims())}.{segment(b'x')}"


BAD: dict[str, Callable[[], str]] = {
    # form
    "empty": lambda: "",
    "one segment": lambda: "abc",
    "two segments": _spoilt(lambda token: token.rpartition(".")[0]),
    "four segments": _spoilt(lambda token: token + ".e30"),
    "five segments, a JWE": lambda: "e30.e30.e30.e30.e30",
    "no signature": _spoilt(lambda token: token.rpartition(".")[0] + "."),
    "no header": _spoilt(lambda token: "." + token.partition(".")[2]),
    "no payload": _spoilt(lambda token: f"{token.split('.')[0]}..{token.split('.')[2]}"),
    "padded header": _spoilt(lambda token: token.replace(".", "=.", 1)),
    "padded payload": _spoilt(lambda token: f"{token.rpartition('.')[0]}=.{token.rpartition('.')[2]}"),
    "padded signature": _spoilt(lambda token: token + "="),
    "doubly padded signature": _spoilt(lambda token: token + "=="),
    "plain base64 alphabet": _spoilt(lambda token: token[:-1] + "+"),
    "a blank inside": _spoilt(lambda token: token[:40] + " " + token[40:]),
    "a line break inside": _spoilt(lambda token: token[:40] + "\n" + token[40:]),
    "a letter beyond ASCII": _spoilt(lambda token: token[:40] + "é" + token[40:]),
    "another spelling of the signature": _spoilt(_noncanonical),
    "three characters more": _spoilt(lambda token: token + "AAA"),
    "one character more": _spoilt(lambda token: token + "A"),
    "over 16 KiB": _claims(note="x" * 16_384),
    "header is no JSON": lambda: a_token(header=b"{", algorithm="RS256"),
    "header is a list": lambda: a_token(header=b"[]", algorithm="RS256"),
    "header is not UTF-8": lambda: a_token(header=b'{"alg": "RS256", "kid": "\xff"}', algorithm="RS256"),
    "header names alg twice": lambda: a_token(
        header=b'{"alg": "none", "alg": "RS256", "kid": "rsa"}', algorithm="RS256"
    ),
    "payload is no JSON": _payload(b"nothing"),
    "payload is a list": _payload(b"[]"),
    "payload is null": _payload(b"null"),
    "payload is not UTF-8": _payload(b'{"sub": "\xff"}'),
    "payload with a byte order mark": _payload(b"\xef\xbb\xbf" + _raw()),
    "payload nests too deep": _payload(_raw(note="[" * 40 + "]" * 40)),
    "payload nests absurdly deep": _payload(_raw(note="[" * 5_000 + "]" * 5_000)),
    "NaN in the payload": _payload(_raw(note="NaN")),
    "Infinity as exp": _payload(_raw(exp="Infinity")),
    # header
    "alg none": lambda: _unsigned("none"),
    "alg None in capitals": lambda: _unsigned("NONE"),
    "alg absent": _header(alg=...),
    "alg null": _header(alg=None),
    "alg a list": _header(alg=["RS256"]),
    "alg in lower case": _header(alg="rs256"),
    "alg HS256 with the public key as secret": _hmac_with_the_public_key,
    "alg RS384": lambda: a_token(header=some_header(alg="RS384")),
    "alg RS512": lambda: a_token(header=some_header(alg="RS512")),
    "alg PS256 with a key named RS256": lambda: a_token(header=some_header(alg="PS256")),
    "alg RS256 with a key named PS256": lambda: a_token(header=some_header(kid="pss"), key=key_ring().pss),
    "alg ES256 with an RSA key": lambda: a_token(header=some_header(alg="ES256"), algorithm="RS256"),
    "alg RS256 with an elliptic key": lambda: a_token(header=some_header(kid="ec"), algorithm="RS256"),
    "alg RS256 with an Edwards key": lambda: a_token(header=some_header(kid="ed"), algorithm="RS256"),
    "typ JWE": _header(typ="JWE"),
    "typ of a logout token": _header(typ="logout+jwt"),
    "typ null": _header(typ=None),
    "crit empty": _header(crit=[]),
    "crit exp": _header(crit=["exp"]),
    "b64 false": _header(b64=False),
    "b64 true": _header(b64=True),
    "zip": _header(zip="DEF"),
    "kid absent": _header(kid=...),
    "kid empty": _header(kid=""),
    "kid a number": _header(kid=1),
    "kid unknown": _header(kid="never"),
    "kid a path": _header(kid="../../../dev/null"),
    "key sent along": lambda: a_token(
        header=some_header(kid="own", jwk={**key_ring().other_rsa.as_dict(private=False)}), key=key_ring().other_rsa
    ),
    # signature
    "signed by another key": lambda: a_token(key=key_ring().other_rsa),
    "signature of another token": _spoilt(
        lambda token: f"{token.rpartition('.')[0]}.{a_token(some_claims(sub='bob')).rpartition('.')[2]}"
    ),
    "signature cut": _spoilt(lambda token: token[:-4]),
    "claims exchanged": _spoilt(
        lambda token: f"{token.split('.')[0]}.{segment(some_claims(sub='eve'))}.{token.split('.')[2]}"
    ),
    # issuer and audience
    "iss absent": _claims(iss=...),
    "iss null": _claims(iss=None),
    "iss with a slash more": _claims(iss=ISSUER + "/"),
    "iss in other case": _claims(iss=ISSUER.upper()),
    "iss a list": _claims(iss=[ISSUER]),
    "iss twice": _payload(_twin("iss", "http://evil.example", second=ISSUER)),
    "aud absent": _claims(aud=...),
    "aud another": _claims(aud="account"),
    "aud contains ours as a part": _claims(aud="tidegate-console"),
    "aud an empty list": _claims(aud=[]),
    "aud a list of others": _claims(aud=["account", "broker"]),
    "aud a list with a number": _claims(aud=[AUDIENCE, 1]),
    "aud an object": _claims(aud={AUDIENCE: True}),
    # times
    "exp absent": _claims(exp=...),
    "exp null": _claims(exp=None),
    "exp a text": _claims(exp=str(NOW_S + 300)),
    "exp true": _claims(exp=True),
    "exp at the leeway": _claims(exp=NOW_S - 30),
    "exp long ago": _claims(exp=NOW_S - 3_600),
    "exp negative": _claims(exp=-1),
    "exp beyond all time": _payload(_raw(exp="1e40")),
    "exp with an exponent that no number has": _payload(_raw(exp="1e99999999999999999999")),
    "exp with thousands of digits": _payload(_raw(exp="9" * 5_000)),
    "exp twice": _payload(_twin("exp", 0, second=NOW_S + 300)),
    "nbf beyond the leeway": _claims(nbf=NOW_S + 31),
    "nbf a text": _claims(nbf="now"),
    "nbf null": _claims(nbf=None),
    "iat a text": _claims(iat="now"),
    # subject and kind
    "sub absent": _claims(sub=...),
    "sub null": _claims(sub=None),
    "sub empty": _claims(sub=""),
    "sub blank": _claims(sub="  "),
    "sub a number": _claims(sub=7),
    "sub with a NUL": _claims(sub="ada\x00"),
    "sub half a surrogate pair": _payload(_raw(sub='"\\ud800"')),
    "sub of 256 characters": _claims(sub="a" * 256),
    "sub twice": _payload(_twin("sub", "ada", second="root")),
    "typ of an ID token": _claims(typ="ID"),
    "typ of a refresh token": _claims(typ="Refresh"),
    "typ null in the payload": _claims(typ=None),
    "roles twice": _payload(_twin("realm_access", {"roles": []}, second={"roles": ["RISK_ADMIN"]})),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_token_is_refused(name: str) -> None:
    """PT-801: whatever is wrong with a token, it opens nothing."""
    with pytest.raises(Unauthenticated):
        await a_guard().principal(BAD[name]())


def test_the_bad_tokens_are_many() -> None:
    """The table covers at least sixty ways to be bad."""
    assert len(BAD) >= 60


GOOD: dict[str, Callable[[], str]] = {
    "RS256": a_token,
    "PS256": lambda: a_token(header=some_header(alg="PS256", kid="pss"), key=key_ring().pss),
    "ES256": lambda: a_token(header=some_header(alg="ES256", kid="ec"), key=key_ring().elliptic),
    "EdDSA": lambda: a_token(header=some_header(alg="EdDSA", kid="ed"), key=key_ring().edwards),
    "RS256 with a key that names no alg": lambda: a_token(header=some_header(kid="unnamed"), key=key_ring().unnamed),
    "PS256 with a key that names no alg": lambda: a_token(
        header=some_header(alg="PS256", kid="unnamed"), key=key_ring().unnamed
    ),
    "typ absent in the header": _header(typ=...),
    "typ at+jwt": _header(typ="at+jwt"),
    "typ absent in the payload": _claims(typ=...),
    "aud a list with ours": _claims(aud=["account", AUDIENCE]),
    "exp just inside the leeway": _claims(exp=NOW_S - 29),
    "exp with a fraction": _claims(exp=NOW_S + 0.5),
    "exp in scientific notation": _payload(_raw(exp="1.9e9")),
    "nbf at the leeway": _claims(nbf=NOW_S + 30),
    "iat absent": _claims(iat=...),
    "a header member that is none of our business": _header(x5t="abc", cty="nothing"),
    "claims nobody asked for": _claims(scope="openid", nonce=None, deep={"a": [1, {"b": None}]}),
    "sub beyond ASCII": _claims(sub="Žofia"),
    "sub of 255 characters": _claims(sub="a" * 255),
}


@pytest.mark.parametrize("name", GOOD)
async def test_a_good_token_is_taken(name: str) -> None:
    """PT-801: all four algorithms, and everything that the rules leave open, at their bounds."""
    principal = await a_guard().principal(GOOD[name]())
    assert "RISK_ADMIN" in principal.roles


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({"realm_access": ...}, set()),
        ({"realm_access": {}}, set()),
        ({"realm_access": {"roles": []}}, set()),
        ({"realm_access": {"roles": ["RISK_AUDITOR"]}}, {"RISK_AUDITOR"}),
        ({"realm_access": ..., "resource_access": {"tidegate": {"roles": ["RISK_ADMIN"]}}}, {"RISK_ADMIN"}),
        ({"realm_access": ..., "resource_access": {"account": {"roles": ["RISK_ADMIN"]}}}, set()),
        ({"realm_access": ..., "resource_access": {"account": "odd"}}, set()),
        (
            {"realm_access": {"roles": ["A"]}, "resource_access": {"tidegate": {"roles": ["B"]}}},
            {"A", "B"},
        ),
        ({"realm_access": ..., "roles": ["RISK_ADMIN"], "scope": "RISK_ADMIN"}, set()),
    ],
)
async def test_roles_come_from_the_realm_and_from_our_client(claims: dict[str, object], roles: set[str]) -> None:
    """PT-801: realm_access.roles and resource_access.tidegate.roles, together, and nothing else."""
    assert (await a_guard().principal(a_token(some_claims(**claims)))).roles == roles


@pytest.mark.parametrize(
    "claims",
    [
        {"realm_access": None},
        {"realm_access": ["RISK_ADMIN"]},
        {"realm_access": "RISK_ADMIN"},
        {"realm_access": {"roles": "RISK_ADMIN"}},
        {"realm_access": {"roles": {"RISK_ADMIN": True}}},
        {"realm_access": {"roles": ["RISK_ADMIN", 1]}},
        {"realm_access": {"roles": [["RISK_ADMIN"]]}},
        {"realm_access": {"roles": None}},
        {"resource_access": []},
        {"resource_access": None},
        {"resource_access": {"tidegate": ["RISK_ADMIN"]}},
        {"resource_access": {"tidegate": {"roles": "RISK_ADMIN"}}},
    ],
)
async def test_roles_that_cannot_be_read_are_forbidden(claims: dict[str, object]) -> None:
    """A valid token with malformed roles is known and may do nothing, each time it comes."""
    guard, token = a_guard(), a_token(some_claims(**claims))
    for _ in range(2):
        with pytest.raises(Forbidden):
            await guard.principal(token)


def test_a_principal_without_the_role_is_forbidden() -> None:
    """One of the roles named is enough; none of them is 403."""
    auditor = Principal("ada", frozenset({"RISK_AUDITOR"}))
    auditor.require(Role.RISK_ADMIN, Role.RISK_AUDITOR)
    with pytest.raises(Forbidden, match="RISK_ADMIN"):
        auditor.require(Role.RISK_ADMIN)


async def test_a_remembered_token_ends_with_its_expiry() -> None:
    """Remembering a verified token does not lengthen its life."""
    clock = FakeClock()
    guard, token = a_guard(clock), a_token()
    await guard.principal(token)
    clock.now_s = NOW_S + 329
    await guard.principal(token)
    clock.now_s = NOW_S + 330
    with pytest.raises(Unauthenticated, match="expired"):
        await guard.principal(token)


async def test_a_remembered_token_ends_with_its_key() -> None:
    """A key that the issuer dropped, or replaced under the same kid, ends the tokens it signed."""
    keys = PublishedKeys(*key_ring().jwks())
    guard, token = a_guard(keys=keys), a_token()
    await guard.principal(token)
    keys.publish({**key_ring().other_rsa.as_dict(private=False)})
    with pytest.raises(Unauthenticated):
        await guard.principal(token)
    keys.publish()
    with pytest.raises(Unauthenticated):
        await guard.principal(token)


async def test_a_remembered_token_is_not_verified_again() -> None:
    """The second time costs a look-up: the same object comes back."""
    guard, token = a_guard(), a_token()
    assert await guard.principal(token) is await guard.principal(token)


async def test_remembered_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes when there are too many; it is verified anew when it comes again."""
    monkeypatch.setattr("tidegate.inbound.shared.token_guard.TOKENS_KEPT_MAX", 2)
    guard, first = a_guard(), a_token()
    former = await guard.principal(first)
    for number in range(2):
        await guard.principal(a_token(some_claims(jti=str(number))))
    assert len(guard._verified) == 2
    again = await guard.principal(first)
    assert again == former
    assert again is not former


async def test_a_weak_rsa_key_signs_nothing() -> None:
    """RSA under 2048 bits is refused though the issuer publishes it."""
    with pytest.warns(match="2048"):
        weak = RSAKey.generate_key(1024, {"kid": "weak"})
    keys = PublishedKeys({**weak.as_dict(private=False)})
    with pytest.raises(Unauthenticated):
        await a_guard(keys=keys).principal(a_token(header=some_header(kid="weak"), key=weak))


@pytest.mark.parametrize(
    "headers",
    [[], [""], ["Bearer"], ["Bearer "], ["Basic YTpi"], ["e30.e30.e30"], ["Bearer a", "Bearer b"], ["Bearer, a"]],
)
def test_an_authorization_header_without_one_bearer_token_is_refused(headers: list[str]) -> None:
    """One header, scheme Bearer, one token; nothing is guessed."""
    with pytest.raises(Unauthenticated):
        bearer_token(headers)


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER  abc "])
def test_the_bearer_scheme_is_read_in_any_case(header: str) -> None:
    """RFC 9110: the scheme is case-insensitive."""
    assert bearer_token([header]) == "abc"
