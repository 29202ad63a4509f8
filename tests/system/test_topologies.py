"""One story in every topology: the same decisions and the same state, and both are the naive reference's."""

from pathlib import Path

import pytest
from tests.system.clients import Clients, Officer, officer_of
from tests.system.event_script import RULE, Step, Story, asks_of
from tests.system.fleet import Servers, fleet_on
from tests.system.processes import RecordFigure, Served
from tests.system.topologies import OneProcess, play, wrong
from tests.system.world import CALM, guest_of, market_seed

pytestmark = [pytest.mark.system, pytest.mark.timeout(3_600)]

USERS = 4


def story(*, full: bool) -> tuple[Story, list[Step]]:
    """Draw the story."""
    told = Story(1, users=USERS)
    return told, [told.openings(), *told.steps(2_000 if full else 250), *told.probes()]


async def test_story_in_one_process_is_decided_as_the_reference_says(
    data_folder: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """RE-001: events, orders, cancellations, marks and freezes in turns, everything in one process."""
    _, steps = story(full=full_sizes)
    data_folder.parent.mkdir(exist_ok=True)
    with Served(data_folder, settings=CALM, seed=market_seed(data_folder.parent)) as served:
        async with guest_of(data_folder) as stores, Clients(served.grpc, 1) as clients:
            async with officer_of(data_folder, served.rest) as officer:
                await prepare(officer)
            records = await play(OneProcess(stores, clients), steps)
    assert wrong(asks_of(steps), records) == []
    record_property("figure", f"{len(steps)} steps, {len(records)} orders in one process: 0 other than the reference")


@pytest.mark.servers
@pytest.mark.parametrize("replicas", [1, 2, 4])
async def test_story_on_replicas_is_decided_as_the_reference_says(
    replicas: int, servers: Servers, tmp_path: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """RE-001: each order is asked of the next replica, whoever was asked the one before."""
    _, steps = story(full=full_sizes)
    async with fleet_on(servers, tmp_path, count=replicas) as fleet:
        async with officer_of(fleet.served[0].data, fleet.served[0].rest) as officer:
            await prepare(officer)
        records = await play(fleet, steps)
    assert wrong(asks_of(steps), records) == []
    record_property("figure", f"{len(steps)} steps, {len(records)} orders, {replicas} replicas: 0 other than reference")


@pytest.mark.servers
async def test_story_on_replicas_of_which_one_is_killed_is_decided_as_the_reference_says(
    servers: Servers, tmp_path: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """RE-001: a replica is killed -9 in the middle, and the others go on where it was."""
    _, steps = story(full=full_sizes)
    middle = len(steps) // 2
    async with fleet_on(servers, tmp_path, count=2) as fleet:
        async with officer_of(fleet.served[0].data, fleet.served[0].rest) as officer:
            await prepare(officer)
        records = await play(fleet, steps[:middle])
        fleet.served[0].kill()
        records += await play(fleet, steps[middle:])
    assert wrong(asks_of(steps), records) == []
    record_property("figure", f"{len(steps)} steps, {len(records)} orders, one of 2 replicas killed: 0 other")


async def prepare(officer: Officer) -> None:
    """Write the story's rule."""
    body = {
        "name": RULE.name,
        "metric": RULE.metric,
        "operator": RULE.operator,
        "threshold": str(RULE.thresholds[0]),
        "severity": RULE.severity,
        "action": RULE.action,
    }
    status, document, _ = await officer.ask("POST", "/v1/risk-rules", body=body)
    assert status == 201, document
