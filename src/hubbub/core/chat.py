"""Conversation: listening, belonging, speaking, editing, reacting and announcing."""

import re
from collections.abc import Iterable
from typing import Any

import emoji
import msgspec

from hubbub.core.attachment import is_harmless
from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.error import Code, Denied, Invalid, Limited, Unavailable, Unknown
from hubbub.core.event import (
    ChannelsChanged,
    DirectChanged,
    DirectPosted,
    GrantTaken,
    MemberJoined,
    MemberLeft,
    MemberReturned,
    MemberUpdated,
    MentionMissed,
    MessagePosted,
    MessageReacted,
    NotificationsCounted,
    Subscribed,
    Topic,
    Unsubscribed,
    UserNotified,
    UserUnread,
)
from hubbub.core.membership import enroll, is_bot_of, must_ask, name_in, part, person_in, runs, was_removed
from hubbub.core.model import DeletionActor, Message, MessageKind, ReadState, Room, User
from hubbub.core.room import stop_listening
from hubbub.core.state import WorldState
from hubbub.core.telling import announce_joined, announce_left

CHAT = "chat.native"
MAX_BODY = 20_000
"""Characters of one message. Longer than any client's input field, far below a frame's limit."""
MAX_ATTACHMENTS = 20
MAX_MENTIONS = 50
"""A message that mentions as many notifies nobody: it is spam (protocols/venueless.md 1.9)."""
MAX_REACTIONS = 64
"""Different emoji on one message."""
PACKED = re.compile(r"pack:(0|[1-9][0-9]{0,5}):(0|[1-9][0-9]{0,5})")
"""A reaction that is no emoji but a picture out of a numbered pack: the pack, and its place there."""
HEART = "\u2764\ufe0f"
"""The reaction of who just likes a message; and what is shown for a picture where nobody knows the packs."""
MAX_NONCE = 128
MAX_NOTIFICATIONS = 1000
"""Unseen notifications of one room that are counted."""
MENTION = re.compile(r"@([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody learns who begins to listen: who belongs, what number comes next, what the newest thing said is."""

    room: Room
    members: tuple[User, ...]
    next_number: int
    last_said: int

    def as_of(self, state: WorldState) -> "Conversation":
        """Give the same for when the reply leaves: who listens only then has not heard what was said until then."""
        return msgspec.structs.replace(
            self, next_number=state.last_number + 1, last_said=state.last_said.get(self.room.id, 0)
        )


class SubscribeChat(Command, frozen=True, kw_only=True):
    """Listen to a conversation without joining it."""

    MODULE = CHAT
    room: int


class ListenEverywhere(Command, frozen=True, kw_only=True):
    """Listen to every conversation that the actor belongs to for good."""


class JoinChat(Command, frozen=True, kw_only=True):
    """Belong to a conversation, and listen. `volatile` overrides the room's own setting; for moderators only."""

    MODULE = CHAT
    room: int
    volatile: bool | None = None


class LeaveChat(Command, frozen=True, kw_only=True):
    """Belong to a conversation no longer. A direct one is only hidden."""

    MODULE = CHAT
    room: int


class UnsubscribeChat(Command, frozen=True, kw_only=True):
    """Listen no longer; who belonged for good still does."""

    MODULE = CHAT
    room: int


class PostMessage(Command, frozen=True, kw_only=True):
    """Say something. The same `nonce` of the same user gives the first message again, or is refused (`strict`).

    `everyone` mentions all who belong here: of many, only for who runs the room.
    """

    MODULE = CHAT
    room: int
    kind: MessageKind = "text"
    body: str = ""
    attachments: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] | None = None
    mentions: tuple[int, ...] = ()
    everyone: bool = False
    nonce: str | None = None
    strict: bool = False


class EditMessage(Command, frozen=True, kw_only=True):
    """Say something else in place of an own message."""

    MODULE = CHAT
    room: int
    number: int
    body: str = ""
    attachments: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] | None = None


