"""/v1/rules/validate and /v1/rules/test."""

from typing import Any

import pytest
from tests.inbound.rest.admin import errors_of
from tests.inbound.rest.desk.desk_api import DEBT_RATIO, DeskApi, a_list, a_request, a_rule, naming

from tidegate.core.kernel.trouble import DependencyFailed

RULES = "/v1/rules"


def test_a_draft_that_may_be_saved_says_what_it_reads(desk: DeskApi) -> None:
    """AS-216: fields, lists, providers and defaults; nothing is stored, and a code in use does not matter yet."""
    desk.made("/v1/lists", a_list())
    desk.made(RULES, a_rule("SAME"))
    logic = {
        "when": {
            "all": [
                {"field": "country", "op": "in", "value": {"list": "high_risk"}},
                {"field": "providers.zefix.status", "op": "ne", "value": {"field": "context_data.status"}},
            ]
        },
        "providers": ["zefix"],
        "outcome": "MANUAL_REVIEW",
    }
    answer = desk.call("POST", f"{RULES}/validate", json=a_rule("SAME", logic_config=logic))
    assert answer.status_code == 200
    assert answer.json() == {
        "valid": True,
        "fields": ["context_data.status", "country", "providers.zefix.status"],
        "lists": ["high_risk"],
        "providers": ["zefix"],
        "on_unknown": "review",
        "outcome": "MANUAL_REVIEW",
    }
    assert len(desk.call("GET", RULES).json()["items"]) == 1


def test_a_draft_is_tried_on_samples(desk: DeskApi) -> None:
    """AS-217: for each sample result, contribution, leaves and sentences; outside the scope there are none."""
    rule = a_rule(
        scope={"country": ["CH"]}, is_active=False, logic_config={**DEBT_RATIO, "reason": {"en": "much debt"}}
    )
    samples = [
        {"request": a_request()},
        {"request": a_request(context_data={"debt_ratio": 0.4})},
        {"request": a_request(context_data={})},
        {"request": a_request(country="DE")},
    ]
    answer = desk.call("POST", f"{RULES}/test", json={"rule": rule, "samples": samples})
    assert answer.status_code == 200, answer.text
    fired, quiet, unknown, outside = answer.json()["results"]
    assert fired == {
        "in_scope": True,
        "result": "TRUE",
        "contribution": 120,
        "reason": "much debt",
        "sentences": ["debt ratio 0.47 is above 0.40"],
        "leaves": [
            {
                "pointer": "/when",
                "field": "context_data.debt_ratio",
                "op": "gt",
                "expected": "0.40",
                "actual": "0.47",
                "result": "TRUE",
            }
        ],
    }
    assert (quiet["result"], quiet["contribution"], len(quiet["leaves"])) == ("FALSE", 0, 1)
    assert (unknown["result"], unknown["contribution"], unknown["leaves"][0]["actual"]) == ("UNKNOWN", 0, None)
    assert (outside["in_scope"], outside["result"], outside["leaves"]) == (False, None, [])
    assert desk.call("GET", RULES).json()["items"] == []


def test_a_draft_is_tried_with_providers_history_and_time(desk: DeskApi) -> None:
    """AS-217: provider answers, the subject's past and the time are part of a sample; lists are the stored ones."""
    desk.made("/v1/lists", a_list())
    register = {"when": {"field": "providers.zefix.status", "op": "eq", "value": "ACTIVE"}, "providers": ["zefix"]}
    velocity = {"type": "velocity", "window": "PT24H", "count_gt": 1, "by": "subject_id"}
    age = {"when": {"field": "context_data.since", "op": "older_than", "value": "P1D"}}
    past = [{"created_at": f"2026-01-01T{hour:02}:00:00Z", "decision": "APPROVED", "risk_score": 4} for hour in (1, 2)]

    def result(logic: dict[str, Any], **sample: Any) -> str:
        body = {"rule": a_rule(logic_config=logic), "samples": [{"request": a_request(), **sample}]}
        answer = desk.call("POST", f"{RULES}/test", json=body)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["results"][0]["result"]
        return found

    assert result(register, providers={"zefix": {"status": "ACTIVE"}}) == "TRUE"
    assert result(register, providers={"zefix": {"failure": "timeout"}}) == "UNKNOWN"
    assert result(register) == "UNKNOWN"
    assert result(velocity, history=past, now="2026-01-01T12:00:00Z") == "TRUE"
    assert result(velocity, history=past, now="2026-01-02T01:00:00Z") == "FALSE"
    assert result(naming("high_risk"), request=a_request(country="KP")) == "TRUE"
    old = a_request(context_data={"since": "2026-01-01T00:00:00Z"})
    assert result(age, request=old, now="2026-01-02T00:00:01Z") == "TRUE"
    assert result(age, request=old, now="2026-01-02T00:00:00Z") == "FALSE"


