"""The runtime over real sockets: whatever a provider does, the desk has an answer in time."""

import asyncio

import pytest
from tests.outbound.providers.builders import (
    A_PERSON,
    Ticks,
    a_call,
    a_policy,
    a_provider,
    an_sst,
    crif_at,
    sst_at,
    timed,
    zefix_at,
)

from tidegate.core.assessment.outside import CallStatus
from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.faults import Fault
from tidegate.demo.stub_providers.server import StubProviders
from tidegate.outbound.providers.credentials import FixedCredentials
from tidegate.outbound.providers.zefix import ZefixAdapter

A_COMPANY = {"uid": BOOK[0].uid}
SUCCESS, FAILURE, TIMEOUT = CallStatus.SUCCESS, CallStatus.FAILURE, CallStatus.TIMEOUT


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (Fault.UP, SUCCESS, ""),
        (Fault.ERROR, FAILURE, "answered 500"),
        (Fault.GARBAGE, FAILURE, "cannot be read: byte 10 is not UTF-8"),
        (Fault.NAN, FAILURE, "NaN is not a JSON number"),
        (Fault.TWIN_KEYS, FAILURE, "a key is named twice"),
        (Fault.DEEP, FAILURE, "at most 32 levels"),
        (Fault.HUGE, FAILURE, "more than 262144 bytes"),
        (Fault.GZIP_BOMB, FAILURE, "more than 262144 bytes"),
        (Fault.WRONG_SCHEMA, FAILURE, "another schema: /0 is a list, expected an object"),
        (Fault.REDIRECT, FAILURE, "redirects are not followed"),
        (Fault.TRUNCATED, FAILURE, "ended before the answer was whole"),
        (Fault.HANG, TIMEOUT, "within the budget of 300 ms"),
        (Fault.DRIP, TIMEOUT, "within the budget of 300 ms"),
    ],
)
async def test_provider_with_a_fault_gives_its_status_and_words_in_time(
    stub: StubProviders, fault: Fault, status: CallStatus, told: str
) -> None:
    """AS-510, AS-514, AS-504: a failure has no fields, says what went wrong, and comes within the budget."""
    stub.zefix.every = fault
    zefix = zefix_at(stub.url, response_bytes_max=262_144)
    result, took_ms = await timed(zefix.fetch(a_call(A_COMPANY, budget_ms=300)), due_ms=300)
    assert (result.answer.status, bool(result.answer.fields)) == (status, status is SUCCESS)
    assert told in result.answer.fault
    assert took_ms <= 300 + 50
    assert result.latency_ms >= took_ms - 50
    assert stub.zefix.calls == 1
    await zefix.close()


async def test_provider_of_which_nothing_is_there_fails_at_once() -> None:
    """AS-506, AS-514: a refused connection is a failure, not a wait."""
    zefix = zefix_at("http://127.0.0.1:9")
    result, took_ms = await timed(zefix.fetch(a_call(A_COMPANY)), due_ms=100)
    assert (result.answer.status, result.answer.fault) == (FAILURE, "cannot be reached")
    assert took_ms < 500
    await zefix.close()


async def test_raw_answer_is_kept_for_the_log(stub: StubProviders) -> None:
    """AS-510: JSON as it came, of what is no JSON the beginning as text that a database takes, of several by part."""
    zefix = zefix_at(stub.url)
    good = await zefix.fetch(a_call(A_COMPANY))
    assert isinstance(good.raw_response, list)
    assert good.raw_response[0]["name"] == BOOK[0].name
    stub.zefix.next_ones = [Fault.GARBAGE, Fault.HUGE]
    garbage, huge = [(await zefix.fetch(a_call(A_COMPANY))).raw_response for _ in range(2)]
    assert garbage == {"text": '{"found": \ufffd\ufffd tru'}
    assert huge == {"text": "0" * 4_096}
    told = {"uids": [{"key": str(at), "field": f"context_data.u{at}"} for at in range(2)]}
    both = await zefix.fetch(a_call({"u0": BOOK[0].uid, "u1": BOOK[1].uid}, parameters=told))
    assert isinstance(both.raw_response, dict)
    assert len(both.raw_response) == 2
    await zefix.close()


async def test_call_any_part_of_which_fails_has_failed(stub: StubProviders) -> None:
    """AS-514: what is known in part is not known."""
    stub.zefix.by_key[BOOK[1].uid] = Fault.ERROR
    zefix = zefix_at(stub.url)
    told = {"uids": [{"key": str(at), "field": f"context_data.u{at}"} for at in range(2)]}
    result = await zefix.fetch(a_call({"u0": BOOK[0].uid, "u1": BOOK[1].uid}, parameters=told))
    assert (result.answer.status, result.answer.fields) == (FAILURE, {})
    await zefix.close()


