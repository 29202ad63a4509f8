"""Rules, thresholds and managed lists of the desk as rows of a file: as in the REST API, ids optional."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.logic import logic_faults
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_rule import WEIGHT_MAX, Category, RiskRule
from tidegate.core.assessment.risk_threshold import SCORE_MAX, SCORE_MIN, RiskThreshold
from tidegate.core.assessment.rule_set import LISTS, RULES, THRESHOLDS, InvalidRuleSet, RuleSet, build_rule_set
from tidegate.core.assessment.scopes import read_scope
from tidegate.core.assessment.thresholds import threshold_faults
from tidegate.core.assessment.verdict import RESERVED_CODES
from tidegate.core.kernel.readings import Unreadable, read_identifier, read_uuid
from tidegate.core.rules.faults import RuleFault, pointer_to
from tidegate.core.rules.limits import TEXT_BYTES_MAX
from tidegate.core.rules.parse import Engines
from tidegate.core.rules.scope import Scope
from tidegate.core.rules.values import Scalar, type_name
from tidegate.inbound.scenario.exact_values import exact, exact_value, note_faults
from tidegate.inbound.scenario.faults import ScenarioFault
from tidegate.inbound.scenario.json_text import JsonObject, Number
from tidegate.inbound.scenario.row import Row

_NUMBER_CHARACTERS_MAX: Final = 32
_KEPT_WITH_A_ROW: Final = frozenset({"created_at", "updated_at", "changed_by"})
"""What the REST API says of a row besides, so that its rows can be taken over as they are."""

_TABLE_KEYS: Final = {RULES: "rules", THRESHOLDS: "thresholds", LISTS: "lists"}


@dataclass(frozen=True, slots=True)
class DeskRows:
    """What a file says about the desk, every row sound for itself; ``rules_key`` is the file's key of the rules."""

    rules: Sequence[RiskRule]
    thresholds: Sequence[RiskThreshold]
    lists: Sequence[ManagedList]
    rules_key: str = "rules"


def read_desk_rows(file: Row, *, rules_key: str = "rules") -> DeskRows:
    """Read the rows; their faults are noted. What they are together is checked by ``rule_set_of``."""
    lists = tuple(_read_lists(file))
    rules = tuple(_rule(row) for row in file.rows(rules_key))
    thresholds = tuple(_threshold(row) for row in file.rows("thresholds"))
    return DeskRows(rules, thresholds, lists, rules_key)


def note_logic_faults(rows: DeskRows, file: Row, *, engines: Engines) -> None:
    """Check each rule's logic, and the ranges together, where other rows are not sound: every fault is told at once."""
    _note_logic_faults(file, rows, engines=engines, only=[rule for rule in rows.rules if rule.logic_config])
    table = file.at("thresholds")
    if not any(fault.field.startswith(table) for fault in file.faults):
        for wrong in threshold_faults(rows.thresholds):
            file.faults.append(ScenarioFault(f"{table}/{wrong.places[0]}", wrong.message))


def rule_set_of(rows: DeskRows, file: Row, *, engines: Engines) -> RuleSet | None:
    """Check sound rows as saving would, also those that are not active, and compile the active ones.

    None after a fault, which is noted.
    """
    _note_logic_faults(file, rows, engines=engines, only=[rule for rule in rows.rules if not rule.is_active])
    try:
        return build_rule_set(rows.rules, rows.thresholds, lists=rows.lists, engines=engines)
    except InvalidRuleSet as invalid:
        for each in invalid.faults:
            key = rows.rules_key if each.table == RULES else _TABLE_KEYS[each.table]
            note_faults(file, [each.fault], pointer=f"{file.at(key)}/{each.place}")
        return None


def _note_logic_faults(file: Row, rows: DeskRows, *, engines: Engines, only: Sequence[RiskRule]) -> None:
    list_names = [each.name for each in rows.lists]
    places = {id(rule): place for place, rule in enumerate(rows.rules)}
    for rule in only:
        found = logic_faults(rule.logic_config, list_names=list_names, engines=engines)
        note_faults(file, found, pointer=f"{file.at(rows.rules_key)}/{places[id(rule)]}/logic_config")


