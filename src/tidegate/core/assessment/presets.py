"""Rules that are given by parameters alone: each becomes a condition of the rule language.

=================  ===================================================  ==========================================
type               parameters                                           fires when
=================  ===================================================  ==========================================
country_in         countries                                            the request's country is one of them
value_in           field, values                                        the field's value is one of them
threshold          field, op, value                                     the comparison holds
required           fields                                               any of the fields is missing
velocity           window, count_gt, by (subject_id)                    the subject's other COMPLETED assessments
                                                                        in the window are more than that
name_screening     field, lists, score_gte (0.85), birth_date_field,    the best match of the name scores so much
                   country_field                                        or more
company_register   uid_field, statuses                                  the company has one of the statuses
=================  ===================================================  ==========================================

Where a parameter is a list of values, ``{"list": name}`` names a managed list instead.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from tidegate.core.assessment.history import ROOT as HISTORY
from tidegate.core.assessment.history import parse_window, window_name
from tidegate.core.assessment.provider_questions import SCREENING, ZEFIX, ProviderQuestion
from tidegate.core.assessment.vocabulary import PROVIDERS, RULE_VOCABULARY
from tidegate.core.rules.faults import RuleFault, pointer_to
from tidegate.core.rules.limits import TEXT_BYTES_MAX
from tidegate.core.rules.values import number_of, type_name

SCORE_GTE_DEFAULT: Final = Decimal("0.85")
REGISTER_STATUSES: Final = ("ACTIVE", "CANCELLED", "BEING_CANCELLED")
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_SUBJECT: Final = "subject_id"


@dataclass(frozen=True, slots=True)
class LeafHome:
    """Where in logic_config a leaf of the expanded condition is written: what it compares with, its field, its op."""

    value: str
    path: str = ""
    op: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A preset as a condition; ``homes`` goes by the leaf's pointer in that condition."""

    condition: Mapping[str, object]
    homes: Mapping[str, LeafHome]
    questions: Sequence[ProviderQuestion] = ()


