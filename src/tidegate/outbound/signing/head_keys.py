"""Ed25519 keys for audit heads, in PEM files (PKCS 8 and SubjectPublicKeyInfo), as any other tool reads them."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tidegate.core.kernel.audit_chain import ChainHead, SignedHead

_KEY_ID_CHARACTERS: Final = 16


class UnusableKey(ValueError):
    """A file holds no Ed25519 key, or cannot be read; the message names it."""


def key_id_of(key: Ed25519PublicKey) -> str:
    """Name a public key: 16 hex digits of the SHA-256 of its 32 bytes."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:_KEY_ID_CHARACTERS]


class HeadKey:
    """``HeadSigner`` with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id_of(key.public_key())

    @classmethod
    def read(cls, path: Path) -> "HeadKey":
        """Read a private key.

        Raises:
            UnusableKey: there is none.
        """
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableKey(f"{path}: no private key can be read: {_reason(error)}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise UnusableKey(f"{path}: holds another kind of key than Ed25519")
        return cls(key)

    @classmethod
    def kept_in(cls, path: Path) -> "HeadKey":
        """Read a private key, or make one where there is no file; of two processes that make one, one wins.

        Raises:
            UnusableKey: the file holds no such key.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            pem = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            # under a name of its own first (for its owner alone), so that nobody ever reads half a key
            descriptor, own = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(pem)
                with contextlib.suppress(FileExistsError):  # another process was faster; its key is the key
                    os.link(own, path)
            finally:
                Path(own).unlink()
        return cls.read(path)

    def sign(self, head: ChainHead) -> SignedHead:
        return SignedHead(head, self.key_id, self._key.sign(head.text()))

    def public_pem(self) -> str:
        """Give the public key, for whoever verifies."""
        return (
            self._key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )


class HeadKeys:
    """``HeadVerifier`` with the public keys it was given."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id_of(key): key for key in keys}

    @classmethod
    def of_pems(cls, pems: Iterable[str]) -> "HeadKeys":
        """Read public keys.

        Raises:
            UnusableKey: one of them is none.
        """
        keys: list[Ed25519PublicKey] = []
        for pem in pems:
            try:
                key = serialization.load_pem_public_key(pem.encode())
            except (ValueError, UnsupportedAlgorithm) as error:
                raise UnusableKey(f"no public key can be read: {_reason(error)}") from error
            if not isinstance(key, Ed25519PublicKey):
                raise UnusableKey("a public key is of another kind than Ed25519")
            keys.append(key)
        return cls(keys)

    def holds(self, signed: SignedHead) -> bool:
        key = self._keys.get(signed.key_id)
        if key is None:
            return False
        try:
            key.verify(signed.signature, signed.head.text())
        except InvalidSignature:
            return False
        return True


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
