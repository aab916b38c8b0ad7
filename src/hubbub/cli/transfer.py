"""`hubbub export` and `hubbub import`: a whole community in one file, and what comes from elsewhere."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hubbub.cli.community import opened_store
from hubbub.cli.error import Failure
from hubbub.cli.option import ConfigOption, DatabaseOption, WorldOption, read_settings
from hubbub.cli.output import counting, note, say

if TYPE_CHECKING:
    from hubbub.settings import Settings
    from hubbub.transfer.export import Advance, Exported
    from hubbub.transfer.intake import Imported


class _Sources(TyperGroup):
    """What is imported from; a file alone is a community."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments name."""
        if args and args[0] not in self.commands and Path(args[0]).suffix.lower() == ".zip":
            args = ["community", *args]
        return super().resolve_command(ctx, args)


import_app = typer.Typer(
    help="Bring in a community (FILE.zip alone does that, too), or what another service kept.",
    cls=_Sources,
    no_args_is_help=True,
)


def export(
    file: Annotated[Path, typer.Argument(help="Where to write, such as main.zip.")],
    world: WorldOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a whole community to a file that `hubbub import` reads: settings, people, messages, files.

    The server may be running. The file has the world's secrets and the hashes of passwords: keep it to yourself.
    """
    settings = read_settings(config, database=database, world=world)
    with counting(f"Exporting {settings.world}") as advance:
        done = asyncio.run(_export(settings, file, force, advance))
    if done.missing:
        note(f"{done.missing} uploaded files are no longer in {settings.media}, and so not in the export.")
    say(f"{file} is written: {done.messages} messages, {done.records} records in all, {done.files} files.")


async def _export(settings: "Settings", file: Path, force: bool, advance: "Advance") -> "Exported":
    from hubbub.live.clock import SystemClock
    from hubbub.transfer.error import TransferError
    from hubbub.transfer.export import export_world

    async with opened_store(settings) as store:
        worlds = {one.name: one for one in await store.worlds()}
        if settings.world not in worlds:
            there = ", ".join(sorted(worlds)) or "none yet"
            raise Failure(f"There is no world {settings.world!r}. There are: {there}. Name one with --world.")
        try:
            return await export_world(
                store,
                worlds[settings.world].id,
                Path(settings.media),
                file,
                now=SystemClock()(),
                overwrite=force,
                advance=advance,
            )
        except TransferError as error:
            raise Failure(str(error)) from error


@import_app.command("community")
def import_community(
    file: Annotated[Path, typer.Argument(help="A file that `hubbub export` wrote.")],
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="What to call the world here.")] = "",
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Bring in a whole community from a file that `hubbub export` wrote: all of it, or nothing.

    A server on the same database has it at once. Import only what you trust: it brings its own administrators.
    """
    settings = read_settings(config, database=database)
    with counting(f"Importing {file.name}") as advance:
        done = asyncio.run(_import(settings, file, name, advance))
    say(f"The world {done.name} is there: {done.messages} messages, {done.records} records in all, {done.files} files.")


async def _import(settings: "Settings", file: Path, name: str, advance: "Advance") -> "Imported":
    from hubbub.live.clock import SystemClock
    from hubbub.transfer.error import TransferError
    from hubbub.transfer.intake import import_world, read_head

    try:
        read_head(file)  # before a database is made for it
        async with opened_store(settings, create=True) as store:
            return await import_world(
                store, file, Path(settings.media), now=SystemClock()(), name=name, advance=advance
            )
    except TransferError as error:
        raise Failure(str(error)) from error