class DeleteMessage(Command, frozen=True, kw_only=True):
    """Take back an own message, or remove somebody else's as a moderator; `once`: unless it is gone already."""

    MODULE = CHAT
    room: int
    number: int
    once: bool = False


class DeleteMessageById(Command, frozen=True, kw_only=True):
    """Take back a message that is named by its id: an own one, whoever moderates."""

    MODULE = CHAT
    room: int
    message: int


class ReactToMessage(Command, frozen=True, kw_only=True):
    """Put an emoji on a message, or take it away.

    `single` is for clients that know one reaction of each user: a new one takes the place of the user's others, and
    taking it away takes whichever it is.
    """

    MODULE = CHAT
    room: int
    number: int
    reaction: str
    delete: bool = False
    single: bool = False


# Listening and belonging


@handles(SubscribeChat, "room:chat.read", events=(Subscribed,))
def do_subscribe(act: Act, command: SubscribeChat) -> Conversation:
    """Begin to listen."""
    room = act.state.rooms[command.room]
    conversation = describe(act, room)
    listen(act, room)
    return conversation


@handles(ListenEverywhere, rate="read", events=(Subscribed,))
def do_listen_everywhere(act: Act, command: ListenEverywhere) -> None:
    """Begin to listen where the actor may read, and has come through the gates."""
    user = act.actor
    for identity in act.state.belongs.get(user.id, ()):
        room = act.state.rooms.get(identity)
        if room and act.state.reads(user, act.now, room) and (not room.gated or act.admitted(room)):
            listen(act, room)


@handles(
    JoinChat,
    "room:chat.join",
    events=(Subscribed, MemberJoined, MemberReturned, MemberUpdated, MessagePosted, ChannelsChanged),
)
def do_join(act: Act, command: JoinChat) -> Conversation:
    """Begin to belong, for good or, in a volatile room, for as long as a connection listens."""
    room = act.state.rooms[command.room]
    if not act.actor.display_name:
        raise Invalid(Code.PROFILE_MISSING, "Choose a display name first.")
    volatile = room.volatile
    if command.volatile is not None and command.volatile != volatile and act.may("room:chat.moderate", room):
        volatile = command.volatile
    if was_removed(act.state, room, act.actor.id):
        raise Denied(Code.CHAT_DENIED, "You were removed from here. Ask somebody who belongs to it to add you again.")
    if not volatile and must_ask(act, room, act.actor):
        raise Denied(Code.CHAT_DENIED, "Ask to join this group first.")
    conversation = describe(act, room)
    listen(act, room)
    if room.kind == "direct":
        show(act, room, act.actor.id)
    else:
        join(act, room, act.actor, volatile=volatile)
    return conversation


def join(act: Act, room: Room, user: User, *, volatile: bool, tell_session: bool = False) -> None:
    """Let a user belong to a conversation; nothing happens when they do already, were removed from it, or must ask."""
    if user.id in act.state.members.get(room.id, ()) or was_removed(act.state, room, user.id):
        return
    if not volatile and must_ask(act, room, user):
        return
    if volatile:
        # Without a connection there would be nothing to end it.
        if not act.session or not act.state.presence.join(room.id, user.id):
            return
        act.state.unread[room.id][user.id] = None
    else:
        former = act.state.former.get(room.id, {}).get(user.id)
        enroll(act, room, user)
        announce_joined(act, room, user, again=former is not None)
    act.emit(ChannelsChanged, user=user.id, session=0 if tell_session else act.session)


def force_joins(act: Act, user: User) -> None:
    """Let a user with a name belong to the rooms that everybody is to belong to and that they may join."""
    if not user.display_name:
        return
    for room in act.state.ordered_rooms():
        may = room.chat and "room:chat.join" in act.state.permissions(user, act.now, room)
        if room.force_join and may and (not room.gated or act.admitted(room)):
            join(act, room, user, volatile=False, tell_session=True)