async def test_provider_that_need_not_be_asked_is_not(stub: StubProviders) -> None:
    """AS-503, AS-521: a UID that cannot be is answered, a request without one is not, and nobody is called."""
    zefix = zefix_at(stub.url)
    impossible = await zefix.fetch(a_call({"uid": "CHE-107.787.578"}))
    assert (impossible.answer.status, impossible.answer.fields["found"]) == (SUCCESS, False)
    lacking = await zefix.fetch(a_call({}))
    assert lacking.answer.status is FAILURE
    assert lacking.answer.fault.startswith("not asked: ")
    spent = await zefix.fetch(a_call(A_COMPANY, budget_ms=0))
    assert spent.answer.status is TIMEOUT
    assert stub.zefix.calls == 0
    await zefix.close()


async def test_free_request_that_failed_is_repeated_within_bounds(stub: StubProviders) -> None:
    """AS-507: a 500 and a lost connection are asked again, as often as the policy says; garbage is not."""
    stub.zefix.next_ones = [Fault.ERROR, Fault.TRUNCATED]
    zefix = zefix_at(stub.url, retries_max=2)
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is SUCCESS
    assert stub.zefix.calls == 3
    stub.zefix.next_ones = [Fault.ERROR] * 4
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is FAILURE
    assert stub.zefix.calls == 6
    stub.zefix.next_ones = [Fault.GARBAGE]
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is FAILURE
    assert stub.zefix.calls == 7
    await zefix.close()


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.ERROR, Fault.TRUNCATED, Fault.GARBAGE])
async def test_billed_request_is_sent_once_whatever_happens(stub: StubProviders, fault: Fault) -> None:
    """AS-507: after a read timeout, an error or a lost connection nobody knows whether it was charged already."""
    stub.crif.every = fault
    crif = crif_at(stub.url, read_timeout_ms=100)
    result = await crif.fetch(a_call(A_PERSON))
    assert result.answer.status in {FAILURE, TIMEOUT}
    assert stub.crif.calls == 1
    await crif.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_lost_connection_is_not_sent_again_by_the_http_client(method: str) -> None:
    """AS-507: a client that repeats an idempotent request by itself would pay twice for a billed GET."""
    asked = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        policy = a_policy(billed=True)
        provider = a_provider(an_sst(), address, policy=policy, credentials=FixedCredentials())
        result = await provider.fetch(a_call())
        assert (result.answer.status, asked) == (FAILURE, 1), method
        await provider.close()


@pytest.mark.parametrize(
    ("fault", "cost_micros"),
    [(Fault.UP, 1_500_000), (Fault.ERROR, 0), (Fault.GARBAGE, 1_500_000), (Fault.HANG, 1_500_000), (Fault.REDIRECT, 0)],
)
async def test_cost_is_told_for_what_was_or_may_have_been_charged(
    stub: StubProviders, fault: Fault, cost_micros: int
) -> None:
    """AS-513: a report, and an order of which nobody knows; not an error."""
    stub.crif.every = fault
    crif = crif_at(stub.url)
    assert crif.billed
    assert (await crif.fetch(a_call(A_PERSON, budget_ms=150))).cost_micros == cost_micros
    await crif.close()


async def test_cost_of_what_was_never_sent_is_nothing() -> None:
    """AS-513: a connection that was refused carried no order; neither did a request that was not made."""
    crif = crif_at("http://127.0.0.1:9")
    assert (await crif.fetch(a_call(A_PERSON))).cost_micros == 0
    assert (await crif.fetch(a_call({}))).cost_micros == 0
    await crif.close()


async def test_answer_is_kept_for_its_time_and_costs_once(stub: StubProviders) -> None:
    """AS-511, AS-513: for its time the cache answers, for nothing, another assessment too; then it is asked again."""
    ticks = Ticks()
    policy = a_policy(billed=True, cost_micros=7, cache_ttl_s=60)
    provider = a_provider(ZefixAdapter(), f"{stub.url}/zefix", policy=policy, ticks=ticks)
    first = await provider.fetch(a_call(A_COMPANY))
    ticks.now_ms += 59_999
    kept = await provider.fetch(a_call(A_COMPANY, assessment_id="another"))
    assert (first.from_cache, first.cost_micros, kept.from_cache, kept.cost_micros) == (False, 7, True, 0)
    assert (kept.answer, kept.raw_response) == (first.answer, first.raw_response)
    ticks.now_ms += 1
    assert not (await provider.fetch(a_call(A_COMPANY))).from_cache
    assert stub.zefix.calls == 2
    await provider.close()


