"""The REST interface of this dialect, at the root: /new, /update-account, /create-channel, /users, /messages,
/dmchannels.

Statuses and bodies are those of its document: whatever goes wrong is a status and `null`. Where the original was unsafe
or silent, docs/dialects/dm.md tells what is done instead.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from litestar import HttpMethod, Request, Response, Router, route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from hubbub.core.account import IssueToken, LogInBySecret, OpenAccount, OpenedAccount, checked_name
from hubbub.core.command import Command
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code, HubbubError, Limited
from hubbub.core.login import digest
from hubbub.core.model import Message, Room, User
from hubbub.core.origin import Origin, network_of
from hubbub.core.reading import FetchMessages, MarkRead
from hubbub.core.state import WorldState
from hubbub.core.user import UpdateProfile
from hubbub.core.welcome import Welcome
from hubbub.dialects.dm.body import MAX_FIELDS, Json, UnreadableError, ids, read_body, text
from hubbub.dialects.dm.encode import DmEncoder, avatar_of, is_address, is_channel, is_said, user_of
from hubbub.dialects.dm.id import HOST_ID, parse, parse_user, render, render_user
from hubbub.dialects.dm.option import DmOptions
from hubbub.dialects.request import Throttle, address_of, host_of, world_of
from hubbub.live.community import Community

logger = logging.getLogger(__name__)

TOKEN_LIFE = timedelta(hours=24)
LABEL = "dm"
MAX_MESSAGES = 50
MAX_PAGES = 20
"""Pages of history that are looked through for messages that are still there."""
DIRECT = "1"
NOTHING_SAID = ("", "undefined", "null")

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After",
    "Cache-Control": "no-store",
    "Vary": "Origin",
}
"""Any site's scripts may ask: a browser adds nothing by itself that would let them in (no cookies are read here)."""
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorisation, Content-Type, channels, id",
    "Access-Control-Max-Age": "600",
}

Asked = Request[Any, Any, Any]
Answer = tuple[int, Any]