@handles(
    LeaveChat,
    outside=True,
    events=(Unsubscribed, MemberLeft, GrantTaken, MemberUpdated, MessagePosted, ChannelsChanged),
)
def do_leave(act: Act, command: LeaveChat) -> None:
    """Stop to listen and to belong."""
    room, user = act.state.rooms[command.room], act.actor
    volatile = user.id in act.state.presence.volatile.get(room.id, ())
    stop_listening(act, user.id, act.session, room.id)
    member = act.state.members.get(room.id, {}).get(user.id)
    if room.kind == "direct" and member:
        act.emit(MemberUpdated, room.id, member=msgspec.structs.replace(member, hidden=True))
    elif member:
        nickname = name_in(act.state, room.id, user.id)
        part(act, room, member, "left")
        if not room.volatile:
            announce_left(act, room, user, nickname)
    elif not volatile:
        return
    act.state.presence.part(room.id, user.id)
    act.state.unread[room.id].pop(user.id, None)
    act.emit(ChannelsChanged, user=user.id)


@handles(UnsubscribeChat, outside=True, events=(Unsubscribed,))
def do_unsubscribe(act: Act, command: UnsubscribeChat) -> None:
    """Stop to listen with this connection."""
    stop_listening(act, act.by, act.session, command.room)


def describe(act: Act, room: Room) -> Conversation:
    """Tell what somebody learns who begins to listen."""
    state = act.state
    members = () if room.volatile else tuple(state.users[user] for user in state.members.get(room.id, ()))
    return Conversation(
        room=room,
        members=members,
        next_number=state.last_number + 1,
        last_said=state.last_said.get(room.id, 0),
    )


def listen(act: Act, room: Room) -> None:
    """Let the actor's connection hear a conversation."""
    if act.session:
        act.state.presence.listen(room.id, act.actor.id, act.session)
        act.emit(Subscribed, room.id, topic=Topic.CHAT)


def show(act: Act, room: Room, user: int) -> None:
    """Let a member see a conversation that is hidden from them."""
    member = act.state.members[room.id][user]
    if member.hidden:
        act.emit(MemberUpdated, room.id, member=msgspec.structs.replace(member, hidden=False))
        act.emit(ChannelsChanged, user=user, session=act.session if user == act.by else 0)


# Speaking


@handles(
    PostMessage,
    "room:chat.send",
    rate="message",
    events=(
        MessagePosted,
        DirectPosted,
        MentionMissed,
        UserUnread,
        UserNotified,
        NotificationsCounted,
        MemberUpdated,
        ChannelsChanged,
    ),
)
def do_post(act: Act, command: PostMessage) -> Any:
    """Say something: the message, or a coroutine that gives it when an idempotency key must be looked up."""
    room = check_may_post(act, command.room)
    check_content(command.kind, command.body, command.attachments)
    if command.kind == "call" and room.kind != "direct":
        raise Invalid(Code.MESSAGE_KIND)
    if command.nonce is None:
        return post(act, room, command)
    checked_nonce(command.nonce)
    return _post_once(act, command)


def checked_nonce(nonce: str) -> str:
    """Give an idempotency key. Raises Invalid."""
    if not 0 < len(nonce) <= MAX_NONCE or "\0" in nonce:
        raise invalid("nonce", f"1 to {MAX_NONCE} characters")
    return nonce


async def _post_once(act: Act, command: PostMessage) -> Message:
    user, nonce = act.actor.id, command.nonce
    assert nonce is not None
    if command.strict:
        return await _post_first(act, command, nonce)
    if (user, nonce) not in act.state.nonces:
        first = await act.archive.message_by_nonce(act.state.world.id, user, nonce)
        if first:
            return first
    if (user, nonce) in act.state.nonces:  # perhaps only since we began to look
        await act.archive.settle()
    check(act, command)  # the world may have changed while we looked
    room = check_may_post(act, command.room)
    known = act.state.nonces.get((user, nonce))
    if known and not known.number:
        raise Unavailable(Code.UNAVAILABLE, "The first message with this nonce could not be stored. Try again.")
    return known or post(act, room, command)


