"""The desk screens names: a list is imported while it serves, and the next request is judged by it."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.system.desk_world import RANGES, DeskClient, a_request
from tests.system.processes import Served, run_command

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

RULE = {
    "rule_code": "SANCTIONED",
    "category": "COMPLIANCE",
    "weight": 500,
    "scope": {},
    "logic_config": {
        "type": "name_screening",
        "field": "context_data.legal_name",
        "lists": ["house"],
        "score_gte": "0.85",
        "outcome": "REJECTED",
    },
}
UNKNOWN = "SANCTIONED: UNKNOWN"


def about(number: int, name: str) -> dict[str, Any]:
    return a_request(number, context_data={"legal_name": name, "number": number})


async def test_list_that_is_imported_judges_the_next_request(data_folder: Path) -> None:
    """AS-361: a list that is not there leaves the rule UNKNOWN; once imported it finds whom it names, and no other."""
    data_folder.parent.mkdir(exist_ok=True)
    seed, names = data_folder.parent / "seed.json", data_folder.parent / "house.json"
    seed.write_text(json.dumps({"assessment_rules": [RULE], "thresholds": RANGES}), encoding="utf-8")
    names.write_text(json.dumps([{"id": "1", "name": "Muster Handels AG", "kind": "ORGANISATION"}]), encoding="utf-8")
    async with AsyncExitStack() as stack:
        served = stack.enter_context(Served(data_folder, settings={}, seed=seed))
        client = await stack.enter_async_context(DeskClient(served))
        _, before = await client.evaluate(about(1, "Muster Handels"))
        assert before["decision"] == "MANUAL_REVIEW"
        assert UNKNOWN in before["warnings"]
        arguments = ("lists", "import", str(names), "--format", "own", "--name", "house", "--data", str(data_folder))
        done = await asyncio.to_thread(run_command, *arguments)
        assert done.returncode == 0, done.stderr
        told, number = before, 1
        async with asyncio.timeout(20):
            while UNKNOWN in told["warnings"]:
                number += 1
                _, told = await client.evaluate(about(number, "MUSTER HANDELS"))
        assert (told["decision"], told["reason_codes"], told["warnings"]) == ("REJECTED", ["SANCTIONED"], [])
        _, other = await client.evaluate(about(10_000, "Bergblick Käserei GmbH"))
        assert (other["decision"], other["risk_score"]) == ("APPROVED", 0)
