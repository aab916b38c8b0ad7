"""Direct messages: what two people say to each other, and how far they have read (protocols/groupme.md 2.5).

Conversations of three and more, which other dialects have, are none here.
"""

from typing import Any

import msgspec

from hubbub.core.direct import MAX_LISTED, DirectSight, GetDirect, ListDirects, SendDirect
from hubbub.core.model import Message, Room, User
from hubbub.core.reading import FetchMessages, GetMessage, MarkRead
from hubbub.dialects.groupme.answer import NOTHING_NEW, Reply, Route, get, post
from hubbub.dialects.groupme.attachment import read_attachments
from hubbub.dialects.groupme.caller import Caller, number, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse, parse_message, render, render_conversation, render_message
from hubbub.dialects.groupme.message import access, checked, fetch
from hubbub.dialects.groupme.view import FOR_EVER, is_hidden, seconds

Json = dict[str, Any]

CHATS = 20
"""Conversations of one page."""
MAX_PAGES = 1_000_000


class GivenDirect(msgspec.Struct, frozen=True):
    """A direct message as a client sends it."""

    recipient_id: str | int
    source_guid: str | None = None
    text: str | None = None
    attachments: Any = None


class Sent(msgspec.Struct, frozen=True):
    """A direct message in its envelope."""

    direct_message: GivenDirect


class Receipt(msgspec.Struct, frozen=True):
    """How far somebody has read a conversation."""

    message_id: str | None = None
    chat_id: str | None = None


class GivenReceipt(msgspec.Struct, frozen=True):
    """A receipt in its envelope, or without."""

    read_receipt: Receipt | None = None
    message_id: str | None = None


# Conversations


async def chats(caller: Caller) -> Reply:
    """List the conversations of the user, the last spoken in first."""
    page = number(caller.query.get("page"), 1, MAX_PAGES)
    size = number(caller.query.get("per_page"), CHATS, MAX_LISTED)
    found: list[DirectSight] = await caller.do(ListDirects(skip=(page - 1) * size, count=size))
    return Reply(response=[_chat(caller, sight.last, sight) for sight in found if sight.last])


async def chat(caller: Caller) -> Reply:
    """Give one conversation in which something was said."""
    room = caller.conversation(caller.path["conversation"])
    sight: DirectSight = await caller.do(GetDirect(room=room.id))
    if sight.last is None:
        raise RefusedError(404, "Conversation not found")
    return Reply(response=_chat(caller, sight.last, sight))


def _chat(caller: Caller, last: Message, sight: DirectSight) -> Json:
    other = next(user for user in caller.state.members[sight.room.id] if user != caller.user.id)
    return {
        "other_user": caller.view.user(caller.state.users[other]),
        "created_at": seconds(sight.room.created),
        "updated_at": seconds(last.at),
        "messages_count": sight.count,
        "last_message": caller.view.direct_message(last),
        "message_deletion_period": FOR_EVER,
        "message_deletion_mode": ["sender"],
    }


def other_of(caller: Caller) -> User:
    """Give whom a query names. Raises RefusedError."""
    return _known(caller, caller.query.get("other_user_id"))


def _known(caller: Caller, text: object) -> User:
    own, user = caller.user, caller.state.users.get(parse(text))
    if user is None:
        raise RefusedError(404, "User not found")
    if user.id == own.id:
        raise RefusedError(400, "Somebody else is expected.")
    return user


def with_other(caller: Caller, other: User) -> Room | None:
    """Find the conversation of the user with somebody."""
    return caller.state.direct_between(caller.user.id, other.id)


# Messages


async def index(caller: Caller) -> Reply:
    """Give a page of what two people said, and how far the other one has read."""
    other = other_of(caller)
    room = with_other(caller, other)
    if room is None:
        return NOTHING_NEW
    sight: DirectSight = await caller.do(GetDirect(room=room.id))
    messages = await fetch(caller, room, opening=sight.opening)
    if not messages:
        return NOTHING_NEW
    shown = [caller.view.direct_message(message) for message in messages]
    found = {"count": sight.count, "direct_messages": shown}
    receipt = await _receipt_of(caller, room, other)
    return Reply(response=found | ({"read_receipt": receipt} if receipt else {}))


