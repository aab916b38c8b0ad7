"""The REST interface of this dialect: /api/v1/worlds/<world>/ and what is under it.

Source: protocols/venueless.md 1.17. A token of the world says what its holder may do; who that is does not matter, and
no user comes of it. Bodies are JSON; unknown fields are ignored.
"""

import math
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.types import Guard

from hubbub.core.command import REGISTRY, Command
from hubbub.core.error import Code, Denied, HubbubError, Invalid, Limited, Unavailable, Unknown
from hubbub.core.login import MAX_TRAITS, read_token
from hubbub.core.model import Room, User, World
from hubbub.core.room import AddRoom, DeleteRoom, GetRoomConfig, ListRoomConfigs, RoomSettings, UpdateRoom
from hubbub.core.state import WorldState
from hubbub.core.user import DeleteUser
from hubbub.core.world import RefreshSchedule, UpdateWorld
from hubbub.dialects.request import Connection, Throttle, base_url, credentials_of
from hubbub.dialects.venueless.id import Kind, parse, render
from hubbub.live.community import Community

PREFIX = "/api/v1/worlds"
PAGE_SIZE = 50
MAX_BODY = 2_000_000
"""Bytes: a world's configuration has at most 1,000,000 once it is written as we write it."""

Json = dict[str, Any]
Given = msgspec.UnsetType


# Bodies and answers


class WorldBody(msgspec.Struct, frozen=True):
    """What may be changed of a world; what is left out stays. `config` is merged key by key."""

    id: str | Given = msgspec.UNSET
    title: str | Given = msgspec.UNSET
    config: Json | Given = msgspec.UNSET
    trait_grants: Json | Given = msgspec.UNSET
    roles: dict[str, list[str]] | Given = msgspec.UNSET
    domain: str | None | Given = msgspec.UNSET


class WorldView(msgspec.Struct, frozen=True):
    """A world with everything that is set, secrets included."""

    id: str
    title: str
    config: Json
    trait_grants: Json
    roles: dict[str, list[str]]
    domain: str | None


class RoomBody(msgspec.Struct, frozen=True):
    """What may be set of a room; what is left out stays."""

    name: str | Given = msgspec.UNSET
    description: str | None | Given = msgspec.UNSET
    trait_grants: Json | Given = msgspec.UNSET
    module_config: list[Json] | Given = msgspec.UNSET
    sorting_priority: int | Given = msgspec.UNSET
    pretalx_id: int | None | Given = msgspec.UNSET
    schedule_data: Json | None | Given = msgspec.UNSET
    deleted: bool | Given = msgspec.UNSET

    def settings(self, *, whole: bool = False) -> RoomSettings:
        """Give the core's names to what is set. Raises Invalid; `whole` when the name must be there."""
        if self.deleted is True:
            raise Invalid(Code.INVALID, details={"deleted": ["Use DELETE."]})
        if whole and self.name is msgspec.UNSET:
            raise Invalid(Code.INVALID, details={"name": ["This field is required."]})
        given = {name: value for name in SETTABLE if (value := getattr(self, name)) is not msgspec.UNSET}
        if "module_config" in given:
            given["modules"] = tuple(given.pop("module_config"))
        if given.get("description", "") is None:
            given["description"] = ""
        return RoomSettings(**given)


SETTABLE = tuple(name for name in RoomBody.__struct_fields__ if name != "deleted")


class RoomView(msgspec.Struct, frozen=True):
    """A room as organisers see it."""

    id: str
    deleted: bool
    trait_grants: Json
    module_config: list[Json]
    name: str
    description: str
    sorting_priority: int
    pretalx_id: int | None
    schedule_data: Json | None


class RoomPage(msgspec.Struct, frozen=True):
    """Some of the rooms, and where the others are."""

    count: int
    next: str | None
    previous: str | None
    results: list[RoomView]


class ScheduleBody(msgspec.Struct, frozen=True):
    """The timetable that has changed."""

    domain: str = ""
    event: str = ""


