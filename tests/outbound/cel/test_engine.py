"""What a CEL leaf says of a request, and what is refused when it is saved."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rules.builders import cell, rows

from tidegate.bootstrap.engines import rule_engines
from tidegate.core.rules.document import evaluate_document
from tidegate.core.rules.faults import InvalidRule
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.vocabularies import DESK_VOCABULARY
from tidegate.outbound.cel.engine import CelEngine

ENGINE = CelEngine(DESK_VOCABULARY)


def truth(text: str, **request: object) -> Truth:
    return ENGINE.compile(text)(nested_lookup(request))


def refusal(text: object) -> tuple[str, str, str]:
    with pytest.raises(InvalidRule) as refused:
        evaluate_document({"condition": {"all": [{"cel": text}]}}, engines=rule_engines())
    (fault,) = refused.value.faults
    return fault.pointer, fault.code, fault.message


# $ is context_data.x, whose JSON value stands in the first column
VALUES = """
10                     | $ < 11                        | TRUE
10                     | type($) == int                | TRUE
10.0                   | type($) == int                | TRUE
1E+2                   | $ == 100 && type($) == int    | TRUE
10.5                   | type($) == double             | TRUE
0.1                    | $ == 0.1                      | TRUE
9223372036854775807    | type($) == int                | TRUE
-9223372036854775808   | type($) == int                | TRUE
9223372036854776000    | type($) == double             | TRUE
9223372036854775808    | $ > 0                         | UNKNOWN
9223372036854775809    | $ > 0                         | UNKNOWN
12345678901234567890.5 | $ > 0                         | UNKNOWN
0.1000000000000000001  | $ > 0                         | UNKNOWN
1E+400                 | $ > 0                         | UNKNOWN
1E-400                 | $ >= 0.0                      | UNKNOWN
0.1000000000000000001  | $ > 0 || country == "CH"      | TRUE
0.1000000000000000001  | $ > 0 && country == "LI"      | FALSE
0.1000000000000000001  | country == "CH"               | TRUE
0.1000000000000000001  | has($)                        | UNKNOWN
"CH"                   | $ == country                  | TRUE
"CH"                   | $ > 5                         | UNKNOWN
true                   | $                             | TRUE
false                  | $                             | FALSE
"true"                 | $                             | UNKNOWN
1                      | $                             | UNKNOWN
absent                 | $ == 1                        | UNKNOWN
absent                 | !($ == 1)                     | UNKNOWN
absent                 | has($)                        | FALSE
null                   | $ == null                     | UNKNOWN
null                   | has($)                        | FALSE
[1, null, "a"]         | $.size() == 3 && $[1] == null | TRUE
[1, 2]                 | $.exists(n, n > 1)            | TRUE
[1, 2]                 | $[5] == 1                     | UNKNOWN
[1, 2]                 | $["a"] == 1                   | UNKNOWN
[0.1000000000000000001] | $.size() == 1                | UNKNOWN
{"a": 0.1000000000000000001, "b": 1} | $.b == 1        | TRUE
{"a": 0.1000000000000000001, "b": 1} | $.a == 1        | UNKNOWN
{"a": 0.1000000000000000001, "b": 1} | $.size() == 2   | UNKNOWN
{"a.b": 1}             | $["a.b"] == 1                 | TRUE
{"a": null}            | $.size() == 0                 | TRUE
5                      | $.a == 1                      | UNKNOWN
0                      | 1 / $ == 1                    | UNKNOWN
9223372036854775807    | $ + 1 > 0                     | UNKNOWN
"["                    | country.matches($)            | UNKNOWN
[1, 2]                 | [3].exists(context_data, context_data == 3) | TRUE
{"a": [{"n": 1}, {"n": 2}]} | $.a.exists(i, $.a.exists(j, j.n == i.n + 1)) | TRUE
"""


@pytest.mark.parametrize(("x", "text", "result"), list(rows(VALUES)))
def test_leaf_on_a_value_gives_the_truth_of_the_table(x: str, text: str, result: str) -> None:
    """RU-602 RU-603: int64 and exact doubles are told; what is wrong, missing, in error or inexact is UNKNOWN."""
    value = cell(x)
    fields = {} if value is ... else {"x": value}
    assert truth(text.replace("$", "context_data.x"), country="CH", context_data=fields).value == result


ANSWERS = """
{"status": "ACTIVE"}                     | providers.zefix.status == "ACTIVE"       | TRUE
{"status": "ACTIVE"}                     | providers["zefix"]["status"] == "ACTIVE" | TRUE
{"status": "ACTIVE"}                     | providers.zefix.call == "SUCCESS"        | TRUE
{"status": "ACTIVE"}                     | has(providers.zefix.capital)             | FALSE
{"status": "ACTIVE"}                     | providers.zefix.capital > 5              | UNKNOWN
{"failure": "timeout"}                   | providers.zefix.status == "ACTIVE"       | UNKNOWN
{"failure": "timeout"}                   | providers.zefix.status != "ACTIVE"       | UNKNOWN
{"failure": "timeout"}                   | has(providers.zefix.status)              | UNKNOWN
{"failure": "timeout"}                   | has(providers.zefix)                     | UNKNOWN
{"failure": "timeout"}                   | providers.zefix.size() == 1              | UNKNOWN
{"failure": "timeout"}                   | providers.zefix.call == "TIMEOUT"        | TRUE
{"failure": "failure"}                   | providers.zefix.call == "FAILURE"        | TRUE
{"failure": "failure"}                   | providers.zefix.failure == "failure"     | UNKNOWN
{"failure": "failure"}                   | providers.zefix.x == 1 || country == "CH" | TRUE
{"call": "TIMEOUT", "status": "ACTIVE"}  | providers.zefix.status == "ACTIVE"       | UNKNOWN
absent                                   | providers.zefix.call == "NOT_CALLED"     | TRUE
absent                                   | providers.zefix.status == "ACTIVE"       | UNKNOWN
absent                                   | has(providers.zefix.call)                | TRUE
"""


@pytest.mark.parametrize(("answer", "text", "result"), list(rows(ANSWERS)))
def test_leaf_on_a_provider_gives_the_truth_of_the_table(answer: str, text: str, result: str) -> None:
    """RU-604: A field of a provider that did not answer is UNKNOWN, whether it is there too; its call can be read."""
    value = cell(answer)
    assert truth(text, country="CH", providers={} if value is ... else {"zefix": value}).value == result


def test_leaf_reads_history_and_every_text_of_the_request() -> None:
    """RU-601: The request's texts, context_data, history and providers are the variables."""
    history = {"count": {"PT24H": Decimal(4)}}
    assert truth("history.count.PT24H > 3", history=history) is Truth.TRUE
    names = ("trace_id", "subject_id", "source_system", "country", "product_type", "risk_category")
    for name in names:
        assert truth(f"{name} == 'a' + 'b'", **{name: "ab"}) is Truth.TRUE
        assert truth(f"{name} == 'ab'") is Truth.UNKNOWN


