"""The rest of the site over HTTP: what there would be for cams, reports to the organisers, and what these may do."""

from typing import Any

from litestar import Response, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.error import Limited
from hubbub.core.model import User
from hubbub.core.report import ReportVisitor
from hubbub.core.room import RoomSettings, UpdateRoom
from hubbub.core.user import BanUser
from hubbub.dialects.jumpin.account import READ
from hubbub.dialects.jumpin.answer import HttpRefused, answer, message_of, no_user, refused
from hubbub.dialects.jumpin.body import Json, identity, text
from hubbub.dialects.jumpin.caller import Asked, Caller, caller_of, read_body
from hubbub.dialects.jumpin.id import Kind, render

TURN_LIFE = 86_400
"""Seconds. Source: protocols/jumpin.md 6."""


@route("/status", http_method=READ)
async def read_status(request: Asked) -> Response[Any]:
    """Say that requests are served."""
    return answer("OK")


# Cams: there are none, and clients that hear so show none


@route("/janus/endpoints", http_method=READ, door="session")
async def list_janus(request: Asked) -> Response[Any]:
    """Give where media servers are: nowhere."""
    return answer([])


@route("/janus/token", http_method=READ, door="session")
async def read_janus_token(request: Asked) -> Response[Any]:
    """Give a token that is good for nothing."""
    return answer({"token": ""})


@route("/turn", http_method=READ)
async def read_turn(request: Asked) -> Response[Any]:
    """Give where relays are: nowhere."""
    return answer({"username": "", "password": "", "uris": [], "ttl": TURN_LIFE})


# Reports


@post("/report", status_code=201)
async def report(request: Asked) -> Response[Any]:
    """Tell the organisers of somebody. Who reports is known by their session; what they say others said is not kept."""
    caller, body = caller_of(request), await read_body(request)
    try:
        caller.desk.reports.take(caller.address)
    except Limited as error:
        raise HttpRefused(429, {"message": message_of(error)}) from None
    command = ReportVisitor(
        room=caller.room(body.get("room")).id,
        visit=identity(body, "targetId", Kind.VISIT),
        reason=text(body, "reason"),
        description=text(body, "description"),
    )
    await caller.do(command)
    return answer(None, 201)


# Organisers


@post("/admin/rooms/{room:str}/close", door="account", status_code=201)
async def close_room(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Close a room, until its settings open it again."""
    caller, body = caller_of(request), await read_body(request)
    found, reason = caller.room(room), text(body, "reason")
    await caller.do(UpdateRoom(room=found.id, settings=RoomSettings(closed=reason)))
    return answer({"name": found.name, "reason": reason, "expiresAt": None}, 201)


@post("/admin/siteban", door="account", status_code=201)
async def ban_user(request: Asked) -> Response[Any]:
    """Keep somebody out of the community for good: an account, or whoever is in a room now (`userListId`)."""
    caller, body = caller_of(request), await read_body(request)
    user = _target(caller, body)
    if body.get("restrictJoin") is False:
        raise refused(501, "ERR_NOT_SUPPORTED", "Somebody can only be kept out altogether: restrictJoin is true.")
    await caller.do(BanUser(user=user))
    return answer({"userId": render(user, Kind.USER)}, 201)


def _target(caller: Caller, body: Json) -> int:
    found = identity(body, "userId", Kind.USER)
    if not found:
        visit = caller.state.presence.visit_by_id(identity(body, "userListId", Kind.VISIT))
        found = visit.user if visit else 0
    user: User | None = caller.state.users.get(found)
    if user is None or user.deleted:
        raise no_user()
    return found


HANDLERS: list[HTTPRouteHandler] = [
    read_status,
    list_janus,
    read_janus_token,
    read_turn,
    report,
    close_room,
    ban_user,
]
