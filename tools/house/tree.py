"""What the rules look at: the repository's files, parsed once, and the offences found in them."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

GENERATED = "src/tidegate/wire/proto/"
_NEVER_OURS = {".git", ".venv", ".cache", "__pycache__", "node_modules", "mutants", "build", "dist"}
_OPT_OUT = re.compile(r"#\s*tidy:\s*allow-(?P<rule>[a-z-]+)(?:\s+-\s+(?P<reason>\S.*))?")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, order=True)
class Offence:
    """One broken rule: where it is, what is wrong, what to do instead."""

    path: str
    line: int
    rule: str
    wrong: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.wrong}. Instead: {self.instead}."


@dataclass(slots=True)
class OptOut:
    """An inline `# tidy: allow-<rule> - reason`; it covers its own line and the next."""

    line: int
    rule: str
    reason: str | None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed Python file of the tree."""

    path: str
    text: str
    module: ast.Module
    opt_outs: list[OptOut] = field(default_factory=list)

    def inside(self, *folders: str) -> bool:
        """True when the file lies under one of the folders, named from the repository root."""
        return any(self.path.startswith(f"{folder}/") for folder in folders)

    def offence(self, node: ast.AST, rule: str, *, wrong: str, instead: str) -> Offence:
        """The offence at a node's first line."""
        return Offence(self.path, getattr(node, "lineno", 1), rule, wrong, instead)

    def functions(self) -> Iterator[FunctionNode]:
        """Every function and method of the file, nested ones too."""
        for node in ast.walk(self.module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def excuses(self, offence: Offence) -> bool:
        """True when an opt-out covers the offence; marks it as used. One without a reason is an offence of its own."""
        for opt_out in self.opt_outs:
            if opt_out.rule == offence.rule and offence.line - opt_out.line in {0, 1}:
                opt_out.used = True
                return True
        return False


@dataclass(frozen=True, slots=True)
class Tree:
    """The repository as the rules see it."""

    root: Path
    paths: tuple[str, ...]
    sources: tuple[Source, ...]

    def text(self, path: str) -> str | None:
        """The file's text, or None when it is not text or is gone."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            return None


def read_tree(root: Path) -> Tree:
    """Read the tracked files, and those about to be; without git, all files that are not made by tools."""
    paths = tuple(sorted(_listed_by_git(root) if (root / ".git").exists() else _listed_by_walking(root)))
    return Tree(root, paths, tuple(_sources(root, paths)))


def _listed_by_git(root: Path) -> list[str]:
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted({path for path in listed.split("\0") if path and (root / path).is_file()})


def _listed_by_walking(root: Path) -> list[str]:
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return [path.as_posix() for path in found if not _NEVER_OURS.intersection(path.parts)]


def _sources(root: Path, paths: tuple[str, ...]) -> Iterator[Source]:
    for path in paths:
        if PurePosixPath(path).suffix == ".py" and not path.startswith(GENERATED):
            text = (root / path).read_text(encoding="utf-8")
            yield Source(path, text, ast.parse(text, filename=path), list(_opt_outs(text)))


def _opt_outs(text: str) -> Iterator[OptOut]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and (match := _OPT_OUT.search(token.string)):
            yield OptOut(token.start[0], match["rule"], match["reason"])


def full_names(module: ast.Module) -> dict[str, str]:
    """What each imported name stands for: {'uuid4': 'uuid.uuid4', 'dt': 'datetime', ...}."""
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names.update({alias.asname or alias.name.split(".")[0]: _bound(alias) for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def _bound(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.split(".")[0]


def full_name(node: ast.AST, names: dict[str, str]) -> str | None:
    """The full dotted name of a chain whose first part was imported; None for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and (left := full_name(node.value, names)):
        return f"{left}.{node.attr}"
    return None
