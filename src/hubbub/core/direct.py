"""Direct conversations: writing to a few people, and to nobody else."""

from hubbub.core.chat import Conversation, announce, describe, listen, show
from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied
from hubbub.core.event import ChannelsChanged, ConversationOpened, MemberUpdated, MessagePosted, Subscribed
from hubbub.core.model import Member, Room

MAX_DIRECT = 50
"""People in one direct conversation."""


class OpenDirect(Command, frozen=True, kw_only=True):
    """Open the direct conversation with exactly these users. `hide` keeps it from the others until it is spoken in."""

    users: tuple[int, ...]
    hide: bool = True


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
        if not user or user.deleted or user.kind in ("kiosk", "anon") or act.state.blocked(act.actor.id, other):
            raise Denied(Code.CHAT_DENIED)
    room = _find_direct(act, members.keys() | set())
    if room:
        listen(act, room)
        show(act, room, act.actor.id)
        if not command.hide:
            for other in members:
                show(act, room, other)
    else:
        room = _make_direct(act, list(members), hide=command.hide)
    return describe(act, room)


def _find_direct(act: Act, members: set[int]) -> Room | None:
    for identity in act.state.belongs.get(act.actor.id, ()):
        room = act.state.rooms.get(identity)
        if room and room.kind == "direct" and act.state.members[identity].keys() == members:
            return room
    return None


def _make_direct(act: Act, users: list[int], *, hide: bool) -> Room:
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
