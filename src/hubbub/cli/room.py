"""`hubbub room`: make and list rooms, and give roles in them."""

from typing import TYPE_CHECKING, Annotated

import typer

from hubbub.cli.community import access_room, access_user, access_world, beside, describe
from hubbub.cli.error import Failure
from hubbub.cli.option import ConfigOption, DatabaseOption, WorldOption, read_settings
from hubbub.cli.output import clean, say, table

if TYPE_CHECKING:
    from hubbub.core.model import Room, User
    from hubbub.live.community import Community

app = typer.Typer(help="Make and list rooms, and give roles in them.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What people read.")],
    description: Annotated[str, typer.Option("--description", help="What the room is for.")] = "",
    chat: Annotated[bool, typer.Option("--chat/--no-chat", help="Whether people can talk in it.")] = True,
    volatile: Annotated[
        bool, typer.Option("--volatile/--lasting", help="Whether belonging to the chat ends with the connection.")
    ] = True,
    world: WorldOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a room that everybody may enter."""
    settings = read_settings(config, database=database, world=world)

    async def work(community: "Community") -> "Room":
        from hubbub.core.room import AddRoom, RoomSettings

        state = access_world(community, settings.world)
        if any(room.name.casefold() == name.strip().casefold() for room in state.ordered_rooms()):
            raise Failure(f"There is a room {name!r} in {settings.world} already. Choose another name.")
        wanted = RoomSettings(
            name=name,
            description=description,
            modules=({"type": "chat.native", "config": {"volatile": volatile}},) if chat else (),
            trait_grants={"viewer": [], "participant": []},
        )
        made: Room = await community.call(state, AddRoom(settings=wanted), operator=True)
        return made

    room = beside(settings, work, "Making the room")
    say(f"The room {clean(room.name)} is in {settings.world}. Its id is {room.id}.")


@app.command("list")
def list_rooms(world: WorldOption = None, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """List the rooms in their order: id, Venueless id, import id, name, modules, number of members."""
    settings = read_settings(config, database=database, world=world)

    async def work(community: "Community") -> list[tuple[object, ...]]:
        from hubbub.dialects.venueless.id import Kind, render

        state = access_world(community, settings.world)
        return [
            (
                room.id,
                render(room.id, Kind.ROOM),
                room.import_id or "",
                room.name,
                " ".join(_module(module) for module in room.modules),
                len(state.members.get(room.id, ())),
            )
            for room in state.ordered_rooms()
        ]

    rows = beside(settings, work, "Reading")
    table(("id", "venueless id", "import id", "name", "modules", "members"), rows)


def _module(module: dict[str, object]) -> str:
    config = module.get("config")
    volatile = isinstance(config, dict) and config.get("volatile")
    return f"{module.get('type')}{' (volatile)' if volatile else ''}"


@app.command("grant")
def grant(
    room: Annotated[str, typer.Argument(help="Name, import id or id.")],
    user: Annotated[str, typer.Argument(help="Login, id, token uid or client id.")],
    role: Annotated[str, typer.Argument(help="A role of the world, such as moderator.")],
    take: Annotated[bool, typer.Option("--take", help="Take the role back.")] = False,
    world: WorldOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Give somebody a role in one room."""
    settings = read_settings(config, database=database, world=world)

    async def work(community: "Community") -> "tuple[Room, User]":
        from hubbub.core.user import GrantRole, TakeRole

        state = access_world(community, settings.world)
        place, target = access_room(state, room), access_user(state, user)
        command = (TakeRole if take else GrantRole)(user=target.id, role=role, room_id=place.id)
        await community.call(state, command, operator=True)
        return place, target

    place, target = beside(settings, work, "Granting")
    has = "no longer has" if take else "has"
    say(f"{describe(target)} {has} the role {role} in {clean(place.name)}.")