SAVED = """
context_data.a +                | at line 1, column 17: Syntax error
contxt_data.a == 1              | at line 1, column 12: undeclared reference to 'contxt_data.a'
country + 1 == 'a'              | at line 1, column 9: found no matching overload
country                         | it gives string; a condition gives bool
[1, 2].map(x, x)                | it gives list
providers.exists(n, true)       | a provider is read by its name
providers[country] == 1         | a provider is read by its name
country.lowerAscii() == 'ch'    | undeclared reference to 'lowerAscii'
((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))) == 1 | recursion limit
"""


@pytest.mark.parametrize(("text", "message"), [row for row in rows(SAVED) if len(row) == 2 and row[1]])
def test_saving_a_wrong_expression_tells_where_and_why(text: str, message: str) -> None:
    """RU-605: An expression that does not type-check to bool is a fault of its leaf, with line and column."""
    pointer, code, told = refusal(text)
    assert (pointer, code) == ("/all/0", "bad_cel")
    assert message in told


def test_saving_tells_the_line_of_a_long_expression() -> None:
    """RU-605: The position is in the expression's own lines."""
    assert "at line 2, column 4: undeclared reference to 'b'" in refusal("true\n&& b")[2]


@pytest.mark.parametrize(("size", "passes"), [(4096, True), (4097, False)])
def test_text_of_four_kibibytes_is_the_longest(size: int, passes: bool) -> None:
    """RU-606: An expression has at most 4 KiB; at the bound passes."""
    text = "true" + " " * (size - 4)
    if passes:
        assert evaluate_document({"condition": {"cel": text}}, engines=rule_engines())["result"] == "TRUE"
    else:
        assert refusal(text)[1] == "text_too_long"


