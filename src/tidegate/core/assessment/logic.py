"""The logic of a rule, checked: what ``logic_config`` says, or everything that is wrong with it."""

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.presets import Expansion, LeafHome, expand_preset, preset_keys, preset_names
from tidegate.core.assessment.provider_questions import ProviderQuestion
from tidegate.core.assessment.vocabulary import PROVIDERS, RULE_VOCABULARY
from tidegate.core.rules.faults import InvalidRule, RuleFault, pointer_to
from tidegate.core.rules.limits import TEXT_BYTES_MAX
from tidegate.core.rules.literals import check_literal
from tidegate.core.rules.parse import NO_ENGINES, Engines, RuleInputs, parse_condition
from tidegate.core.rules.tree import All, Any, CelLeaf, Condition, FieldRef, Leaf, Not, leaves_of
from tidegate.core.rules.values import type_name
from tidegate.core.rules.vocabulary import FieldType

PROVIDERS_MAX: Final = 16
"""Providers that one rule may name (at the bound passes)."""

_SHARED_KEYS: Final = ("on_unknown", "outcome", "reason")
_WHEN_KEYS: Final = ("when", "params", "providers", *_SHARED_KEYS)
_PROVIDER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)
_OUTCOMES: Final = (Decision.MANUAL_REVIEW, Decision.REJECTED)
_FORM: Final = '{"when": condition, ...} or {"type": preset, ...}'
_FIELD_CODES: Final = frozenset({"unknown_field"})
_OP_CODES: Final = frozenset({"unknown_op", "op_misfit"})
_CEL_TEXTS: Final = re.compile(r"""[rRbB]*(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_CEL_PROVIDER: Final = re.compile(r"\bproviders\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)")
_CEL_PROVIDER_INDEX: Final = re.compile(r"""\bproviders\s*\[\s*["']([^"']+)["']\s*\]""")


class OnUnknown(StrEnum):
    """What a rule does that cannot be said to hold or not."""

    REVIEW = "review"
    TRIGGER = "trigger"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Logic:
    """A rule's logic, ready to be evaluated.

    ``condition``'s leaves point into logic_config. ``outcome``: the least strict decision once the rule has triggered.
    ``reason``: what to tell people, by language code. ``providers``: whom the rule needs, and what it asks of each.
    """

    condition: Condition
    on_unknown: OnUnknown = OnUnknown.REVIEW
    outcome: Decision | None = None
    reason: Mapping[str, str] = dataclasses.field(default_factory=dict)
    providers: Mapping[str, tuple[ProviderQuestion, ...]] = dataclasses.field(default_factory=dict)


def parse_logic(logic_config: object, *, list_names: Collection[str] = (), engines: Engines = NO_ENGINES) -> Logic:
    """Check a rule's logic_config, as it was read from JSON (numbers as Decimal).

    Raises:
        InvalidRule: every fault, with pointers from logic_config's root.
    """
    if not isinstance(logic_config, Mapping):
        raise InvalidRule([RuleFault("", "not_an_object", f"logic_config is an object, not {type_name(logic_config)}")])
    faults: list[RuleFault] = []
    shared = {key: logic_config[key] for key in _SHARED_KEYS if key in logic_config}
    on_unknown = _on_unknown(shared, faults)
    outcome = _outcome(shared, faults)
    reason = _reason(shared, faults)
    inputs = _Inputs(list_names, engines)
    if ("when" in logic_config) is ("type" in logic_config):
        wrong = "gives both when and type" if "when" in logic_config else "gives neither when nor type"
        faults.append(RuleFault("", "ambiguous_logic", f"logic_config {wrong}; give {_FORM}"))
        raise InvalidRule(faults)
    read = _written if "when" in logic_config else _preset
    condition, providers = read(logic_config, inputs, faults=faults)
    if faults or condition is None:
        raise InvalidRule(faults)
    return Logic(condition, on_unknown, outcome, reason, providers)


def logic_faults(
    logic_config: object, *, list_names: Collection[str] = (), engines: Engines = NO_ENGINES
) -> tuple[RuleFault, ...]:
    """Tell everything that is wrong with a logic_config; empty when it may be saved."""
    try:
        parse_logic(logic_config, list_names=list_names, engines=engines)
    except InvalidRule as refusal:
        return refusal.faults
    return ()


@dataclass(frozen=True, slots=True)
class _Inputs:
    list_names: Collection[str]
    engines: Engines


_Providers = dict[str, tuple[ProviderQuestion, ...]]


def _written(
    logic_config: Mapping[str, object], inputs: _Inputs, *, faults: list[RuleFault]
) -> tuple[Condition | None, _Providers]:
    """A condition that the officer wrote."""
    _refuse_unknown_keys(logic_config, _WHEN_KEYS, faults=faults)
    params = _params(logic_config.get("params", {}), faults)
    declared = _declared(logic_config.get("providers", []), faults)
    told = {fault.message for fault in faults}
    rule_inputs = RuleInputs(params, inputs.list_names)
    try:
        parsed = parse_condition(logic_config["when"], RULE_VOCABULARY, inputs=rule_inputs, engines=inputs.engines)
    except InvalidRule as refusal:
        faults.extend(
            RuleFault(f"/when{fault.pointer}", fault.code, fault.message)
            for fault in refusal.faults
            if fault.message not in told
        )
        return None, {}
    condition = _placed(parsed, lambda pointer: f"/when{pointer}")
    return condition, dict.fromkeys([*declared, *_providers_read(condition)], ())


def _preset(
    logic_config: Mapping[str, object], inputs: _Inputs, *, faults: list[RuleFault]
) -> tuple[Condition | None, _Providers]:
    """A condition that a preset stands for."""
    kind = logic_config["type"]
    if not isinstance(kind, str) or kind not in preset_names():
        message = f"there is no preset of that type; there are {', '.join(preset_names())}"
        faults.append(RuleFault("/type", "unknown_preset", message))
        return None, {}
    _refuse_unknown_keys(logic_config, ("type", *preset_keys(kind), *_SHARED_KEYS), faults=faults)
    expansion, wrong = expand_preset(kind, logic_config)
    faults.extend(wrong)
    if expansion is None:
        return None, {}
    rule_inputs = RuleInputs(list_names=inputs.list_names)
    try:
        parsed = parse_condition(expansion.condition, RULE_VOCABULARY, inputs=rule_inputs, engines=inputs.engines)
    except InvalidRule as refusal:
        faults.extend(_at_home(fault, expansion) for fault in refusal.faults)
        return None, {}
    condition = _placed(parsed, lambda pointer: _home(pointer, expansion).value)
    providers: _Providers = dict.fromkeys(_providers_read(condition), ())
    for question in expansion.questions:
        providers[question.provider] = (*providers.get(question.provider, ()), question)
    return condition, providers


def _home(pointer: str, expansion: Expansion) -> LeafHome:
    return expansion.homes.get(pointer) or expansion.homes.get("") or LeafHome("")


def _at_home(fault: RuleFault, expansion: Expansion) -> RuleFault:
    home = _home(fault.pointer, expansion)
    place = home.path if fault.code in _FIELD_CODES else home.op if fault.code in _OP_CODES else home.value
    return RuleFault(place, fault.code, fault.message)


def _placed(condition: Condition, place: Callable[[str], str]) -> Condition:
    """Point every leaf to where it is written."""
    if isinstance(condition, Not):
        return Not(_placed(condition.child, place))
    if isinstance(condition, All | Any):
        return type(condition)(tuple(_placed(child, place) for child in condition.children))
    return dataclasses.replace(condition, pointer=place(condition.pointer))


def _providers_read(condition: Condition) -> Iterator[str]:
    """The providers whose fields a condition reads, one after the other."""
    for leaf in leaves_of(condition):
        yield from _cel_providers(leaf.text) if isinstance(leaf, CelLeaf) else _leaf_providers(leaf)


def _leaf_providers(leaf: Leaf) -> list[str]:
    paths = [leaf.field, leaf.expected.path] if isinstance(leaf.expected, FieldRef) else [leaf.field]
    return [path.split(".")[1] for path in paths if path.startswith(f"{PROVIDERS}.")]


def _cel_providers(text: str) -> list[str]:
    # An index is looked for first: what else stands in quotes is text and names nobody.
    return [*_CEL_PROVIDER_INDEX.findall(text), *_CEL_PROVIDER.findall(_CEL_TEXTS.sub('""', text))]


def _refuse_unknown_keys(members: Mapping[str, object], known: Collection[str], *, faults: list[RuleFault]) -> None:
    for key in members:
        if key not in known:
            message = f"not a key of this logic_config; its keys are {', '.join(known)}"
            faults.append(RuleFault(pointer_to("", key), "unknown_key", message))


def _params(source: object, faults: list[RuleFault]) -> Mapping[str, object]:
    if not isinstance(source, Mapping):
        faults.append(RuleFault("/params", "not_an_object", f"params is an object, not {type_name(source)}"))
        return {}
    for name, value in source.items():
        for code, message in check_literal(value, op=None, field_type=FieldType.ANY).faults:
            # worded as the leaf that uses the parameter would word it, which is then not told again
            faults.append(RuleFault(pointer_to("/params", name), code, f"parameter {name}: {message}"))
    return source


def _declared(source: object, faults: list[RuleFault]) -> list[str]:
    if not isinstance(source, list):
        faults.append(RuleFault("/providers", "not_a_list", f"providers is a list of names, not {type_name(source)}"))
        return []
    if len(source) > PROVIDERS_MAX:
        faults.append(RuleFault("/providers", "list_too_long", f"a rule names at most {PROVIDERS_MAX} providers"))
    for place, name in enumerate(source):
        if not isinstance(name, str) or not _PROVIDER_NAME.fullmatch(name):
            message = "a provider's name is a letter and up to 63 letters, digits, _ or -, such as zefix"
            faults.append(RuleFault(pointer_to("/providers", place), "bad_provider_name", message))
    return [name for name in source if isinstance(name, str)]


def _on_unknown(members: Mapping[str, object], faults: list[RuleFault]) -> OnUnknown:
    value = members.get("on_unknown", OnUnknown.REVIEW)
    if isinstance(value, str) and value in list(OnUnknown):
        return OnUnknown(value)
    faults.append(RuleFault("/on_unknown", "bad_choice", f"on_unknown is one of {', '.join(OnUnknown)}"))
    return OnUnknown.REVIEW


def _outcome(members: Mapping[str, object], faults: list[RuleFault]) -> Decision | None:
    value = members.get("outcome")
    if value is None:
        return None
    if isinstance(value, str) and value in _OUTCOMES:
        return Decision(value)
    faults.append(RuleFault("/outcome", "bad_choice", f"outcome is null or one of {', '.join(_OUTCOMES)}"))
    return None


def _reason(members: Mapping[str, object], faults: list[RuleFault]) -> Mapping[str, str]:
    value = members.get("reason")
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        message = f'reason is null or an object of texts by language, such as {{"en": "..."}}, not {type_name(value)}'
        faults.append(RuleFault("/reason", "not_an_object", message))
        return {}
    reason: dict[str, str] = {}
    for language, text in value.items():
        if not _LANGUAGE.fullmatch(language):
            message = "a language is named by its code, such as en, de or fr-CH"
            faults.append(RuleFault(pointer_to("/reason", language), "bad_language", message))
        elif not isinstance(text, str) or not 0 < len(text.encode("utf-8", "surrogatepass")) <= TEXT_BYTES_MAX:
            message = f"a reason is a text of 1 to {TEXT_BYTES_MAX} bytes"
            faults.append(RuleFault(pointer_to("/reason", language), "bad_text", message))
        else:
            reason[language] = text
    return reason
