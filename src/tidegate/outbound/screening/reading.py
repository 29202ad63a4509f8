"""What all readers of lists share: what they give, how they say what they cannot read, dates, text of files."""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tidegate.core.assessment.screening.bounds import NAME_CHARACTERS_MAX
from tidegate.core.assessment.screening.entries import ListedName, ListEntry

FAULTS_TOLD_MAX: Final = 100
"""Faults that are told one by one; how many more there are is said."""

UNPACKED_BYTES_MAX: Final = 1 << 29
"""Of one file, unpacked: 512 MiB; the largest published list has a tenth of it."""

_GZIP: Final = b"\x1f\x8b"
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY: Final = re.compile(r"(?:(?:(\d{1,2}) )?([A-Za-z]{3})[a-z]* )?(\d{4})")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was handed in: its name, for faults, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ListFault:
    """What cannot be read, and where: ``line`` counts from 1; 0 is the file as a whole."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class UnreadableList(ValueError):
    """A list that is not imported, and every reason."""

    def __init__(self, faults: Sequence[ListFault]) -> None:
        super().__init__("; ".join(map(str, faults[:FAULTS_TOLD_MAX])))
        self.faults = tuple(faults)


@dataclass(slots=True)
class ListDraft:
    """What a reader has read: ``left_out`` counts entries that the list itself says are no longer on it."""

    entries: list[ListEntry] = field(default_factory=list)
    faults: list[ListFault] = field(default_factory=list)
    published_on: str = ""
    left_out: int = 0
    _ids: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def take(self, entry: ListEntry, file: SourceFile, *, line: int, without_id: str) -> None:
        """Take an entry that was read, or note what is wrong with it; ``without_id`` says that it has no id."""
        fault = names_fault(entry.names) or ("" if entry.entry_id else without_id)
        if entry.entry_id in self._ids:
            fault = f"entry {entry.entry_id} is there twice"
        if fault:
            self.faults.append(ListFault(file.name, line, fault))
            return
        self._ids.add(entry.entry_id)
        self.entries.append(entry)


def unpacked(file: SourceFile) -> bytes:
    """Give the content of a file, unpacked when it is gzip.

    Raises:
        UnreadableList: it cannot be unpacked, or is larger than 512 MiB.
    """
    if not file.content.startswith(_GZIP):
        return file.content
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacking.decompress(file.content, UNPACKED_BYTES_MAX)
    except (zlib.error, gzip.BadGzipFile) as broken:
        raise UnreadableList([ListFault(file.name, 0, "is no sound gzip file")]) from broken
    if not unpacking.eof:
        reason = "is larger than 512 MiB unpacked" if len(content) == UNPACKED_BYTES_MAX else "ends too early"
        raise UnreadableList([ListFault(file.name, 0, reason)])
    return content


def text_of(file: SourceFile) -> str:
    """Give the text of a file: UTF-8, or what Windows writes, which the authorities' tables may be.

    Raises:
        UnreadableList: it is neither, or cannot be unpacked.
    """
    content = unpacked(file).removesuffix(b"\x1a").removeprefix(b"\xef\xbb\xbf")
    for encoding in ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            line = text[: text.index("\x00")].count("\n") + 1
            raise UnreadableList([ListFault(file.name, line, "holds U+0000, which no text may")])
        return text
    raise UnreadableList([ListFault(file.name, 0, "is neither UTF-8 nor Windows-1252")])


def dates_in(text: str) -> Iterator[str]:
    """Give the dates in words that a text holds (``17 Feb 1974``, ``Feb 1974``, ``circa 1974``), as ISO 8601 or the
    beginning of it.
    """
    for day, month, year in _DAY.findall(text):
        named = month.lower()
        if named in _MONTHS:
            number = f"{_MONTHS.index(named) + 1:02d}"
            yield f"{year}-{number}-{int(day):02d}" if day else f"{year}-{number}"
        else:
            yield year


def partial_date(year: str, month: str = "", *, day: str = "") -> str:
    """Give a date of its parts as far as they are known (0 and empty are unknown); empty without a year."""
    if not (year.isdecimal() and int(year)):
        return ""
    parts = [f"{int(year):04d}"]
    for part in (month, day):
        if not (part.isdecimal() and int(part)):
            break
        parts.append(f"{int(part):02d}")
    return "-".join(parts)


def distinct_names(names: Iterable[ListedName]) -> tuple[ListedName, ...]:
    """Give names in their order, each text once, blank ones left out."""
    kept: dict[str, ListedName] = {}
    for name in names:
        text = " ".join(name.text.split())
        if text and text not in kept:
            kept[text] = ListedName(text, is_alias=bool(kept), is_weak=name.is_weak)
    return tuple(kept.values())


def names_fault(names: Sequence[ListedName]) -> str:
    """Say what is wrong with the names of an entry; empty when nothing is."""
    if not names:
        return "has no name"
    longest = max(len(name.text) for name in names)
    return f"has a name of {longest} characters, at most {NAME_CHARACTERS_MAX}" if longest > NAME_CHARACTERS_MAX else ""