async def _post_first(act: Act, command: PostMessage, nonce: str) -> Message:
    if not await is_new(act, nonce):
        raise Invalid(Code.NONCE_USED, "You have said that already.")
    check(act, command)  # the world may have changed while we looked
    return post(act, check_may_post(act, command.room), command)


async def is_new(act: Act, nonce: str) -> bool:
    """Tell whether the actor has not used an idempotency key yet."""
    user = act.actor.id
    known = (user, nonce) in act.state.nonces
    known = known or await act.archive.message_by_nonce(act.state.world.id, user, nonce) is not None
    return not known and (user, nonce) not in act.state.nonces


def post(act: Act, room: Room, command: PostMessage) -> Message:
    """Say something that may be said, and tell whom it concerns."""
    message = Message(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        sender=act.actor.id,
        at=act.now,
        kind=command.kind,
        body=command.body,
        attachments=command.attachments,
        extra=command.extra,
        nonce=command.nonce,
    )
    act.state.remember_nonce(message)
    mentioned = _mentions(act, room, command, message) if command.mentions or command.everyone else ()
    for user in mentioned:
        _notify(act, room, user, message)
    if room.kind == "direct":
        for user in list(act.state.members[room.id]):
            show(act, room, user)
    act.emit(MessagePosted, room.id, message=message)
    if room.kind == "direct":
        act.emit(DirectPosted, room.id, users=tuple(act.state.members[room.id]), message=message)
    _tell_unread(act, room, message)
    if room.kind == "direct":
        for user in _readers(act, room, act.state.members[room.id], message):
            if user not in mentioned:
                _notify(act, room, user, message)
    return message


def _mentions(act: Act, room: Room, command: PostMessage, message: Message) -> tuple[int, ...]:
    """Say whom a message reaches by name, and warn its sender of those whom it does not."""
    members = act.state.members.get(room.id, {})
    everyone = command.everyone and (len(members) < MAX_MENTIONS or runs(act, room))
    users = [user for user in dict.fromkeys(command.mentions) if user in act.state.users and user != message.sender]
    if everyone:
        users = [user for user in members if user != message.sender]
    elif not users or len(command.mentions) >= MAX_MENTIONS:
        return ()
    reached = tuple(user for user in users if _reached(act, room, act.state.users[user]))
    missed = () if everyone else tuple(user for user in users if user not in reached)
    if missed:
        act.emit(MentionMissed, room.id, user=act.actor.id, message=message, missed=missed)
    return reached


def _reached(act: Act, room: Room, user: User) -> bool:
    return (room.volatile or act.state.participates(user.id, room)) and act.state.reads(user, act.now, room)


def _notify(act: Act, room: Room, user: int, message: Message) -> None:
    """Tell a user of a message, and count it, unless they have muted the room."""
    member = act.state.members.get(room.id, {}).get(user)
    if member and member.muted_until and member.muted_until > act.now:
        return
    old = act.state.read_states[user].get(room.id) or ReadState(room=room.id, user=user, world=room.world)
    unseen = (*old.notifications, message.id)[-MAX_NOTIFICATIONS:]
    state = msgspec.structs.replace(old, notifications=unseen)
    act.emit(NotificationsCounted, room.id, state=state)
    act.emit(UserNotified, room.id, user=user, message=message)


def _tell_unread(act: Act, room: Room, message: Message) -> None:
    """Tell those who had read everything, once, that there is something unread now."""
    if room.kind == "direct":
        users = _readers(act, room, act.state.members[room.id], message)
    else:
        unread = act.state.unread[room.id]
        users = _readers(act, room, unread, message)
        for user in users:
            del unread[user]
    if users:
        act.emit(UserUnread, room.id, users=users, message=message)


