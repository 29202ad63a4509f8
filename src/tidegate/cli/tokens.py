"""``tidegate token``: a token of the tiny issuer that serves a data folder."""

import time
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.output import refuse
from tidegate.demo.issuer import NoIssuerKeys, TinyIssuer, TokenWish
from tidegate.inbound.shared.token_guard import Role


def token(
    *,
    role: Annotated[list[Role], typer.Option("--role", help="A role the token carries; may be repeated.")],
    data: Annotated[Path, typer.Option("--data", help="The data folder of the demo whose issuer signs.")],
    audience: Annotated[str, typer.Option("--audience")] = "tidegate",
    ttl_s: Annotated[int, typer.Option("--ttl-s", help="Seconds until it expires.")] = 3_600,
    subject: Annotated[str, typer.Option("--subject")] = "demo",
) -> None:
    """Print a token of the demo's issuer."""
    try:
        issuer = TinyIssuer.kept_in(data)
    except NoIssuerKeys as missing:
        refuse(str(missing))
    wish = TokenWish(
        roles=tuple(one.value for one in role), now_s=int(time.time()), audience=audience, ttl_s=ttl_s, subject=subject
    )
    typer.echo(issuer.token(wish))