class StatusError(Exception):
    """Answer with a status and null."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class DmRest:
    """The endpoints."""

    def __init__(self, community: Community, encoder: Callable[[WorldState], DmEncoder], options: DmOptions) -> None:
        self._community = community
        self._encoder = encoder
        self._options = options
        self._logins = Throttle(community, "login")
        self._calls = Throttle(community, "configure")

    # POST /new

    async def new(self, request: Asked, state: WorldState) -> Answer:
        """Make an account, or log in to one."""
        self._logins.take(address_of(request))
        body = await _read(request)
        name, account = text(body, "username"), text(body, "accountID")
        if not name:
            raise StatusError(400)
        if "accountID" in body and not account and body["accountID"] not in ("", None):
            raise StatusError(401)  # neither a text nor a number
        try:
            if not account:
                opened: OpenedAccount = await self._ask(request, state, OpenAccount(name=name))
                return 201, await self._session(request, state, opened.user) | {"secret": opened.secret}
            command = LogInBySecret(
                user=parse_user(state, account),
                name=name,
                secret=text(body, "secret"),
                access=digest(request.headers.get("authorisation", "")),
                legacy=self._options.legacy_login,
            )
            user: User = await self._ask(request, state, command)
            return 202, await self._session(request, state, user)
        except HubbubError as error:
            raise StatusError(400 if error.code is Code.INVALID else 500 if error.temporary else 401) from error

    async def _session(self, request: Asked, state: WorldState, user: User) -> Json:
        token = await self._ask(request, state, IssueToken(label=LABEL, life=TOKEN_LIFE), user.id)
        channels = self._encoder(state).channels(user.id)
        return {"id": render_user(state, user.id), "dms": [render(room.id) for room in channels], "token": token}

    # POST /update-account

    async def update_account(self, request: Asked, state: WorldState) -> Answer:
        """Change the name, the picture, or both."""
        self._check_header(request)
        body = await _read(request)
        name, url = body.get("username"), body.get("avatarURL")
        if not isinstance(name, str) or not isinstance(url, str) or not name.strip():
            raise StatusError(400)
        user = self._user(request, state)
        profile = dict(user.profile)
        if name.strip() != user.display_name:
            profile["display_name"] = _checked_name(name)
        if url != avatar_of(user):  # which is empty for who has none
            profile["avatar"] = {"url": _checked_url(url)}
        if profile == user.profile:
            raise StatusError(406)
        changed: User = await self._ask(request, state, UpdateProfile(profile=profile), user.id)
        return 202, {
            "id": render_user(state, user.id),
            "username": changed.display_name,
            "avatarURL": avatar_of(changed),
        }

    # POST /create-channel

    async def create_channel(self, request: Asked, state: WorldState) -> Answer:
        """Open a channel with another user, who is told at once."""
        self._check_header(request)
        body = await _read(request)
        to, kind = text(body, "to"), text(body, "type")
        if not to or not kind:
            raise StatusError(400)
        user = self._user(request, state)
        if kind != DIRECT:
            raise StatusError(400)
        other = parse_user(state, to)
        if not other or other == user.id:
            raise StatusError(409)
        try:
            command = OpenDirect(users=(other,), hide=False, new=True)
            opened = await self._ask(request, state, command, user.id)
        except HubbubError as error:
            raise StatusError(500 if error.temporary else 409) from error
        return 201, {"channel_id": render(opened.room.id)}

    # GET /users

    async def users(self, request: Asked, state: WorldState) -> Answer:
        """Give users by their ids."""
        wanted = self._wanted(request, state, "users")
        found = (state.users.get(parse_user(state, one)) for one in wanted)
        shown = [self._encoder(state).user(user) for user in found if user and not user.deleted]
        if HOST_ID in wanted and not parse_user(state, HOST_ID):  # nobody was welcomed yet
            options = self._options
            shown.append({"avatarURL": options.welcome_avatar, "id": HOST_ID, "username": options.welcome_name})
        return (200 if shown else 404), {"users": shown}

    # GET /dmchannels

    async def channels(self, request: Asked, state: WorldState) -> Answer:
        """Give channels of one's own by their ids."""
        wanted = self._wanted(request, state, "channels")
        user, encoder = self._user(request, state), self._encoder(state)
        own = (self._own(state, user, parse(one)) for one in wanted)
        shown = [encoder.channel(room, user.id) for room in own if room]
        return (200 if shown else 404), {"dmchannels": shown}

    # GET /messages

    async def messages(self, request: Asked, state: WorldState) -> Answer:
        """Give the last messages of a channel, oldest first."""
        self._check_header(request)
        user = self._user(request, state)
        query = dict(_query(request))
        channel, status = query.get("channel_id", "").strip(), 200
        if channel in NOTHING_SAID:
            options = self._options
            welcome = Welcome(name=options.welcome_name, avatar=options.welcome_avatar, greeting=options.greeting)
            welcomed = await self._ask(request, state, welcome, user.id)
            room, status = welcomed.room, 201 if welcomed.new else 200
        else:
            found = self._own(state, user, parse(channel))
            if found is None:
                raise StatusError(404)
            room = found
        messages = await self._last(request, state, user, room, _count(query.get("number", "")))
        await self._mark_read(request, state, user, room)
        encoder = self._encoder(state)
        other = encoder.other(room.id, user.id)
        return status, {
            "messages": [encoder.message(message) for message in messages],
            "channel": {"name": other.display_name, "id": render(room.id)},
            "other_user": render_user(state, other.id),
        }

    async def _last(self, request: Asked, state: WorldState, user: User, room: Room, count: int) -> list[Message]:
        """Give the last messages that were said and not taken back."""
        found: list[Message] = []
        before = 2**53
        for _ in range(MAX_PAGES):
            command = FetchMessages(room=room.id, before=before, count=2 * MAX_MESSAGES)
            page: list[Message] = await self._ask(request, state, command, user.id)
            found = [one for one in page if is_said(one)] + found
            if len(found) >= count or len(page) < 2 * MAX_MESSAGES:
                break
            before = page[0].number
        return found[-count:]

    async def _mark_read(self, request: Asked, state: WorldState, user: User, room: Room) -> None:
        """Note that all was read: what nobody reads is counted as news for clients of other dialects, without end."""
        last, known = state.last_said.get(room.id, 0), state.read_states.get(user.id, {}).get(room.id)
        if last > (known.read if known else 0) or (known and known.notifications):
            await self._ask(request, state, MarkRead(room=room.id, number=last), user.id)

    # What all have in common

    def _check_header(self, request: Asked) -> None:
        if not request.headers.get("authorisation"):
            raise StatusError(400)

    def _user(self, request: Asked, state: WorldState) -> User:
        user = user_of(state, digest(request.headers.get("authorisation", "")), self._community.clock())
        if user is None:
            raise StatusError(401)
        self._calls.take(user.id)
        return user

    def _wanted(self, request: Asked, state: WorldState, name: str) -> list[str]:
        """Give the ids that are asked for, of somebody who may ask."""
        self._check_header(request)
        wanted = ids(_query(request), name)
        if not wanted:
            raise StatusError(400)
        self._user(request, state)
        return wanted

    def _own(self, state: WorldState, user: User, room: int) -> Room | None:
        own = room in state.belongs.get(user.id, ()) and is_channel(state, room)
        return state.rooms[room] if own else None

    async def _ask(self, request: Asked, state: WorldState, command: Command, user: int = 0) -> Any:
        origin = Origin(network_of(address_of(request)))
        return await self._community.call(state, command, user=user, origin=origin)