def _readers(act: Act, room: Room, users: Iterable[int], message: Message) -> tuple[int, ...]:
    """Pick those who may read a message, but for its sender."""
    state, now = act.state, act.now
    return tuple(user for user in users if user != message.sender and state.reads(state.users[user], now, room))


@handles(EditMessage, "room:chat.send", rate="message", events=(MessagePosted, DirectChanged, UserUnread))
async def do_edit(act: Act, command: EditMessage) -> Message:
    """Replace an own message. What it was is not kept."""
    original = await access_message(act, command.room, command.number)
    check(act, command)
    room = check_may_post(act, command.room)
    check_content("text", command.body, command.attachments)
    if original.sender != act.actor.id or original.kind != "text" or original.deleted:
        raise Denied(Code.CHAT_DENIED)
    content = {"body": command.body, "attachments": command.attachments, "extra": command.extra}
    return _replace(act, room, original, {}, **content)


@handles(DeleteMessage, "room:chat.send", rate="message", events=(MessagePosted, DirectChanged, UserUnread))
async def do_delete(act: Act, command: DeleteMessage) -> Message:
    """Remove the content of a message; that there was one stays, and who took it away."""
    original = await access_message(act, command.room, command.number)
    check(act, command)
    room = act.access_room(command.room, module=CHAT) if act.operator else check_may_speak(act, command.room)
    own = original.sender == act.by
    if original.kind not in ("text", "call") or not (own or act.may("room:chat.moderate", room)):
        raise Denied(Code.CHAT_DENIED)
    return original if original.deleted and command.once else _delete(act, room, original)


@handles(DeleteMessageById, "room:chat.send", rate="message", events=(MessagePosted, DirectChanged, UserUnread))
async def do_delete_by_id(act: Act, command: DeleteMessageById) -> Message:
    """Remove the content of an own message, once."""
    original = await act.archive.message_by_id(command.message)
    check(act, command)
    room = check_may_speak(act, command.room)
    if original is None or original.room != room.id:
        raise Unknown(Code.MESSAGE_UNKNOWN)
    original = act.state.changed.get(original.id, original)
    if original.sender != act.actor.id or original.kind not in ("text", "call") or original.deleted:
        raise Denied(Code.CHAT_DENIED)
    return _delete(act, room, original)


def _delete(act: Act, room: Room, original: Message) -> Message:
    """Leave nothing of a message, and let what takes its place say that it was deleted (docs/decisions/0011)."""
    event = {
        "type": "message.deleted",
        **person_in(act.state, room.id, act.by),
        "message": original.id,
        "number": original.number,
        "author": original.sender,
        "actor": deletion_actor(original.sender, act.by),
    }
    gone = msgspec.structs.replace(
        original,
        deleted_by=original.deleted_by if original.deleted else act.by,
        pinned=None,
        pinned_by=0,
    )
    said = {"body": "A message was deleted.", "event": event}
    return _replace(act, room, gone, said, body="", attachments=(), extra=None, deleted=True)


def deletion_actor(sender: int | None, by: int) -> DeletionActor:
    """Say as what somebody deleted a message: its sender, somebody who moderates, or (0) the system."""
    return "system" if not by else "sender" if by == sender else "admin"


def _replace(act: Act, room: Room, original: Message, said: dict[str, Any], **content: Any) -> Message:
    """Let a message read otherwise, and say so with another that reads like it, but for `said`."""
    message = Message(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        sender=act.by or None,
        at=act.now,
        replaces=original.number,
        **{**content, **said},
    )
    changed = msgspec.structs.replace(original, edited=act.now, **content)
    act.emit(MessagePosted, room.id, message=message, original=changed)
    if room.kind == "direct":
        act.emit(DirectChanged, room.id, users=tuple(act.state.members[room.id]), message=changed)
    _tell_unread(act, room, message)
    return message


