"""Any provider that answers JSON over HTTP, by a definition (SST is one configuration of it)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.rules.values import plain_decimal
from tidegate.outbound.providers.addresses import escaped
from tidegate.outbound.providers.exchange import NotAsked, Plan, Question, Reply, document_of
from tidegate.outbound.providers.generic_definition import (
    AnswerField,
    FieldType,
    GenericDefinition,
    body_paths,
    filled,
    placeholders,
)
from tidegate.outbound.providers.reading import request_lookup, wrong_schema
from tidegate.ports.external_data import ProviderCall

_ONLY: Final = "answer"
_PYTHON_TYPES: Final[Mapping[FieldType, tuple[type, str]]] = {
    FieldType.TEXT: (str, "a text"),
    FieldType.NUMBER: (Decimal, "a number"),
    FieldType.BOOLEAN: (bool, "a boolean"),
    FieldType.LIST: (list, "a list"),
    FieldType.OBJECT: (dict, "an object"),
}


@dataclass(frozen=True, slots=True)
class GenericAdapter:
    """Fills the definition's templates from the request and maps the answer's places to names."""

    definition: GenericDefinition

    @property
    def name(self) -> str:
        return self.definition.name

    def plan(self, call: ProviderCall) -> Plan:
        definition = self.definition
        templates = [definition.path, *definition.query.values()]
        named = [path for template in templates for path in placeholders(template)] + list(body_paths(definition.body))
        look = request_lookup(call.request)
        values = {path: look(path) for path in named}
        lacking = sorted(path for path, value in values.items() if value is None)
        if lacking:
            raise NotAsked(f"the request lacks {', '.join(lacking)}")
        texts = {path: _as_text(path, values[path]) for template in templates for path in placeholders(template)}
        segments = {path: _segment(path, text) for path, text in texts.items() if path in placeholders(definition.path)}
        question = Question(
            definition.method,
            filled(definition.path, segments),
            query=tuple((name, filled(template, texts)) for name, template in definition.query.items()),
            headers=definition.headers,
            body=_filled_body(definition.body, values),
        )
        return Plan({_ONLY: question})

    def read(self, question: Question, reply: Reply) -> dict[str, object]:  # noqa: ARG002 - there is one question
        if reply.status in self.definition.not_found_statuses:
            return {"found": False}
        document = document_of(reply)
        found = self.definition.found
        if found is not None and not _equal(_at(document, found.path), found.equals):
            return {"found": False}
        fields: dict[str, object] = {"found": True}
        for name, wanted in self.definition.fields_.items():
            value = _typed(_at(document, wanted.path), wanted)
            if value is not None:
                _put(fields, name, value=value)
        return fields

    def combine(self, call: ProviderCall, parts: Mapping[str, Mapping[str, object]]) -> dict[str, object]:  # noqa: ARG002 - one part
        return dict(parts[_ONLY])


def _as_text(path: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value:
        return value
    raise NotAsked(f"{path} is empty, or no text, number or boolean")


def _segment(path: str, text: str) -> str:
    if text in {".", ".."}:
        raise NotAsked(f"{path} is no name")
    return escaped(text)


def _filled_body(body: object, values: Mapping[str, object]) -> object:
    if isinstance(body, Mapping):
        if set(body) == {"field"} and isinstance(body["field"], str):
            return values[body["field"]]
        return {key: _filled_body(member, values) for key, member in body.items()}
    return [_filled_body(element, values) for element in body] if isinstance(body, list) else body


def _at(document: object, path: str) -> object:
    """Give what stands at a dotted path: keys of objects, and whole numbers into lists."""
    value = document
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _typed(value: object, wanted: AnswerField) -> object:
    kind, words = _PYTHON_TYPES[wanted.type]
    if value is None:
        return wrong_schema(f"/{wanted.path.replace('.', '/')}", words, got=None) if wanted.required else None
    if wanted.type is FieldType.NUMBER and isinstance(value, str):
        number = plain_decimal(value)
        value = value if number is None else number
    return value if isinstance(value, kind) else wrong_schema(f"/{wanted.path.replace('.', '/')}", words, got=value)


def _equal(value: object, wanted: object) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def _put(holder: dict[str, object], name: str, *, value: object) -> None:
    first, _, rest = name.partition(".")
    if not rest:
        holder[first] = value
        return
    inner = holder.setdefault(first, {})
    assert isinstance(inner, dict)
    _put(inner, rest, value=value)
