"""Accounts and sessions over HTTP: /api/user/... (protocols/jumpin.md 2).

A browser is given three things, none of which its scripts can read: `jic.activity`, the session of whoever it is;
`jic.ident`, an access token, once somebody has logged in; and `connect.sid`, which only old clients expect to be there.
"""

import secrets
from typing import Any

import msgspec
from litestar import HttpMethod, Response, delete, post, put, route
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.account import (
    CheckUsername,
    CloseAccount,
    IssueToken,
    LogInByPassword,
    Register,
    RevokeToken,
    SetPreferences,
)
from hubbub.core.error import Code, HubbubError
from hubbub.core.login import digest
from hubbub.core.model import Room, User
from hubbub.core.room import CreateRoom
from hubbub.core.user import FetchUsers
from hubbub.dialects.jumpin.answer import (
    HttpRefused,
    answer,
    body_of,
    cookie,
    forget,
    no_user,
    refused,
)
from hubbub.dialects.jumpin.body import Json, instant, text
from hubbub.dialects.jumpin.caller import Asked, Caller, caller_of, read_body
from hubbub.dialects.jumpin.encode import picture_of, username_of
from hubbub.dialects.jumpin.id import Kind, parse, render
from hubbub.dialects.jumpin.identity import (
    ACTIVITY,
    CONNECT,
    IDENT,
    IDENT_LIFE,
    SESSION_LENGTH,
    SESSION_LIFE,
    Visitor,
    write_session,
)
from hubbub.dialects.jumpin.preference import QUALITIES, QUALITY, switches_in, write_account
from hubbub.dialects.jumpin.room import find_room

READ = [HttpMethod.GET, HttpMethod.HEAD]
LABEL = "jumpin"
CHAT = ({"type": "chat.native", "config": {"volatile": True}},)
"""The modules of rooms that people make for themselves: people talk there while they are there."""

REMINDER = "jic.verifyReminder"
USER_TYPES = ("registered user", "site moderator", "site administrator")
"""By rank; higher ones are administrators too."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who has logged in: the access token of their client, and the cookies that carry it."""

    user: User
    secret: str
    cookies: list[Cookie]


async def log_in(caller: Caller, login: str, password: str) -> Entry:
    """Let somebody in by name and password. Raises HubbubError."""
    caller.desk.passwords.take((caller.state.world.id, login.strip().casefold()[:200]))
    return await enter(caller, await caller.ask(LogInByPassword(login=login, password=password)))


async def enter(caller: Caller, user: User) -> Entry:
    """Give a client what it acts with as a user."""
    secret: str = await caller.act_as(user, IssueToken(label=LABEL, life=IDENT_LIFE))
    visitor = msgspec.structs.replace(caller.visitor, user=user.id, access=digest(secret))
    cookies = [cookie(IDENT, secret, IDENT_LIFE, secure=caller.secure), *start_session(caller, visitor)[1]]
    return Entry(user=user, secret=secret, cookies=cookies)


