"""Random rules, ranges, lists, answers and requests of the desk, out of few values so that everything meets."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from tests.core.assessment.builders import FAILED, NOW_US, TIMED_OUT, a_request, a_rule, answered, past, ranges
from tests.core.assessment.situations import COUNTRIES, PRODUCTS, WINDOWS, Situation

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.history import history_fields
from tidegate.core.assessment.outside import ProviderAnswer
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold

numbers = st.sampled_from([Decimal(text) for text in ("0", "0.5", "1", "2", "10")])
values = numbers | st.sampled_from(["x", "1", "", "2025-12-31T00:00:00Z"]) | st.booleans()
PATHS = [
    "context_data.a",
    "context_data.b",
    "country",
    "providers.p.x",
    "providers.q.x",
    "history.last.risk_score",
    "history.last.decision",
    *[f"history.{kind}.{window}" for kind in ("count", "rejected") for window in WINDOWS],
]
OPEN_PATHS = [path for path in PATHS if path.startswith(("context_data", "providers"))]
leaves = st.one_of(
    st.builds(lambda f, v: {"field": f, "op": "eq", "value": v}, st.sampled_from(OPEN_PATHS), values),
    st.builds(
        lambda f, op, v: {"field": f, "op": op, "value": v},
        st.sampled_from([path for path in PATHS if path not in {"country", "history.last.decision"}]),
        st.sampled_from(["gt", "lte"]),
        numbers,
    ),
    st.builds(lambda f, op: {"field": f, "op": op}, st.sampled_from(PATHS), st.sampled_from(["exists", "missing"])),
    st.just({"field": "country", "op": "in", "value": {"list": "banned"}}),
    st.just({"field": "context_data.a", "op": "in", "value": {"list": "empty"}}),
    st.just({"field": "context_data.b", "op": "older_than", "value": "P1D"}),
    st.just({"field": "history.last.decision", "op": "eq", "value": "REJECTED"}),
)
conditions = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.fixed_dictionaries({"all": st.lists(below, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(below, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": below}),
    ),
    max_leaves=4,
)
shared = st.fixed_dictionaries(
    {},
    optional={
        "on_unknown": st.sampled_from(["review", "trigger", "ignore"]),
        "outcome": st.sampled_from([None, "MANUAL_REVIEW", "REJECTED"]),
        "reason": st.sampled_from([None, {"en": "why"}]),
    },
)
presets = st.one_of(
    st.builds(lambda c: {"type": "country_in", "countries": c}, st.lists(st.sampled_from(COUNTRIES), max_size=2)),
    st.builds(lambda v: {"type": "value_in", "field": "context_data.a", "values": v}, st.lists(values, max_size=3)),
    st.builds(lambda v: {"type": "threshold", "field": "context_data.b", "op": "gt", "value": v}, numbers),
    st.just({"type": "required", "fields": ["context_data.a", "context_data.b"]}),
    st.builds(lambda w, n: {"type": "velocity", "window": w, "count_gt": n}, st.sampled_from(WINDOWS), numbers),
    st.builds(
        lambda n, score: {"type": "name_screening", "field": f"context_data.{n}", "lists": ["l"], "score_gte": score},
        st.sampled_from("ab"),
        st.sampled_from([Decimal("0.5"), Decimal(1)]),
    ),
    st.builds(
        lambda n: {"type": "company_register", "uid_field": f"context_data.{n}", "statuses": ["CANCELLED"]},
        st.sampled_from("ab"),
    ),
)
logics: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda logic, more: {**logic, **more},
    st.builds(lambda when: {"when": when, "providers": ["p", "q"]}, conditions) | presets,
    shared,
)
scopes = st.fixed_dictionaries(
    {},
    optional={
        "country": st.frozensets(st.sampled_from(COUNTRIES), min_size=1),
        "product_type": st.frozensets(st.sampled_from(PRODUCTS), min_size=1),
    },
)
weights = st.integers(-1_000, 1_000) | st.sampled_from([0, 50, 100, 250, -50])


@st.composite
def rules(draw: st.DrawFn) -> list[RiskRule]:
    count = draw(st.integers(0, 7))
    return [
        a_rule(
            draw(st.sampled_from("ABC")) + str(number),
            draw(logics),
            weight=draw(weights),
            scope=draw(scopes),
            is_active=draw(st.integers(0, 9)) > 0,
        )
        for number in range(count)
    ]


@st.composite
def thresholds(draw: st.DrawFn) -> list[RiskThreshold]:
    """Sound ranges: of every request, of some countries, of one country and product; each perhaps."""
    found: list[RiskThreshold] = []
    for scope in ({}, {"country": "CH"}, {"country": "DE"}, {"country": "CH", "product_type": "LOAN"}):
        if draw(st.booleans()):
            bounds = draw(st.lists(st.sampled_from([1, 50, 100, 300, 500, 1_000]), unique=True, max_size=4))
            decisions = draw(
                st.lists(st.sampled_from(list(Decision)), min_size=len(bounds) + 1, max_size=len(bounds) + 1)
            )
            found += ranges(*sorted(bounds), decisions=" ".join(decisions), **scope)
    return draw(st.permutations(found))


answers: st.SearchStrategy[ProviderAnswer] = st.one_of(
    st.sampled_from([FAILED, TIMED_OUT, answered(), answered(found=False), answered(status="CANCELLED")]),
    st.builds(lambda x: answered(x=x, score=x), values),
)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    request = a_request(
        country=draw(st.sampled_from(COUNTRIES)),
        product_type=draw(st.sampled_from(PRODUCTS)),
        context_data=draw(st.fixed_dictionaries({}, optional={"a": values | st.none(), "b": values})),
    )
    names = st.sampled_from(["p", "q", "zefix", "screening"])
    earlier = draw(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(list(Decision))), max_size=4))
    rows = tuple(past(hours, decision) for hours, decision in earlier)
    windows = draw(st.sampled_from([WINDOWS, WINDOWS[:1]]))
    return Situation(
        request=request,
        rules=draw(rules()),
        thresholds=draw(thresholds()),
        outside=draw(st.dictionaries(names, answers, max_size=4)),
        history=history_fields(rows, now_us=NOW_US, windows=windows),
        past=rows,
    )
