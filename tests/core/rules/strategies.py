"""Random conditions and requests, out of few values and fields, so that leaves meet what fits and what does not."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from tests.core.rules.builders import ENGINES

from tidegate.core.rules.parse import Engines, RuleInputs, parse_condition
from tidegate.core.rules.tree import CelProgram, Condition
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lookup
from tidegate.core.rules.vocabularies import DESK_VOCABULARY

TEXTS = ["", "CH", "ch", "\u00e9", "e\u0301", "stra\u00dfe", "STRASSE", "1", "1.0", "-2.50", "01", "2026-01-01"]
INSTANTS = ["2025-12-31T23:00:00Z", "2026-01-01T00:00:00+01:00", "2016-12-31T23:59:60.5Z", "2026-01-01T00:00:00.1Z"]
NUMBERS = [Decimal(text) for text in ("0", "1", "1.0", "-2.5", "1E+400", "1E-400")]
FIELDS = ["country", "context_data.a", "context_data.b", "context_data.c.d", "providers.p.x", "providers.q.x"]
PATTERNS = ["^C", "[0-9]", "\u00e9$", "(?i)strasse"]
DURATIONS = ["P1D", "PT1H", "PT0S", "P9W"]
RANGES = [[-3, 1], ["1", 2], [1, 1], ["2025-12-31T23:00:00Z", "2026-01-01T00:00:00Z"]]
LISTS: dict[str, list[Any]] = {"mixed": ["CH", "1.0", Decimal(1), True], "texts": ["CH", "\u00e9"], "empty": []}

scalars = st.sampled_from([*TEXTS, *INSTANTS]) | st.sampled_from(NUMBERS) | st.booleans()
field_values: st.SearchStrategy[Any] = (
    scalars | st.none() | st.lists(scalars | st.none(), max_size=3) | st.just({"d": "CH"}) | st.just({})
)
open_fields = st.sampled_from(FIELDS[1:])


def leaf_of(
    op: str, value: st.SearchStrategy[Any], *, fields: st.SearchStrategy[str] = open_fields
) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"field": fields, "op": st.just(op), "value": value})


def reference(kind: str, names: list[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.sampled_from([{kind: name} for name in names])


any_text = st.sampled_from([*TEXTS, *INSTANTS])
# What orders, and only that: booleans are refused beside an ordering op.
ordered = any_text | st.sampled_from(NUMBERS)
other = reference("field", FIELDS[1:])
leaves = st.one_of(
    *[leaf_of(op, scalars | other) for op in ("eq", "ne", "contains")],
    *[leaf_of(op, any_text | other) for op in ("eq_fold", "starts_with", "ends_with")],
    *[leaf_of(op, ordered | other | reference("param", ["limit"])) for op in ("gt", "gte", "lt", "lte")],
    *[leaf_of(op, st.lists(scalars, max_size=4) | other | reference("list", list(LISTS))) for op in ("in", "not_in")],
    leaf_of("between", st.sampled_from(RANGES)),
    leaf_of("matches", st.sampled_from(PATTERNS)),
    *[leaf_of(op, st.sampled_from(DURATIONS)) for op in ("older_than", "newer_than")],
    st.fixed_dictionaries({"field": st.sampled_from(FIELDS), "op": st.sampled_from(["exists", "missing"])}),
    st.fixed_dictionaries({"cel": st.sampled_from(["context_data.a", "context_data.b"])}),
)
conditions = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.fixed_dictionaries({"all": st.lists(below, min_size=1, max_size=4)}),
        st.fixed_dictionaries({"any": st.lists(below, min_size=1, max_size=4)}),
        st.fixed_dictionaries({"not": below}),
    ),
    max_leaves=8,
)
requests = st.fixed_dictionaries(
    {
        "country": st.sampled_from(["CH", "LI"]),
        "context_data": st.fixed_dictionaries(
            {}, optional={"a": field_values, "b": field_values, "c": st.fixed_dictionaries({"d": field_values})}
        ),
        "providers": st.fixed_dictionaries(
            {"p": st.fixed_dictionaries({"call": st.sampled_from(["SUCCESS", "TIMEOUT"]), "x": field_values})},
            optional={"q": st.fixed_dictionaries({}, optional={"x": field_values})},
        ),
    }
)


def cel_compiler(path: str) -> CelProgram:
    """An expression that is a path: TRUE or FALSE when the field is a boolean, else UNKNOWN."""

    def program(lookup: Lookup) -> Truth:
        value = lookup(path)
        return (Truth.TRUE if value else Truth.FALSE) if isinstance(value, bool) else Truth.UNKNOWN

    return program


def random_tree(condition: object) -> Condition:
    engines = Engines(regex=ENGINES.regex, cel=cel_compiler)
    return parse_condition(
        condition, DESK_VOCABULARY, inputs=RuleInputs({"limit": Decimal("0.5")}, LISTS), engines=engines
    )
