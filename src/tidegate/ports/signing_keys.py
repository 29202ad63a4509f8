"""The issuer's public keys, by which tokens are verified."""

from collections.abc import Sequence
from typing import Protocol


class SigningKey(Protocol):
    """One public key of the issuer, fit for signatures."""

    def takes(self, algorithm: str) -> bool:
        """Tell whether the key's type fits the JWS algorithm and the algorithm is the one the key names, if any."""

    def verifies(self, token: str, *, algorithm: str) -> bool:
        """Tell whether a compact JWS of three well-formed segments was signed with this key by this algorithm."""


class SigningKeys(Protocol):
    """The keys as the issuer publishes them (JWKS); they rotate without a restart.

    Failure contract: ``DependencyFailed`` when the issuer has never answered. Keys that were read once are kept while
    it does not answer.
    """

    async def of(self, kid: str) -> Sequence[SigningKey]:
        """Give the keys of this id; empty when the issuer has none. The same key is the same object on every call.

        An unknown id asks the issuer anew, whatever their number at most once in 10 s. A key that the issuer dropped
        is given for 10 min at most.
        """