async def test_failure_is_not_kept_and_not_found_is(stub: StubProviders) -> None:
    """AS-511, AS-515: a failure says nothing about the company; an answer of the register does."""
    zefix = zefix_at(stub.url, cache_ttl_s=60)
    stub.zefix.next_ones = [Fault.ERROR]
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is FAILURE
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is SUCCESS
    unknown = [await zefix.fetch(a_call({"uid": "CHE-107.787.577"})) for _ in range(2)]
    assert [(each.answer.status, each.answer.fields["found"]) for each in unknown] == [(SUCCESS, False)] * 2
    assert ([each.from_cache for each in unknown], stub.zefix.calls) == ([False, True], 3)
    await zefix.close()


async def test_answer_too_large_for_the_cache_is_given_and_not_kept(stub: StubProviders) -> None:
    """AS-511: the cache has a bound in bytes."""
    zefix = zefix_at(stub.url, cache_ttl_s=60, cache_bytes_max=1_000)
    for _ in range(2):
        result = await zefix.fetch(a_call(A_COMPANY))
        assert (result.answer.status, result.from_cache) == (SUCCESS, False)
    await zefix.close()


async def test_equal_questions_at_once_are_one_request(stub: StubProviders) -> None:
    """AS-512, AS-513: twenty ask, one request is made, and one of them pays."""
    stub.crif.every, stub.crif.slow_ms = Fault.SLOW, 50
    crif = crif_at(stub.url)
    calls = (crif.fetch(a_call(A_PERSON, assessment_id=str(at))) for at in range(20))
    results = await asyncio.gather(*calls)
    assert {result.answer.status for result in results} == {SUCCESS}
    assert (stub.crif.calls, sum(result.cost_micros for result in results)) == (1, 1_500_000)
    assert sum(result.from_cache for result in results) == 19
    assert sum(stub.reference_numbers.values()) == 1
    await crif.close()


async def test_caller_that_is_cancelled_takes_nobody_with_it(stub: StubProviders) -> None:
    """AS-512: the one that began the request goes; the other has its answer from the same request."""
    stub.zefix.every, stub.zefix.slow_ms = Fault.SLOW, 80
    zefix = zefix_at(stub.url)
    first = asyncio.create_task(zefix.fetch(a_call(A_COMPANY)))
    second = asyncio.create_task(zefix.fetch(a_call(A_COMPANY)))
    await stub.zefix.arrived.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await second).answer.status is SUCCESS
    assert stub.zefix.calls == 1
    await zefix.close()


async def test_caller_with_less_time_leaves_and_the_answer_still_comes(stub: StubProviders) -> None:
    """AS-506, AS-511, AS-512: the budget of one call bounds that call; the next finds the answer kept."""
    stub.zefix.every, stub.zefix.slow_ms = Fault.SLOW, 150
    zefix = zefix_at(stub.url, cache_ttl_s=60)
    hasty, patient = await asyncio.gather(
        timed(zefix.fetch(a_call(A_COMPANY, budget_ms=60)), due_ms=60), zefix.fetch(a_call(A_COMPANY))
    )
    assert (hasty[0].answer.status, patient.answer.status) == (TIMEOUT, SUCCESS)
    assert hasty[1] <= 60 + 50
    assert (await zefix.fetch(a_call(A_COMPANY))).from_cache
    await zefix.close()


async def test_provider_has_its_own_timeout_within_the_budget(stub: StubProviders) -> None:
    """AS-506: a request ends at the provider's timeout, and at its read timeout, before the budget does."""
    stub.zefix.every = Fault.HANG
    whole = zefix_at(stub.url, timeout_ms=100)
    result, took_ms = await timed(whole.fetch(a_call(A_COMPANY)), due_ms=100)
    assert (result.answer.status, result.answer.fault) == (TIMEOUT, "did not answer within 100 ms")
    assert took_ms <= 150
    silent = zefix_at(stub.url, read_timeout_ms=100)
    result, took_ms = await timed(silent.fetch(a_call(A_COMPANY)), due_ms=100)
    assert (result.answer.status, result.answer.fault) == (TIMEOUT, "was silent for 100 ms")
    assert took_ms <= 150
    await whole.close()
    await silent.close()


