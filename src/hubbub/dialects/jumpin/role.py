"""Roles of a room over HTTP: /api/role/... (protocols/jumpin.md 2).

Every room has two: `everybody`, and `mods`, which is the core's role of moderators. Whoever runs the room enrols people
in the latter. Errors are plain text here, as in the original.
"""

from collections.abc import Mapping
from typing import Any

from litestar import HttpMethod, Response, delete, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.error import HubbubError, Limited
from hubbub.core.model import Room, User
from hubbub.core.moderator import ROLE, AppointModerator, DismissModerator, ListModerators
from hubbub.core.permission import permissions_of
from hubbub.dialects.jumpin.account import READ
from hubbub.dialects.jumpin.answer import HttpRefused, answer, message_of, status_of
from hubbub.dialects.jumpin.body import Json, identity, instant, text
from hubbub.dialects.jumpin.caller import Asked, Caller, caller_of, read_body
from hubbub.dialects.jumpin.encode import EVERYBODY, MODERATORS, username_of
from hubbub.dialects.jumpin.id import Kind, parse, render
from hubbub.dialects.jumpin.room import find_room

PERMISSIONS: Mapping[str, str] = {
    "ban": "room:chat.moderate",
    "kick": "room:kick",
    "closeCam": "room:cam.close",
    "muteUserAudio": "room:cam.close",
    "muteUserChat": "room:chat.moderate",
    "muteRoomChat": "room:update",
    "muteRoomAudio": "room:update",
    "applyPassword": "room:update",
    "assignOperator": "room:update",
    "assignRoles": "room:update",
    "manageRoles": "",
    "playMedia": "room:playlist.add",
    "controlMedia": "room:playlist.control",
    "playYoutube": "room:playlist.add",
    "uploadEmoji": "",
    "roomDetails": "room:chat.moderate",
    "broadcast": "room:cam.broadcast",
    "bypassPassword": "room:chat.moderate",
}
"""The permission of the core that each of theirs stands for; empty where there is nothing to permit."""

FIXED = "Rooms have the roles everybody and mods; others cannot be made or changed here."


def _text(error: HubbubError) -> HttpRefused:
    return HttpRefused(status_of(error), message_of(error))


def _room(caller: Caller, name: str, status: int = 404) -> Room:
    found = find_room(caller.state, name)
    if found is None:
        raise HttpRefused(status, f'Room "{name[:64]}" not found')
    return found


# Roles


