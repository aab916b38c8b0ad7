"""History: what was said and asked elsewhere, taken over with its times (see core/takeover.py for people and groups).

Nobody is told of old messages, and nothing becomes unread by them.
"""

from datetime import datetime
from typing import Any

import msgspec

from hubbub.core.ballot import remind_at
from hubbub.core.chat import CHAT, MAX_ATTACHMENTS, MAX_BODY, MAX_REACTIONS, is_reaction
from hubbub.core.command import Act, Command, handles
from hubbub.core.event import HistoryExtended, PollCreated, PollUpdated, TakenOver
from hubbub.core.model import (
    Message,
    MessageKind,
    Poll,
    PollKind,
    PollOption,
    PollVisibility,
    PollVote,
    ReadState,
    Room,
)
from hubbub.core.poll import MAX_CONTENT, MAX_OPTION, MAX_OPTIONS, MAX_POLLS
from hubbub.core.takeover import can_log_in, check_operator, imported, kept_line, kept_text, known_ids, note

MAX_ATTACHED = 100_000
"""Bytes of JSON in one message's attachments, or in its event."""


class OldOption(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that a poll from elsewhere offers, and who chose it, as far as that is told."""

    foreign: str
    content: str
    voters: tuple[int, ...] = ()


class OldPoll(msgspec.Struct, frozen=True, kw_only=True):
    """A poll from elsewhere."""

    foreign: str
    by: int
    content: str
    options: tuple[OldOption, ...]
    kind: PollKind = "single"
    visibility: PollVisibility = "public"
    open: bool = False
    created: datetime
    modified: datetime
    expires: datetime | None = None


class OldMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message from elsewhere, in the words of `model.Message`.

    `sender` is 0 where nobody was. `replaces` is the number that a message has here, in the same room, and of an
    earlier command.
    """

    foreign: str
    at: datetime
    sender: int = 0
    kind: MessageKind = "text"
    body: str = ""
    attachments: tuple[dict[str, Any], ...] = ()
    event: dict[str, Any] | None = None
    replaces: int | None = None
    edited: datetime | None = None
    deleted: bool = False
    deleted_by: int = 0
    pinned: datetime | None = None
    pinned_by: int = 0
    reactions: dict[str, tuple[int, ...]] = {}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of messages: those that are new, those that were there and are otherwise now, and the rest."""

    added: int = 0
    changed: int = 0
    kept: int = 0


class TakeOverPolls(Command, frozen=True, kw_only=True):
    """Have polls from elsewhere in a room; of those that are here the votes and the end are brought up to date."""

    room: int
    source: str
    polls: tuple[OldPoll, ...]


class TakeOverMessages(Command, frozen=True, kw_only=True):
    """Have messages from elsewhere in a room, oldest first; those that are here are brought up to date."""

    MODULE = CHAT
    room: int
    source: str
    messages: tuple[OldMessage, ...]


class MarkHistoryRead(Command, frozen=True, kw_only=True):
    """Let what was taken over count as read by those who had read everything `said` before."""

    MODULE = CHAT
    room: int
    said: int


# Polls


@handles(TakeOverPolls, "room:update", rate="free", events=(PollCreated, PollUpdated, TakenOver))
async def do_take_polls(act: Act, command: TakeOverPolls) -> dict[str, int]:
    """Give the ids here by those there. Of too many a room has the newest; what was deleted here stays so."""
    options = [_option_id(poll, option) for poll in command.polls for option in poll.options]
    polls = await known_ids(act, command.source, "poll", (poll.foreign for poll in command.polls))
    ids = await known_ids(act, command.source, "option", options)
    check_operator(act)
    room = act.access_room(command.room, module=CHAT)
    new_polls: dict[str, int] = {}
    new_options: dict[str, int] = {}
    there = act.state.polls.get(room.id, {})
    fresh = [poll for poll in command.polls if poll.foreign not in polls and poll.content and poll.options]
    fresh = sorted(fresh, key=lambda poll: poll.created)[-max(1, MAX_POLLS - len(there)) :]
    if len(there) >= MAX_POLLS:
        fresh = []
    for old in command.polls:
        identity = polls.get(old.foreign)
        if identity in there:
            _update_poll(act, there[identity], old, ids)
    for old in fresh:
        for option in old.options[:MAX_OPTIONS]:
            key = _option_id(old, option)
            if key not in ids:
                ids[key] = new_options[key] = act.new_id()
        new_polls[old.foreign] = _make_poll(act, room, old, ids)
    note(act, command.source, "poll", new_polls)
    note(act, command.source, "option", new_options)
    return polls | new_polls


def option_id(poll: str, option: str) -> str:
    """Name an option of a poll from elsewhere, where an option has an id in its poll alone."""
    return f"{poll}/{option}"


def _option_id(poll: OldPoll, option: OldOption) -> str:
    return option_id(poll.foreign, option.foreign)


def _make_poll(act: Act, room: Room, old: OldPoll, ids: dict[str, int]) -> int:
    options = tuple(
        PollOption(ids[_option_id(old, option)], kept_line(option.content, MAX_OPTION) or str(place), place)
        for place, option in enumerate(old.options[:MAX_OPTIONS], 1)
    )
    poll = Poll(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        by=old.by,
        content=kept_text(old.content, MAX_CONTENT),
        options=options,
        kind=old.kind,
        visibility=old.visibility,
        state="open" if old.open else "closed",
        created=old.created,
        modified=old.modified,
        expires=old.expires,
    )
    due = remind_at(poll)
    poll = msgspec.structs.replace(poll, reminded=due is None or due <= act.now)
    act.emit(PollCreated, room.id, poll=poll)
    votes = _votes(act, poll, old, ids)
    if votes:
        act.emit(PollUpdated, room.id, poll=poll, before=poll.state, votes=tuple(votes.values()))
    return poll.id


def _votes(act: Act, poll: Poll, old: OldPoll, ids: dict[str, int]) -> dict[int, PollVote]:
    """Give the votes of those who are here, by user."""
    offered = {option.id for option in poll.options}
    chosen: dict[int, list[int]] = {}
    for option in old.options:
        identity = ids.get(_option_id(old, option))
        for user in option.voters:
            if identity in offered and user in act.state.users:
                chosen.setdefault(user, []).append(identity)
    most = 1 if poll.kind == "single" else MAX_OPTIONS
    return {
        user: PollVote(
            poll=poll.id, user=user, world=poll.world, options=tuple(dict.fromkeys(options))[:most], at=old.modified
        )
        for user, options in chosen.items()
    }


def _update_poll(act: Act, poll: Poll, old: OldPoll, ids: dict[str, int]) -> None:
    """Bring the votes of those up to date who cannot vote here, and the end."""
    there = act.state.poll_votes.get(poll.id, {})
    votes = {
        user: vote
        for user, vote in _votes(act, poll, old, ids).items()
        if not can_log_in(act.state.users[user]) and (user not in there or there[user].options != vote.options)
    }
    after = poll
    if poll.state == "open" and not old.open:
        after = msgspec.structs.replace(poll, state="closed", modified=old.modified)
    if votes or after != poll:
        act.emit(PollUpdated, poll.room, poll=after, before=poll.state, votes=tuple(votes.values()))


# Talk


@handles(TakeOverMessages, "room:update", rate="free", events=(TakenOver, HistoryExtended))
async def do_take_messages(act: Act, command: TakeOverMessages) -> Taken:
    """Add them with new numbers, in this order, and give what became of them.

    Of one that is here already, the reactions become those there (but of people who can log in here only more are
    added), and it is edited or deleted if it was there since. A message that was deleted here stays so.
    """
    source, world = command.source, act.state.world.id
    there = await act.archive.imported_messages(world, source, [old.foreign for old in command.messages])
    gone = [
        (old, await act.archive.message(world, old.replaces))
        for old in command.messages
        if old.replaces is not None and old.deleted and old.foreign not in there
    ]
    check_operator(act)
    room = act.access_room(command.room, module=CHAT)
    new: dict[str, Message] = {}
    changed: dict[int, Message] = {}
    for old in command.messages:
        if old.foreign in new:
            continue
        found = there.get(old.foreign)
        if found is None:
            new[old.foreign] = _make_message(act, room, old)
        else:
            before = act.state.changed.get(found.id, found)
            after = _brought_up_to_date(act, before, old)
            if after != before:
                changed[after.id] = after
    for old, found in gone:
        if found and found.room == room.id:
            before = changed.get(found.id) or act.state.changed.get(found.id, found)
            if not before.deleted:
                changed[found.id] = _deleted(before, old.sender, old.at)
    added = tuple(new.values())
    if added:
        act.emit(TakenOver, room.id, messages=added, imported=imported(act, source, "message", _ids(new)))
    if added or changed:
        said = next((message for message in reversed(added) if message.kind != "system"), None)
        last = added[-1] if added else None
        act.emit(HistoryExtended, room.id, last=last, said=said, count=len(added), changed=tuple(changed.values()))
    kept = len(command.messages) - len(added) - len(changed)
    return Taken(added=len(added), changed=len(changed), kept=max(0, kept))


def _ids(messages: dict[str, Message]) -> dict[str, int]:
    return {foreign: message.id for foreign, message in messages.items()}


def _make_message(act: Act, room: Room, old: OldMessage) -> Message:
    users = act.state.users
    return Message(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        sender=old.sender if old.sender in users else None,
        at=old.at,
        kind=old.kind,
        body="" if old.deleted and old.event is None else kept_text(old.body, MAX_BODY, strip=False),
        attachments=() if old.deleted else _attachments(old),
        event=old.event if _size(old.event) <= MAX_ATTACHED else None,
        replaces=old.replaces,
        edited=old.edited,
        deleted=old.deleted,
        deleted_by=old.deleted_by,
        pinned=None if old.deleted else old.pinned,
        pinned_by=0 if old.deleted else old.pinned_by,
        reactions=_reactions(act, old, {}),
    )


def _brought_up_to_date(act: Act, there: Message, old: OldMessage) -> Message:
    now = msgspec.structs.replace(there, reactions=_reactions(act, old, there.reactions))
    if there.deleted or there.event is not None:
        return now
    if old.deleted:
        return _deleted(now, old.deleted_by, old.edited or old.at)
    if old.edited and (there.edited is None or there.edited < old.edited):
        body = kept_text(old.body, MAX_BODY, strip=False)
        return msgspec.structs.replace(now, body=body, attachments=_attachments(old), edited=old.edited)
    return now


def _deleted(message: Message, by: int, at: datetime) -> Message:
    gone = {"body": "", "attachments": (), "extra": None, "deleted": True, "pinned": None, "pinned_by": 0}
    return msgspec.structs.replace(message, edited=at, deleted_by=by, **gone)


def _reactions(act: Act, old: OldMessage, there: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Give the reactions there, and those that people who can log in have given here."""
    users = act.state.users
    found = {
        sign: dict.fromkeys(user for user in given if user in users)
        for sign, given in list(old.reactions.items())[:MAX_REACTIONS]
        if is_reaction(sign)
    }
    for sign, given in there.items():
        for user in given:
            if user in users and can_log_in(users[user]):
                found.setdefault(sign, {})[user] = None
    return {sign: tuple(given) for sign, given in found.items() if given}


def _attachments(old: OldMessage) -> tuple[dict[str, Any], ...]:
    kept = old.attachments[:MAX_ATTACHMENTS]
    return kept if _size(kept) <= MAX_ATTACHED else ()


def _size(value: object) -> int:
    return len(msgspec.json.encode(value))


@handles(MarkHistoryRead, "room:update", rate="free", events=(HistoryExtended,))
def do_mark_read(act: Act, command: MarkHistoryRead) -> None:
    """Move the read pointers on of those who can log in and had nothing unread; the notifications stay."""
    check_operator(act)
    room = act.access_room(command.room, module=CHAT)
    said = act.state.last_said.get(room.id, 0)
    reads = []
    for user in act.state.members.get(room.id, ()):
        old = act.state.read_states.get(user, {}).get(room.id)
        read = old.read if old else 0
        if can_log_in(act.state.users[user]) and command.said <= read < said:
            state = old or ReadState(room=room.id, user=user, world=room.world)
            reads.append(msgspec.structs.replace(state, read=said))
    if reads:
        act.emit(HistoryExtended, room.id, reads=tuple(reads))
