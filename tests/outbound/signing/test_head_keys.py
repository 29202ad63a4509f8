"""Keys of audit heads."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tidegate.core.kernel.audit_chain import ChainHead, HeadKind
from tidegate.outbound.signing.head_keys import HeadKey, HeadKeys, UnusableKey

HEAD = ChainHead("decisions", 3, HeadKind.SEAL, 7, 9, bytes(32), 11)


def test_signature_holds_for_its_key_and_its_head_alone(tmp_path: Path) -> None:
    """AS-613: A head verifies with the public key of its signer, and no other head and no other key do."""
    key, other = HeadKey.kept_in(tmp_path / "a" / "key.pem"), HeadKey.kept_in(tmp_path / "b" / "key.pem")
    keys = HeadKeys.of_pems([key.public_pem()])
    signed = key.sign(HEAD)
    assert keys.holds(signed)
    assert not keys.holds(replace(signed, head=replace(HEAD, sequence=8)))
    assert not keys.holds(replace(signed, signature=bytes(64)))
    assert not keys.holds(other.sign(HEAD))
    assert not keys.holds(replace(other.sign(HEAD), key_id=key.key_id))


def test_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """AS-613: The first use makes the key, later ones read it; nobody else may."""
    path = tmp_path / "audit" / "key.pem"
    with ThreadPoolExecutor(8) as pool:
        made = {key.key_id for key in pool.map(lambda _: HeadKey.kept_in(path), range(8))}
    assert made == {HeadKey.read(path).key_id}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key.pem"]


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """AS-613: A file that holds no key is named in the refusal, and never written over."""
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(UnusableKey, match=r"key\.pem"):
        HeadKey.kept_in(path)
    assert path.read_bytes() == content


def test_keys_of_another_kind_are_refused(tmp_path: Path) -> None:
    """AS-613: Heads are signed with Ed25519 and nothing else."""
    other = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "key.pem"
    path.write_bytes(
        other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(UnusableKey, match="Ed25519"):
        HeadKey.read(path)
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(UnusableKey, match="Ed25519"):
        HeadKeys.of_pems([public.decode()])
    with pytest.raises(UnusableKey):
        HeadKeys.of_pems(["nonsense"])
