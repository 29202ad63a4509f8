"""Each house rule turns red on a planted offence and stays green on the same code done right."""

from pathlib import Path
from textwrap import dedent

import pytest

from tidy import main, offences

CORE = "src/tidegate/core/a.py"
CLI = "src/tidegate/cli/a.py"
LONG_FUNCTION = "def decide() -> int:\n" + "    x = 1\n" * 59 + "    return x\n"
FULL_FUNCTION = "def decide() -> int:\n" + "    x = 1\n" * 58 + "    return x\n"
WRITTEN_APART = "/" + "work/somewhere"
REGISTRY = "pypi" + ".org"


def plant(root: Path, path: str, *, text: str) -> None:
    """Write one file of a small tree."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(dedent(text), encoding="utf-8")


def rules_broken(root: Path) -> list[str]:
    """The rules with an offence in the tree, sorted."""
    return sorted({offence.rule for offence in offences(root)})


RED = [
    ("function of 61 lines", "src/tidegate/core/gate.py", LONG_FUNCTION, "function-length"),
    ("test of 61 lines", "tests/core/gate.py", LONG_FUNCTION, "function-length"),
    ("module of 401 lines", "src/tidegate/core/gate.py", "x = 1\n" * 401, "module-length"),
    ("six parameters", CLI, "def f(a, b, *, c, d, e, g): ...", "parameters"),
    ("third positional", CLI, "def f(a, b, c): ...", "keyword-only"),
    (
        "third positional of a method",
        CLI,
        "class A:\n  def f(self, a, b, c): ...",
        "keyword-only",
    ),
    (
        "third positional of init",
        CLI,
        "class A:\n  def __init__(self, a, b, c): ...",
        "keyword-only",
    ),
    ("third of a static method", "tools/a.py", "class A:\n  @staticmethod\n  def f(a, b, c): ...", "keyword-only"),
    ("module utils", "src/tidegate/core/utils.py", "", "vague-name"),
    ("module order_helpers", "src/tidegate/core/order_helpers.py", "", "vague-name"),
    ("package misc", "src/tidegate/misc/__init__.py", "", "vague-name"),
    ("class with Manager", "src/tidegate/core/order.py", "class OrderManager: ...", "vague-name"),
    ("public name info", "src/tidegate/core/order.py", "def info(): ...", "vague-name"),
    ("public field data", "src/tidegate/core/order.py", "class A:\n  data: int", "vague-name"),
    ("float literal", CORE, "x = 0.1", "core-float"),
    ("float call", CORE, "def f(x): return float(x)", "core-float"),
    ("float annotation", CORE, "def f(x: float): ...", "core-float"),
    (
        "datetime.now",
        CORE,
        "from datetime import datetime\ndef f(): return datetime.now()",
        "core-clock",
    ),
    (
        "now by alias",
        CORE,
        "import datetime as dt\ndef f(): return dt.datetime.now()",
        "core-clock",
    ),
    ("uuid4", CORE, "from uuid import uuid4\ndef f(): return uuid4()", "core-clock"),
    ("uuid4 as factory", CORE, "import uuid\ndef f(g=uuid.uuid4): ...", "core-clock"),
    ("time.time", CORE, "import time\ndef f(): return time.time()", "core-clock"),
    ("time by alias", CORE, "from time import monotonic as m\ndef f(): return m()", "core-clock"),
    ("random", CORE, "import random\ndef f(): return random.random()", "core-clock"),
    ("library in core", CORE, "import pydantic", "core-import"),
    ("port in core", CORE, "def f():\n  from tidegate.ports import clock", "core-import"),
    ("open at import", CLI, "x = open('f').read()", "import-time"),
    (
        "read_text at import",
        CLI,
        "from pathlib import Path\nx = Path('f').read_text()",
        "import-time",
    ),
    ("asyncio at import", CLI, "import asyncio\nq = asyncio.Queue()", "import-time"),
    (
        "asyncio in class body",
        CLI,
        "import asyncio\nclass A:\n  q = asyncio.Queue()",
        "import-time",
    ),
    (
        "channel as default",
        CLI,
        "import grpc\ndef f(c=grpc.insecure_channel('x')): ...",
        "import-time",
    ),
    ("environment at import", CLI, "import os\nx = os.getenv('X')", "import-time"),
    ("app at import", "src/tidegate/inbound/rest/a.py", "from fastapi import FastAPI\napp = FastAPI()", "import-time"),
    ("time.sleep in test", "tests/a.py", "import time\ndef f(): time.sleep(1)", "test-sleep"),
    ("asyncio.sleep in test", "tests/a.py", "from asyncio import sleep\nasync def f(): await sleep(0.1)", "test-sleep"),
    ("test without docstring", "tests/test_a.py", "def test_a_b_c(): ...", "test-docstring"),
    ("machine path", "docs/a.md", f"see `{WRITTEN_APART}`", "machine-path"),
    ("registry host", "README.md", f"get it from {REGISTRY}", "registry-host"),
    ("address in the lock", "requirements.lock", "a @ https://example.org/a.whl", "lock-address"),
    ("index in the lock", "requirements.lock", "--index-url somewhere", "lock-address"),
    ("address in npm's lock", "console/package-lock.json", '"resolved": "https://example.org/a.tgz"', "lock-address"),
    ("opt-out without reason", "tools/a.py", "def f(a, b, c): ...  # tidy: allow-keyword-only", "opt-out"),
    ("opt-out of nothing", "tools/a.py", "def f(a): ...  # tidy: allow-keyword-only - dictated", "opt-out"),
]

GREEN = [
    ("function of 60 lines", "src/tidegate/core/gate.py", FULL_FUNCTION),
    ("module of 400 lines", "src/tidegate/core/gate.py", "x = 1\n" * 400),
    ("five, keyword-only from the third", CLI, "def f(a, b, *, c, d, e): ..."),
    ("self is not counted", CLI, "class A:\n  def f(self, a, b, *, c, d, e): ..."),
    (
        "__exit__ has the language's signature",
        CLI,
        "class A:\n  def __exit__(self, a, b, c): ...",
    ),
    ("a test asks for fixtures by name", "tests/test_a.py", "def test_a_b_c(a, b, c):\n  '''Says.'''"),
    ("float outside core", "src/tidegate/demo/market.py", "x = 0.1"),
    ("UUID as a type", CORE, "from uuid import UUID\ndef f(x: UUID): ..."),
    ("a name that was not imported", CORE, "def f(time): return time.time()"),
    ("opened in a function", CLI, "def f():\n  with open('f') as g: return g.read()"),
    ("lambda that opens later", CLI, "f = lambda: open('f')"),
    ("only when run", CLI, "if __name__ == '__main__':\n  open('f')"),
    ("a turn of the loop", "tests/a.py", "import asyncio\nasync def f(): await asyncio.sleep(0)"),
    ("a path below a similar name", "docs/a.md", "see docs/" + "work/a and a/" + "root"),
    ("hashes in the lock", "requirements.lock", "a==1.0 \\\n    --hash=sha256:00\n    # via b"),
    ("opt-out with reason", "tools/a.py", "def f(a, b, c): ...  # tidy: allow-keyword-only - a callback of readline"),
    ("opt-out above", "tools/a.py", "# tidy: allow-keyword-only - a callback of readline\ndef f(a, b, c): ..."),
    ("generated code", "src/tidegate/wire/proto/risk/v1/a_pb2.py", LONG_FUNCTION),
]


@pytest.mark.parametrize(("path", "text", "rule"), [row[1:] for row in RED], ids=[row[0] for row in RED])
def test_tidy_planted_offence_is_named_by_its_rule(tmp_path: Path, path: str, text: str, rule: str) -> None:
    """An offence is found, and nothing else is found beside it."""
    plant(tmp_path, path, text=text)
    assert rules_broken(tmp_path) == [rule]


@pytest.mark.parametrize(("path", "text"), [row[1:] for row in GREEN], ids=[row[0] for row in GREEN])
def test_tidy_code_at_the_bound_is_left_alone(tmp_path: Path, path: str, text: str) -> None:
    """What is within the rules, or outside their reach, gives no offence."""
    plant(tmp_path, path, text=text)
    assert offences(tmp_path) == []


def test_tidy_requirement_without_test_is_named(tmp_path: Path) -> None:
    """A row of docs/requirements.md that no test names is an offence."""
    plant(tmp_path, "docs/requirements.md", text="| PT-101 | a |\n| PT-102 | b |\n")
    plant(tmp_path, "tests/core/test_a.py", text="def test_a_b_c():\n    '''PT-101: holds.'''\n")
    (offence,) = offences(tmp_path)
    assert (offence.rule, offence.path, offence.line) == ("requirement-untested", "docs/requirements.md", 2)
    assert "PT-102" in offence.wrong


def test_tidy_test_of_unknown_requirement_is_named(tmp_path: Path) -> None:
    """A test that names an id without a row is an offence, at the line that names it."""
    plant(tmp_path, "docs/requirements.md", text="| PT-101 | a |\n")
    plant(tmp_path, "tests/core/test_a.py", text="def test_a_b_c():\n    '''PT-101, RU-999: hold.'''\n")
    (offence,) = offences(tmp_path)
    assert (offence.rule, offence.path, offence.line) == ("requirement-unknown", "tests/core/test_a.py", 2)


def test_tidy_requirements_absent_are_not_checked(tmp_path: Path) -> None:
    """Without docs/requirements.md the ids in tests are not judged."""
    plant(tmp_path, "tests/core/test_a.py", text="def test_a_b_c():\n    '''PT-101: holds.'''\n")
    assert offences(tmp_path) == []


def test_tidy_message_says_where_what_and_what_instead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints place, rule, fault and way out, and its exit code is 1."""
    plant(tmp_path, "src/tidegate/core/margin.py", text="\nx = 0.1\n")
    assert main([str(tmp_path)]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("src/tidegate/core/margin.py:2: core-float: a float in core (0.1). Instead: ")


def test_tidy_clean_tree_ends_with_zero(tmp_path: Path) -> None:
    """Nothing found, exit code 0."""
    plant(tmp_path, "src/tidegate/core/margin.py", text="x = 1\n")
    assert main([str(tmp_path)]) == 0
