"""The `hubbub` command: serve communities, and look after them beside a running server.

A module for each noun of the command line. What a command needs that is slow to import (the web framework, the
database) it imports when it runs.
"""

from typing import Annotated

import typer

from hubbub import __version__
from hubbub.cli import doctor, import_groupme, room, serve, transfer, user, world
from hubbub.cli.error import Root

app = typer.Typer(
    name="hubbub",
    cls=Root,
    help="A self-hosted, real-time community server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.add_typer(world.app, name="world")
app.add_typer(room.app, name="room")
app.add_typer(user.app, name="user")
app.command("export")(transfer.export)
transfer.import_app.command("groupme")(import_groupme.import_groupme)
app.add_typer(transfer.import_app, name="import")
app.command("doctor")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hubbub {__version__}")
        raise typer.Exit


@app.callback()
def _hubbub(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """A self-hosted, real-time community server."""


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="hubbub")
