"""Any provider that answers JSON over HTTP: templates filled, answers mapped, definitions checked."""

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.outbound.providers.builders import JSON, SST, a_call, a_reply, an_sst

from tidegate.core.rules.json_exact import read_json
from tidegate.outbound.providers.exchange import AttemptFailed, NotAsked, Question
from tidegate.outbound.providers.generic import GenericAdapter
from tidegate.outbound.providers.generic_definition import InvalidDefinitions, read_definitions

A_DEFINITION: dict[str, object] = {
    "name": "bureau",
    "base_url": "https://bureau.example/api",
    "path": "/people/{context_data.id}",
    "fields": {"score": {"path": "score", "type": "number"}},
}


def adapter(**changes: object) -> GenericAdapter:
    (definition,) = read_definitions(json.dumps([{**A_DEFINITION, **changes}]))
    return GenericAdapter(definition)


def question_of(of: GenericAdapter, context: Mapping[str, object]) -> Question:
    (question,) = of.plan(a_call(context)).questions.values()
    return question


def test_generic_question_is_its_template_filled_from_the_request() -> None:
    """AS-540: values are one segment of the path, one value of the query, one member of the body, with their types."""
    asking = adapter(
        method="POST",
        path="/v1/{country}/people/{context_data.id}",
        query={"q": "name:{context_data.name}", "fixed": "1"},
        headers={"X-Client": "tidegate"},
        body={"who": {"field": "context_data.name"}, "list": [{"field": "context_data.income"}, 7], "flag": True},
    )
    question = question_of(asking, {"id": "a/../b?c#d %", "name": "Ä & Co", "income": Decimal("1.50")})
    assert question.path == "/v1/CH/people/a%2F..%2Fb%3Fc%23d%20%25"
    assert question.query == (("q", "name:Ä & Co"), ("fixed", "1"))
    assert question.headers == {"X-Client": "tidegate"}
    assert question.body == {"who": "Ä & Co", "list": [Decimal("1.50"), 7], "flag": True}


def test_generic_value_that_looks_like_a_template_is_not_filled_again() -> None:
    """AS-540: what a request holds is never read as a place of the request."""
    assert question_of(adapter(), {"id": "{subject_id}"}).path == "/people/%7Bsubject_id%7D"


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({}, "lacks context_data.id"),
        ({"id": None}, "lacks context_data.id"),
        ({"id": ""}, "empty"),
        ({"id": ["a"]}, "no text, number or boolean"),
        ({"id": {"a": "b"}}, "no text, number or boolean"),
        ({"id": ".."}, "is no name"),
        ({"id": "."}, "is no name"),
    ],
)
def test_generic_provider_is_not_asked_without_what_its_template_names(
    context: Mapping[str, object], told: str
) -> None:
    """AS-540: a place that is missing, or fits no path, is said by its name."""
    with pytest.raises(NotAsked, match=told):
        adapter().plan(a_call(context))


def test_generic_answer_is_mapped_by_path_and_type() -> None:
    """AS-541: dotted paths into objects and lists; numbers exact, from a plain decimal text too; the rest left out."""
    mapping = {
        "score": {"path": "result.score", "type": "number"},
        "score_text": {"path": "result.as_text", "type": "number"},
        "risk.band": {"path": "bands.1.name", "type": "text"},
        "risk.is_final": {"path": "result.final", "type": "boolean"},
        "flags": {"path": "flags", "type": "list"},
        "extra": {"path": "result", "type": "object"},
        "absent": {"path": "nothing.here", "type": "text"},
        "null": {"path": "null", "type": "text"},
    }
    result = {"score": Decimal("0.1000"), "as_text": "12.50", "final": False}
    document = {"result": result, "bands": [{}, {"name": "B"}], "flags": ["x"], "null": None, "unasked": 1}
    reading = adapter(fields=mapping)
    assert reading.read(question_of(reading, {"id": "1"}), a_reply(document)) == {
        "found": True,
        "score": Decimal("0.1000"),
        "score_text": Decimal("12.50"),
        "risk": {"band": "B", "is_final": False},
        "flags": ["x"],
        "extra": result,
    }


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "1e3"),
        ("number", True),
        ("text", 1),
        ("boolean", "true"),
        ("list", {}),
        ("object", []),
        ("text", None),
    ],
)
def test_generic_answer_of_another_type_is_a_failure(kind: str, value: object) -> None:
    """AS-510, AS-541: a required field that is missing, or any field of another type, is no answer."""
    reading = adapter(fields={"it": {"path": "a.b", "type": kind, "required": True}})
    with pytest.raises(AttemptFailed, match="another schema: /a/b"):
        reading.read(question_of(reading, {"id": "1"}), a_reply({"a": {"b": value}}))


@pytest.mark.parametrize(
    ("found", "status", "document", "is_found"),
    [
        (None, 200, {"score": 1}, True),
        (None, 404, {}, False),
        ({"path": "state", "equals": "HIT"}, 200, {"state": "HIT", "score": 1}, True),
        ({"path": "state", "equals": "HIT"}, 200, {"state": "MISS"}, False),
        ({"path": "hits", "equals": 1}, 200, {"hits": 1}, True),
        ({"path": "hits", "equals": True}, 200, {"hits": 1}, False),
        ({"path": "hits", "equals": True}, 200, {}, False),
    ],
)
def test_generic_provider_that_found_nothing_answered(
    found: object, status: int, document: object, is_found: bool
) -> None:
    """AS-515: by status, or by a value of the answer that the definition names."""
    reading = adapter() if found is None else adapter(found=found)
    assert reading.read(question_of(reading, {"id": "1"}), a_reply(document, status=status))["found"] is is_found


