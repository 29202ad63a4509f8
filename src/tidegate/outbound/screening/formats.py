"""The formats that lists are read in, and reading files in one of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.outbound.screening.eu_list import read_eu
from tidegate.outbound.screening.ofac_sdn import read_ofac_sdn
from tidegate.outbound.screening.own_list import read_own
from tidegate.outbound.screening.reading import ListDraft, ListFault, SourceFile, UnreadableList
from tidegate.outbound.screening.seco_list import read_seco
from tidegate.outbound.screening.un_list import read_un


class ListFormat(StrEnum):
    """Who publishes in it."""

    OFAC_SDN = "ofac-sdn"
    UN = "un"
    EU = "eu"
    SECO = "seco"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class ListFiles:
    """The files of one list. ``aliases`` and ``addresses`` belong to OFAC's tables; ``columns`` to a table of one's
    own.
    """

    entries: SourceFile
    aliases: SourceFile | None = None
    addresses: SourceFile | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def sha256(self) -> str:
        """Give SHA-256 over the contents of all files, in hex digits."""
        files = [file.content for file in (self.entries, self.aliases, self.addresses) if file is not None]
        digest = hashlib.sha256()
        for content in files:
            digest.update(len(content).to_bytes(8) + content)
        for column in sorted(self.columns.items()):
            digest.update(repr(column).encode())
        return digest.hexdigest()


def read_list(list_format: ListFormat, files: ListFiles, *, skips_unreadable: bool = False) -> ListDraft:
    """Read a list, all of it: an entry that cannot be read is a reason to import nothing, unless it may be skipped, and
    a list without any entry always is one.

    Raises:
        UnreadableList: with every fault, file and line.
    """
    draft = _draft(list_format, files)
    faults: Sequence[ListFault] = () if skips_unreadable else draft.faults
    if not faults and not draft.entries:
        faults = [ListFault(files.entries.name, 0, "holds no entry that can be read"), *draft.faults]
    if faults:
        raise UnreadableList(faults)
    return draft


def _draft(list_format: ListFormat, files: ListFiles) -> ListDraft:
    match list_format:
        case ListFormat.OFAC_SDN:
            return read_ofac_sdn(files.entries, aliases=files.aliases, addresses=files.addresses)
        case ListFormat.UN:
            return read_un(files.entries)
        case ListFormat.EU:
            return read_eu(files.entries)
        case ListFormat.SECO:
            return read_seco(files.entries)
        case ListFormat.OWN:
            return read_own(files.entries, files.columns)