def _rule(row: Row) -> RiskRule:
    logic_config = exact_value(row, "logic_config")
    if not isinstance(logic_config, dict):
        if row.sound:
            row.fault("logic_config", "must be an object" if row.has("logic_config") else "is required")
        logic_config = {}
    rule = RiskRule(
        rule_code=_rule_code(row),
        category=row.choice("category", Category),
        weight=_whole(row, "weight", low=-WEIGHT_MAX, high=WEIGHT_MAX),
        logic_config=logic_config,
        scope=_scope(row),
        is_active=row.flag("is_active", default=True),
        rule_id=_row_id(row),
        version=row.count("version", default=1, at_least=1),
    )
    row.close(_KEPT_WITH_A_ROW)
    return rule


def _rule_code(row: Row) -> str:
    rule_code = row.text("rule_code")
    if rule_code in RESERVED_CODES:
        row.fault("rule_code", "is a reason code that the desk itself gives; choose another")
    return rule_code


def _threshold(row: Row) -> RiskThreshold:
    score_from = _whole(row, "score_from", low=SCORE_MIN, high=SCORE_MAX)
    score_to = _whole(row, "score_to", low=SCORE_MIN, high=SCORE_MAX)
    if row.sound and score_to < score_from:
        row.fault("score_to", "must not be below score_from")
    threshold = RiskThreshold(
        score_from=score_from,
        score_to=max(score_from, score_to),
        decision=row.choice("decision", Decision),
        scope=_scope(row),
        is_active=row.flag("is_active", default=True),
        threshold_id=_row_id(row),
        version=row.count("version", default=1, at_least=1),
    )
    row.close(_KEPT_WITH_A_ROW)
    return threshold


def _read_lists(file: Row) -> Iterable[ManagedList]:
    """``{name: [entries]}``: texts, numbers and booleans."""
    row = file.row("lists")
    if row is None:
        return
    for name in row.keys():  # noqa: SIM118 - a row is no mapping
        pointer = row.at(name)
        entries = exact(row, row.value(name), pointer=pointer)
        if not _is_name(name):
            note_faults(row, [RuleFault("", "bad_name", "a list's name is 1 to 128 printable bytes")], pointer=pointer)
        elif isinstance(entries, list):
            note_faults(row, _entry_faults(entries), pointer=pointer)
            yield ManagedList(name, tuple(entry for entry in entries if isinstance(entry, Scalar)))
        else:
            if row.sound:
                row.fault(name, f"must be a list of texts, numbers or booleans, not {type_name(entries)}")
            # rules that name it are not wrong for that
            yield ManagedList(name, ())


def _entry_faults(entries: Sequence[object]) -> Iterable[RuleFault]:
    for place, entry in enumerate(entries):
        if not isinstance(entry, Scalar):
            message = f"an entry is a text, a number or a boolean, not {type_name(entry)}"
            yield RuleFault(pointer_to("", place), "bad_entry", message)
        elif isinstance(entry, str) and len(entry.encode()) > TEXT_BYTES_MAX:
            yield RuleFault(pointer_to("", place), "text_too_long", f"a text has at most {TEXT_BYTES_MAX} bytes")


def _is_name(name: str) -> bool:
    try:
        read_identifier(name)
    except Unreadable:
        return False
    return True


def _scope(row: Row) -> Scope:
    if not row.has("scope"):
        return {}
    value = row.value("scope")
    if not isinstance(value, JsonObject):
        row.fault("scope", "must be an object of lists by country, product_type, risk_category, source_system")
        return {}
    source = exact_value(row, "scope")
    if not isinstance(source, Mapping):
        return {}
    scope, faults = read_scope(source)
    note_faults(row, faults, pointer=row.at("scope"))
    return scope


def _row_id(row: Row) -> str:
    return row.text("id", reader=read_uuid) if row.has("id") else ""


def _whole(row: Row, key: str, *, low: int, high: int) -> int:
    """A required JSON number that is whole, in whatever way it is written (100, 100.0, 1e2)."""
    value = row.value(key)
    if value is None:
        row.fault(key, "is required")
        return low
    digits = value.text if isinstance(value, Number) else ""
    number = _number(digits) if 0 < len(digits) <= _NUMBER_CHARACTERS_MAX else None
    if number is None or number.adjusted() > _NUMBER_CHARACTERS_MAX or number != number.to_integral_value():
        row.fault(key, f"must be a whole number from {low} to {high}")
        return low
    if not low <= number <= high:
        row.fault(key, f"must be {low} to {high}")
        return low
    return int(number)


def _number(digits: str) -> Decimal | None:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
