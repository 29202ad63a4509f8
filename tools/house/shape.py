"""Bounds on size and names: what fits on a screen can be reviewed."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from house.tree import FunctionNode, Offence, Source

FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 400
PARAMETERS_MAX = 5
POSITIONAL_MAX = 2

_VAGUE_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "misc"}
_VAGUE_NAMES = {"data", "info"}
_VAGUE_CLASS_ENDINGS = ("Manager", "Helper", "Helpers", "Util", "Utils")


def function_length(source: Source) -> Iterator[Offence]:
    """A function is at most 60 lines, from `def` to its last line, docstring included."""
    for function in source.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield source.offence(
                function,
                "function-length",
                wrong=f"{function.name} has {lines} lines, the bound is {FUNCTION_LINES_MAX}",
                instead="move one step of it, whole, into a function named after what that step answers",
            )


def module_length(source: Source) -> Iterator[Offence]:
    """A module is at most 400 lines."""
    lines = len(source.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield Offence(
            source.path,
            1,
            "module-length",
            f"the module has {lines} lines, the bound is {MODULE_LINES_MAX}",
            "split it along what changes together, each part with a name of its own",
        )


def parameters(source: Source) -> Iterator[Offence]:
    """At most five parameters, keyword-only from the third; self, cls and what a framework calls do not count."""
    for owner, function in _with_owner(source.module, None):
        if _signature_is_dictated(source, function):
            continue
        positional = [*function.args.posonlyargs, *function.args.args]
        if owner is not None and positional and not _decorated(function, "staticmethod"):
            positional = positional[1:]
        total = len(positional) + len(function.args.kwonlyargs)
        if total > PARAMETERS_MAX:
            yield source.offence(
                function,
                "parameters",
                wrong=f"{function.name} takes {total} parameters, the bound is {PARAMETERS_MAX}",
                instead="group those that travel together into a frozen dataclass",
            )
        if len(positional) > POSITIONAL_MAX:
            yield source.offence(
                function,
                "keyword-only",
                wrong=f"{function.name} takes {len(positional)} positional parameters, the bound is {POSITIONAL_MAX}",
                instead="put `*,` before the third parameter",
            )


def vague_names(source: Source) -> Iterator[Offence]:
    """No module, class or public name that could mean anything."""
    stem = PurePosixPath(source.path).stem
    folder = PurePosixPath(source.path).parent.name if stem == "__init__" else stem
    if _VAGUE_WORDS.intersection(folder.lower().split("_")) or folder in _VAGUE_NAMES:
        yield Offence(
            source.path, 1, "vague-name", f"the module name {folder} says nothing", "name it after what it knows"
        )
    if not source.inside("src", "tools", "benchmarks"):
        return
    for name, node in _public_names(source.module):
        if name in _VAGUE_NAMES or (isinstance(node, ast.ClassDef) and name.endswith(_VAGUE_CLASS_ENDINGS)):
            yield source.offence(
                node, "vague-name", wrong=f"the public name {name} says nothing", instead="use the field's own term"
            )


def _with_owner(node: ast.AST, owner: ast.ClassDef | None) -> Iterator[tuple[ast.ClassDef | None, FunctionNode]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield owner, child
            yield from _with_owner(child, None)
        else:
            yield from _with_owner(child, child if isinstance(child, ast.ClassDef) else owner)


def _signature_is_dictated(source: Source, function: FunctionNode) -> bool:
    """Tests and fixtures ask pytest by name; operators and overrides repeat a signature that is fixed elsewhere."""
    name = function.name
    operator = name.startswith("__") and name.endswith("__") and name not in {"__init__", "__new__", "__call__"}
    asked_by_name = source.inside("tests") and (name.startswith("test_") or _decorated(function, "fixture"))
    return operator or asked_by_name or _decorated(function, "override") or _decorated(function, "overload")


def _decorated(function: FunctionNode, name: str) -> bool:
    for decorator in function.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(target, "attr", None) == name or getattr(target, "id", None) == name:
            return True
    return False


def _public_names(scope: ast.Module | ast.ClassDef) -> Iterator[tuple[str, ast.AST]]:
    for node in scope.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node
            case ast.ClassDef(name=name):
                yield name, node
                yield from _public_names(node)
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node
            case ast.Assign(targets=targets):
                yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))
            case _:
                pass


RULES = (function_length, module_length, parameters, vague_names)
