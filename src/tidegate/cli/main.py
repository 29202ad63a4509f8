"""``tidegate``: the command line. Each command is a file; this one only puts them together."""

import sys

import typer

from tidegate.cli import demo, inspect, rules, scenarios, serve, tokens, upkeep

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tidegate: may this order pass?")
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("check")(scenarios.check)
app.command("margin")(scenarios.margin)
app.add_typer(rules.app, name="rules")
app.command("token")(tokens.token)
app.command("explain")(inspect.explain)
app.command("replay")(inspect.replay)
app.command("migrate")(upkeep.migrate)
app.command("doctor")(upkeep.doctor)
app.add_typer(upkeep.dead_letters, name="dlq")


def run() -> None:
    """Run the command line."""
    try:
        app()
    except BrokenPipeError:
        sys.exit(1)