async def show(caller: Caller) -> Reply:
    """Give one message."""
    room = with_other(caller, other_of(caller))
    if room is None:
        raise RefusedError(404, "Message not found")
    return Reply(response={"message": caller.view.direct_message(await access(caller, room))})


async def create(caller: Caller) -> Reply:
    """Say something to somebody. A `source_guid` that was used before is refused."""
    given = take(await caller.body(), Sent).direct_message
    command = SendDirect(
        user=_known(caller, given.recipient_id).id,
        body=checked(given.text),
        attachments=read_attachments(given.attachments),
        nonce=given.source_guid or None,
    )
    return Reply(response={"direct_message": caller.view.direct_message(await caller.do(command))}, status=201)


# How far somebody has read


async def read(caller: Caller) -> Reply:
    """Note how far the user has read a conversation; the body names both."""
    given = take(await caller.body(), GivenReceipt).read_receipt or Receipt()
    return await _read(caller, caller.conversation(given.chat_id), given.message_id, 200)


async def read_here(caller: Caller) -> Reply:
    """Note how far the user has read a conversation: to the message that is named, or all of it."""
    return await _read(caller, caller.conversation(caller.path["conversation"]), await _named(caller), 200)


async def read_soon(caller: Caller) -> Reply:
    """Do the same; clients expect that it is only accepted."""
    return await _read(caller, caller.conversation(caller.path["conversation"]), await _named(caller), 202)


async def _named(caller: Caller) -> str | None:
    given = take(await caller.body(), GivenReceipt)
    return given.message_id or (given.read_receipt.message_id if given.read_receipt else None)


async def _read(caller: Caller, room: Room, text: str | None, status: int) -> Reply:
    newest = caller.state.last_number
    if text is not None:
        message: Message = await caller.do(GetMessage(room=room.id, number=parse_message(text)))
        newest = message.number
    await caller.do(MarkRead(room=room.id, number=newest))
    last = await _last(caller, room, caller.state.read_states[caller.user.id][room.id].read)
    receipt = _receipt(caller, room, caller.user, last, seconds(caller.now)) if last else None
    return Reply(response={"read_receipt": receipt}, status=status)


async def _receipt_of(caller: Caller, room: Room, user: User) -> Json | None:
    """Write how far somebody has read. When is not kept: the message that was read last tells the earliest it was."""
    state = caller.state.read_states.get(user.id, {}).get(room.id)
    last = await _last(caller, room, state.read) if state else None
    return _receipt(caller, room, user, last, seconds(last.at)) if last else None


async def _last(caller: Caller, room: Room, read_up_to: int) -> Message | None:
    """Give the newest message up to a number: pointers that other dialects set need not be at one of this room."""
    found: list[Message] = await caller.do(FetchMessages(room=room.id, before=read_up_to + 1, count=1))
    return found[0] if found and not is_hidden(found[0], room) else None


def _receipt(caller: Caller, room: Room, user: User, last: Message, at: int) -> Json:
    return {
        "id": render_message(last.number),
        "chat_id": render_conversation(caller.state, room),
        "message_id": render_message(last.number),
        "user_id": render(user.id),
        "read_at": at,
    }


ROUTES: tuple[Route, ...] = (
    get("/v3/chats", chats),
    get("/v3/chats/{conversation:str}", chat),
    get("/v3/direct_messages", index),
    post("/v3/direct_messages", create),
    get("/v3/direct_messages/{message:str}", show),
    post("/v2/read_receipts", read),
    post("/v3/conversations/{conversation:str}/read_receipt", read_here),
    post("/v4/read_receipts/{conversation:str}", read_soon),
)
