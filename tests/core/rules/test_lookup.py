"""Paths in a request, and what a provider's field is when its call did not succeed."""

import pytest
from tests.core.rules.builders import both_ways, parsed

from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import UNAVAILABLE

REQUEST: dict[str, object] = {
    "country": "CH",
    "context_data": {"a": {"b": 1}, "list": [{"b": 1}], "null": None, "0": "zero", "text": "abc"},
    "providers": {
        "zefix": {"call": "SUCCESS", "found": True, "status": "ACTIVE", "address": {"town": "Zug"}},
        "plain": {"status": "ACTIVE"},
        "crif": {"call": "TIMEOUT", "status": "STALE"},
        "sst": {"failure": "timeout"},
        "own": {"failure": "failure"},
        "odd": {"call": 5},
        "none": None,
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("country", "CH"),
        ("context_data.a.b", 1),
        ("context_data.a", {"b": 1}),
        ("context_data.0", "zero"),
        ("context_data.a.absent", None),
        ("context_data.null", None),
        ("context_data.null.b", None),
        ("context_data.list.0", None),
        ("context_data.list.b", None),
        ("context_data.text.0", None),
        ("absent.b", None),
    ],
)
def test_path_segment_is_an_object_key_and_nothing_else(path: str, value: object) -> None:
    """RU-104: no array index, no way into a text; what is not there is missing."""
    assert nested_lookup(REQUEST)(path) == value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("providers.zefix.status", "ACTIVE"),
        ("providers.zefix.address.town", "Zug"),
        ("providers.zefix.absent", None),
        ("providers.zefix.call", "SUCCESS"),
        ("providers.plain.status", "ACTIVE"),
        ("providers.plain.call", "SUCCESS"),
        ("providers.crif.status", UNAVAILABLE),
        ("providers.crif.found", UNAVAILABLE),
        ("providers.crif.call", "TIMEOUT"),
        ("providers.sst.status", UNAVAILABLE),
        ("providers.sst.call", "TIMEOUT"),
        ("providers.own.call", "FAILURE"),
        ("providers.odd.status", UNAVAILABLE),
        ("providers.odd.call", "FAILURE"),
        ("providers.none.status", UNAVAILABLE),
        ("providers.none.call", "NOT_CALLED"),
        ("providers.absent.status", UNAVAILABLE),
        ("providers.absent.call", "NOT_CALLED"),
    ],
)
def test_provider_field_is_unavailable_unless_the_provider_answered(path: str, value: object) -> None:
    """RU-201: a provider that did not answer says nothing about its fields; how the call went can always be read."""
    assert nested_lookup(REQUEST)(path) == value


def test_provider_field_without_any_providers_is_unavailable() -> None:
    """RU-201: a request that carries no answers has asked nobody."""
    assert nested_lookup({})("providers.zefix.status") is UNAVAILABLE
    assert nested_lookup({"providers": "none"})("providers.zefix.status") is UNAVAILABLE


@pytest.mark.parametrize(
    ("path", "exists"),
    [
        ("providers.zefix.status", Truth.TRUE),
        ("providers.zefix.absent", Truth.FALSE),
        ("providers.crif.status", Truth.UNKNOWN),
        ("providers.absent.status", Truth.UNKNOWN),
        ("providers.crif.call", Truth.TRUE),
        ("providers.absent.call", Truth.TRUE),
    ],
)
def test_presence_of_a_provider_field_is_unknown_when_the_call_failed(path: str, exists: Truth) -> None:
    """RU-203: FALSE or TRUE only when the provider answered; an explanation shows no value for it."""
    result, leaves = both_ways(parsed({"field": path, "op": "exists"}), REQUEST)
    assert result is exists
    if exists is not Truth.TRUE:
        assert leaves[0].actual is None
    inverse, _ = both_ways(parsed({"field": path, "op": "missing"}), REQUEST)
    assert (inverse is Truth.UNKNOWN) is (exists is Truth.UNKNOWN)
    assert inverse is not exists or exists is Truth.UNKNOWN


@pytest.mark.parametrize("op", ["eq", "ne", "in", "not_in", "starts_with"])
def test_comparison_with_an_unavailable_field_is_unknown(op: str) -> None:
    """RU-201: not even ne and not_in hold on what nobody knows."""
    value: object = ["ACTIVE"] if op in ("in", "not_in") else "ACTIVE"
    leaf = parsed({"field": "providers.crif.status", "op": op, "value": value})
    assert both_ways(leaf, REQUEST)[0] is Truth.UNKNOWN
