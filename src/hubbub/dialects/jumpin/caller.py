"""Who asks over HTTP, what doors they pass, and what they do with the core.

A guest has a session and is nobody else, until they do something that only somebody can do: then they become a user,
the same one as over a socket. So those who only look, as crawlers do, leave nothing behind.
"""

import asyncio
from typing import Any, Literal
from urllib.parse import urlsplit

from litestar import Request
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from hubbub.core.command import REGISTRY, Command
from hubbub.core.error import HubbubError
from hubbub.core.login import LogIn
from hubbub.core.model import Room, User
from hubbub.core.origin import Origin
from hubbub.core.state import WorldState
from hubbub.dialects.jumpin.answer import HttpRefused, no_room, refused
from hubbub.dialects.jumpin.body import Json, as_object
from hubbub.dialects.jumpin.encode import JumpinEncoder
from hubbub.dialects.jumpin.endpoint import JumpinEndpoint
from hubbub.dialects.jumpin.id import Kind, parse
from hubbub.dialects.jumpin.identity import ACTIVITY, IDENT, cookies_of, read_session, visitor_of
from hubbub.dialects.jumpin.room import find_room
from hubbub.dialects.request import Connection, Throttle, address_of, base_url, host_of, world_of
from hubbub.live.community import Community
from hubbub.media.contract import Provider
from hubbub.settings import Settings

Asked = Request[Any, Any, Any]

Door = Literal["anybody", "session", "account"]
"""Who may ask: anybody, who has a session, who has logged in."""

DRAWN_AT_ONCE = 1
"""Pictures of people."""
SAFE = ("GET", "HEAD", "OPTIONS")


class Desk:
    """What all requests of this dialect share."""

    def __init__(self, community: Community, endpoint: JumpinEndpoint, media: Provider, settings: Settings) -> None:
        self.community = community
        self.endpoint = endpoint
        self.media = media
        self.settings = settings
        self.commands = Throttle(community, "default")
        self.accounts = Throttle(community, "account")
        self.passwords = Throttle(community, "password")
        self.guests = Throttle(community, "guest")
        self.rooms = Throttle(community, "room")
        self.reports = Throttle(community, "feedback")
        self.searches = Throttle(community, "media")
        self.uploads = Throttle(community, "upload")
        self.drawing = asyncio.Semaphore(DRAWN_AT_ONCE)

    def caller(self, connection: Connection) -> "Caller":
        """Find out who asks. Raises Unknown when there is no world."""
        state = world_of(self.community, host_of(connection), self.settings.world)
        return Caller(self, state, connection)