@dataclass(slots=True)
class _Parameters:
    """The parameters of one preset, and what is wrong with them so far."""

    members: Mapping[str, object]
    faults: list[RuleFault] = field(default_factory=list)

    def fault(self, key: str, code: str, *, message: str) -> None:
        self.faults.append(RuleFault(pointer_to("", key), code, message))

    def request_path(self, key: str) -> str:
        """The path of a field of the request itself, which providers are told to read."""
        path = self.members.get(key)
        if not isinstance(path, str):
            self.fault(key, "unknown_field", message=f"{key} takes a path as text, not {type_name(path)}")
            return ""
        is_outside = path.startswith((f"{PROVIDERS}.", f"{HISTORY}."))
        if is_outside or len(path.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
            message = f"{key} takes the path of a field of the request, such as context_data.name"
            self.fault(key, "unknown_field", message=message)
        elif RULE_VOCABULARY.type_of(path) is None:
            message = f"desk rules know no field {path[:80]}; {RULE_VOCABULARY.advice_on(path)}"
            self.fault(key, "unknown_field", message=message)
        return path

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of one or more texts."""
        value = self.members.get(key)
        if not isinstance(value, list) or not value:
            self.fault(key, "literal_misfit", message=f"{key} takes a list of one or more texts")
            return ()
        for place, each in enumerate(value):
            if not isinstance(each, str) or not 0 < len(each.encode("utf-8", "surrogatepass")) <= TEXT_BYTES_MAX:
                message = f"an entry of {key} is a text of 1 to {TEXT_BYTES_MAX} bytes, not {type_name(each)}"
                self.faults.append(RuleFault(pointer_to(pointer_to("", key), place), "literal_misfit", message))
        return tuple(each for each in value if isinstance(each, str))

    def values(self, key: str) -> object:
        """A list of values, or a reference to a managed list; what stands in it is checked with the condition."""
        value = self.members.get(key)
        if not isinstance(value, list | Mapping):
            self.fault(key, "literal_misfit", message=f"{key} takes a list of values, not {type_name(value)}")
        return value

    def entries_must(self, key: str, fits: Callable[[str], bool], *, message: str) -> None:
        """Refuse the texts of a list that do not fit."""
        value = self.members.get(key)
        for place, each in enumerate(value if isinstance(value, list) else ()):
            if not isinstance(each, str) or not fits(each):
                self.faults.append(RuleFault(pointer_to(pointer_to("", key), place), "literal_misfit", message))


_Expander: TypeAlias = Callable[[_Parameters], Expansion]


@dataclass(frozen=True, slots=True)
class _Preset:
    required: tuple[str, ...]
    optional: tuple[str, ...]
    expand: _Expander


def preset_keys(kind: str) -> tuple[str, ...]:
    """Give the parameters that a preset takes."""
    preset = _PRESETS[kind]
    return (*preset.required, *preset.optional)


def preset_names() -> tuple[str, ...]:
    """Give the presets that there are."""
    return tuple(_PRESETS)


def expand_preset(kind: str, members: Mapping[str, object]) -> tuple[Expansion | None, list[RuleFault]]:
    """Turn a preset into its condition, or say what is wrong with its parameters (pointers from logic_config's root).

    ``kind`` is one of ``preset_names()``. Keys that are no parameters are left to the caller.
    """
    preset = _PRESETS[kind]
    missing = [key for key in preset.required if key not in members]
    if missing:
        return None, [RuleFault("", "missing_key", f"{kind} needs {key}") for key in missing]
    parameters = _Parameters(members)
    expansion = preset.expand(parameters)
    return (None if parameters.faults else expansion), parameters.faults


def _one_leaf(path: object, op: object, *, value: object, home: LeafHome) -> Expansion:
    return Expansion({"field": path, "op": op, "value": value}, {"": home})


def _country_in(parameters: _Parameters) -> Expansion:
    countries = parameters.values("countries")
    message = "a country is an ISO 3166-1 alpha-2 code in upper case, such as CH"
    parameters.entries_must("countries", lambda text: _COUNTRY.fullmatch(text) is not None, message=message)
    return _one_leaf("country", "in", value=countries, home=LeafHome("/countries"))


def _value_in(parameters: _Parameters) -> Expansion:
    values = parameters.values("values")
    return _one_leaf(parameters.members["field"], "in", value=values, home=LeafHome("/values", "/field"))


def _threshold(parameters: _Parameters) -> Expansion:
    members = parameters.members
    home = LeafHome("/value", "/field", "/op")
    return _one_leaf(members["field"], members["op"], value=members["value"], home=home)


def _required(parameters: _Parameters) -> Expansion:
    paths = parameters.texts("fields")
    leaves = [{"field": path, "op": "missing"} for path in paths]
    homes = {f"/any/{place}": LeafHome(f"/fields/{place}", f"/fields/{place}") for place in range(len(paths))}
    return Expansion({"any": leaves}, {**homes, "": LeafHome("/fields")})


def _velocity(parameters: _Parameters) -> Expansion:
    by, window = parameters.members.get("by", _SUBJECT), parameters.members["window"]
    if by != _SUBJECT:
        parameters.fault("by", "literal_misfit", message=f"by takes {_SUBJECT}; nothing else is counted")
    span = parse_window(window) if isinstance(window, str) else None
    name = window_name(span, window) if span is not None and isinstance(window, str) else None
    if name is None:
        right = "an ISO 8601 duration of weeks, days, hours, minutes and whole seconds, such as PT24H"
        parameters.fault("window", "bad_duration", message=f"window takes {right}")
    count = parameters.members["count_gt"]
    return _one_leaf(f"{HISTORY}.count.{name}", "gt", value=count, home=LeafHome("/count_gt", "/window"))


def _name_screening(parameters: _Parameters) -> Expansion:
    members = parameters.members
    content: dict[str, object] = {"field": parameters.request_path("field")}
    content["lists"] = sorted(set(parameters.texts("lists")))
    for key in ("birth_date_field", "country_field"):
        if key in members:
            content[key] = parameters.request_path(key)
    score = number_of(members.get("score_gte", SCORE_GTE_DEFAULT))
    if score is None or not 0 <= score <= 1:
        parameters.fault("score_gte", "literal_misfit", message="score_gte takes a number from 0 to 1, such as 0.85")
    question = ProviderQuestion(SCREENING, content)
    # a path cannot be named while the question is not sound
    path = "" if parameters.faults else question.path("score")
    home = LeafHome("/score_gte" if "score_gte" in members else "", "/field")
    leaf = {"field": path, "op": "gte", "value": score}
    return Expansion(leaf, {"": home}, (question,))


def _company_register(parameters: _Parameters) -> Expansion:
    uid_field = parameters.request_path("uid_field")
    statuses = parameters.values("statuses")
    message = f"a status is one of {', '.join(REGISTER_STATUSES)}"
    parameters.entries_must("statuses", lambda text: text in REGISTER_STATUSES, message=message)
    question = ProviderQuestion(ZEFIX, {"field": uid_field})
    path = "" if parameters.faults else question.path("status")
    leaf = {"field": path, "op": "in", "value": statuses}
    return Expansion(leaf, {"": LeafHome("/statuses", "/uid_field")}, (question,))


_PRESETS: Final[Mapping[str, _Preset]] = {
    "country_in": _Preset(("countries",), (), _country_in),
    "value_in": _Preset(("field", "values"), (), _value_in),
    "threshold": _Preset(("field", "op", "value"), (), _threshold),
    "required": _Preset(("fields",), (), _required),
    "velocity": _Preset(("window", "count_gt"), ("by",), _velocity),
    "name_screening": _Preset(("field", "lists"), ("score_gte", "birth_date_field", "country_field"), _name_screening),
    "company_register": _Preset(("uid_field", "statuses"), (), _company_register),
}