async def test_provider_that_keeps_failing_is_left_alone_and_tried_again(stub: StubProviders) -> None:
    """AS-508: after three failures in a row nothing is sent for the pause; one success and all is as before."""
    ticks = Ticks()
    policy = a_policy(failures_max=3, pause_ms=5_000)
    zefix = a_provider(ZefixAdapter(), f"{stub.url}/zefix", policy=policy, ticks=ticks)
    stub.zefix.every = Fault.ERROR
    result = [await zefix.fetch(a_call(A_COMPANY)) for _ in range(5)][-1]
    assert result.answer.status is FAILURE
    assert result.answer.fault == "not asked: failed 3 times in a row; tried again in 5000 ms at the earliest"
    assert stub.zefix.calls == 3
    stub.zefix.every = Fault.UP
    ticks.now_ms += 5_000
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is SUCCESS
    assert (await zefix.fetch(a_call({"uid": BOOK[1].uid}))).answer.status is SUCCESS
    await zefix.close()


async def test_refusal_of_one_request_does_not_count_against_the_provider(stub: StubProviders) -> None:
    """AS-508: RESULTLIST_TO_LARGE is about the request, not about Zefix."""
    zefix = zefix_at(stub.url, failures_max=1)
    for _ in range(3):
        result = await zefix.fetch(a_call({"company_name": "AAA"}))
        assert "RESULTLIST_TO_LARGE" in result.answer.fault
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is SUCCESS
    await zefix.close()


async def test_slow_provider_takes_no_more_than_its_places(stub: StubProviders) -> None:
    """AS-509: two run, one waits and is too late, the others are refused at once; nothing but two is ever sent."""
    stub.zefix.every = Fault.HANG
    zefix = zefix_at(stub.url, concurrency_max=2, waiting_max=1, timeout_ms=150)
    calls = (timed(zefix.fetch(a_call({"uid": company.uid})), due_ms=50) for company in BOOK[:5])
    results = await asyncio.gather(*calls)
    told = [result.answer.fault for result, _ in results]
    assert told[:2] == ["did not answer within 150 ms"] * 2
    assert told[2] in {"not asked: no other request ended within 150 ms", "did not answer within 150 ms"}
    assert told[3:] == ["not asked: 2 requests run and as many wait as may"] * 2
    assert [took_ms < 100 for _, took_ms in results[3:]] == [True, True]
    assert stub.zefix.calls <= 3
    stub.zefix.every = Fault.UP
    assert (await zefix.fetch(a_call(A_COMPANY))).answer.status is SUCCESS
    await zefix.close()


async def test_token_that_was_withdrawn_is_fetched_anew_within_the_call(stub: StubProviders) -> None:
    """AS-543: a 401 to a token costs one more fetch and one more request, not the answer."""
    sst = sst_at(stub.url)
    assert (await sst.fetch(a_call())).answer.status is SUCCESS
    stub.tokens.clear()
    assert (await sst.fetch(a_call())).answer.status is SUCCESS
    assert (stub.token.calls, stub.sst.calls) == (2, 3)
    await sst.close()


async def test_credentials_that_are_refused_are_told_and_shown_nowhere(stub: StubProviders) -> None:
    """AS-505: 401 is a failure; neither the fault nor the provider's representation holds the password."""
    credentials = FixedCredentials.basic("me", "hunter2")
    zefix = a_provider(ZefixAdapter(), f"{stub.url}/zefix", credentials=credentials)
    result = await zefix.fetch(a_call(A_COMPANY))
    assert (result.answer.status, result.answer.fault) == (FAILURE, "answered 401")
    encoded = (await credentials.headers())["Authorization"].split()[1]
    shown = repr([result, zefix, zefix._line])
    assert "hunter2" not in shown
    assert encoded not in shown
    await zefix.close()


async def test_sst_by_its_definition_answers_over_the_wire(stub: StubProviders) -> None:
    """AS-544, AS-515: a score with a token of the endpoint; a subject that is not known is found false."""
    sst = sst_at(stub.url)
    known = await sst.fetch(a_call(subject_id="Anna & Co/7"))
    assert known.answer.status is SUCCESS
    assert list(known.answer.fields) == ["found", "score", "band"]
    assert stub.sst.asked == {"Anna & Co/7": 1}
    unknown = await sst.fetch(a_call(subject_id="unknown-1"))
    assert (unknown.answer.status, unknown.answer.fields) == (SUCCESS, {"found": False})
    await sst.close()


async def test_provider_that_is_closed_ends_what_is_in_the_air(stub: StubProviders) -> None:
    """AS-514: who still waits is told so; no task is left."""
    stub.zefix.every = Fault.HANG
    zefix = zefix_at(stub.url)
    waiting = asyncio.create_task(zefix.fetch(a_call(A_COMPANY)))
    await stub.zefix.arrived.wait()
    await zefix.close()
    result = await waiting
    assert (result.answer.status, result.answer.fault) == (FAILURE, "not asked: closing")