class Caller:
    """Somebody who asks."""

    def __init__(self, desk: Desk, state: WorldState, connection: Connection) -> None:
        self.desk = desk
        self.state = state
        self.now = desk.community.clock()
        self.cookies = cookies_of(connection.headers.get("cookie", ""))
        self.visitor = visitor_of(state, connection.headers, self.now)
        self.address = address_of(connection)
        base = base_url(connection, desk.settings.url, state.world.domain)
        self.site = "/".join(base.split("/", 3)[:3])
        """Where we are reached, without a path."""
        self.foreign = is_foreign(connection, self.site)
        self.secure = base.startswith("https:")

    @property
    def jumpin(self) -> JumpinEncoder:
        """What writes this world's things."""
        return self.desk.endpoint.encoder(self.state)

    @property
    def origin(self) -> Origin:
        """Say where this comes from, as bans see it."""
        return self.visitor.origin(self.address)

    @property
    def user(self) -> User | None:
        """The user who asks, if they are one already."""
        identity = self.visitor.user
        if not identity and self.visitor.session:
            identity = self.state.by_client_id.get(self.visitor.client_id, 0)
        return self.state.users.get(identity)

    @property
    def account(self) -> User:
        """The user who has logged in; behind the door `account` there is one."""
        user = self.state.users.get(self.visitor.user)
        if user is None:
            raise HttpRefused(401, {"error": "Invalid user"})
        return user

    def own(self, text: str) -> User:
        """Give the user who has logged in, if an id in the path is theirs. Raises HttpRefused."""
        user = self.account
        if parse(text, Kind.USER) != user.id:
            raise refused(403, "ERR_NO_PERMISSION", "This is somebody else's.")
        return user

    def stranger(self) -> User:
        """Give somebody who is nobody yet, with the rights that anybody has who comes."""
        return User(id=0, world=self.state.world.id, created=self.now)

    def room(self, name: object) -> Room:
        """Find a room by its name. Raises HttpRefused."""
        found = find_room(self.state, name)
        if found is None:
            raise no_room()
        return found

    def may(self, permission: str, room: Room | None = None) -> bool:
        """Tell whether who asks has a permission; for what to show, never for what to do."""
        return permission in self.state.permissions(self.user or self.stranger(), self.now, room)

    async def look(self, command: Command) -> Any:
        """Do a command that changes nothing, without becoming anybody. Raises HubbubError."""
        user = self.user
        self._count(command, user)
        if user:
            return await self._call(command, user=user.id)
        return await self._call(command, actor=self.stranger())

    async def do(self, command: Command) -> Any:
        """Do a command as a user; a guest becomes one. Raises HubbubError."""
        user = self.user or await self._become()
        self._count(command, user)
        return await self._call(command, user=user.id)

    async def ask(self, command: Command) -> Any:
        """Do a command that nobody need be logged in for. Raises HubbubError."""
        self._count(command, None)
        return await self._call(command)

    async def act_as(self, user: User, command: Command) -> Any:
        """Do a command as somebody who has just shown who they are. Raises HubbubError."""
        self._count(command, user)
        return await self._call(command, user=user.id)

    async def _become(self) -> User:
        if not self.visitor.session:
            raise HttpRefused(401)
        self.desk.guests.take(self.address)
        user: User = await self._call(LogIn(client_id=self.visitor.client_id))
        return user

    def _count(self, command: Command, user: User | None) -> None:
        self.desk.commands.take(user.id if user else self.address, REGISTRY[type(command)].rate)

    async def _call(self, command: Command, **more: Any) -> Any:
        return await self.desk.community.call(self.state, command, origin=self.origin, **more)


def is_foreign(connection: Connection, site: str) -> bool:
    """Tell whether a page of another site made a browser ask; `site` is where we are.

    Browsers say so; those before 2023 only say in `Origin` which site it was. Programs say nothing.
    """
    from_where = connection.headers.get("sec-fetch-site")
    if from_where is not None:
        return from_where.strip().lower() not in ("same-origin", "none")
    origin = connection.headers.get("origin")
    if origin is None:
        return False
    try:
        place = urlsplit(origin.strip().lower()).netloc
    except ValueError:
        return True
    return not place or place not in (host_of(connection), urlsplit(site.lower()).netloc)


def make_guard(desk: Desk) -> Guard:
    """Give what stands before every handler: who asks, and whether they may pass its door (`door`, `limited`)."""

    def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        caller = desk.caller(connection)
        connection.scope["state"]["caller"] = caller
        if connection.scope.get("method") not in SAFE and caller.foreign:
            raise refused(403, "ERR_NO_PERMISSION", "This cannot be asked from another site.")
        door: Door = handler.opt.get("door", "anybody")
        if door == "session":
            _check_session(caller)
        elif door == "account":
            _check_account(caller, connection)
        if handler.opt.get("limited"):
            desk.accounts.take(caller.address)

    return guard


def _check_session(caller: Caller) -> None:
    token = caller.cookies.get(ACTIVITY)
    if not token:
        raise HttpRefused(401)
    try:
        read_session(caller.state, token, caller.now)
    except HubbubError:
        raise HttpRefused(403) from None


def _check_account(caller: Caller, connection: Connection) -> None:
    if caller.visitor.user:
        return
    shown = caller.cookies.get(IDENT) or connection.headers.get("authorization")
    raise HttpRefused(401, {"error": "Invalid user" if shown else "Identification token missing"})


def caller_of(request: Asked) -> Caller:
    """Give who asks, as the guard found them."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def read_body(request: Asked) -> Json:
    """Read what was sent: an object; an empty one when nothing was sent, or something else. Raises ClientException."""
    return as_object(await request.json()) if await request.body() else {}
