"""`hubbub world`: make, list, import and export worlds."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from hubbub.cli.community import access_world, beside
from hubbub.cli.error import Failure
from hubbub.cli.option import ConfigOption, DatabaseOption, read_settings
from hubbub.cli.output import note, say, table

if TYPE_CHECKING:
    from hubbub.core.event import Event
    from hubbub.dialects.venueless.world_file import WorldFile
    from hubbub.live.community import Community

app = typer.Typer(help="Make, list, import and export worlds.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The world's part of addresses: a to z, 0 to 9, - and _.")],
    title: Annotated[str, typer.Option("--title", help="What people read; from the name if not given.")] = "",
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an empty world with the usual roles."""

    async def work(community: "Community") -> None:
        from hubbub.live.world import new_world

        if name in community.worlds:
            raise Failure(f"There is a world {name!r} already. Choose another name; `hubbub world list` lists them.")
        await community.create_world(new_world(community, name, title))

    from hubbub.core.world import check_name

    check_name(name)
    beside(read_settings(config, database=database), work, "Making the world", create=True)
    say(f"The world {name} is there. What it needs now is an owner and a room:")
    say(f"  hubbub user create admin --role owner --world {name}")
    say(f"  hubbub room create Lobby --world {name}")


@app.command("list")
def list_worlds(database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """List the worlds: name, title, domain, number of rooms, number of users."""

    async def work(community: "Community") -> list[tuple[object, ...]]:
        return [
            (
                state.world.name,
                state.world.title,
                state.world.domain,
                len(state.ordered_rooms()),
                sum(not user.deleted for user in state.users.values()),
            )
            for state in community.worlds.values()
        ]

    rows = beside(read_settings(config, database=database), work, "Reading")
    table(("name", "title", "domain", "rooms", "users"), rows)


@app.command("import")
def import_worlds(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="World configuration files (JSON).")],
    replace: Annotated[bool, typer.Option("--replace", help="Begin worlds that are there anew.")] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make worlds from Venueless world configuration files.

    With --replace, everything in a world that is there goes, its people and messages included; rooms with the same id
    in the file keep their addresses. All files are checked before anything is changed.
    """
    settings = read_settings(config, database=database)
    read = [_read(file) for file in files]
    names = [file.name for file in read]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Failure(f"More than one file is for the world {twice[0]!r}. Import one of them.")

    async def work(community: "Community") -> list[str]:
        there = [name for name in names if name in community.worlds]
        if there and not replace:
            raise Failure(
                f"There is a world {there[0]!r} already. Begin it anew with --replace, which removes its people and"
                " messages, or give the file's world another id."
            )
        return [await _import(community, file) for file in read]

    for file, path in zip(read, files, strict=True):
        for text in file.notes:
            note(f"{path}: {text}")
    for text in beside(settings, work, "Importing", create=True):
        say(text)


def _read(path: Path) -> "WorldFile":
    from hubbub.dialects.venueless.world_file import WorldFileError, read_world_file

    try:
        return read_world_file(sys.stdin.buffer.read() if path == Path("-") else path.read_bytes())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}. Nothing was imported.") from error
    except WorldFileError as error:
        raise Failure(f"{path} is not a world configuration: {error}. Mend it; nothing was imported.") from error


async def _import(community: "Community", file: "WorldFile") -> str:
    """Make or replace a world in one transaction."""
    from hubbub.core.world import GUARDED_SETTINGS
    from hubbub.wire.web_push import new_private_key

    command, state = file.world, community.worlds.get(file.name)
    if state:
        kept = {name: value for name in GUARDED_SETTINGS if (value := state.world.config.get(name))}
        command = msgspec.structs.replace(
            command, config={"vapid_private_key": new_private_key(), **kept, **command.config}
        )
        await community.call(state, command, operator=True)
        return f"The world {file.name} begins anew with {_rooms(len(command.rooms))}."
    await community.store.commit(_creation(community, file))
    return f"The world {file.name} is there, with {_rooms(len(command.rooms))}."


def _creation(community: "Community", file: "WorldFile") -> "list[Event]":
    from hubbub.core.event import RoomCreated, WorldCreated
    from hubbub.core.model import Room, World
    from hubbub.live.world import own_secrets

    command, now = file.world, community.clock()
    world = World(
        id=community.new_id(),
        name=file.name,
        title=command.title,
        domain=command.domain,
        roles=command.roles,
        trait_grants=command.trait_grants,
        config={**own_secrets(file.name), **command.config},
        created=now,
    )
    events: list[Event] = [WorldCreated(world=world.id, config=world)]
    for place, imported in enumerate(command.rooms):
        given = {"sorting_priority": place, **imported.settings.given()}
        room = Room(id=community.new_id(), world=world.id, import_id=imported.import_id, created=now, **given)
        events.append(RoomCreated(world=world.id, room=room.id, config=room))
    return events


def _rooms(count: int) -> str:
    return f"{count} room{'' if count == 1 else 's'}"


@app.command("export")
def export(
    name: Annotated[str, typer.Argument(help="The world.")],
    file: Annotated[Path | None, typer.Argument(help="Where to write; to stdout if not given.")] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Write the secrets too: who has them can be anybody.")
    ] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a world's configuration and rooms (not its people and messages) to a file that `import` reads."""

    async def work(community: "Community") -> bytes:
        from hubbub.dialects.venueless.world_file import write_world_file

        state = access_world(community, name)
        return write_world_file(state.world, state.ordered_rooms(), secrets=with_secrets)

    data = beside(read_settings(config, database=database), work, "Reading")
    if file is None or file == Path("-"):
        typer.echo(data, nl=False)
        return
    try:
        with open(file, "wb", opener=_private if with_secrets else None) as output:
            output.write(data)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}. Name another file.") from error
    say(f"{file} is written.")


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner reads."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
