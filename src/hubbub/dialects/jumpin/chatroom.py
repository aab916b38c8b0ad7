"""Rooms over HTTP: /api/rooms/... (protocols/jumpin.md 2), and their settings, which the original kept elsewhere."""

import re
from typing import Annotated, Any

import msgspec
from litestar import Response, post, put, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.account import RESERVED
from hubbub.core.error import Denied
from hubbub.core.gate import KEY_LIFE, ConfirmAge, SetRoomPassword, UnlockRoom
from hubbub.core.model import Room
from hubbub.core.push import SubscribePush
from hubbub.core.room import (
    CreateRoom,
    Directory,
    GetRoomConfig,
    ListPublicRooms,
    RoomSettings,
    UpdateRoom,
    check_settings,
)
from hubbub.core.visit import LookAtRoom, Sight
from hubbub.dialects.jumpin.account import CHAT, READ
from hubbub.dialects.jumpin.answer import HttpRefused, answer, cookie, no_room, refused
from hubbub.dialects.jumpin.body import Json, number, text
from hubbub.dialects.jumpin.caller import Asked, Caller, caller_of, read_body
from hubbub.dialects.jumpin.id import Kind, render
from hubbub.dialects.jumpin.identity import ROOM_KEY, SESSION_LIFE
from hubbub.dialects.jumpin.room import MAX_NAME, find_room, name_of, plain
from hubbub.wire.web_push import public_key

ROOM_COOKIE = "janus_id"
OWN_WORDS = frozenset(
    (
        *("public", "push", "emoji", "logout", "media", "storage", "schema", "standalone", "healthcheck", "ws"),
        *("new", "dmchannels"),
    )
)
"""Words, beside the core's, that are addresses of this server: no room of this dialect is made with such a name."""
ADDRESS = re.compile(f"[A-Za-z0-9-]{{1,{MAX_NAME}}}")
"""Source: protocols/jumpin.md 2."""
PAGE = 50
MAX_WAIT = 100 * 365 * 24 * 3600 * 1000
"""Milliseconds: the oldest that an account can be asked to be."""


# Finding and making


