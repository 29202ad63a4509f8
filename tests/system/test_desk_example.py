"""The examples that are printed, in the source document and in the served OpenAPI document, asked over real REST."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import aiohttp
import pytest
from tests.system.desk_world import EVALUATE, DeskClient
from tests.system.processes import RecordFigure, Served

REQUEST: Final[dict[str, Any]] = {
    "trace_id": "uuid",
    "subject_id": "string",
    "source_system": "string",
    "country": "string",
    "product_type": "string",
    "risk_category": "string",
    "context_data": {"key": "value"},
}
RESPONSE: Final[dict[str, Any]] = {
    "assessment_id": "uuid",
    "trace_id": "uuid",
    "decision": "APPROVED",
    "risk_score": 45,
    "reason_codes": ["RULE_GEO_HIGH_RISK_COUNTRY", "RULE_HIGH_DEBT_RATIO"],
    "processing_time_ms": 320,
}
"""As the source prints them (LT-RE-ARCH-001, API Specification)."""

RULES: Final[tuple[dict[str, Any], ...]] = (
    {
        "rule_code": "RULE_HIGH_DEBT_RATIO",
        "category": "CREDIT",
        "weight": 20,
        "logic_config": {"type": "threshold", "field": "context_data.debt_ratio", "op": "gt", "value": 0.4},
        "scope": {},
    },
    {
        "rule_code": "RULE_GEO_HIGH_RISK_COUNTRY",
        "category": "COMPLIANCE",
        "weight": 25,
        "logic_config": {"type": "country_in", "countries": ["CH", "IR"]},
        "scope": {},
    },
)
RANGES: Final = {
    "scope": {},
    "ranges": [
        {"score_from": 0, "score_to": 299, "decision": "APPROVED"},
        {"score_from": 300, "score_to": 599, "decision": "MANUAL_REVIEW"},
        {"score_from": 600, "score_to": 1000, "decision": "REJECTED"},
    ],
}
CHANGES_WITH_EACH_CALL: Final = {"assessment_id", "trace_id", "processing_time_ms"}


@pytest.mark.shared_data
def test_examples_here_are_those_of_the_source(shared_data_dir: Path) -> None:
    """AS-300: what the other test sends and expects is what the source document prints."""
    texts = [path.read_text(encoding="utf-8") for path in (shared_data_dir.parent / "seeds").glob("*.txt")]
    (text,) = [each for each in texts if "LT-RE-ARCH-001" in each]
    request, response = printed(text)
    assert (request, list(request)) == (REQUEST, list(REQUEST))
    assert (response, list(response)) == (RESPONSE, list(RESPONSE))


def printed(text: str) -> Iterator[Any]:
    """Give the JSON under each of the two headings; its fences and blank lines are no part of it."""
    for heading in ("Request Structure", "Response Structure"):
        rest = text.partition(f"{heading}\n")[2].replace("```", "").strip()
        yield json.JSONDecoder().raw_decode(rest)[0]


@pytest.mark.system
@pytest.mark.timeout(300)
async def test_printed_examples_work_over_rest(data_folder: Path, record_property: RecordFigure) -> None:
    """AS-300, AS-211, AS-208: rules and ranges written over REST, then the printed request gives the printed answer.

    In the source's request only what it prints as a type is filled in (a UUID, a country), and the ratio that its
    second reason is about is added. The served document's own example is sent to the letter.
    """
    data_folder.parent.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        served = stack.enter_context(Served(data_folder, settings={}))
        client = await stack.enter_async_context(DeskClient(served))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await write_rules(client)
        trace_id = str(uuid4())
        context = {**REQUEST["context_data"], "debt_ratio": 0.47}
        status, answer = await client.evaluate(
            {**REQUEST, "trace_id": trace_id, "country": "IR", "context_data": context}
        )
        assert status == 200, answer
        assert list(answer)[: len(RESPONSE)] == list(RESPONSE)
        assert {name: answer[name] for name in RESPONSE.keys() - CHANGES_WITH_EACH_CALL} == {
            name: RESPONSE[name] for name in RESPONSE.keys() - CHANGES_WITH_EACH_CALL
        }
        assert (answer["trace_id"], str(UUID(answer["assessment_id"]))) == (trace_id, answer["assessment_id"])
        assert type(answer["processing_time_ms"]) is int

        async with session.get(f"{served.rest}/openapi.json") as response:
            operation = (await response.json())["paths"][EVALUATE]["post"]
        asked = operation["requestBody"]["content"]["application/json"]["example"]
        shown = operation["responses"]["200"]["content"]["application/json"]["example"]
        status, told = await client.evaluate(asked)
        assert (status, list(told)) == (200, list(shown))
        assert told["trace_id"] == shown["trace_id"] == asked["trace_id"]
        assert {name: told[name] for name in told.keys() - CHANGES_WITH_EACH_CALL} == {
            name: shown[name] for name in shown.keys() - CHANGES_WITH_EACH_CALL
        }
    record_property(
        "figure",
        f"the source's request gives its answer over REST: {answer['decision']}, {answer['risk_score']}, "
        f"{' and '.join(answer['reason_codes'])}, {answer['processing_time_ms']} ms (printed: 320)",
    )


async def write_rules(client: DeskClient) -> None:
    """Write rules and ranges as an admin, and wait until the desk decides by all of them."""
    for rule in RULES:
        status, document = await client.change("POST", "/v1/rules", body=rule)
        assert status == 201, document
    status, document = await client.change("PUT", "/v1/thresholds", body=RANGES)
    assert status == 200, document
    number, reasons = 0, list[str]()
    while reasons != RESPONSE["reason_codes"]:
        number += 1
        probe = {**REQUEST, "trace_id": str(uuid4()), "subject_id": f"probe-{number}", "country": "CH"}
        reasons = (await client.evaluate({**probe, "context_data": {"debt_ratio": 0.5}}))[1]["reason_codes"]