def create_rest(
    community: Community, encoder: Callable[[WorldState], DmEncoder], options: DmOptions, world: str
) -> Router:
    """Make the routes; `world` is the name of the one that is meant where the host says nothing."""
    rest = DmRest(community, encoder, options)

    def handler(path: str, method: HttpMethod, run: Callable[[Asked, WorldState], Awaitable[Answer]]) -> Any:
        @route(path, http_method=[method, HttpMethod.OPTIONS], name=f"dm {path}", include_in_schema=False)
        async def handle(request: Asked) -> Response[Any]:
            """Answer with the document's status and body."""
            if request.method == HttpMethod.OPTIONS:
                return Response(None, status_code=204, headers=CORS | PREFLIGHT)
            headers = CORS
            try:
                status, body = await run(request, world_of(community, host_of(request), world))
            except StatusError as error:
                status, body = error.status, None
            except Limited as error:
                wait = str(max(1, round(error.retry_after.total_seconds()))) if error.retry_after else "1"
                status, body, headers = 429, None, CORS | {"Retry-After": wait}
            except HTTPException as error:
                status, body = error.status_code, None
            except HubbubError as error:
                status, body = (500 if error.temporary else 401), None
            except Exception:
                logger.exception("fault %s at %s", secrets.token_hex(4), path)
                status, body = 500, None
            return Response(body, status_code=status, headers=headers, media_type="application/json")

        return handle

    get, post = HttpMethod.GET, HttpMethod.POST
    handlers: list[HTTPRouteHandler] = [
        handler("/new", post, rest.new),
        handler("/update-account", post, rest.update_account),
        handler("/create-channel", post, rest.create_channel),
        handler("/users", get, rest.users),
        handler("/messages", get, rest.messages),
        handler("/dmchannels", get, rest.channels),
    ]
    return Router("/", route_handlers=handlers)


async def _read(request: Asked) -> Json:
    try:
        return read_body(request.headers.get("content-type", ""), await request.body())
    except UnreadableError:
        raise StatusError(400) from None


def _query(request: Asked) -> list[tuple[str, str]]:
    raw = request.scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(raw, keep_blank_values=True, max_num_fields=20 * MAX_FIELDS)
    except ValueError:
        raise StatusError(400) from None


def _count(number: str) -> int:
    count = int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else 0
    return count if 1 <= count <= MAX_MESSAGES else MAX_MESSAGES


def _checked_name(name: str) -> str:
    """Give a name as it is kept. Raises StatusError."""
    try:
        return checked_name(name)
    except HubbubError:
        raise StatusError(400) from None


def _checked_url(url: str) -> str:
    """Give an address that a picture may have. Raises StatusError."""
    if not is_address(url):
        raise StatusError(400)
    return url