@route("/rooms/{room:str}", http_method=READ, door="session")
async def read_room(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Give a room, and who is in it where the asker may see that; one that is not there is made, for its maker."""
    caller, status = caller_of(request), 200
    found = find_room(caller.state, room)
    if found is None:
        found, status = await _make_room(caller, request, room), 201
    try:
        sight: Sight = await caller.look(LookAtRoom(room=found.id))
    except Denied:
        raise HttpRefused(403) from None
    shown = caller.jumpin.room(found, users=False)
    shown["users"] = [caller.jumpin.person(visit) for visit in sight.visits or ()]
    identity = render(found.id, Kind.ROOM)
    return answer(shown, status, cookie(ROOM_COOKIE, identity, SESSION_LIFE, secure=caller.secure))


async def _make_room(caller: Caller, request: Asked, wanted: str) -> Room:
    name = plain(wanted) if ADDRESS.fullmatch(wanted) else ""
    if request.method != "GET" or caller.foreign or not name or name in RESERVED | OWN_WORDS:
        raise HttpRefused(404)  # links and pictures on other sites make no rooms
    if not caller.may("world:rooms.create.chat"):
        raise HttpRefused(403)  # as the core says, but without making somebody of a guest
    caller.desk.rooms.take(caller.user.id if caller.user else caller.address)
    try:
        room: Room = await caller.do(CreateRoom(name=name, modules=CHAT))
    except Denied:
        raise HttpRefused(403) from None
    return room


@route("/rooms/public", http_method=READ)
async def list_public(request: Asked) -> Response[Any]:
    """Give a part of the public directory, the busiest first."""
    caller = caller_of(request)
    first = _position(request, "start", 0)
    last = _position(request, "end", first + PAGE)
    found: Directory = await caller.ask(ListPublicRooms(start=first, count=last - first))
    return answer({"rooms": [_listed(caller, room) for room in found.rooms], "count": found.total})


def _listed(caller: Caller, room: Room) -> Json:
    shown = caller.jumpin.room(room, users=False)
    here = caller.state.presence.visits.get(room.id, {}).values()
    shown["attrs"]["broadcastingUsers"] = sum(visit.broadcasting for visit in here)
    shown["attrs"]["userCount"] = caller.state.presence.occupants(room.id)
    return shown


def _position(request: Asked, name: str, usual: int) -> int:
    found = number(request.query_params.get(name, str(usual)))
    if found is None or not 0 <= found < 2**31:
        raise refused(400, "ERR_INVALID_PARAMS", f"{name} is a number from 0.")
    return int(found)


@route("/rooms/{room:str}/emoji", http_method=READ)
async def list_emoji(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Give a room's own emoji: there are none."""
    caller_of(request).room(room)
    return answer([])


# Gates


@post("/rooms/{room:str}/password", door="session", status_code=200)
async def unlock(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Give the room's key for a password, as a cookie that joining the room looks at."""
    caller, password = caller_of(request), text(await read_body(request), "password")
    found = find_room(caller.state, room)
    if found is None:
        raise no_room()
    if not password:
        raise refused(400, "ERR_VALIDATION", "Give the password of the room.")
    caller.desk.passwords.take((found.id, caller.address))
    key: str = await caller.look(UnlockRoom(room=found.id, password=password))
    return answer(None, 200, cookie(ROOM_KEY + name_of(found), key, KEY_LIFE, secure=caller.secure))


@post("/rooms/confirmAge", door="session", status_code=200)
async def confirm_age(request: Asked) -> Response[Any]:
    """Note that somebody says that they are of age."""
    await caller_of(request).do(ConfirmAge())
    return answer()


# Running the room


class SettingsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What may be set of a room; what is left out stays. A `password` or `closed` of null is none."""

    public: bool | msgspec.UnsetType = msgspec.UNSET
    force_user: bool | msgspec.UnsetType = msgspec.UNSET
    require_verified_email: bool | msgspec.UnsetType = msgspec.UNSET
    min_account_age: Annotated[int, msgspec.Meta(ge=0, le=MAX_WAIT)] | msgspec.UnsetType = msgspec.UNSET
    mod_only_play_media: bool | msgspec.UnsetType = msgspec.UNSET
    force_ptt: bool | msgspec.UnsetType = msgspec.UNSET
    age_restricted: bool | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    closed: str | msgspec.UnsetType | None = msgspec.UNSET
    password: str | msgspec.UnsetType | None = msgspec.UNSET

    def settings(self) -> RoomSettings:
        """Give the core's names to what is set, but for the password."""
        age = self.min_account_age
        return RoomSettings(
            listed=self.public,
            accounts_only=self.force_user,
            verified_only=self.require_verified_email,
            min_account_age=age if age is msgspec.UNSET else -(-age // 1000),
            moderated_playlist=self.mod_only_play_media,
            push_to_talk=self.force_ptt,
            age_restricted=self.age_restricted,
            description=self.description,
            closed=self.closed,
        )


def view_settings(room: Room) -> Json:
    """Write a room's settings for those who may change them."""
    return {
        "public": room.listed,
        "forceUser": room.accounts_only,
        "requireVerifiedEmail": room.verified_only,
        "minAccountAge": room.min_account_age * 1000,
        "modOnlyPlayMedia": room.moderated_playlist,
        "forcePtt": room.push_to_talk,
        "ageRestricted": room.age_restricted,
        "description": room.description,
        "closed": room.closed,
        "requiresPassword": room.locked,
    }


@route("/rooms/{room:str}/settings", http_method=READ, door="account")
async def read_settings(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Give a room's settings to those who may change them."""
    caller = caller_of(request)
    return answer(view_settings(await caller.do(GetRoomConfig(room=caller.room(room).id))))


@put("/rooms/{room:str}/settings", door="account")
async def change_settings(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Change a room's settings; all that is given or, when something is wrong with it, nothing."""
    caller, body = caller_of(request), await read_body(request)
    found = caller.room(room)
    try:
        wanted = msgspec.convert(body, SettingsBody)
    except msgspec.ValidationError as error:
        raise refused(400, "ERR_VALIDATION", str(error)[:200]) from None
    settings = wanted.settings()
    given = settings.given()
    check_settings(given)
    changed: Room = await caller.do(GetRoomConfig(room=found.id))
    if wanted.password is not msgspec.UNSET:
        changed = await caller.do(SetRoomPassword(room=found.id, password=wanted.password or None))
    if given:
        changed = await caller.do(UpdateRoom(room=found.id, settings=settings))
    return answer(view_settings(changed))


@put("/rooms/{room:str}/setAgeRestricted", door="account")
async def restrict_age(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Let only adults with an account in, and keep the room out of the directory."""
    caller = caller_of(request)
    settings = RoomSettings(age_restricted=True, accounts_only=True, listed=False)
    try:
        await caller.do(UpdateRoom(room=caller.room(room).id, settings=settings))
    except Denied:
        raise refused(403, "ERR_NOT_OWNER", "Only who owns the room can do that.") from None
    return answer()


@put("/rooms/{room:str}/inforead", door="account")
async def note_read(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Note that the owner of a new room has read what there is to know: no room is shown as new."""
    caller_of(request).room(room)
    return answer()


# Pushes


@route("/rooms/push/publickey", http_method=READ, door="session")
async def read_push_key(request: Asked) -> Response[Any]:
    """Give the key with which a browser asks for pushes."""
    private = caller_of(request).state.world.config.get("vapid_private_key")
    try:
        return answer({"key": public_key(private if isinstance(private, str) else "")})
    except ValueError:
        raise refused(404, "ERR_NOT_FOUND", "There are no pushes here.") from None


@post("/rooms/push/{name:str}/register", door="session")
async def register_push(request: Asked, name: FromPath[str]) -> Response[Any]:
    """Have a browser told of private messages while its user is away. It is the user's, whichever socket is named."""
    caller, body = caller_of(request), await read_body(request)
    keys = {name: text(body, name).replace("+", "-").replace("/", "_") for name in ("key", "authSecret")}
    await caller.do(
        SubscribePush(endpoint=text(body, "endpoint"), p256dh=keys["key"], auth=keys["authSecret"], expires=None)
    )
    return answer(None, 204)


HANDLERS: list[HTTPRouteHandler] = [
    read_room,
    list_public,
    list_emoji,
    unlock,
    confirm_age,
    read_settings,
    change_settings,
    restrict_age,
    note_read,
    read_push_key,
    register_push,
]