@handles(ReactToMessage, "room:chat.send", rate="react", events=(MessageReacted,))
async def do_react(act: Act, command: ReactToMessage) -> Message:
    """Give or take back a reaction; giving it twice is giving it once."""
    if not is_reaction(command.reaction) and not (command.single and command.delete):
        raise Invalid(Code.REACTION_UNKNOWN)
    message = await access_message(act, command.room, command.number)
    check(act, command)
    room = check_may_speak(act, command.room)
    reactions = _with_reaction(message.reactions, act.actor.id, command)
    if reactions == message.reactions:
        return message
    if len(reactions) > max(MAX_REACTIONS, len(message.reactions)):
        raise Limited(Code.TOO_MANY, f"A message has at most {MAX_REACTIONS} different reactions.")
    message = msgspec.structs.replace(message, reactions=reactions)
    act.emit(MessageReacted, room.id, message=message)
    return message


def is_reaction(sign: str) -> bool:
    """Tell whether a text is a reaction: one emoji, or one out of a pack."""
    return emoji.is_emoji(sign) or PACKED.fullmatch(sign) is not None


def _with_reaction(old: dict[str, tuple[int, ...]], user: int, command: ReactToMessage) -> dict[str, tuple[int, ...]]:
    """Give the reactions as they are after a command."""
    given = {sign for sign, users in old.items() if user in users}
    kept = set() if command.single else given - {command.reaction}
    after = kept if command.delete else kept | {command.reaction}
    found = {
        sign: users if (user in users) == (sign in after) else tuple(other for other in users if other != user)
        for sign, users in old.items()
    }
    if not command.delete and command.reaction not in given:
        found[command.reaction] = (*found.get(command.reaction, ()), user)
    return {sign: users for sign, users in found.items() if users}


def check_may_post(act: Act, identity: int) -> Room:
    """Give a room in which the actor may say something. In an announcement group only who moderates it does, and bots.

    Others may still react there, and take back what they said.
    """
    room = check_may_speak(act, identity)
    listening = room.group == "announcement" and room.lasting and not act.may("room:chat.moderate", room)
    if listening and not is_bot_of(act.state, room.id, act.by):
        raise Denied(Code.CHAT_DENIED, "Only those who run this group say something here.")
    return room


def check_may_speak(act: Act, identity: int) -> Room:
    """Give a room to whose conversation the actor belongs. Raises Denied; also where somebody there blocked another."""
    room, user = act.state.rooms[identity], act.actor
    if not act.state.participates(user.id, room):
        raise Denied(Code.CHAT_DENIED)
    if room.kind == "direct" and any(act.state.blocked(user.id, other) for other in act.state.members[room.id]):
        raise Denied(Code.CHAT_DENIED)
    return room


def check_content(kind: MessageKind, body: str, attachments: tuple[dict[str, Any], ...]) -> None:
    """Raise Invalid or Limited unless something can be said so."""
    if kind not in ("text", "call"):
        raise Invalid(Code.MESSAGE_KIND, details={"kind": [kind]})
    if kind == "text" and not body and not attachments:
        raise Invalid(Code.MESSAGE_EMPTY)
    if len(body) > MAX_BODY or len(attachments) > MAX_ATTACHMENTS:
        raise Limited(Code.TOO_LARGE, f"At most {MAX_BODY} characters and {MAX_ATTACHMENTS} files.")
    if not all(is_harmless(attachment) for attachment in attachments):
        raise invalid("url", "an address of the web")
    if "\0" in body:  # no database keeps that
        raise invalid("body", "characters that can be written")


async def access_message(act: Act, room: int, number: int) -> Message:
    """Give a message of a room as it reads now. Raises Unknown."""
    message = await act.archive.message(act.state.world.id, number)
    if message is None or message.room != room:
        raise Unknown(Code.MESSAGE_UNKNOWN)
    return act.state.changed.get(message.id, message)