class UserBody(msgspec.Struct, frozen=True):
    """Who is to be deleted: one of the two."""

    user_id: str | None = None
    token_id: str | int | None = None


def view_world(world: World) -> WorldView:
    """Write a world."""
    return WorldView(
        id=world.name,
        title=world.title,
        config=world.config,
        trait_grants=world.trait_grants,
        roles=world.roles,
        domain=world.domain or None,
    )


def view_room(room: Room) -> RoomView:
    """Write a room."""
    return RoomView(
        id=render(room.id, Kind.ROOM),
        deleted=room.deleted,
        trait_grants=room.trait_grants,
        module_config=list(room.modules),
        name=room.name,
        description=room.description,
        sorting_priority=room.sorting_priority,
        pretalx_id=room.pretalx_id,
        schedule_data=room.schedule_data,
    )


# Who asks


class Caller:
    """A token of a world, and what its holder does with it."""

    def __init__(self, community: Community, state: WorldState, actor: User, throttle: Throttle) -> None:
        self.community = community
        self.state = state
        self.actor = actor
        self._throttle = throttle

    def check(self, names: tuple[str, ...]) -> None:
        """Raise Denied unless the token is worth all of these permissions: they open this door, not what is behind."""
        if not self.state.permissions(self.actor, self.community.clock()).issuperset(names):
            raise Denied(Code.WORLD_DENIED, "Permission denied.")

    async def call(self, command: Command) -> Any:
        """Do a command of the core. Raises HubbubError."""
        self._throttle.take(self.state.world.id, REGISTRY[type(command)].rate)
        return await self.community.call(self.state, command, actor=self.actor)


def make_guard(community: Community) -> Guard:
    """Give what stands before every handler: it finds the world, reads the token and checks the door's permissions."""
    throttle = Throttle(community, "default")

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        state = community.state(str(connection.path_params["world"]))
        scheme, token = credentials_of(connection)
        if scheme != "bearer":
            raise Denied(Code.UNAUTHENTICATED, "Send a token of this world: Authorization: Bearer <token>")
        now = community.clock()
        claims = read_token(state.world, token, now)
        if len(claims.traits) > MAX_TRAITS:
            raise Denied(Code.TOKEN_INVALID)
        actor = User(id=0, world=state.world.id, traits=claims.traits, created=now)
        caller = Caller(community, state, actor, throttle)
        caller.check(handler.opt["door"])
        connection.scope["state"]["caller"] = caller

    return guard


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Give who asks, as the guard found them."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


API = ("world:api",)
SECRETS = ("world:api", "world:secrets")
ANYBODY: tuple[str, ...] = ()
"""What is behind asks for its own permission only."""


# The world


@get("/", door=SECRETS, sync_to_thread=False, summary="Read the world")
def read_world(request: Request[Any, Any, Any], world: FromPath[str]) -> WorldView:
    """Give the world with its secrets."""
    return view_world(caller_of(request).state.world)


@patch("/", door=SECRETS, summary="Change the world")
async def change_world(request: Request[Any, Any, Any], world: FromPath[str], data: JSONBody[WorldBody]) -> WorldView:
    """Change what is given; the id cannot change."""
    caller = caller_of(request)
    own = caller.state.world
    if data.id not in (msgspec.UNSET, own.name):
        raise Invalid(Code.INVALID, details={"id": ["The id of a world cannot change."]})
    domain = "" if data.domain is None else data.domain
    if domain and any(other.world.domain == domain for other in _others(caller)):
        raise Invalid(Code.INVALID, details={"domain": ["world with this domain already exists."]})
    command = UpdateWorld(
        title=_given(data.title),
        domain=_given(domain),
        roles=_given(data.roles),
        trait_grants=_given(data.trait_grants),
        config=_given(data.config) or {},
        secrets=True,
    )
    return view_world(await caller.call(command))


