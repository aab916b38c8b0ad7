"""What is said in groups (protocols/groupme.md 2.4). Between two people it is in direct.py."""

from typing import Any

import msgspec

from hubbub.core.chat import DeleteMessage, EditMessage, PostMessage
from hubbub.core.model import Message, Room
from hubbub.core.reading import FetchMessages, GetMessage
from hubbub.dialects.groupme.answer import GONE, NOTHING_NEW, Reply, Route, delete, get, post, put
from hubbub.dialects.groupme.attachment import mentioned, read_attachments
from hubbub.dialects.groupme.caller import Caller, number, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import is_decimal, parse_message
from hubbub.dialects.groupme.view import is_event

MAX_TEXT = 1000
PAGE, MAX_PAGE = 20, 200
"""Messages of one page."""


class GivenMessage(msgspec.Struct, frozen=True):
    """A message as a client sends it."""

    source_guid: str | None = None
    text: str | None = None
    attachments: Any = None


class Sent(msgspec.Struct, frozen=True):
    """A message in its envelope."""

    message: GivenMessage


class Change(msgspec.Struct, frozen=True):
    """How a message is to read from now on; what is left out stays."""

    text: str | msgspec.UnsetType | None = msgspec.UNSET
    attachments: Any = msgspec.UNSET


async def index(caller: Caller) -> Reply:
    """Give a page of a group's messages."""
    room = caller.group(caller.path["group"])
    messages = await fetch(caller, room)
    if not messages:
        return NOTHING_NEW
    count = caller.state.message_counts.get(room.id, 0)
    return Reply(response={"count": count, "messages": [caller.view.message(message) for message in messages]})


async def fetch(caller: Caller, room: Room, *, opening: int = 0) -> list[Message]:
    """Read the page that a query asks for, of what comes after the number `opening`. Raises RefusedError.

    `before_id` and `since_id` give the newest first, `after_id` the oldest; all exclude the message that they name.
    """
    limit = number(caller.query.get("limit"), PAGE, MAX_PAGE + 1)
    if limit > MAX_PAGE:
        raise RefusedError(400, f"limit: at most {MAX_PAGE}")
    before, since, after = (_bound(caller, name) for name in ("before_id", "since_id", "after_id"))
    first = max(since or 0, after or 0, opening)
    last = caller.state.last_number + 1 if before is None else before
    ascending = after is not None
    command = FetchMessages(room=room.id, before=last, after=first, count=limit, oldest=ascending)
    found: list[Message] = await caller.do(command)
    return found if ascending else found[::-1]


def _bound(caller: Caller, name: str) -> int | None:
    text = caller.query.get(name)
    if not text:
        return None
    if not is_decimal(text):
        raise RefusedError(400, f"{name}: the id of a message is expected")
    return parse_message(text)


async def create(caller: Caller) -> Reply:
    """Say something. A `source_guid` that was used before is refused."""
    room = caller.group(caller.path["group"])
    given = take(await caller.body(), Sent).message
    attachments = read_attachments(given.attachments)
    mentions, everyone = mentioned(attachments)
    command = PostMessage(
        room=room.id,
        body=checked(given.text),
        attachments=attachments,
        mentions=mentions,
        everyone=everyone,
        nonce=given.source_guid or None,
        strict=True,
    )
    return Reply(response={"message": caller.view.message(await caller.do(command))}, status=201)


def checked(text: str | None) -> str:
    """Give the text of a message. Raises RefusedError when it is too long."""
    if text and len(text) > MAX_TEXT:
        raise RefusedError(400, f"text: at most {MAX_TEXT} characters")
    return text or ""


async def show(caller: Caller) -> Reply:
    """Give one message."""
    message = await access(caller, caller.conversation(caller.path["conversation"]))
    return Reply(response={"message": caller.view.shown(message)})


async def access(caller: Caller, room: Room) -> Message:
    """Give the message of a room that the path names, as it reads now. Raises RefusedError."""
    message: Message = await caller.do(GetMessage(room=room.id, number=parse_message(caller.path["message"])))
    return message


async def update(caller: Caller) -> Reply:
    """Let an own message read otherwise."""
    room = caller.conversation(caller.path["conversation"])
    given = take(await caller.body(), Change)
    message = _said(await access(caller, room))
    attachments = message.attachments
    if given.attachments is not msgspec.UNSET:
        attachments = read_attachments(given.attachments)
    text = message.body if given.text is msgspec.UNSET else checked(given.text)
    await caller.do(EditMessage(room=room.id, number=message.number, body=text, attachments=attachments))
    changed = await caller.do(GetMessage(room=room.id, number=message.number))
    return Reply(response={"message": caller.view.shown(changed)})


async def destroy(caller: Caller) -> Reply:
    """Take a message back: an own one, or as one who runs the group. One that is gone already stays so."""
    room = caller.conversation(caller.path["conversation"])
    message = _said(await access(caller, room))
    await caller.do(DeleteMessage(room=room.id, number=message.number, once=True))
    return GONE


def _said(message: Message) -> Message:
    """Give what somebody said. Raises RefusedError for what tells of something that happened."""
    if is_event(message):
        raise RefusedError(403, "That is a notice of the group. It stays as it is.")
    return message


ONE = "/groups/{conversation:str}/messages/{message:str}"
ROUTES: tuple[Route, ...] = (
    get("/v3/groups/{group:str}/messages", index),
    post("/v3/groups/{group:str}/messages", create),
    get(f"/v3{ONE}", show),
    get(f"/v4{ONE}", show),
    put(f"/v4{ONE}", update),
    delete("/v3/conversations/{conversation:str}/messages/{message:str}", destroy),
)