@route("/role/room/{room:str}/all", http_method=READ, door="session")
async def list_roles(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Give the roles of a room, the highest first, with what each of them permits."""
    caller = caller_of(request)
    found = _room(caller, room, 400)
    return answer([_moderators(caller, found), _everybody(caller, found)])


def _everybody(caller: Caller, room: Room) -> Json:
    held = caller.state.permissions(caller.stranger(), caller.now, room)
    return _role(room, EVERYBODY, 0, held) | {"isDefault": True}


def _moderators(caller: Caller, room: Room) -> Json:
    held = frozenset(permissions_of(ROLE, caller.state.world.roles))
    return _role(room, MODERATORS, 1, held) | {"icon": {"name": "star", "color": "yellowalt", "url": None}}


def _role(room: Room, tag: str, order: int, held: frozenset[str]) -> Json:
    return {
        "_id": role_id(room, tag),
        "name": tag,
        "tag": tag,
        "roomId": render(room.id, Kind.ROOM),
        "createdBy": None,
        "createdAt": instant(room.created),
        "permanent": True,
        "isDefault": False,
        "order": order,
        "icon": {"name": None, "color": None, "url": None},
        "permissions": {name: needed in held for name, needed in PERMISSIONS.items()},
    }


def role_id(room: Room, tag: str) -> str:
    """Give the id of one of a room's two roles."""
    return render(room.id, Kind.EVERYBODY if tag == EVERYBODY else Kind.ROLE)


@route("/role/room/{room:str}", http_method=[HttpMethod.PUT], door="account")
async def change_roles(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Refuse."""
    raise HttpRefused(501, FIXED)


@post("/role", door="account")
async def make_role(request: Asked) -> Response[Any]:
    """Refuse."""
    raise HttpRefused(501, FIXED)


@delete("/role/room/{room:str}/role/{role:str}", door="account", status_code=200)
async def remove_role(request: Asked, room: FromPath[str], role: FromPath[str]) -> Response[Any]:
    """Refuse."""
    raise HttpRefused(501, FIXED)


# Who has them


@post("/role/enroll", door="account", status_code=201)
async def enrol(request: Asked) -> Response[Any]:
    """Make somebody a moderator: an account, or whoever has a place in the user list."""
    caller, body = caller_of(request), await read_body(request)
    room = _room(caller, text(body, "roomName"))
    if text(body, "roleId") != role_id(room, MODERATORS):
        raise HttpRefused(404, "Role not found")
    user = _user(caller, room, body)
    await _do(caller, AppointModerator(room=room.id, user=user.id))
    return answer(_enrolment(caller, room, user), 201)


def _user(caller: Caller, room: Room, body: Json) -> User:
    found = identity(body, "userId", Kind.USER)
    if not found:
        visit = caller.state.presence.visit_by_id(identity(body, "userListId", Kind.VISIT))
        found = visit.user if visit and visit.room == room.id else 0
    user = caller.state.users.get(found)
    if user is None or user.deleted:
        raise HttpRefused(404, "User not found")
    return user


@route("/role/room/{room:str}/enrollments", http_method=READ, door="account")
async def list_enrolments(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Give who was made a moderator."""
    caller = caller_of(request)
    found = _room(caller, room)
    users: list[User] = await _do(caller, ListModerators(room=found.id))
    return answer([_enrolled(found, user) for user in users])


@delete("/role/room/{room:str}/enrollment/{enrolment:str}", door="account", status_code=200)
async def end_enrolment(request: Asked, room: FromPath[str], enrolment: FromPath[str]) -> Response[Any]:
    """Make somebody a moderator no longer."""
    caller = caller_of(request)
    found, user = _room(caller, room), parse(enrolment, Kind.ENROLMENT)
    if user not in caller.state.users or ROLE not in caller.state.granted_roles(user, found.id):
        raise HttpRefused(404, "Enrollment not found")
    await _do(caller, DismissModerator(room=found.id, user=user))
    return answer(None, 204)


@route("/role/user/{room:str}/{visit:str}", http_method=READ, door="session")
async def list_roles_of(request: Asked, room: FromPath[str], visit: FromPath[str]) -> Response[Any]:
    """Give the roles that somebody in the room was given."""
    caller = caller_of(request)
    found = _room(caller, room)
    user = _user(caller, found, {"userListId": visit})
    appointed = ROLE in caller.state.granted_roles(user.id, found.id)
    return answer([_enrolment(caller, found, user)] if appointed else [])


async def _do(caller: Caller, command: Any) -> Any:
    try:
        return await caller.do(command)
    except Limited:
        raise
    except HubbubError as error:
        raise _text(error) from None


def _enrolment(caller: Caller, room: Room, user: User) -> Json:
    role = _moderators(caller, room)
    return {
        "_id": render(user.id, Kind.ENROLMENT),
        "room": render(room.id, Kind.ROOM),
        "user": render(user.id, Kind.USER) if user.account else None,
        "role": {"_id": role["_id"], "tag": MODERATORS, "permissions": role["permissions"]},
    }


def _enrolled(room: Room, user: User) -> Json:
    return {
        "username": username_of(user) or user.display_name,
        "userId": render(user.id, Kind.USER),
        "roles": [
            {
                "enrollmentId": None,
                "roleId": role_id(room, EVERYBODY),
                "tag": EVERYBODY,
                "name": EVERYBODY,
                "isDefault": True,
            },
            {
                "enrollmentId": render(user.id, Kind.ENROLMENT),
                "roleId": role_id(room, MODERATORS),
                "tag": MODERATORS,
                "name": MODERATORS,
            },
        ],
    }


HANDLERS: list[HTTPRouteHandler] = [
    list_roles,
    change_roles,
    make_role,
    remove_role,
    enrol,
    list_enrolments,
    end_enrolment,
    list_roles_of,
]
