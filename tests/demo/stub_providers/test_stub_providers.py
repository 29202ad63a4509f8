"""The stand-ins do what they are told, and what the real providers do else."""

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from tidegate.core.assessment.uid import compact_uid
from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.faults import Fault, FaultPlan
from tidegate.demo.stub_providers.server import PASSWORD, USERNAME, StubProviders

AUTH = {"Authorization": aiohttp.encode_basic_auth(USERNAME, PASSWORD)}


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[StubProviders]:
    started = await StubProviders().start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def test_book_holds_companies_with_right_numbers() -> None:
    """AS-550: every UID has its check digit; every status of the register is there."""
    assert [compact_uid(company.uid) for company in BOOK] == [company.uid for company in BOOK]
    assert {company.status for company in BOOK} == {"ACTIVE", "BEING_CANCELLED", "CANCELLED"}


def test_plan_gives_the_next_fault_first_then_the_keys_then_everyones() -> None:
    """AS-550: on demand by request, by company, for all; every request is counted."""
    plan = FaultPlan(every=Fault.SLOW, by_key={"a": Fault.HANG}, next_ones=[Fault.ERROR])
    assert [plan.fault_of(key) for key in ("a", "a", "b")] == [Fault.ERROR, Fault.HANG, Fault.SLOW]
    assert (plan.calls, plan.asked["a"]) == (3, 2)


async def test_stand_in_of_zefix_answers_lists_errors_and_who_are_you(
    stub: StubProviders, client: aiohttp.ClientSession
) -> None:
    """AS-550: a list for a UID, an error object for one that is not known or a search too wide, 401 for strangers."""
    company = f"{stub.url}/zefix/api/v1/company"
    async with client.get(f"{company}/uid/{BOOK[0].uid}", headers=AUTH) as response:
        assert [entry["name"] for entry in await response.json()] == [BOOK[0].name]
    async with client.get(f"{company}/uid/CHE107787577", headers=AUTH) as response:
        assert (response.status, (await response.json())["error"]["type"]) == (404, "NOT_FOUND")
    async with client.get(f"{company}/uid/{BOOK[0].uid}") as response:
        assert response.status == 401
    for name, active, expected in (("Seezeichen", False, 2), ("seezeichen*", True, 1), ("Nobody", False, 0)):
        async with client.post(
            f"{company}/search", json={"name": name, "activeOnly": active}, headers=AUTH
        ) as response:
            assert len(await response.json()) == expected
    async with client.post(f"{company}/search", json={"name": "AAA"}, headers=AUTH) as response:
        assert (response.status, (await response.json())["error"]["type"]) == (400, "RESULTLIST_TO_LARGE")


async def test_stand_in_of_crif_wants_its_headers_and_gives_one_person_one_answer(
    stub: StubProviders, client: aiohttp.ClientSession
) -> None:
    """AS-550: 400 without the headers; the same decision for the same person; each reference number is counted."""
    order = {"reportType": "X", "personIdentity": {"firstName": "Anna", "lastName": "Muster"}}
    headers = {"api-version": "1", "reference-number": "r1", "end-user-id": "e", "cost-group-id": "c"}
    address = f"{stub.url}/crif/reports/personAddress"
    async with client.post(address, json=order, headers=AUTH) as response:
        assert response.status == 400
    told = []
    for _ in range(2):
        async with client.post(address, json=order, headers={**headers, **AUTH}) as response:
            told.append(await response.json())
    assert told[0] == told[1]
    assert told[0]["decisionMatrix"]["decision"] in {"GREEN", "LIGHT_GREEN", "YELLOW", "RED"}
    assert stub.reference_numbers == {"r1": 2}


async def test_stand_in_takes_its_faults_over_the_wire(stub: StubProviders, client: aiohttp.ClientSession) -> None:
    """AS-550: from another process too; what is no fault is refused."""
    address = f"{stub.url}/stub/faults"
    async with client.put(f"{address}/zefix", json={"by_key": {BOOK[0].uid: "500"}}) as response:
        assert await response.json() == {"calls": 0}
    async with client.get(f"{stub.url}/zefix/api/v1/company/uid/{BOOK[0].uid}", headers=AUTH) as response:
        assert response.status == 500
    async with client.get(f"{stub.url}/zefix/api/v1/company/uid/{BOOK[1].uid}", headers=AUTH) as response:
        assert response.status == 200
    async with client.put(f"{address}/zefix", json={"every": "tired"}) as response:
        assert response.status == 422
    async with client.put(f"{address}/nobody", json={}) as response:
        assert response.status == 404
