"""The engine behind the leaf against CEL's own conformance cases, as conditions over JSON."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.outbound.cel.conformance import KNOWN_DEVIATIONS, Case, as_leaf, reason_to_leave_out

from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.vocabularies import DESK_VOCABULARY
from tidegate.outbound.cel.engine import CelEngine

pytestmark = pytest.mark.shared_data


def _agrees(engine: CelEngine, case: Case) -> bool:
    leaf = as_leaf(case)
    try:
        program = engine.compile(leaf.text)
    except ValueError:
        return leaf.expected is None
    return program(nested_lookup({"context_data": leaf.fields})) is (
        Truth.UNKNOWN if leaf.expected is None else leaf.expected
    )


def test_every_case_over_json_comes_out_as_the_language_says(
    shared_data_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    """RU-609: A case that JSON can ask gives its value through the leaf, its error as UNKNOWN or at save."""
    engine = CelEngine(DESK_VOCABULARY)
    with gzip.open(shared_data_dir / "conformance" / "cel_simple_tests.jsonl.gz", "rt") as lines:
        cases = [json.loads(line) for line in lines]
    left_out = Counter(filter(None, map(reason_to_leave_out, cases)))
    asked = [case for case in cases if reason_to_leave_out(case) is None]
    differing = {(case["file"], case["name"]) for case in asked if not _agrees(engine, case)}
    reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.most_common())
    record_property("figure", f"{len(asked) - len(differing)} of {len(asked)} cases; left out: {reasons}")
    assert differing == set(KNOWN_DEVIATIONS)
    assert len(asked) > 900
