"""Direct conversations: writing to a few people, and to nobody else."""

from typing import Any

import msgspec

from hubbub.core.chat import (
    CHAT,
    Conversation,
    PostMessage,
    check_content,
    checked_nonce,
    describe,
    is_new,
    listen,
    post,
    show,
)
from hubbub.core.command import Act, Command, check, handles
from hubbub.core.error import Code, Denied, Invalid, Unknown
from hubbub.core.event import (
    ChannelsChanged,
    ConversationOpened,
    DirectPosted,
    MemberUpdated,
    MessagePosted,
    NotificationsCounted,
    Subscribed,
    UserNotified,
    UserUnread,
)
from hubbub.core.model import Member, Message, Room, User
from hubbub.core.telling import announce
from hubbub.core.visit import access_visit, own_visit

MAX_DIRECT = 50
"""People in one direct conversation."""
MAX_LISTED = 100
UNREACHABLE = ("kiosk", "anon", "system")
"""Kinds of users to whom nobody writes."""


class OpenDirect(Command, frozen=True, kw_only=True):
    """Open the direct conversation with exactly these users.

    `hide` keeps it from the others until it is spoken in; `new` refuses when there is one already.
    """

    users: tuple[int, ...]
    hide: bool = True
    new: bool = False


class Whisper(Command, frozen=True, kw_only=True):
    """Say something to one person in a room, in the direct conversation with them.

    Who may speak in the room may whisper there, also without `world:chat.direct`.
    """

    room: int
    visit: int
    body: str


class SendDirect(Command, frozen=True, kw_only=True):
    """Say something to one person, wherever they are, in the direct conversation with them.

    A `nonce` that the actor has used already is refused.
    """

    user: int
    body: str = ""
    attachments: tuple[dict[str, Any], ...] = ()
    nonce: str | None = None


class ListDirects(Command, frozen=True, kw_only=True):
    """List the actor's conversations with one other in which something was said and that they have not hidden.

    The last spoken in comes first; `skip` leaves so many out, `count` (at most MAX_LISTED) is how many follow.
    """

    skip: int = 0
    count: int = 20


class GetDirect(Command, frozen=True, kw_only=True):
    """Tell what there is in a direct conversation."""

    MODULE = CHAT
    room: int


class DirectSight(msgspec.Struct, frozen=True, kw_only=True):
    """A direct conversation, and what is in it.

    `last` is the newest message, None when nothing was said. `count` is how many there are, without those that only
    say whom it is between: they are its first ones, up to the number `opening` (0: there are none).
    """

    room: Room
    last: Message | None
    count: int
    opening: int


@handles(
    OpenDirect,
    "world:chat.direct",
    rate="create",
    events=(ConversationOpened, MessagePosted, Subscribed, ChannelsChanged, MemberUpdated),
)
def do_open_direct(act: Act, command: OpenDirect) -> Conversation:
    """Find or make the conversation of exactly these users and the actor."""
    members = dict.fromkeys((act.actor.id, *command.users))
    if not 2 <= len(members) <= MAX_DIRECT:
        raise Denied(Code.CHAT_DENIED)
    for other in members:
        user = act.state.users.get(other)
        if (
            not user
            or user.deleted
            or user.kind in ("kiosk", "anon", "system")
            or act.state.blocked(act.actor.id, other)
        ):
            raise Denied(Code.CHAT_DENIED)
    room = act.state.direct_between(*members)
    if room and command.new:
        raise Invalid(Code.DIRECT_EXISTS, "There is such a conversation already.")
    if room:
        listen(act, room)
        show(act, room, act.actor.id)
        if not command.hide:
            for other in members:
                show(act, room, other)
    else:
        room = make_direct(act, list(members), hide=command.hide)
    return describe(act, room)


def make_direct(act: Act, users: list[int], *, hide: bool) -> Room:
    """Make a direct conversation of these users."""
    room = Room(id=act.new_id(), world=act.state.world.id, kind="direct", created=act.now)
    members = tuple(
        Member(room=room.id, user=user, world=room.world, joined=act.now, hidden=hide and user != act.actor.id)
        for user in users
    )
    act.emit(ConversationOpened, room.id, config=room, members=members)
    act.state.unread[room.id].update(dict.fromkeys(users))
    listen(act, room)
    for user in users:
        announce(act, room, act.state.users[user], "member.joined")
    for member in members:
        if not member.hidden:
            act.emit(ChannelsChanged, user=member.user, session=act.session if member.user == act.by else 0)
    return room


