"""The welcome conversation: somebody of the house writes to newcomers who know nobody yet."""

from typing import Any

import msgspec

from hubbub.core.command import Act, Command, check, handles
from hubbub.core.direct import make_direct
from hubbub.core.event import (
    ChannelsChanged,
    ConversationOpened,
    DirectPosted,
    MessagePosted,
    Subscribed,
    UserCreated,
    UserUpdated,
)
from hubbub.core.model import Message, Room, User

HOST = "system:welcome"
"""The token id of the user who welcomes. Nobody logs in as a user of the system, whatever their token says."""
WELCOME = {"welcome": True}
"""The `extra` of the greeting."""


class Welcome(Command, frozen=True, kw_only=True):
    """Get the conversation in which the house welcomes the actor, who is called `name`, looks like `avatar` and says
    `greeting`, in which {name} stands for the actor's."""

    name: str
    avatar: str = ""
    greeting: str


class Welcomed(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation, and whether it is new."""

    room: Room
    new: bool


@handles(
    Welcome,
    "world:view",
    rate="create",
    events=(*(UserCreated, UserUpdated, ConversationOpened, MessagePosted, DirectPosted, Subscribed, ChannelsChanged),),
)
def do_welcome(act: Act, command: Welcome) -> Any:
    """Find it, or make it with its greeting: a coroutine for the former, as that may have been made just now."""
    known = host_of(act)
    room = act.state.direct_between(act.actor.id, known.id) if known else None
    return _find(act, command, room) if room else _make(act, command)


async def _find(act: Act, command: Welcome, room: Room) -> Welcomed:
    """Give it once its greeting can be read."""
    await act.archive.settle()
    check(act, command)  # the world may have changed while we looked
    _host(act, command)
    return Welcomed(room=room, new=False)


def _make(act: Act, command: Welcome) -> Welcomed:
    host = _host(act, command)
    room = make_direct(act, [act.actor.id, host.id], hide=False)
    message = Message(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        sender=host.id,
        at=act.now,
        body=command.greeting.replace("{name}", act.actor.display_name),
        extra=WELCOME,
    )
    act.emit(MessagePosted, room.id, message=message)
    act.emit(DirectPosted, room.id, users=(act.actor.id, host.id), message=message)
    return Welcomed(room=room, new=True)


def _host(act: Act, command: Welcome) -> User:
    """Give the user who welcomes, as the settings have them now."""
    profile: dict[str, Any] = {"display_name": command.name}
    if command.avatar:
        profile["avatar"] = {"url": command.avatar}
    known = host_of(act)
    if known is None:
        host = User(
            id=act.new_id(),
            world=act.state.world.id,
            kind="system",
            token_id=HOST,
            profile=profile,
            shown=False,
            created=act.now,
        )
        act.emit(UserCreated, user=host)
        return host
    if known.profile != profile:
        known = msgspec.structs.replace(known, profile=profile)
        act.emit(UserUpdated, user=known)
    return known


def host_of(act: Act) -> User | None:
    """Give the user who welcomes, if anybody was welcomed yet."""
    identity = act.state.by_token_id.get(HOST)
    return None if identity is None else act.state.users[identity]