def start_session(caller: Caller, visitor: Visitor) -> tuple[str, list[Cookie]]:
    """Give a visitor a session, the one that they have if they have one, for another while; its token and cookies."""
    if not visitor.session:
        visitor = msgspec.structs.replace(visitor, session=secrets.token_hex(SESSION_LENGTH // 2))
    token = write_session(caller.state, visitor, caller.now)
    cookies = [cookie(ACTIVITY, token, SESSION_LIFE, secure=caller.secure)]
    if CONNECT not in caller.cookies:
        cookies.append(cookie(CONNECT, secrets.token_hex(16), None, secure=caller.secure))
    return token, cookies


async def log_out(caller: Caller, request: Asked) -> list[Cookie]:
    """Let the client's access token be good for nothing any more."""
    header = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    for token in (caller.cookies.get(IDENT), header):
        if token:
            await caller.ask(RevokeToken(token=token))
    return [forget(IDENT, secure=caller.secure)]


# Sessions


@post("/user/session", status_code=200)
async def open_session(request: Asked) -> Response[Any]:
    """Give a session token, and say who its owner is if they have logged in. What was sent does not matter."""
    await request.body()
    caller = caller_of(request)
    token, cookies = start_session(caller, caller.visitor)
    found: Json = {"token": token}
    user = caller.state.users.get(caller.visitor.user)
    if user:
        found["user"] = write_account(caller.jumpin, user, caller.now)
    return answer(found, 200, *cookies)


@put("/user/socket/old/{old:str}/new/{new:str}", door="session")
async def rebind_socket(request: Asked, old: FromPath[str], new: FromPath[str]) -> Response[Any]:
    """Say whether the asker is in a room. Their sockets are known by their session, so there is nothing to bind."""
    caller = caller_of(request)
    user = caller.user
    if user is None or not any(user.id in visits for visits in caller.state.presence.visits.values()):
        raise HttpRefused(403)
    return answer()


# Coming and going


def model(data: Json, message: str | None = None, error: Json | None = None) -> Json:
    """Write the form that registering and logging in answer in."""
    return {"error": error, "data": data, "message": message}


def refused_model(status: int, message: str, error: HubbubError | None = None) -> HttpRefused:
    """Refuse in that form."""
    return HttpRefused(status, model({}, message, body_of(error) if error else None))


@post("/user/register", limited=True)
async def register(request: Asked) -> Response[Any]:
    """Make an account and its room. Mail address and fingerprint are not kept, so they need not be sent."""
    caller, body = caller_of(request), await read_body(request)
    username, password = text(body, "username"), text(body, "password")
    try:
        user: User = await caller.ask(Register(username=username, password=password))
    except HubbubError as error:
        if error.code is Code.LOGIN_TAKEN:
            raise refused_model(403, "ERR_USER_EXISTS") from None
        if error.code in (Code.LOGIN_INVALID, Code.INVALID):
            raise refused_model(400, "ERR_INPUT_VALIDATION", error) from None
        if error.code is Code.REGISTRATION_CLOSED:
            raise refused_model(403, "ERR_REGISTRATION_CLOSED", error) from None
        raise
    entry = await enter(caller, user)
    room = await _own_room(caller, user)
    shown = caller.jumpin.room(room, users=False) if room else None
    data = {"user": write_account(caller.jumpin, user, caller.now), "room": shown, "token": entry.secret}
    return answer(model(data), 201, *entry.cookies)


async def _own_room(caller: Caller, user: User) -> Room | None:
    """Make the room that is called as its owner; none when there is one already, or they may not make any."""
    name = username_of(user) or ""
    if find_room(caller.state, name):
        return None
    try:
        room: Room = await caller.act_as(user, CreateRoom(name=name.lower(), modules=CHAT))
    except HubbubError:
        return None
    return room


@post("/user/login", limited=True, status_code=200)
async def api_log_in(request: Asked) -> Response[Any]:
    """Log in. A wrong name and a wrong password are refused in the same words, so that names cannot be tried."""
    caller, body = caller_of(request), await read_body(request)
    username, password = text(body, "username"), text(body, "password")
    if not username or not password:
        raise refused_model(400, "ERR_VALIDATION")
    try:
        entry = await log_in(caller, username, password)
    except HubbubError as error:
        if error.code is Code.PASSWORD_WRONG:
            raise refused_model(401, "ERR_BAD_PASS") from None
        if error.code is Code.LOGIN_DENIED:
            raise refused_model(403, "ERR_USER_BANNED") from None
        raise
    data = {"user": write_account(caller.jumpin, entry.user, caller.now), "token": entry.secret}
    return answer(model(data), 200, *entry.cookies)


@post("/user/logout", status_code=200)
async def api_log_out(request: Asked) -> Response[Any]:
    """Log out; who was not logged in is so all the more."""
    return answer(None, 200, *await log_out(caller_of(request), request))


@route("/user/checkusername/{username:str}", http_method=READ)
async def check_username(request: Asked, username: FromPath[str]) -> Response[Any]:
    """Say whether somebody could register with a name."""
    caller = caller_of(request)
    try:
        await caller.ask(CheckUsername(username=username))
    except HubbubError as error:
        if error.temporary:
            raise
        raise HttpRefused(400, body_of(error)) from None
    return answer()


# Looking people up


@route("/user/{user:str}", http_method=READ, door="account", limited=True)
async def find_user(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Find an account by its name."""
    caller = caller_of(request)
    known = caller.state.by_login.get(user.casefold(), 0)
    found: list[User] = await caller.look(FetchUsers(users=(known,)))
    if not found or found[0].deleted:
        raise HttpRefused(404, "User not found")
    return answer({"userId": render(found[0].id, Kind.USER), "username": username_of(found[0])})


@route("/user/{user:str}/profile", http_method=READ, door="session")
async def read_profile(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Give what everybody may know of an account."""
    caller = caller_of(request)
    found: list[User] = await caller.look(FetchUsers(users=(parse(user, Kind.USER) or 0,)))
    if not found or found[0].deleted or not found[0].account:
        raise no_user()
    shown = found[0]
    place = shown.profile.get("location")
    rank = min(caller.state.rank(shown, caller.now), len(USER_TYPES) - 1)
    return answer(
        {
            "username": username_of(shown),
            "joinDate": instant(shown.created),
            "lastActive": instant(shown.last_login or shown.created),
            "location": place if isinstance(place, str) else None,
            "pic": picture_of(shown),
            "trophies": [],
            "trophyCount": 0,
            "userType": USER_TYPES[rank],
        }
    )


# What people prefer


@post("/user/{user:str}/settings", door="account", status_code=200)
async def change_settings(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Switch on or off what is given; the rest stays."""
    caller = caller_of(request)
    caller.own(user)
    await _switch(caller, await read_body(request), "Settings are invalid")
    return answer()


@put("/user/{user:str}/theme", door="account")
async def change_theme(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Choose between dark and light."""
    caller = caller_of(request)
    caller.own(user)
    dark = flag(request, "dark")
    await caller.do(SetPreferences(preferences=switches_in({"darkTheme": dark})))
    return answer({"darkTheme": dark})


@put(["/user/setLayout", "/user/{user:str}/setLayout"], door="account")
async def change_layout(request: Asked) -> Response[Any]:
    """Choose between wide and narrow."""
    caller, body = caller_of(request), await read_body(request)
    await _switch(caller, {"wideLayout": body.get("wideLayout")}, "Invalid request")
    return answer()


@put(["/user/setBroadcastQuality", "/user/{user:str}/setBroadcastQuality"], door="account")
async def change_quality(request: Asked) -> Response[Any]:
    """Choose what the own camera sends."""
    caller, quality = caller_of(request), request.query_params.get("quality", "")
    if quality not in QUALITIES:
        raise refused(400, "ERR_INVALID_PARAMS", "There is no such quality; there are " + ", ".join(QUALITIES) + ".")
    await caller.do(SetPreferences(preferences={QUALITY: quality}))
    return answer(QUALITIES[quality])


@put("/user/{user:str}/setnotifications", door="account")
async def change_notifications(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Note whether the browser may show notifications."""
    caller, body = caller_of(request), await read_body(request)
    caller.own(user)
    await _switch(caller, {"pushNotificationsEnabled": body.get("enabled")}, "Invalid body")
    return answer()


@put("/youtube/playvideos", door="session")
async def change_play_videos(request: Asked) -> Response[Any]:
    """Choose whether to see the videos of rooms. A guest's own client remembers that."""
    caller, play = caller_of(request), flag(request, "play")
    if not caller.visitor.user:
        return answer()
    await caller.do(SetPreferences(preferences=switches_in({"playYtVideos": play})))
    return answer({"playVideos": play})


async def _switch(caller: Caller, body: Json, wrong: str) -> None:
    try:
        chosen = switches_in(body)
    except ValueError:
        raise refused(400, "ERR_INVALID_BODY", wrong) from None
    await caller.do(SetPreferences(preferences=chosen))


def flag(request: Asked, name: str) -> bool:
    """Read something in the query that is true or false. Raises HttpRefused."""
    found = {"true": True, "1": True, "false": False, "0": False}.get(request.query_params.get(name, "").lower())
    if found is None:
        raise refused(400, "ERR_INVALID_PARAMS", f"{name} is true or false.")
    return found


# Broadcasting


@route(["/user/checkCanBroadcast", "/user/checkCanBroadcast/{room:str}"], http_method=READ)
async def check_broadcast(request: Asked) -> Response[Any]:
    """Say whether the asker may show themselves, and in which qualities."""
    caller, name = caller_of(request), request.path_params.get("room")
    if name is not None:
        room = caller.room(name)
        if room.age_restricted and not (caller.user or caller.stranger()).adult:
            raise HttpRefused(403, "ERR_AGE_RESTRICTED")
        if not caller.may("room:cam.broadcast", room):
            raise HttpRefused(403, "You do not have permission to do this: broadcast")
    return answer({"videoOptions": list(QUALITIES.values())})


# Upkeep


@post("/user/hasremindedverify", door="account")
async def note_reminder(request: Asked) -> Response[Any]:
    """Remember for a day that somebody was reminded."""
    caller = caller_of(request)
    return answer(None, 204, cookie(REMINDER, str(int(caller.now.timestamp())), SESSION_LIFE, secure=caller.secure))


@put("/user/{user:str}/changeEmail", door="account")
async def change_mail(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Refuse: no mail address is kept."""
    caller_of(request).own(user)
    raise refused(501, "ERR_NOT_SUPPORTED", "This server keeps no mail addresses.")


@delete("/user/{user:str}/remove", door="account", status_code=200)
async def remove_account(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Forget the own account."""
    caller = caller_of(request)
    caller.own(user)
    await caller.do(CloseAccount())
    return answer(None, 204, forget(IDENT, secure=caller.secure), forget(ACTIVITY, secure=caller.secure))


HANDLERS: list[HTTPRouteHandler] = [
    open_session,
    rebind_socket,
    register,
    api_log_in,
    api_log_out,
    check_username,
    find_user,
    read_profile,
    change_settings,
    change_theme,
    change_layout,
    change_quality,
    change_notifications,
    change_play_videos,
    check_broadcast,
    note_reminder,
    change_mail,
    remove_account,
]