def _given(value: Any) -> Any:
    return None if value is msgspec.UNSET else value


def _others(caller: Caller) -> list[WorldState]:
    return [other for other in caller.community.worlds.values() if other is not caller.state]


@post("/schedule_update", door=API, status_code=200, summary="Tell everybody that the timetable has changed")
async def update_schedule(request: Request[Any, Any, Any], world: FromPath[str], data: JSONBody[ScheduleBody]) -> Json:
    """Tell everybody; the timetable must be the one that the world has, as a token may be meant for another's."""
    caller = caller_of(request)
    missing = {name: ["This field is required."] for name in ("domain", "event") if not getattr(data, name)}
    if missing:
        raise Invalid(Code.INVALID, details=missing)
    known = caller.state.world.config.get("pretalx")
    known = known if isinstance(known, dict) else {}
    domain, event = known.get("domain"), known.get("event")
    if not isinstance(domain, str) or _site(domain) != _site(data.domain) or event != data.event:
        raise Invalid(Code.INVALID, details={"event": ["This is not the timetable of this world."]})
    await caller.call(RefreshSchedule(domain=domain, event=data.event))
    return {}


def _site(url: str) -> str:
    """Give the host of a URL, as nothing else of it counts; the text itself when it has none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


@post("/delete_user", door=ANYBODY, status_code=204, summary="Forget a user")
async def delete_user(request: Request[Any, Any, Any], world: FromPath[str], data: JSONBody[UserBody]) -> None:
    """Forget somebody by the id of the user or of the ticket system's token."""
    caller = caller_of(request)
    given = [value for value in (data.user_id, data.token_id) if value not in (None, "")]
    if len(given) != 1:
        raise Invalid(Code.INVALID, details={"user_id": ["Give either user_id or token_id."]})
    found = (
        parse(data.user_id, Kind.USER) if data.user_id else caller.state.by_token_id.get(str(data.token_id))
    )  # fmt: skip
    # Nobody has the id -1: it lets the core decide whether the caller may know that there is no such user.
    await caller.call(DeleteUser(user=found or -1))


# Rooms