@pytest.mark.parametrize(
    ("changes", "pointer", "told"),
    [
        ({"name": "Bureau"}, "/0/name", "pattern"),
        ({"name": "zefix"}, "/0", "provider of its own"),
        ({"path": "people"}, "/0/path", "starts with /"),
        ({"path": "/a b"}, "/0/path", "escaped"),
        ({"path": "/{context_data.id"}, "/0/path", "brace"),
        ({"path": "/{trace_id}"}, "/0/path", "trace_id is no place"),
        ({"path": "/{}"}, "/0/path", "empty place"),
        ({"query": {"q": "{context_data..a}"}}, "/0/query/q", "no place"),
        ({"method": "DELETE"}, "/0/method", "pattern"),
        ({"headers": {"Authorization": "x"}}, "/0/headers/Authorization/[key]", "set here"),
        ({"headers": {"X-A": "a\r\nb"}}, "/0/headers/X-A", "pattern"),
        ({"body": {"a": 1}}, "/0", "GET has no body"),
        ({"method": "POST", "body": [{"field": "providers.x"}]}, "/0/body", "no place"),
        ({"fields": {}}, "/0/fields", "at least 1"),
        ({"fields": {"found": {"path": "a", "type": "text"}}}, "/0/fields/found/[key]", "meaning of its own"),
        ({"fields": {"a": {"path": "", "type": "text"}}}, "/0/fields/a/path", "pattern"),
        ({"fields": {"a": {"path": "a", "type": "date"}}}, "/0/fields/a/type", "number"),
        (
            {"fields": {"a": {"path": "a", "type": "text"}, "a.b": {"path": "b", "type": "text"}}},
            "/0",
            "lies in a, which is a field itself",
        ),
        ({"auth": {"type": "basic", "username": "me"}}, "/0/auth", "needs secret"),
        ({"auth": {"type": "bearer", "secret": "s", "scope": "x"}}, "/0/auth", "takes no scope"),
        ({"auth": {"type": "basic", "password": "hunter2"}}, "/0/auth/password", "not permitted"),
        ({"policy": {"timeout_ms": 0}}, "/0/policy/timeout_ms", "greater than or equal to 1"),
        ({"policy": {"timeout_ms": 1.5}}, "/0/policy/timeout_ms", "whole number"),
        ({"policy": {"timeout_ms": True}}, "/0/policy/timeout_ms", "whole number"),
        ({"policy": {"billed": True, "retries_max": 1}}, "/0/policy", "never asked again"),
        ({"policy": {"cost_micros": 5}}, "/0/policy", "billed"),
        ({"method": "POST", "policy": {"retries_max": 1}}, "/0", "repeatable"),
        ({"not_found_statuses": [200]}, "/0/not_found_statuses/0", "greater than or equal to 400"),
        ({"found": {"path": "a", "equals": None}}, "/0/found/equals", "a text, a number or a boolean"),
        ({"surprise": 1}, "/0/surprise", "not permitted"),
    ],
)
def test_definition_with_a_fault_is_refused_at_its_place(
    changes: Mapping[str, object], pointer: str, told: str
) -> None:
    """AS-542: the fault says where, and what would be right; no secret stands in it."""
    with pytest.raises(InvalidDefinitions) as refused:
        adapter(**changes)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert told in refused.value.faults[0].message
    assert "hunter2" not in str(refused.value)


def test_definitions_with_several_faults_name_every_one() -> None:
    """AS-542: one reading is enough to mend them all."""
    rows = [{**A_DEFINITION, "path": "x", "method": "PUT"}, {"name": "b"}, 7]
    with pytest.raises(InvalidDefinitions) as refused:
        read_definitions(json.dumps(rows))
    pointers = [fault.pointer for fault in refused.value.faults]
    assert sorted(pointers) == ["/0/method", "/0/path", "/1/base_url", "/1/fields", "/1/path", "/2"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("{}", "list"),
        ('[{"name": "a", "name": "b"}]', "named twice"),
        ("[NaN]", "NaN"),
        (json.dumps([A_DEFINITION, A_DEFINITION]), "bureau is defined twice"),
        (json.dumps([A_DEFINITION] * 33), "32"),
    ],
)
def test_definitions_that_are_no_list_of_different_providers_are_refused(text: str, told: str) -> None:
    """AS-542: strict JSON, a list, each name once."""
    with pytest.raises(InvalidDefinitions, match=told):
        read_definitions(text)


@given(
    changes=st.dictionaries(st.sampled_from(sorted([*A_DEFINITION, "query", "body", "auth", "policy", "found"])), JSON)
)
def test_definition_whatever_it_holds_is_read_or_refused(changes: dict[str, object]) -> None:
    """AS-542: never anything but a definition or its faults."""
    try:
        definitions = read_definitions(json.dumps([{**A_DEFINITION, **changes}]))
    except InvalidDefinitions:
        return
    assert len(definitions) == 1


@given(document=JSON | st.fixed_dictionaries({"result": st.fixed_dictionaries({"score": JSON, "band": JSON})}))
def test_generic_answer_whatever_it_holds_is_read_or_a_failure(document: object) -> None:
    """AS-514: no answer breaks the reading."""
    sst = an_sst()
    try:
        fields = sst.read(Question("GET", "/"), a_reply(document))
    except AttemptFailed:
        return
    assert isinstance(fields["score"], Decimal)


def test_sst_is_one_configuration_of_the_generic_provider() -> None:
    """AS-544: name, URL template, mapping; nothing of SST is in the code."""
    assert read_json(SST)
    sst = an_sst()
    assert sst.name == "sst"
    assert question_of(sst, {}) == Question("GET", "/v1/subjects/subject-1/score", query=(("country", "CH"),))
