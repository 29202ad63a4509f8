"""Who is let in: every rule of spec/assessment.md section 6."""

from collections.abc import Callable

import pytest
from joserfc.jwk import RSAKey
from tests.inbound.shared.hostile_tokens import BAD, FORBIDDEN, Mint
from tests.inbound.shared.tokens import (
    AUDIENCE,
    NOW_S,
    FakeClock,
    PublishedKeys,
    a_guard,
    a_token,
    key_ring,
    some_claims,
    some_header,
)

from tidegate.inbound.shared.token_guard import Forbidden, Principal, Role, Unauthenticated, bearer_token


def _raw(**texts: str) -> bytes:
    return Mint().raw(**texts)


def _claims(**changes: object) -> Callable[[], str]:
    return lambda: a_token(some_claims(**changes))


def _header(**changes: object) -> Callable[[], str]:
    return lambda: a_token(header=some_header(**changes), algorithm="RS256")


def _payload(octets: bytes) -> Callable[[], str]:
    return lambda: a_token(octets)


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_token_is_refused(name: str) -> None:
    """PT-801: whatever is wrong with a token, it opens nothing."""
    with pytest.raises(Unauthenticated):
        await a_guard().principal(BAD[name](Mint()))


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


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_roles_that_cannot_be_read_are_forbidden(name: str) -> None:
    """A valid token with malformed roles is known and may do nothing, each time it comes."""
    guard, token = a_guard(), FORBIDDEN[name](Mint())
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
