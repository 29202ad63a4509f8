"""``tidegate``: the command line. Each command is a file; only the one that is called for is loaded."""

import sys
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from tidegate.cli.output import EXIT_UNUSABLE

EXIT_INTERRUPTED: Final = 130

COMMANDS: Final = {
    "serve": "tidegate.cli.serve:serve",
    "demo": "tidegate.cli.demo:demo",
    "check": "tidegate.cli.scenarios:check",
    "margin": "tidegate.cli.scenarios:margin",
    "assess": "tidegate.cli.assess:assess",
    "rules": "tidegate.cli.rules:app",
    "lists": "tidegate.cli.lists:app",
    "token": "tidegate.cli.tokens:token",
    "explain": "tidegate.cli.inspect:explain",
    "replay": "tidegate.cli.inspect:replay",
    "audit": "tidegate.cli.audit:app",
    "migrate": "tidegate.cli.upkeep:migrate",
    "doctor": "tidegate.cli.upkeep:doctor",
    "dlq": "tidegate.cli.dead_letters:dead_letters",
}
"""Commands and where they stand; ``check`` must not wait for what only ``serve`` needs to be imported."""


class LazyCommands(TyperGroup):
    """A group that imports a command when it is called for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer keeps the type to itself
        """Give the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - typer keeps the types to itself
        """Import a command."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        found: Any = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_command(found)
            group.name = cmd_name
            return group
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(found)
        return typer.main.get_command(single)


app = typer.Typer(cls=LazyCommands, no_args_is_help=True, add_completion=False)


@app.callback()
def _tidegate() -> None:
    """Tidegate: may this order pass?"""


def _told(unusable: Exception) -> str:
    message = getattr(unusable, "format_message", lambda: str(unusable))()
    return " ".join(str(message).split()) or "name a command; --help lists them"


def run() -> None:
    """Run the command line; what cannot be used is one line on standard error and exit 2."""
    try:
        status = typer.main.get_command(app)(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        status = 1
    except Exception as unusable:
        # typer keeps the class of its usage errors to itself; they tell themselves apart by their exit code
        if getattr(unusable, "exit_code", None) != EXIT_UNUSABLE:
            raise
        typer.echo(f"tidegate: {_told(unusable)}", err=True)
        status = EXIT_UNUSABLE
    sys.exit(status if isinstance(status, int) else 0)
