"""Files of exported heads: public keys and signed heads as JSON, to be kept where no database owner can reach."""

import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.core.kernel.audit_chain import ChainHead, HeadKind, SignedHead

FORM: Final = "tidegate audit heads 1"


class UnreadableHeads(ValueError):
    """A file of heads or keys cannot be read; the message is one readable line."""


@dataclass(frozen=True, slots=True)
class HeadFile:
    """What such a file holds."""

    public_keys: tuple[str, ...] = ()
    heads: tuple[SignedHead, ...] = ()


def write_head_file(path: str, kept: HeadFile) -> None:
    """Write a file, or standard output for ``-``.

    Raises:
        OSError: it cannot be written.
    """
    content = {
        "form": FORM,
        "public_keys": list(kept.public_keys),
        "heads": [_written(signed) for signed in kept.heads],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if path == "-":
        sys.stdout.write(text)
    else:
        Path(path).write_text(text, encoding="utf-8")


def read_head_file(path: str) -> HeadFile:
    """Read a file, or standard input for ``-``. Whether signatures hold is not asked here.

    Raises:
        UnreadableHeads: it is none of ours.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        content = json.loads(text)
        if content["form"] != FORM:
            raise UnreadableHeads(f"{path}: its form is not {FORM!r}")
        keys = tuple(str(pem) for pem in content["public_keys"])
        return HeadFile(keys, tuple(_read(row) for row in content["heads"]))
    except OSError as error:
        raise UnreadableHeads(f"{path}: {error.strerror}") from error
    except UnreadableHeads:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise UnreadableHeads(f"{path}: holds no exported heads") from error


def _written(signed: SignedHead) -> dict[str, object]:
    head = signed.head
    return {
        "partition": head.partition,
        "number": head.number,
        "kind": head.kind.value,
        "sequence": head.sequence,
        "covered_to": head.covered_to,
        "entry_hash": head.entry_hash.hex(),
        "made_us": head.made_us,
        "note": head.note,
        "key_id": signed.key_id,
        "signature": base64.b64encode(signed.signature).decode(),
    }


def _read(row: Mapping[str, object]) -> SignedHead:
    head = ChainHead(
        partition=str(row["partition"]),
        number=_whole(row["number"]),
        kind=HeadKind(str(row["kind"])),
        sequence=_whole(row["sequence"]),
        covered_to=_whole(row["covered_to"]),
        entry_hash=bytes.fromhex(str(row["entry_hash"])),
        made_us=_whole(row["made_us"]),
        note=str(row["note"]),
    )
    return SignedHead(head, str(row["key_id"]), base64.b64decode(str(row["signature"]), validate=True))


def _whole(number: object) -> int:
    if type(number) is not int:
        raise TypeError("a head's numbers are integers")
    return number
