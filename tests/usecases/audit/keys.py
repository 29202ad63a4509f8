"""A key for tests: whoever holds the same secret has signed."""

import hashlib
import hmac

from tidegate.core.kernel.audit_chain import ChainHead, SignedHead


class ToyKey:
    """``HeadSigner`` and ``HeadVerifier`` on one secret."""

    def __init__(self, secret: bytes = b"secret") -> None:
        self._secret = secret

    def sign(self, head: ChainHead) -> SignedHead:
        return SignedHead(head, "toy", hmac.digest(self._secret, head.text(), hashlib.sha256))

    def holds(self, signed: SignedHead) -> bool:
        return signed == self.sign(signed.head)


class SetClock:
    """A clock that shows what it is set to."""

    def __init__(self, now_us: int) -> None:
        self.now = now_us

    def now_us(self) -> int:
        return self.now
