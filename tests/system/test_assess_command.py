"""Documents of the desk in a file, decided by the process, are as the plain walk decides them."""

import json
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from tests.core.assessment.situations import decided_plainly, random_situation
from tests.inbound.scenario.desk_written import written_situation
from tests.system.processes import RecordFigure, run_command

from tidegate.core.assessment.decision import Decision

pytestmark = [pytest.mark.system, pytest.mark.timeout(3_600)]


def test_assess_of_random_documents_in_a_file_equals_the_plain_walk(
    tmp_path: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PL-114, AS-125: 20,000 documents at full size, 1,000 else, written as lines and decided by the process.

    One answer a line, in order: decision, score, bounds, coverage, reasons, warnings and every rule's result.
    """
    count = 20_000 if full_sizes else 1_000
    path = tmp_path / "documents.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for seed in range(count):
            file.write(written_situation(random_situation(Random(seed))) + "\n")
    finished = run_command("assess", str(path))
    assert (finished.returncode, finished.stderr) == (0, b"")
    answers = finished.stdout.splitlines()
    assert len(answers) == count
    decisions = dict.fromkeys(Decision, 0)
    for seed, answer in enumerate(answers):
        document = json.loads(answer, parse_float=Decimal, parse_int=Decimal)
        plainly = decided_plainly(random_situation(Random(seed)))
        rules = [tuple(row.values()) for row in document.pop("rules")]
        assert document == plainly.answer(), f"seed {seed}"
        assert rules == [(each.rule_code, each.result.value, each.contribution) for each in plainly.rules], (
            f"seed {seed}"
        )
        decisions[plainly.decision] += 1
    assert min(decisions.values()) > count // 50
    shares = ", ".join(f"{number} {name}" for name, number in sorted(decisions.items()))
    record_property("figure", f"{count} documents decided by tidegate assess ({shares}): all as the plain walk")
