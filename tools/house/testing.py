"""Tests are the specification: each says its sentence, none waits for a clock, every requirement has one."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from house.tree import Offence, Source, Tree, full_name, full_names

REQUIREMENTS = "docs/requirements.md"
_ROW = re.compile(r"^\|\s*((?:PT|RU|PL|AS|RE)-\d+[a-z]?)\s*\|")
_MENTION = re.compile(r"\b(?:PT|RU|PL|AS|RE)-\d+[a-z]?\b")
_SLEEPS = {"time.sleep", "asyncio.sleep", "anyio.sleep"}
# The tests of these rules plant ids that exist nowhere.
_RULE_TESTS = {"tests/tools/test_tidy.py", "tests/tools/test_check_turns_red.py"}


def sleeps(source: Source) -> Iterator[Offence]:
    """A test waits for an event. `asyncio.sleep(0)` is a turn of the loop and no wait."""
    if not source.inside("tests"):
        return
    names = full_names(source.module)
    for node in ast.walk(source.module):
        if isinstance(node, ast.Call) and full_name(node.func, names) in _SLEEPS and not _is_a_turn(node):
            yield source.offence(
                node,
                "test-sleep",
                wrong="the test waits for a clock",
                instead="wait for the event itself (an asyncio.Event, a line of output, a row), or move a fake clock",
            )


def docstrings(source: Source) -> Iterator[Offence]:
    """Every test says in a sentence what it specifies."""
    if not source.inside("tests"):
        return
    for function in source.functions():
        if function.name.startswith("test_") and not ast.get_docstring(function):
            yield source.offence(
                function,
                "test-docstring",
                wrong=f"{function.name} has no docstring",
                instead="write the requirement id, where there is one, and one sentence",
            )


def requirements(tree: Tree) -> Iterator[Offence]:
    """Every requirement id is named in a test, and no test names an id that does not exist."""
    listing = tree.text(REQUIREMENTS) if REQUIREMENTS in tree.paths else None
    if listing is None:
        return
    rows = {match[1]: number for number, line in enumerate(listing.splitlines(), 1) if (match := _ROW.match(line))}
    named = dict(_mentions(tree))
    if untested := sorted(rows.keys() - named.keys()):
        yield Offence(
            REQUIREMENTS,
            rows[untested[0]],
            "requirement-untested",
            f"no test names {', '.join(untested)} ({len(untested)} of {len(rows)})",
            "name each in the docstring of the test that proves it, or write that test",
        )
    for requirement in sorted(named.keys() - rows.keys()):
        path, line = named[requirement]
        yield Offence(
            path,
            line,
            "requirement-unknown",
            f"{requirement} is not in {REQUIREMENTS}",
            "correct the id, or add its row",
        )


def _is_a_turn(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def _mentions(tree: Tree) -> Iterator[tuple[str, tuple[str, int]]]:
    for source in tree.sources:
        is_test = source.inside("tests") and PurePosixPath(source.path).name.startswith("test_")
        if is_test and source.path not in _RULE_TESTS:
            for number, line in enumerate(source.text.splitlines(), start=1):
                yield from ((mention, (source.path, number)) for mention in _MENTION.findall(line))


SOURCE_RULES = (sleeps, docstrings)
TREE_RULES = (requirements,)