BAD_SAMPLES: dict[str, tuple[Any, set[tuple[str, str]]]] = {
    "none": ([], {("/samples", "too_short")}),
    "too many": ([{"request": {}}] * 101, {("/samples", "too_long")}),
    "no request": ([{}], {("/samples/0/request", "missing")}),
    "a request without fields": (
        [{"request": a_request()}, {"request": {"country": "XX"}}],
        {
            ("/samples/1/request/subject_id", "missing"),
            ("/samples/1/request/source_system", "missing"),
            ("/samples/1/request/product_type", "missing"),
            ("/samples/1/request/risk_category", "missing"),
            ("/samples/1/request/context_data", "missing"),
            ("/samples/1/request/country", "bad_country"),
        },
    ),
    "a failure of no kind": (
        [{"request": a_request(), "providers": {"zefix": {"failure": "luck"}}}],
        {("/samples/0/providers/zefix/failure", "bad_choice")},
    ),
    "a provider that is no object": (
        [{"request": a_request(), "providers": {"zefix": 5}}],
        {("/samples/0/providers/zefix", "dict_type")},
    ),
    "history": (
        [{"request": a_request(), "history": [{"created_at": "x", "decision": "APPROVED", "risk_score": 1001}]}],
        {("/samples/0/history/0/created_at", "date_time"), ("/samples/0/history/0/risk_score", "less_than_equal")},
    ),
    "now": ([{"request": a_request(), "now": "soon"}], {("/samples/0/now", "date_time")}),
    "unknown": ([{"request": a_request(), "mood": "good"}], {("/samples/0/mood", "unknown_field")}),
}


@pytest.mark.parametrize("name", BAD_SAMPLES)
def test_a_sample_that_is_not_right_is_422(desk: DeskApi, name: str) -> None:
    """AS-217: every fault of every sample, with the faults of the rule beside them."""
    samples, errors = BAD_SAMPLES[name]
    answer = desk.call("POST", f"{RULES}/test", json={"rule": a_rule(), "samples": samples})
    assert (answer.status_code, errors_of(answer.json())) == (422, errors)
    broken = a_rule(logic_config={"type": "luck"})
    answer = desk.call("POST", f"{RULES}/test", json={"rule": broken, "samples": samples})
    assert errors_of(answer.json()) == {*errors, ("/rule/logic_config/type", "unknown_preset")}


class AwayLists:
    """Lists that cannot be read."""

    async def load(self) -> object:
        raise DependencyFailed("postgres", "away")


class AwayConfiguration:
    """A store that does not answer."""

    lists = AwayLists()


def test_a_store_that_does_not_answer_is_503(desk: DeskApi) -> None:
    """AS-212: 503 with a time to wait; what is wrong for itself is 422 all the same."""
    away = DeskApi(AwayConfiguration())  # type: ignore[arg-type] # nothing else of it is reached
    answer = away.call("POST", RULES, json=a_rule())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    answer = away.call("POST", RULES, json=a_rule(weight="x"))
    assert (answer.status_code, errors_of(answer.json())) == (422, {("/weight", "int_type")})
