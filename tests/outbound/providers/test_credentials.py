"""Who asks is said by fixed headers, or by tokens that are fetched once and kept while they live."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.outbound.providers.builders import Ticks, a_policy

from tidegate.core.assessment.outside import CallStatus
from tidegate.demo.stub_providers.faults import Fault
from tidegate.demo.stub_providers.server import PASSWORD, USERNAME, StubProviders
from tidegate.outbound.providers.credentials import ClientCredentials, ClientGrant, FixedCredentials, _granted
from tidegate.outbound.providers.exchange import AttemptFailed
from tidegate.outbound.providers.transport import HttpTransport


@pytest_asyncio.fixture
async def ticks() -> Ticks:
    return Ticks()


@pytest_asyncio.fixture
async def tokens(stub: StubProviders, ticks: Ticks) -> AsyncIterator[ClientCredentials]:
    """Tokens of the stand-in's endpoint, none fetched yet."""
    grant = ClientGrant("/token", USERNAME, PASSWORD, scope="scores")
    opened = ClientCredentials(grant, HttpTransport(f"{stub.url}/oauth", a_policy(timeout_ms=150)), monotonic_ms=ticks)
    yield opened
    await opened.close()


async def test_fixed_credentials_are_basic_or_bearer() -> None:
    """AS-543: RFC 7617 in UTF-8, RFC 6750; and neither shows what it holds."""
    basic = FixedCredentials.basic("me", "hunter\u00e42:x")
    authorization = (await basic.headers())["Authorization"]
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == "me:hunter\u00e42:x"
    bearer = FixedCredentials.bearer("hunter2")
    assert await bearer.headers() == {"Authorization": "Bearer hunter2"}
    assert await FixedCredentials().headers() == {}
    assert "hunter" not in repr(basic) + repr(bearer)


async def test_token_is_fetched_once_by_all_who_wait_and_kept(tokens: ClientCredentials, stub: StubProviders) -> None:
    """AS-543: ten at once and one later share one fetch."""
    stub.token.every, stub.token.slow_ms = Fault.SLOW, 20
    headers = [*await asyncio.gather(*(tokens.headers() for _ in range(10))), await tokens.headers()]
    assert len({header["Authorization"] for header in headers}) == 1
    assert stub.token.calls == 1


async def test_token_is_fetched_anew_half_a_minute_before_it_expires(
    tokens: ClientCredentials, stub: StubProviders, ticks: Ticks
) -> None:
    """AS-543: of 300 s a token is used for 270."""
    first = await tokens.headers()
    ticks.now_ms += 269_999
    assert await tokens.headers() == first
    ticks.now_ms += 1
    assert await tokens.headers() != first
    assert stub.token.calls == 2


async def test_token_that_was_refused_is_fetched_anew(tokens: ClientCredentials, stub: StubProviders) -> None:
    """AS-543: once, however many were refused with it."""
    old = await tokens.headers()
    assert tokens.refused(old)
    new = await tokens.headers()
    assert tokens.refused(old)
    assert await tokens.headers() == new
    assert stub.token.calls == 2


async def test_token_fetch_outlives_the_caller_that_began_it(tokens: ClientCredentials, stub: StubProviders) -> None:
    """AS-512, AS-543: one caller is cancelled, the other has the token of the same fetch."""
    stub.token.every, stub.token.slow_ms = Fault.SLOW, 50
    first = asyncio.create_task(tokens.headers())
    second = asyncio.create_task(tokens.headers())
    await stub.token.arrived.wait()
    first.cancel()
    assert "Authorization" in await second
    assert stub.token.calls == 1


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (Fault.ERROR, CallStatus.FAILURE, "no token: the token endpoint answered 500"),
        (Fault.GARBAGE, CallStatus.FAILURE, "no token: the token endpoint answered with what cannot be read"),
        (Fault.WRONG_SCHEMA, CallStatus.FAILURE, "no token: the token endpoint answered with another schema"),
        (Fault.REDIRECT, CallStatus.FAILURE, "no token: the token endpoint answered 307"),
        (Fault.HANG, CallStatus.TIMEOUT, "no token: the token endpoint did not answer within 150 ms"),
        (Fault.DRIP, CallStatus.TIMEOUT, "no token: the token endpoint did not answer within 150 ms"),
    ],
)
async def test_token_endpoint_that_fails_is_told_apart_from_the_provider(
    tokens: ClientCredentials, stub: StubProviders, fault: Fault, status: CallStatus, told: str
) -> None:
    """AS-505, AS-543: the words say which of the two failed, and hold no answer of the token endpoint."""
    stub.token.every = fault
    with pytest.raises(AttemptFailed) as failed:
        await tokens.headers()
    assert failed.value.fault.status is status
    assert failed.value.fault.words.startswith(told)
    assert (failed.value.fault.raw, failed.value.fault.chargeable) == (None, False)
    stub.token.every = Fault.UP
    assert "Authorization" in await tokens.headers()


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"access_token": "a"},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "a\r\nX: b", "token_type": "Bearer"},
        {"access_token": "a b", "token_type": "Bearer"},
        {"access_token": "a", "token_type": "mac"},
        {"access_token": "a", "token_type": "Bearer", "expires_in": "300"},
        {"access_token": "a", "token_type": "Bearer", "expires_in": 0},
    ],
)
def test_token_answer_of_another_schema_is_no_token(document: object) -> None:
    """AS-543: a token is a printable word of type Bearer; nothing in it can become a header of its own."""
    with pytest.raises(AttemptFailed, match="another schema"):
        _granted(document)
