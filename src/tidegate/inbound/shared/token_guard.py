"""Who is calling: verifies a bearer token and gives the roles it carries. REST and gRPC both ask here.

The rules are those of ``spec/assessment.md`` section 6, after RFC 8725 (JWT best current practices) and RFC 9068.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

from tidegate.inbound.shared.compact_token import CompactToken, UnreadableToken, read_compact_token
from tidegate.ports.clock import Clock
from tidegate.ports.signing_keys import SigningKey, SigningKeys

ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
"""Signature algorithms that are allowed; ``none`` and the symmetric ones never are."""

HEADER_TYPES: Final = frozenset({"JWT", "at+jwt"})
FORBIDDEN_HEADERS: Final = ("crit", "b64", "zip")
TOKEN_BYTES_MAX: Final = 16_384
"""Bytes of a token (at the bound passes)."""

SUBJECT_CHARACTERS_MAX: Final = 255
LEEWAY_US: Final = 30_000_000
TOKENS_KEPT_MAX: Final = 4_096
CLIENT: Final = "tidegate"
"""Our name in ``resource_access``."""

_SECOND_US: Final = 1_000_000


class Role(StrEnum):
    """Roles that this product knows; others in a token are ignored."""

    RISK_EVALUATOR = "RISK_EVALUATOR"
    RISK_ADMIN = "RISK_ADMIN"
    RISK_AUDITOR = "RISK_AUDITOR"
    RISK_TRADER_GATE = "RISK_TRADER_GATE"
    RISK_APPROVER = "RISK_APPROVER"


class Unauthenticated(Exception):
    """There is no valid token; ``reason`` says why in words that may go back to the caller.

    ``presented`` tells whether a token came at all (RFC 6750 answers the two cases differently).
    """

    def __init__(self, reason: str, *, presented: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.presented = presented


class Forbidden(Exception):
    """The token is valid and does not allow this; ``reason`` may go back to the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the token's subject, and the roles it carries."""

    subject: str
    roles: frozenset[str]

    def require(self, *roles: Role) -> None:
        """Pass when one of the roles is carried; at least one is named.

        Raises:
            Forbidden: none of them is.
        """
        if self.roles.isdisjoint(roles):
            raise Forbidden(f"this needs the role {' or '.join(roles)}")


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that passed once: good until ``expires_us`` while its key is still the issuer's."""

    kid: str
    key: SigningKey
    expires_us: Decimal
    outcome: Principal | Forbidden


def bearer_token(authorization: list[str]) -> str:
    """Give the token of the Authorization headers of one request.

    Raises:
        Unauthenticated: none, several, or another scheme than Bearer.
    """
    if not authorization:
        raise Unauthenticated("no token was sent", presented=False)
    if len(authorization) > 1:
        raise Unauthenticated("more than one Authorization header was sent")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must be: Bearer, a blank, the token", presented=False)
    return token.strip()


class TokenGuard:
    """Verifies tokens of one issuer for one audience.

    Verified tokens are remembered by hash until they expire, 4,096 at most; the key's standing is asked for each
    time, so that a retired key ends them too.
    """

    def __init__(self, keys: SigningKeys, clock: Clock, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """Give who the token speaks for.

        Raises:
            Unauthenticated: the token is not valid, now, from our issuer and for us.
            Forbidden: it is, but its roles cannot be read.
            DependencyFailed: the issuer has not told its keys yet.
        """
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(f"a token has at most {TOKEN_BYTES_MAX} bytes")
        fingerprint = sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(fingerprint)
        if known is None or known.key not in await self._keys.of(known.kid):
            known = await self._verify(token)
            self._remember(fingerprint, known)
        if self._clock.now_us() >= known.expires_us + LEEWAY_US:
            self._verified.pop(fingerprint, None)
            raise Unauthenticated("the token has expired")
        if isinstance(known.outcome, Forbidden):
            raise Forbidden(known.outcome.reason)
        return known.outcome

    def _remember(self, fingerprint: bytes, verified: _Verified) -> None:
        self._verified[fingerprint] = verified
        if len(self._verified) > TOKENS_KEPT_MAX:
            self._verified.popitem(last=False)

    async def _verify(self, token: str) -> _Verified:
        try:
            compact = read_compact_token(token)
        except UnreadableToken as unreadable:
            raise Unauthenticated(str(unreadable)) from None
        algorithm, kid = _checked_header(compact.header)
        expires_us = self._checked_claims(compact)
        subject = _checked_subject(compact.claims)
        candidates = await self._keys.of(kid)
        if not candidates:
            raise Unauthenticated("the token names a key that the issuer does not have")
        for key in candidates:
            if key.takes(algorithm) and key.verifies(token, algorithm=algorithm):
                return _Verified(kid, key, expires_us, _outcome(subject, compact.claims))
        raise Unauthenticated("the token's signature is not the issuer's")

    def _checked_claims(self, compact: CompactToken) -> Decimal:
        claims = compact.claims
        if claims.get("iss") != self._issuer:
            raise Unauthenticated("the token is from another issuer")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if not all(isinstance(each, str) for each in audiences) or self._audience not in audiences:
            raise Unauthenticated("the token is meant for another audience")
        if claims.get("typ", "Bearer") != "Bearer":
            raise Unauthenticated("the token is no access token")
        if "exp" not in claims:
            raise Unauthenticated("the token does not say when it expires")
        now_us = self._clock.now_us()
        expires_us = _instant_us(claims["exp"], "exp")
        if now_us >= expires_us + LEEWAY_US:
            raise Unauthenticated("the token has expired")
        if "nbf" in claims and now_us + LEEWAY_US < _instant_us(claims["nbf"], "nbf"):
            raise Unauthenticated("the token is not valid yet")
        if "iat" in claims:
            _instant_us(claims["iat"], "iat")
        return expires_us


def _checked_header(header: Mapping[str, object]) -> tuple[str, str]:
    for name in FORBIDDEN_HEADERS:
        if name in header:
            raise Unauthenticated(f"the token's header must not hold {name}")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Unauthenticated("the token is signed by an algorithm that is not allowed")
    if "typ" in header and header["typ"] not in HEADER_TYPES:
        raise Unauthenticated("the token is of a type that is no access token")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise Unauthenticated("the token does not name its key")
    return algorithm, kid


def _checked_subject(claims: Mapping[str, object]) -> str:
    subject = claims.get("sub")
    readable = isinstance(subject, str) and 0 < len(subject) <= SUBJECT_CHARACTERS_MAX and subject.isprintable()
    if not isinstance(subject, str) or not readable or not subject.strip():
        raise Unauthenticated("the token does not say who it is for (sub)")
    return subject


def _instant_us(seconds: object, claim: str) -> Decimal:
    if isinstance(seconds, bool) or not isinstance(seconds, Decimal) or seconds.adjusted() > 15:
        raise Unauthenticated(f"{claim} is not a time")
    return seconds * _SECOND_US


def _outcome(subject: str, claims: Mapping[str, object]) -> Principal | Forbidden:
    try:
        roles = _roles_in(claims, "realm_access")
        if "resource_access" in claims:
            clients = claims["resource_access"]
            if not isinstance(clients, Mapping):
                return Forbidden("resource_access is not an object")
            roles |= _roles_in(clients, CLIENT)
    except Forbidden as forbidden:
        return forbidden
    return Principal(subject, roles)


def _roles_in(holder: Mapping[str, object], name: str) -> frozenset[str]:
    if name not in holder:
        return frozenset()
    access = holder[name]
    roles = access.get("roles", []) if isinstance(access, Mapping) else None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Forbidden(f"the roles in {name} cannot be read")
    return frozenset(roles)