@handles(ListDirects, rate="read")
async def do_list(act: Act, command: ListDirects) -> list[DirectSight]:
    """Give them as they read now."""
    state = act.state
    rooms = [room for room in state.conversations(act.actor.id) if _is_spoken_in(act, room)]
    rooms.sort(key=lambda room: state.last_said[room.id], reverse=True)
    page = rooms[max(0, command.skip) :][: max(0, min(command.count, MAX_LISTED))]
    newest = await act.archive.newest([room.id for room in page])
    found = [await _sight(act, room, newest.get(room.id)) for room in page]
    check(act, command)  # the world may have changed while we looked
    return [sight for sight in found if state.reads(act.actor, act.now, sight.room)]


def _is_spoken_in(act: Act, room: Room) -> bool:
    return room.kind == "direct" and len(act.state.members[room.id]) == 2 and bool(act.state.last_said.get(room.id))


@handles(GetDirect, "room:chat.read", rate="read")
async def do_get(act: Act, command: GetDirect) -> DirectSight:
    """Give it as it reads now. Raises Unknown for what is no direct conversation."""
    room = act.state.rooms[command.room]
    if room.kind != "direct":
        raise Unknown(Code.ROOM_UNKNOWN, "There is no such conversation.")
    newest = await act.archive.newest([room.id])
    found = await _sight(act, room, newest.get(room.id))
    check(act, command)
    return found


async def _sight(act: Act, room: Room, last: Message | None) -> DirectSight:
    people = len(act.state.members[room.id])
    first = await act.archive.messages(room.id, before=act.state.last_number + 1, limit=people, oldest=True)
    numbers = [message.number for message in first if is_opening(message)]
    opening = max(numbers, default=0)
    return DirectSight(
        room=room,
        last=act.state.changed.get(last.id, last) if last and last.number > opening else None,
        count=max(0, act.state.message_counts.get(room.id, 0) - len(numbers)),
        opening=opening,
    )


def is_opening(message: Message) -> bool:
    """Tell whether a message of a direct conversation only says that it is with somebody."""
    kind = (message.event or {}).get("type")
    return message.kind == "system" and isinstance(kind, str) and kind.startswith("member.")


SPOKEN = (
    *(ConversationOpened, MessagePosted, DirectPosted, Subscribed, ChannelsChanged, MemberUpdated),
    *(UserUnread, UserNotified, NotificationsCounted),
)
"""What may come of speaking to somebody."""


@handles(Whisper, "room:chat.send", rate="message", events=SPOKEN)
def do_whisper(act: Act, command: Whisper) -> Message:
    """Find or make the conversation, and speak in it."""
    own_visit(act, command.room)
    return _speak_to(act, act.access_user(access_visit(act, command.room, command.visit).user), command.body)


@handles(SendDirect, "world:chat.direct", rate="message", events=SPOKEN)
def do_send(act: Act, command: SendDirect) -> Any:
    """Find or make the conversation, and speak in it: the message, or a coroutine that gives it."""
    if command.nonce is None:
        return _send(act, command)
    return _send_first(act, command, checked_nonce(command.nonce))


async def _send_first(act: Act, command: SendDirect, nonce: str) -> Message:
    if not await is_new(act, nonce):
        raise Invalid(Code.NONCE_USED, "You have said that already.")
    check(act, command)  # the world may have changed while we looked
    return _send(act, command)


def _send(act: Act, command: SendDirect) -> Message:
    target = act.access_user(command.user)
    return _speak_to(act, target, command.body, command.attachments, command.nonce)


def _speak_to(
    act: Act, target: User, body: str, attachments: tuple[dict[str, Any], ...] = (), nonce: str | None = None
) -> Message:
    if target.id == act.by:
        raise Denied(Code.SELF_ACTION, "You cannot write to yourself.")
    unwanted = target.preferences.get("private_messages") is False or act.state.blocked(act.by, target.id)
    if unwanted or target.kind in UNREACHABLE:
        raise Denied(Code.PRIVATE_DENIED, "user does not allow private messages")
    check_content("text", body, attachments)
    members = [act.actor.id, target.id]
    room = act.state.direct_between(*members) or make_direct(act, members, hide=False)
    return post(act, room, PostMessage(room=room.id, body=body, attachments=attachments, nonce=nonce))
