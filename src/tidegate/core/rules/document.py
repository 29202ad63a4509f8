"""One self-contained evaluation: the contract of `tidegate rules eval` (spec/platform.md, command line)."""

from collections.abc import Mapping, Sequence
from typing import Final

from tidegate.core.rules.evaluate import evaluate, explain
from tidegate.core.rules.faults import InvalidDocument, InvalidJson, InvalidRule, RuleFault, pointer_to
from tidegate.core.rules.instants import Instant, parse_date_time
from tidegate.core.rules.json_exact import checked_json, read_json
from tidegate.core.rules.limits import TEXT_BYTES_MAX
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.parse import NO_ENGINES, Engines, RuleInputs, parse_condition
from tidegate.core.rules.tree import Condition, Leaf, leaves_of
from tidegate.core.rules.values import Scalar, type_name
from tidegate.core.rules.vocabularies import DESK_VOCABULARY, GATE_VOCABULARY
from tidegate.core.rules.vocabulary import AGE_OPS, Vocabulary

VOCABULARIES: Final[Mapping[str, Vocabulary]] = {
    vocabulary.context: vocabulary for vocabulary in (DESK_VOCABULARY, GATE_VOCABULARY)
}
_KEYS: Final = ("condition", "params", "lists", "data", "now", "context")
_NOW_CHARACTERS_MAX: Final = 64


def evaluate_document(
    document: bytes | str | Mapping[str, object],
    *,
    engines: Engines = NO_ENGINES,
    vocabularies: Mapping[str, Vocabulary] = VOCABULARIES,
) -> dict[str, object]:
    """Check the condition of the document as saving would, evaluate it on the document's data, and explain it.

    The document is `{"condition", "params", "lists", "data", "now", "context"}`; all but the condition may be left
    out, `now` only when no leaf asks for an age. The answer is `{"result", "leaves"}` with every leaf in tree order;
    numbers in it are Decimal (`json_exact.write_json` writes them). Raises InvalidRule for faults of the condition,
    pointers from its root, and InvalidDocument (a kind of it) for anything else, pointers from the document's root.
    """
    members = _members(document)
    faults: list[RuleFault] = []
    vocabulary = _vocabulary(members, vocabularies, faults=faults)
    params = _object(members, "params", faults=faults)
    lists = _lists(_object(members, "lists", faults=faults), faults)
    request = _object(members, "data", faults=faults)
    now = _now(members, faults)
    if "condition" not in members:
        faults.append(RuleFault("", "missing_key", "the document needs a condition"))
    if faults or vocabulary is None:
        raise InvalidDocument(faults)
    inputs = RuleInputs(params=params, list_names=lists)
    condition = parse_condition(members["condition"], vocabulary, inputs=inputs, engines=engines)
    if now is None and _asks_for_age(condition):
        message = "older_than and newer_than need now, an RFC 3339 date-time"
        raise InvalidDocument([RuleFault("", "missing_key", message)])
    lookup = nested_lookup(request)
    moment = now or Instant(0)
    result = evaluate(condition, lookup, now=moment, lists=lists)
    leaves = explain(condition, lookup, now=moment, lists=lists)
    return {"result": result.value, "leaves": [leaf.as_json() for leaf in leaves]}


def _members(document: bytes | str | Mapping[str, object]) -> Mapping[str, object]:
    try:
        value = read_json(document) if isinstance(document, bytes | str) else checked_json(document)
    except InvalidJson as error:
        raise _invalid(error.faults) from error
    if not isinstance(value, dict):
        raise InvalidDocument([RuleFault("", "not_an_object", f"the document is an object, not {type_name(value)}")])
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        message = f"not a key of an evaluation document; its keys are {', '.join(_KEYS)}"
        raise InvalidDocument(RuleFault(pointer_to("", key), "unknown_key", message) for key in unknown)
    return value


def _invalid(faults: Sequence[RuleFault]) -> InvalidRule:
    # What is wrong inside the condition is the rule's fault, and a rule's faults are told from the condition's root.
    root = "/condition"
    if all(fault.pointer == root or fault.pointer.startswith(root + "/") for fault in faults):
        return InvalidRule(RuleFault(each.pointer[len(root) :], each.code, each.message) for each in faults)
    return InvalidDocument(faults)


def _vocabulary(
    members: Mapping[str, object], vocabularies: Mapping[str, Vocabulary], *, faults: list[RuleFault]
) -> Vocabulary | None:
    context = members.get("context", DESK_VOCABULARY.context)
    if isinstance(context, str) and context in vocabularies:
        return vocabularies[context]
    known = ", ".join(sorted(vocabularies))
    faults.append(RuleFault("/context", "unknown_context", f"there is no such context; known are {known}"))
    return None


def _object(members: Mapping[str, object], key: str, *, faults: list[RuleFault]) -> dict[str, object]:
    value = members.get(key, {})
    if isinstance(value, dict):
        return value
    faults.append(RuleFault(pointer_to("", key), "not_an_object", f"{key} is an object, not {type_name(value)}"))
    return {}


def _lists(source: Mapping[str, object], faults: list[RuleFault]) -> dict[str, tuple[Scalar, ...]]:
    return {name: _managed_list(pointer_to("/lists", name), entries, faults=faults) for name, entries in source.items()}


def _managed_list(pointer: str, entries: object, *, faults: list[RuleFault]) -> tuple[Scalar, ...]:
    if not isinstance(entries, list):
        faults.append(RuleFault(pointer, "not_a_list", f"a managed list is a list, not {type_name(entries)}"))
        return ()
    for at, entry in enumerate(entries):
        if entry is None or isinstance(entry, list | dict):
            message = f"an entry is a text, a number or a boolean, not {type_name(entry)}"
            faults.append(RuleFault(pointer_to(pointer, at), "bad_entry", message))
        elif isinstance(entry, str) and len(entry.encode()) > TEXT_BYTES_MAX:
            message = f"a text has at most {TEXT_BYTES_MAX} bytes"
            faults.append(RuleFault(pointer_to(pointer, at), "text_too_long", message))
    return tuple(entries)


def _now(members: Mapping[str, object], faults: list[RuleFault]) -> Instant | None:
    if "now" not in members:
        return None
    text = members["now"]
    now = parse_date_time(text) if isinstance(text, str) and len(text) <= _NOW_CHARACTERS_MAX else None
    if now is None:
        message = 'now is an RFC 3339 date-time such as "2026-01-01T00:00:00Z"'
        faults.append(RuleFault("/now", "bad_instant", message))
    return now


def _asks_for_age(condition: Condition) -> bool:
    return any(isinstance(leaf, Leaf) and leaf.op in AGE_OPS for leaf in leaves_of(condition))