def make_list_rooms(url: str) -> HTTPRouteHandler:
    """Give the handler that lists rooms; `url` is how the server is reached, from the request when empty."""

    @get("/rooms/", door=API, summary="List the rooms")
    async def list_rooms(request: Request[Any, Any, Any], world: FromPath[str], page: FromQuery[str] = "1") -> RoomPage:
        """Give a page of rooms in the organisers' order; pages count from 1."""
        rooms: list[Room] = await caller_of(request).call(ListRoomConfigs())
        pages = max(1, -(-len(rooms) // PAGE_SIZE))
        number = pages if page == "last" else int(page) if page.isdecimal() and len(page) < 10 else 0
        if not 1 <= number <= pages:
            raise NotFoundException("Invalid page.")
        here = f"{base_url(request, url)}{PREFIX}/{world}/rooms/"
        return RoomPage(
            count=len(rooms),
            next=f"{here}?page={number + 1}" if number < pages else None,
            previous=f"{here}?page={number - 1}" if number > 1 else None,
            results=[view_room(room) for room in rooms[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]],
        )

    return list_rooms


@post("/rooms/", door=API, summary="Make a room")
async def add_room(request: Request[Any, Any, Any], world: FromPath[str], data: JSONBody[RoomBody]) -> RoomView:
    """Make a room behind all others, unless `sorting_priority` says otherwise."""
    return view_room(await caller_of(request).call(AddRoom(settings=data.settings(whole=True))))


@get("/rooms/{room:str}/", door=API, summary="Read a room")
async def read_room(request: Request[Any, Any, Any], world: FromPath[str], room: FromPath[str]) -> RoomView:
    """Give a room."""
    return view_room(await caller_of(request).call(GetRoomConfig(room=room_id(room))))


@patch("/rooms/{room:str}/", door=API, summary="Change a room")
async def change_room(
    request: Request[Any, Any, Any], world: FromPath[str], room: FromPath[str], data: JSONBody[RoomBody]
) -> RoomView:
    """Change what is given."""
    command = UpdateRoom(room=room_id(room), settings=data.settings())
    return view_room(await caller_of(request).call(command))


@put("/rooms/{room:str}/", door=API, summary="Replace a room")
async def replace_room(
    request: Request[Any, Any, Any], world: FromPath[str], room: FromPath[str], data: JSONBody[RoomBody]
) -> RoomView:
    """Change what is given; only the name must be, as in the original."""
    command = UpdateRoom(room=room_id(room), settings=data.settings(whole=True))
    return view_room(await caller_of(request).call(command))


@delete("/rooms/{room:str}/", door=API, summary="Close a room for good")
async def delete_room(request: Request[Any, Any, Any], world: FromPath[str], room: FromPath[str]) -> None:
    """Close a room."""
    await caller_of(request).call(DeleteRoom(room=room_id(room)))


def room_id(text: str) -> int:
    """Read the id of a room in a path. Raises Unknown."""
    found = parse(text, Kind.ROOM)
    if not found:
        raise Unknown(Code.ROOM_UNKNOWN, "Unknown room ID")
    return found


# What goes wrong


STATUS: dict[Code, int] = {
    Code.UNAUTHENTICATED: 401,
    Code.CREDENTIALS_MISSING: 401,
    Code.TOKEN_REQUIRED: 401,
    Code.TOKEN_EXPIRED: 401,
    Code.TOKEN_INVALID: 401,
    Code.TOO_LARGE: 413,
}
"""Codes that have a status of their own; the others have the one of their class."""

STATUS_OF: tuple[tuple[type[HubbubError], int], ...] = (
    (Denied, 403),
    (Unknown, 404),
    (Invalid, 400),
    (Limited, 429),
    (Unavailable, 503),
)

NAMES = {"modules": "module_config"}
"""Fields that the core names otherwise."""


def status_of(error: HubbubError) -> int:
    """Give the HTTP status of an error."""
    of_class = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 400)
    return STATUS.get(error.code, of_class)


def refuse(request: Request[Any, Any, Any], error: HubbubError) -> Response[Json]:
    """Write an error: what is wrong by field, else a sentence."""
    status = status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    content: Json = {"detail": error.message or error.code.replace("_", " ").capitalize() + "."}
    if status == 400 and error.details:
        content = {NAMES.get(name, name): list(wrong) for name, wrong in error.details.items()}
    return Response(content, status_code=status, headers=headers, media_type="application/json")


def refuse_body(request: Request[Any, Any, Any], error: HTTPException) -> Response[Json]:
    """Write what is wrong with a body, by field."""
    wrong: dict[str, list[str]] = {}
    for found in error.extra if isinstance(error.extra, list) else ():
        field = str(found.get("key", "")).split(".")[0].split("[")[0]
        field = "non_field_errors" if field in ("", "data") else field
        wrong.setdefault(field, []).append(str(found.get("message", "Invalid.")))
    content: Json = {**wrong} or {"detail": "Invalid."}
    return Response(content, status_code=400, media_type="application/json")


def create_rest(community: Community, url: str = "") -> Router:
    """Make the routes; `url` is how the server is reached from outside, from the request when empty."""
    return Router(
        f"{PREFIX}/{{world:str}}",
        route_handlers=[
            read_world,
            change_world,
            update_schedule,
            delete_user,
            make_list_rooms(url),
            add_room,
            read_room,
            change_room,
            replace_room,
            delete_room,
        ],
        guards=[make_guard(community)],
        exception_handlers={HubbubError: refuse, ValidationException: refuse_body},
        request_max_body_size=MAX_BODY,
        cache_control=CacheControlHeader(no_store=True),
        security=[{"token": []}],
        tags=["Venueless"],
    )
