"""Moderators of one room: whoever runs the room says who they are."""

from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Invalid, Limited
from hubbub.core.event import GrantGiven, GrantTaken, MessagePosted
from hubbub.core.model import Grant, Room, User
from hubbub.core.permission import permissions_of
from hubbub.core.telling import say_role

ROLE = "moderator"
"""The role of the world that they get, on the room alone."""
MAX_MODERATORS = 500
"""Of one room."""
UNFIT = ("kiosk", "anon", "system")
"""Kinds of users who moderate nothing."""


class AppointModerator(Command, frozen=True, kw_only=True):
    """Let somebody moderate a room."""

    room: int
    user: int


class DismissModerator(Command, frozen=True, kw_only=True):
    """Let somebody moderate a room no longer."""

    room: int
    user: int


class ListModerators(Command, frozen=True, kw_only=True):
    """Learn who was appointed in a room. Others may moderate it too, by a role that they have on the world."""

    room: int


@handles(AppointModerator, "room:update", rate="configure", events=(GrantGiven, MessagePosted))
def do_appoint(act: Act, command: AppointModerator) -> None:
    """Give the role. Doing it twice is doing it once; nobody makes somebody who stands as high as they do."""
    room, user = act.access_room(command.room), act.access_user(command.user)
    if user.kind in UNFIT:
        raise Invalid(Code.INVALID, "Only people and bots can moderate.")
    held = set(permissions_of(ROLE, act.state.world.roles))
    if not held:
        raise Invalid(Code.CONFIG_INVALID, f"This world has no role {ROLE}.")
    standing = 2 if "room:delete" in held else 1
    if not act.operator and standing >= act.state.standing(act.actor, act.now, room):
        act.deny(room)
    if ROLE in act.state.granted_roles(user.id, room.id):
        return
    if len(moderators_of(act, room)) >= MAX_MODERATORS:
        raise Limited(Code.TOO_MANY, f"A room has at most {MAX_MODERATORS} moderators.")
    act.emit(GrantGiven, room.id, grant=Grant(world=room.world, user=user.id, role=ROLE, room=room.id))
    act.audit("auth.grant.given", {"object": user.id, "role": ROLE, "room": room.id})
    say_role(act, room, user.id, admin=True)


@handles(DismissModerator, "room:update", rate="configure", events=(GrantTaken, MessagePosted))
def do_dismiss(act: Act, command: DismissModerator) -> None:
    """Take the role; not having it is no error. Who stands as high as the actor keeps it."""
    room, user = act.access_room(command.room), act.access_user(command.user)
    if user.id != act.by:
        act.check_standing(user, room)
    if ROLE not in act.state.granted_roles(user.id, room.id):
        return
    act.emit(GrantTaken, room.id, grant=Grant(world=room.world, user=user.id, role=ROLE, room=room.id))
    act.audit("auth.grant.taken", {"object": user.id, "role": ROLE, "room": room.id})
    say_role(act, room, user.id, admin=False)


@handles(ListModerators, "room:update", "room:chat.moderate", rate="read")
def do_list(act: Act, command: ListModerators) -> list[User]:
    """Give them, the oldest account first."""
    return moderators_of(act, act.access_room(command.room))


def moderators_of(act: Act, room: Room) -> list[User]:
    """Give who was appointed in a room and is still there to moderate it."""
    users = (act.state.users[user] for user, roles in act.state.holders.get(room.id, {}).items() if ROLE in roles)
    return sorted((user for user in users if not user.deleted), key=lambda user: user.id)