def test_gate_refuses_cel_though_an_engine_is_there() -> None:
    """RU-112: The order gate has no CEL."""
    with pytest.raises(InvalidRule) as refused:
        evaluate_document({"condition": {"cel": "1 < 2"}, "context": "gate"}, engines=rule_engines())
    assert refused.value.faults[0].code == "cel_not_allowed"


LONG = [Decimal(number) for number in range(20_000)]
OBJECTS = [{"name": f"name {number}", "value": Decimal(number)} for number in range(9_000)]
L = "context_data.l"
BOMBS = {
    "four loops": f"{L}.all(a, {L}.all(b, {L}.all(c, {L}.all(d, true))))",
    "a list too long for the engine": f"{L}.all(x, x >= 0)",
    "a list copied at each step": f"{L}.map(x, x + 1).size() > 0",
    "a list copied into each element": f"context_data.o.map(x, {L}).size() > 0",
    "a text doubled twenty times": "[country]" + ".map(x, x + x)" * 20 + ".size() > 0",
    "a list doubled twenty times": "[[1]]" + ".map(x, [x, x])" * 20 + ".size() > 0",
    "a long text added up": "[context_data.t]" + ".map(x, x + x + x)" * 8 + ".size() > 0",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", BOMBS)
def test_bomb_ends_unknown_within_its_bound(name: str) -> None:
    """RU-607: What would cost more than its bound is UNKNOWN and is not begun, whatever the machine."""
    program = ENGINE.compile(BOMBS[name])
    fields = {"l": LONG, "o": OBJECTS, "t": "t" * 100_000}
    for _ in range(3):
        assert program(nested_lookup({"country": "CH", "context_data": fields})) is Truth.UNKNOWN


def test_macros_nest_four_deep_and_no_deeper() -> None:
    """RU-607: At most four macros stand inside one another; four pass."""
    four = "[1].all(a, [1].all(b, [1].all(c, [1].all(d, a + b + c + d == 4))))"
    assert truth(four) is Truth.TRUE
    with pytest.raises(ValueError, match="at most 4 macros"):
        ENGINE.compile(four.replace("a + b + c + d == 4", "[1].all(e, true)"))


def test_ordinary_lists_are_within_the_bound() -> None:
    """RU-607: Looking through thousands of elements, or comparing a hundred with one another, is not refused."""
    fields = {"o": OBJECTS, "m": OBJECTS[:90]}
    assert truth("context_data.o.exists(x, x.value == 8999)", context_data=fields) is Truth.TRUE
    assert (
        truth("context_data.o.filter(x, x.value < 100).size() == 100", context_data={"o": OBJECTS[:2000]}) is Truth.TRUE
    )
    pairs = "context_data.m.all(x, context_data.m.exists_one(y, x.name == y.name))"
    assert truth(pairs, context_data=fields) is Truth.TRUE


def test_threads_share_an_expression() -> None:
    """RU-608: One expression evaluates in many threads at once, each on its own request."""
    program = ENGINE.compile("context_data.n % 2 == 0 && context_data.l.exists(x, x == context_data.n)")

    def run(number: int) -> bool:
        fields = {"n": Decimal(number), "l": [Decimal(number)]}
        wanted = Truth.FALSE if number % 2 else Truth.TRUE
        return all(program(nested_lookup({"context_data": fields})) is wanted for _ in range(500))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(16)))


numbers = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(lambda d: abs(d.adjusted()) < 400)


@given(numbers, numbers)
def test_comparison_is_right_or_unknown(left: Decimal, right: Decimal) -> None:
    """RU-602: Two numbers compare as the exact numbers do, or not at all."""
    found = truth("context_data.a < context_data.b", context_data={"a": left, "b": right})
    assert found is Truth.UNKNOWN or (found is Truth.TRUE) == (left < right)


json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | numbers | st.integers().map(Decimal),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc."), below, max_size=3),
    max_leaves=6,
)
TEXTS = ["has($.a)", "$.a == $.b", "$.a.b.c", "$.a[0] > 1", "$.exists(k, $[k] == 1)", "size($.a) > 1", "$.a in $.b"]


@given(json_values, st.sampled_from(TEXTS))
def test_leaf_never_raises(value: object, text: str) -> None:
    """RU-603: Whatever the request holds, a leaf gives a truth."""
    assert truth(text.replace("$", "context_data.x"), context_data={"x": value}) in list(Truth)
