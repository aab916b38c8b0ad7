"""Direct conversations: writing to a few people, and to nobody else."""

from hubbub.core.chat import Conversation, PostMessage, announce, check_content, describe, listen, post, show
from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Invalid
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
from hubbub.core.visit import access_visit, own_visit

MAX_DIRECT = 50
"""People in one direct conversation."""
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
    """Say something to one person, wherever they are, in the direct conversation with them."""

    user: int
    body: str


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
    room = find_direct(act, members.keys() | set())
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


def find_direct(act: Act, members: set[int]) -> Room | None:
    """Find the direct conversation of exactly these users, of whom the actor is one."""
    for identity in act.state.belongs.get(act.actor.id, ()):
        room = act.state.rooms.get(identity)
        if room and room.kind == "direct" and act.state.members[identity].keys() == members:
            return room
    return None


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
def do_send(act: Act, command: SendDirect) -> Message:
    """Find or make the conversation, and speak in it."""
    return _speak_to(act, act.access_user(command.user), command.body)


def _speak_to(act: Act, target: User, body: str) -> Message:
    if target.id == act.by:
        raise Denied(Code.SELF_ACTION, "You cannot write to yourself.")
    unwanted = target.preferences.get("private_messages") is False or act.state.blocked(act.by, target.id)
    if unwanted or target.kind in UNREACHABLE:
        raise Denied(Code.PRIVATE_DENIED, "user does not allow private messages")
    check_content("text", body, ())
    members = [act.actor.id, target.id]
    room = find_direct(act, set(members)) or make_direct(act, members, hide=False)
    return post(act, room, PostMessage(room=room.id, body=body))
