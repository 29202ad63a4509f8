"""Reads XML record by record, with line numbers, and refuses what makes XML dangerous.

The standard library's parser (Expat) does the reading; what is ours is what it never does here: entities are not
declared, nothing is fetched, nothing nests deeper than 64, and only the record at hand is in memory.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from tidegate.outbound.screening.reading import ListFault, SourceFile, UnreadableList, unpacked

DEPTH_MAX: Final = 64
_CHUNK: Final = 1 << 16
_BETWEEN_NAMESPACE_AND_NAME: Final = " "


@dataclass(slots=True)
class Element:
    """An element with its local name; ``text`` is all character data of its own."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, *path: str) -> Iterator["Element"]:
        """Give the elements at a path of names below this one."""
        name, *rest = path
        for child in self.children:
            if child.name == name:
                if rest:
                    yield from child.all(*rest)
                else:
                    yield child

    def texts(self, *path: str) -> list[str]:
        """Give the texts of the elements at a path, blank ones left out."""
        return [text for element in self.all(*path) if (text := " ".join(element.text.split()))]

    def first(self, *path: str) -> str:
        """Give the first text at a path, or nothing."""
        return next(iter(self.texts(*path)), "")

    def attribute(self, name: str) -> str:
        """Give an attribute, or nothing."""
        return self.attributes.get(name, "").strip()


class _Refused(Exception):
    """The document holds what is never read."""


class _Records:
    """Expat's handlers: builds the records, forgets everything else."""

    def __init__(self, records: Collection[str]) -> None:
        self.root: Element | None = None
        self.ready: list[Element] = []
        self._records = records
        self._open: list[Element] = []
        self._inside = 0
        self.parser = expat.ParserCreate(namespace_separator=_BETWEEN_NAMESPACE_AND_NAME)
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._entity
        self.parser.ExternalEntityRefHandler = self._entity

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = {key.rsplit(_BETWEEN_NAMESPACE_AND_NAME, 1)[-1]: value for key, value in attributes.items()}
        element = Element(name.rsplit(_BETWEEN_NAMESPACE_AND_NAME, 1)[-1], local, self.parser.CurrentLineNumber)
        if len(self._open) >= DEPTH_MAX:
            raise _Refused(f"nests deeper than {DEPTH_MAX}")
        if self.root is None:
            self.root = element
        elif self._inside:
            self._open[-1].children.append(element)
        if self._inside or element.name in self._records:
            self._inside += 1
        self._open.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        if self._inside:
            self._inside -= 1
            if not self._inside:
                self.ready.append(element)

    def _characters(self, text: str) -> None:
        if self._inside:
            self._open[-1].text += text

    def _entity(self, *_declared: object) -> int:
        raise _Refused("declares an entity or refers to one outside, which is never read")


def xml_records(file: SourceFile, *, root: str, records: Collection[str]) -> Iterator[Element]:
    """Give the root first (its attributes alone), then each outermost element of one of the names, in order.

    Raises:
        UnreadableList: it is no XML, ends too early, has another root, declares entities, or nests too deep.
    """
    content = unpacked(file)
    reading = _Records(records)
    told_root = False
    for at in range(0, max(1, len(content)), _CHUNK):
        try:
            reading.parser.Parse(content[at : at + _CHUNK], at + _CHUNK >= len(content))
        except expat.ExpatError as broken:
            message = f"is no XML: {expat.errors.messages[broken.code]}"
            raise UnreadableList([ListFault(file.name, broken.lineno, message)]) from broken
        except _Refused as refused:
            raise UnreadableList([ListFault(file.name, reading.parser.CurrentLineNumber, str(refused))]) from refused
        if reading.root is not None and not told_root:
            if reading.root.name != root:
                message = f"its root is {reading.root.name[:80]}, not {root}"
                raise UnreadableList([ListFault(file.name, reading.root.line, message)])
            told_root = True
            yield reading.root
        yield from reading.ready
        reading.ready.clear()
