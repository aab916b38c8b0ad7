"""The lobby: pages by which people come in. Logging in and out, the public directory, what a room is.

The form for logging in is also what bots fill in that have no page: they look at nothing but the status and the cookies
(protocols/jumpin.md 4.1).
"""

import math
import re
from typing import Any
from urllib.parse import parse_qs

from litestar import HttpMethod, Request, Response, post, route
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.error import Code, Denied, HubbubError, Limited
from hubbub.core.model import Room
from hubbub.core.room import Directory, ListPublicRooms
from hubbub.core.visit import LookAtRoom, Sight
from hubbub.dialects.jumpin.account import log_in, log_out
from hubbub.dialects.jumpin.caller import Caller, Desk
from hubbub.dialects.jumpin.encode import username_of
from hubbub.dialects.jumpin.room import find_room, name_of
from hubbub.web.page import (
    FORM_HEADERS,
    HEADERS,
    RoomEntry,
    account_page,
    directory_page,
    login_page,
    room_page,
)

READ = [HttpMethod.GET, HttpMethod.HEAD]
HTML = "text/html"
PAGE = 50
MAX_FIELDS = 20
MAX_TARGET = 1000
HOME = "/"

_TARGET = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path of ours: no second slash at the start, no backslash, which browsers take for one, nothing that they drop."""

ASKS = {
    "closed": "patience, as it is closed",
    "accounts_only": "an account",
    "verified_only": "a verified account",
    "min_account_age": "an account that is not new",
    "locked": "a password",
    "age_restricted": "being of age",
    "by_approval": "somebody's approval",
}
"""What a room with such a gate asks for."""

WRONG = {
    Code.PASSWORD_WRONG: "Username or password is wrong. Check both, capital letters too, and try again.",
    Code.LOGIN_DENIED: "This account may not come in here. Ask the organisers why.",
}


def create_lobby(desk: Desk) -> list[HTTPRouteHandler]:
    """Make all routes of the lobby."""
    return [*create_login(desk), *create_directory(desk)]


def safe_target(text: str) -> str:
    """Give a path of this site that somebody may be led to; the front page for anything else."""
    return text if len(text) <= MAX_TARGET and _TARGET.fullmatch(text) else HOME


def create_login(desk: Desk) -> list[HTTPRouteHandler]:
    """Make the routes for logging in and out."""

    @route("/login", http_method=READ, include_in_schema=False, sync_to_thread=False)
    def show_login(request: Request[Any, Any, Any]) -> Response[str]:
        """Show the form, or who has logged in."""
        caller, target = desk.caller(request), safe_target(request.query_params.get("next", HOME))
        user = caller.state.users.get(caller.visitor.user)
        title = caller.state.world.title
        if user:
            shown = account_page(title=title, username=username_of(user) or user.display_name, target=target)
        else:
            shown = login_page(title=title, target=target)
        return Response(shown, media_type=HTML, headers=FORM_HEADERS)

    @post("/login", include_in_schema=False)
    async def fill_in_login(request: Request[Any, Any, Any]) -> Response[Any]:
        """Log somebody in and lead them on, or say what is wrong."""
        caller, form = desk.caller(request), await read_form(request)
        username, target = form.get("username", "").strip(), safe_target(form.get("next", HOME))

        def again(status: int, error: str, headers: dict[str, str] | None = None) -> Response[Any]:
            title = caller.state.world.title
            shown = login_page(title=title, target=target, username=username[:150], error=error)
            headers = {**FORM_HEADERS, **(headers or {})}
            return Response(shown, status_code=status, media_type=HTML, headers=headers)

        if caller.foreign:
            return again(403, "The form was sent from another site. Log in here instead.")
        if form.get("action", "login") != "login" or not username or not form.get("password"):
            return again(400, "Type your username and your password.")
        try:
            desk.accounts.take(caller.address)
            entry = await log_in(caller, username, form["password"])
        except Limited as error:
            wait = math.ceil(error.retry_after.total_seconds()) if error.retry_after else 30
            return again(429, f"Too many tries. Wait {max(1, wait)} seconds.", {"Retry-After": str(max(1, wait))})
        except Denied as error:
            status = 401 if error.code is Code.PASSWORD_WRONG else 403
            return again(status, WRONG.get(error.code, "You may not log in here. Ask the organisers why."))
        except HubbubError:
            return again(503, "Logging in does not work at the moment. Try again in a minute.")
        return _lead(target, entry.cookies)

    @post("/logout", include_in_schema=False)
    async def fill_in_logout(request: Request[Any, Any, Any]) -> Response[Any]:
        """Log somebody out."""
        caller = desk.caller(request)
        if caller.foreign:
            return _lead("/login", [])
        return _lead(HOME, await log_out(caller, request))

    return [show_login, fill_in_login, fill_in_logout]


def _lead(target: str, cookies: list[Cookie]) -> Response[Any]:
    headers = {"Location": target, "Cache-Control": "no-store"}
    return Response(b"", status_code=302, media_type="text/plain", headers=headers, cookies=cookies)


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Read the fields of a form, the first of each name; nothing when it is none."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


# Rooms


def create_directory(desk: Desk) -> list[HTTPRouteHandler]:
    """Make the routes for finding rooms."""

    @route("/directory", http_method=READ, include_in_schema=False)
    async def show_directory(request: Request[Any, Any, Any]) -> Response[str]:
        """Show a page of the public rooms."""
        caller, number = desk.caller(request), request.query_params.get("page", "1")
        wanted = int(number) if number.isascii() and number.isdecimal() and len(number) < 6 else 0
        if wanted < 1:
            raise NotFoundException("There is no such page.")
        found: Directory = await caller.ask(ListPublicRooms(start=(wanted - 1) * PAGE, count=PAGE))
        last = max(1, -(-found.total // PAGE))
        if wanted > last:
            raise NotFoundException("There is no such page.")
        rooms = [_entry(caller, room, caller.state.presence.occupants(room.id)) for room in found.rooms]
        shown = directory_page(title=caller.state.world.title, rooms=rooms, number=wanted, last=last)
        return Response(shown, media_type=HTML, headers=HEADERS)

    @route("/directory/{room:str}", http_method=READ, include_in_schema=False)
    async def show_room(request: Request[Any, Any, Any], room: FromPath[str]) -> Response[str]:
        """Show what a room is, to those who may see it."""
        caller = desk.caller(request)
        found = find_room(caller.state, room)
        try:
            sight: Sight | None = await caller.look(LookAtRoom(room=found.id)) if found else None
        except Denied:
            sight = None
        if sight is None:
            raise NotFoundException("There is no such room.")
        people = None if sight.visits is None else len(sight.visits)
        entry = _entry(caller, sight.room, people)
        shown = room_page(title=caller.state.world.title, room=entry, origin=caller.site)
        return Response(shown, media_type=HTML, headers=HEADERS)

    return [show_directory, show_room]


def _entry(caller: Caller, room: Room, people: int | None) -> RoomEntry:
    closed = {"closed": room.closed is not None}
    return RoomEntry(
        name=room.name,
        place=name_of(room),
        people=people,
        description=room.description,
        topic=room.topic,
        asks=tuple(words for gate, words in ASKS.items() if closed.get(gate, getattr(room, gate))),
    )
