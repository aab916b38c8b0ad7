"""Reading: what was said, page by page, what was liked, what files there are, and how far one has read."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hubbub.core.chat import CHAT, access_message
from hubbub.core.command import Act, Command, check, handles
from hubbub.core.event import DirectRead, ReadMarked
from hubbub.core.model import Message, ReadState

MAX_FETCH = 1000
MAX_LIKED = 5000
"""Messages with reactions that are looked at for those with the most."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class FetchMessages(Command, frozen=True, kw_only=True):
    """Read the newest `count` messages with a number below `before` and above `after`, or the `oldest` of these."""

    MODULE = CHAT
    room: int
    before: int
    count: int = 50
    after: int = 0
    oldest: bool = False


class GetMessage(Command, frozen=True, kw_only=True):
    """Read one message."""

    MODULE = CHAT
    room: int
    number: int


class ListLiked(Command, frozen=True, kw_only=True):
    """Read the messages said since an instant that people have reacted to most.

    Of these those to which one user reacted (`by`), or those of one sender to which others did.
    """

    MODULE = CHAT
    room: int
    since: datetime
    count: int = 100
    by: int = 0
    sender: int = 0


class ListFiles(Command, frozen=True, kw_only=True):
    """Read the newest messages with attachments that were said between two instants."""

    MODULE = CHAT
    room: int
    after: datetime | None = None
    before: datetime | None = None
    count: int = 100


class MarkRead(Command, frozen=True, kw_only=True):
    """Note that everything up to a message has been read."""

    MODULE = CHAT
    room: int
    number: int


# What was said


@handles(FetchMessages, "room:chat.read", rate="read")
async def do_fetch(act: Act, command: FetchMessages) -> list[Message]:
    """Read messages, oldest first. Where people come and go all the time, that they do is left out."""
    room = act.state.rooms[command.room]
    return await act.archive.messages(
        room.id,
        after=max(0, min(command.after, act.state.last_number)),
        before=max(0, min(command.before, act.state.last_number + 1)),
        limit=max(0, min(command.count, MAX_FETCH)),
        system=not (room.volatile or room.force_join),
        oldest=command.oldest,
    )


@handles(GetMessage, "room:chat.read", rate="read")
async def do_get(act: Act, command: GetMessage) -> Message:
    """Give it as it reads now."""
    message = await access_message(act, command.room, command.number)
    check(act, command)
    return message


@handles(ListLiked, "room:chat.read", rate="read")
async def do_list_liked(act: Act, command: ListLiked) -> list[Message]:
    """Give those with the most reactions first, the newest of these first; of very many only the newest are counted."""
    await act.archive.settle()
    found = await act.archive.liked(command.room, since=command.since, limit=MAX_LIKED)
    check(act, command)
    now = [act.state.changed.get(message.id, message) for message in found]
    liked = [message for message in now if message.reactions and not message.deleted and _is_asked(command, message)]
    ordered = sorted(liked, key=lambda message: (len(reactors_of(message)), message.number), reverse=True)
    return ordered[: max(0, min(command.count, MAX_FETCH))]


def _is_asked(command: ListLiked, message: Message) -> bool:
    reactors = reactors_of(message)
    if command.by and command.by not in reactors:
        return False
    return not command.sender or (message.sender == command.sender and reactors != {command.sender})


def reactors_of(message: Message) -> set[int]:
    """Give who has reacted to a message."""
    return {user for users in message.reactions.values() for user in users}


@handles(ListFiles, "room:chat.read", rate="read")
async def do_list_files(act: Act, command: ListFiles) -> list[Message]:
    """Give them, newest first."""
    await act.archive.settle()
    found = await act.archive.gallery(
        command.room,
        after=command.after or LONG_AGO,
        before=command.before or act.now + timedelta(days=1),
        limit=max(0, min(command.count, MAX_FETCH)),
    )
    check(act, command)
    now = (act.state.changed.get(message.id, message) for message in found)
    return [message for message in now if message.attachments and not message.deleted]


# How far one has read


@handles(MarkRead, "room:chat.read", rate="read_marks", events=(ReadMarked, DirectRead))
def do_mark_read(act: Act, command: MarkRead) -> Any:
    """Move the read pointer on, never back, and never past what has been said.

    Cheap, as every client in a conversation does it after every message; only who has notifications there waits for
    the store, which knows when the message was posted.
    """
    old = act.state.read_states[act.actor.id].get(command.room)
    if old and old.notifications:
        return _mark_some_read(act, command)
    return _mark_read(act, command, ())


async def _mark_some_read(act: Act, command: MarkRead) -> None:
    message = await act.archive.message(act.state.world.id, command.number)
    check(act, command)
    old = act.state.read_states[act.actor.id].get(command.room)
    unseen = old.notifications if old else ()
    if message and message.room == command.room:
        unseen = tuple(identity for identity in unseen if identity > message.id)
    elif command.number >= act.state.last_number:
        unseen = ()
    _mark_read(act, command, unseen)


def _mark_read(act: Act, command: MarkRead, unseen: tuple[int, ...]) -> None:
    room, user = act.state.rooms[command.room], act.actor.id
    old = act.state.read_states[user].get(room.id)
    read = max(min(command.number, act.state.last_number), old.read if old else 0)
    if act.state.participates(user, room):
        act.state.unread[room.id][user] = None
    state = ReadState(room=room.id, user=user, world=room.world, read=read, notifications=unseen)
    act.emit(ReadMarked, room.id, state=state)
    if room.kind == "direct" and read > (old.read if old else 0):
        users = tuple(act.state.members[room.id])
        if not any(act.state.blocked(user, other) for other in users):
            act.emit(DirectRead, room.id, users=users, user=user, number=read, at=act.now)
