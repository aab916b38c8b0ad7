"""Private messages over HTTP: /api/message/... (protocols/jumpin.md 2).

They are the direct conversations of the core, so what is written here is read in every dialect.
"""

from typing import Any

from litestar import Response, post, put, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.chat import LeaveChat
from hubbub.core.direct import SendDirect
from hubbub.core.model import Message, Room, User
from hubbub.core.reading import FetchMessages, MarkRead
from hubbub.core.state import WorldState
from hubbub.dialects.jumpin.account import READ
from hubbub.dialects.jumpin.answer import answer, no_user, refused
from hubbub.dialects.jumpin.body import Json, instant, number, text
from hubbub.dialects.jumpin.caller import Asked, Caller, caller_of, read_body
from hubbub.dialects.jumpin.encode import content_of, picture_of, username_of
from hubbub.dialects.jumpin.id import Kind, parse, render

PAGE = 20
"""Conversations, or messages of one, that a page has."""
COUNTED = 50
"""Messages of a conversation in the list of all that are counted."""
MOST = 1000
"""Messages of one conversation that can be read here; a client of another dialect reads further back."""
EVERYTHING = 2**53


# Reading


@route("/message/{user:str}/unread", http_method=READ, door="account")
async def count_unread(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Say how many messages somebody has not read."""
    caller = caller_of(request)
    own = caller.own(user)
    return answer({"unread": sum(_unread(caller.state, own, room) for room in _conversations(caller.state, own))})


@route("/message/{user:str}", http_method=READ, door="account")
async def list_conversations(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Give a page of somebody's conversations, the latest first."""
    caller = caller_of(request)
    own = caller.own(user)
    rooms = _conversations(caller.state, own)
    page = _page(request)
    shown = [await _write_conversation(caller, own, room) for room in rooms[(page - 1) * PAGE : page * PAGE]]
    return answer({"conversations": [one for one in shown if one["count"]], "count": len(rooms)})


@route("/message/{user:str}/{other:str}", http_method=READ, door="account")
async def read_conversation(request: Asked, user: FromPath[str], other: FromPath[str]) -> Response[Any]:
    """Give the last messages of a conversation, oldest first; so many pages of them."""
    caller = caller_of(request)
    own, participant = caller.own(user), _other(caller, other)
    room = find_conversation(caller.state, own, participant)
    found = await _said(caller, room, MOST) if room else []
    shown = found[-_page(request) * PAGE :]
    return answer(
        {
            "participant": _write_user(caller, participant),
            "messages": [_write_message(caller, own, participant, message) for message in shown],
            "unread": _unread(caller.state, own, room) if room else 0,
            "count": len(found),
        }
    )


async def _said(caller: Caller, room: Room, count: int) -> list[Message]:
    messages: list[Message] = await caller.do(FetchMessages(room=room.id, before=EVERYTHING, count=count))
    return [message for message in messages if message.kind == "text" and not message.replaces and not message.deleted]


def _conversations(state: WorldState, user: User) -> list[Room]:
    """Give somebody's conversations with one other, the latest first."""
    found = (
        room for room in state.conversations(user.id) if room.kind == "direct" and len(state.members[room.id]) == 2
    )
    return sorted(found, key=lambda room: state.last_said.get(room.id, 0), reverse=True)


def find_conversation(state: WorldState, user: User, other: User) -> Room | None:
    """Find the conversation of two users, also one that the first has put away."""
    for identity in state.belongs.get(user.id, ()):
        room = state.rooms.get(identity)
        if room and room.kind == "direct" and state.members[identity].keys() == {user.id, other.id}:
            return room
    return None


def _unread(state: WorldState, user: User, room: Room) -> int:
    known = state.read_states.get(user.id, {}).get(room.id)
    return len(known.notifications) if known else 0


def _other(caller: Caller, text: str) -> User:
    found = caller.state.users.get(parse(text, Kind.USER) or 0)
    if found is None:
        raise no_user()
    return found


def _page(request: Asked) -> int:
    found = number(request.query_params.get("page", "1"))
    if found is None or not 1 <= found <= MOST:
        raise refused(400, "ERR_INVALID_PARAMS", "page is a number from 1.")
    return int(found)


# Writing and putting away


@post("/message/{user:str}", door="account", status_code=201)
async def send(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Write to somebody."""
    caller, body = caller_of(request), await read_body(request)
    other = _other(caller, user)
    message: Message = await caller.do(SendDirect(user=other.id, body=text(body, "message")))
    return answer(_write_message(caller, caller.account, other, message), 201)


@put("/message/read", door="account")
async def read_all(request: Asked) -> Response[Any]:
    """Note that everything has been read."""
    caller = caller_of(request)
    for room in _conversations(caller.state, caller.account):
        if _unread(caller.state, caller.account, room):
            await caller.do(MarkRead(room=room.id, number=caller.state.last_number))
    return answer()


@put("/message/read/{user:str}/{other:str}", door="account")
async def read_one(request: Asked, user: FromPath[str], other: FromPath[str]) -> Response[Any]:
    """Note that a conversation has been read."""
    caller = caller_of(request)
    room = find_conversation(caller.state, caller.own(user), _other(caller, other))
    if room:
        await caller.do(MarkRead(room=room.id, number=caller.state.last_number))
    return answer()


@put("/message/archive/{user:str}/{other:str}", door="account")
async def archive(request: Asked, user: FromPath[str], other: FromPath[str]) -> Response[Any]:
    """Put a conversation away until somebody writes in it."""
    caller = caller_of(request)
    room = find_conversation(caller.state, caller.own(user), _other(caller, other))
    if room:
        await caller.do(LeaveChat(room=room.id))
    return answer()


# Writing them down


async def _write_conversation(caller: Caller, own: User, room: Room) -> Json:
    members = [caller.state.users[user] for user in caller.state.members[room.id]]
    said = await _said(caller, room, COUNTED)
    other = next((user for user in members if user.id != own.id), own)
    return {
        "_id": render(room.id, Kind.CONVERSATION),
        "participants": [_write_user(caller, user) for user in members],
        "participant": _write_user(caller, other),
        "latestMessage": instant(said[-1].at if said else None),
        "unread": _unread(caller.state, own, room),
        "count": len(said),
    }


def _write_user(caller: Caller, user: User) -> Json:
    return {
        "_id": render(user.id, Kind.USER),
        "username": username_of(user) or user.display_name,
        "profile": {"pic": picture_of(user)},
        "attrs": {"userLevel": (0, 20, 30, 30, 30)[caller.state.rank(user, caller.now)]},
    }


def _write_message(caller: Caller, own: User, other: User, message: Message) -> Json:
    mine = message.sender == own.id
    known = caller.state.read_states.get(other.id if mine else own.id, {}).get(message.room)
    return {
        "_id": render(message.id, Kind.MESSAGE),
        "conversation": render(message.room, Kind.CONVERSATION),
        "attrs": {
            "unread": known is not None and message.id in known.notifications,
            "archived": {"recipient": False, "sender": False},
        },
        "createdAt": instant(message.at),
        "sender": render(own.id if mine else other.id, Kind.USER),
        "recipient": render(other.id if mine else own.id, Kind.USER),
        "message": content_of(message),
    }


HANDLERS: list[HTTPRouteHandler] = [
    count_unread,
    list_conversations,
    read_conversation,
    send,
    read_all,
    read_one,
    archive,
]
