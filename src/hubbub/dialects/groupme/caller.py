"""Who asks over HTTP, and what they do with the core.

A program shows a token; no cookie is read, so any site may ask.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from hubbub.core.command import REGISTRY, Command
from hubbub.core.error import HubbubError
from hubbub.core.login import digest
from hubbub.core.model import Room, User
from hubbub.core.origin import Origin, network_of
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.error import RefusedError, refused
from hubbub.dialects.groupme.id import parse, parse_pair
from hubbub.dialects.groupme.result import Results
from hubbub.dialects.groupme.view import View
from hubbub.dialects.request import Throttle, address_of, base_url, host_of, world_of
from hubbub.live.callback import Delivery
from hubbub.live.community import Community
from hubbub.settings import Settings

Asked = Request[Any, Any, Any]
Json = dict[str, Any]
Kind = TypeVar("Kind")

MAX_FIELDS = 200
TOKEN_HEADER = "x-access-token"  # noqa: S105
DRAWN_AT_ONCE = 1
"""Pictures."""


class Deliveries(Protocol):
    """Knows what came of what was sent to the callbacks of bots."""

    def log(self, bot: int) -> list[Delivery]:
        """Give the last deliveries to a bot, by its user, the newest first."""
        ...


class Desk:
    """What all requests of this dialect share."""

    def __init__(self, community: Community, settings: Settings) -> None:
        self.community = community
        self.settings = settings
        self.commands = Throttle(community, "default")
        self.results = Results()
        self.callbacks: Deliveries | None = None
        """Whoever sends what is said to bots; None where that is off."""
        self.accounts = Throttle(community, "account")
        self.passwords = Throttle(community, "password")
        self.uploads = Throttle(community, "upload")
        self.drawing = asyncio.Semaphore(DRAWN_AT_ONCE)

    def caller(self, request: Asked) -> "Caller":
        """Find out who asks. Raises HubbubError when there is no world."""
        return Caller(self, world_of(self.community, host_of(request), self.settings.world), request)


class Caller:
    """One request: who asks, what for, and what they have sent."""

    def __init__(self, desk: Desk, state: WorldState, request: Asked) -> None:
        self.desk = desk
        self.state = state
        self.request = request
        self.now = desk.community.clock()
        self.query = _query(request)
        """The first value of each field."""
        self.path: Mapping[str, str] = request.path_params
        self.token = request.headers.get(TOKEN_HEADER) or self.query.get("token") or self.query.get("access_token", "")
        self.site = base_url(request, desk.settings.url, state.world.domain)
        """Where we are reached, with what this dialect's paths begin with."""
        self.view = View(state, self.site)
        self.address = address_of(request)
        self._user = state.user_by_token(digest(self.token), self.now) if self.token else None

    @property
    def user(self) -> User:
        """The user whose token was shown. Raises RefusedError."""
        if self._user is None or "world:view" not in self.state.permissions(self._user, self.now):
            raise RefusedError(401)
        return self._user

    def show(self, token: str) -> None:
        """Let the user be whose token came in the body."""
        self.token = token
        self._user = self.state.user_by_token(digest(token), self.now)

    @property
    def origin(self) -> Origin:
        """Say where this comes from, as bans see it."""
        return Origin(network_of(self.address))

    async def do(self, command: Command) -> Any:
        """Do a command as the user. Raises RefusedError."""
        return await self._run(command, self.user.id)

    async def ask(self, command: Command) -> Any:
        """Do a command that nobody need be logged in for. Raises RefusedError."""
        return await self._run(command, 0)

    async def act_as(self, user: User, command: Command) -> Any:
        """Do a command as somebody who has just shown who they are. Raises RefusedError."""
        return await self._run(command, user.id)

    async def _run(self, command: Command, user: int) -> Any:
        desk = self.desk
        try:
            desk.commands.take(user or self.address, REGISTRY[type(command)].rate)
            return await desk.community.call(self.state, command, user=user, origin=self.origin)
        except HubbubError as error:
            raise refused(error) from error

    # What is asked about

    def group(self, text: object) -> Room:
        """Give a group that the user belongs to and may read, by its id. Raises RefusedError: to others there is none.

        Who is banned from a group belongs to it still.
        """
        user, room = self.user, self.state.rooms.get(parse(text))
        if room is None or not room.lasting or user.id not in self.state.members.get(room.id, ()):
            raise RefusedError(404, "Group not found")
        if not self.state.reads(user, self.now, room):
            raise RefusedError(404, "Group not found")
        return room

    def conversation(self, text: object) -> Room:
        """Give a group, or the conversation with somebody, that the user belongs to, by its id. Raises RefusedError.

        There are clients that name a conversation by the other one alone.
        """
        pair = parse_pair(text)
        if not all(pair):
            other = parse(text)
            if other not in self.state.users:
                return self.group(text)
            pair = (self.user.id, other)
        room = self.state.direct_between(*pair) if self.user.id in pair else None
        if room is None:
            raise RefusedError(404, "Conversation not found")
        return room

    async def body(self) -> Json:
        """Read what was sent: an object, an empty one when nothing was sent. Raises RefusedError."""
        if not await self.request.body():
            return {}
        found = await self.request.json()
        if not isinstance(found, dict):
            raise RefusedError(400, "The body is not a JSON object.")
        return found


def take(given: object, kind: type[Kind]) -> Kind:
    """Read what was sent into a struct. Raises RefusedError with what is wrong."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise RefusedError(400, str(error)) from None


def number(text: str | None, default: int, most: int, *, least: int = 1) -> int:
    """Read a whole number of a query, no more than `most`. Raises RefusedError."""
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < least:
        raise RefusedError(400, f"a number from {least} to {most} is expected, not {text[:20]!r}")
    return min(int(text), most)


def instant(text: str | None) -> datetime | None:
    """Read an instant of a query: seconds since 1970, or ISO 8601 with a time zone. Raises RefusedError."""
    if not text:
        return None
    try:
        decimal = text.isascii() and text.isdecimal() and len(text) <= 11
        found = datetime.fromtimestamp(int(text), UTC) if decimal else datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise RefusedError(400, f"an instant is expected, as 2024-05-01T12:00:00Z, not {text[:40]!r}")


def _query(request: Asked) -> dict[str, str]:
    raw = request.scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise RefusedError(400, "The query has too many fields.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found
