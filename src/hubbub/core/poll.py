"""Polls: a room decides by vote.

Whichever dialect made it, a poll is the same one in all of them. It opens, is voted on, and ends, by hand or when its
time is over; a poll that ends by itself does so at that instant, whether or not anybody looked (`settle` brings a room
up to now). Opening, the reminder and the end are each said once in the room's talk: see docs/decisions/0010.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from hubbub.core.appointment import Appointment
from hubbub.core.ballot import as_of, may_see_early, next_due, remind_at, results_of, sees_results, voters_of
from hubbub.core.chat import show
from hubbub.core.command import Act, Command, handles, invalid
from hubbub.core.error import Code, Denied, Limited, Unknown
from hubbub.core.event import (
    ChannelsChanged,
    DirectPosted,
    MemberUpdated,
    MessagePosted,
    PollCreated,
    PollDeleted,
    PollPinned,
    PollReminded,
    PollsUnpinned,
    PollUpdated,
    PollVoted,
)
from hubbub.core.model import (
    Message,
    MessageKind,
    Poll,
    PollKind,
    PollOption,
    PollState,
    PollVisibility,
    PollVote,
    Room,
)
from hubbub.core.text import checked_text

MODULE = "poll"
"""The module of rooms that have polls. A direct conversation needs none."""
MAX_CONTENT = 1000
"""Characters of what a poll asks."""
MAX_OPTION = 300
"""Characters of an option."""
MAX_OPTIONS = 50
MAX_POLLS = 500
"""Of one room, in whatever state."""
MAX_OWN_POLLS = 50
"""Drafts and open polls in one room of somebody who does not manage its polls."""
MAX_ORDER = 2**31
MAX_LASTING = timedelta(days=366)
SAID = (MessagePosted, DirectPosted, MemberUpdated, ChannelsChanged)
"""What may come of saying something."""
CHANGES = (PollUpdated, PollReminded, *SAID)
"""What the mere passing of time may cause."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An option as somebody gives it: a new one, or with the `id` of one that there is already.

    Without `order` they are shown in the order in which they are given; an old one without `content` keeps its own.
    """

    content: str | None = None
    order: int | None = None
    id: int | None = None


class PollSight(msgspec.Struct, frozen=True, kw_only=True):
    """A poll as somebody sees it.

    Attributes:
        poll: The poll.
        results: How many chose each option, in order; None as long as they may not see that.
        voters: Who chose each option, where that may be seen.
        answers: What they have chosen themselves.
        message: What was said of it in the room's talk because of the command, if anything was.
    """

    poll: Poll
    results: dict[int, int] | None
    voters: dict[int, tuple[int, ...]]
    answers: tuple[int, ...]
    message: Message | None = None


class CreatePoll(Command, frozen=True, kw_only=True):
    """Ask a room to vote, at once or, as a draft, later."""

    MODULE = MODULE
    room: int
    content: str
    options: tuple[Choice, ...]
    kind: PollKind = "single"
    visibility: PollVisibility = "public"
    state: PollState = "open"
    early_results: bool = False
    expires: datetime | None = None


class UpdatePoll(Command, frozen=True, kw_only=True):
    """Change a poll, open or end it; what is left out stays. Options that are not among `options` go.

    What others made is changed only with `room:poll.manage`.
    """

    MODULE = MODULE
    room: int
    poll: int
    content: str | msgspec.UnsetType = msgspec.UNSET
    options: tuple[Choice, ...] | msgspec.UnsetType = msgspec.UNSET
    kind: PollKind | msgspec.UnsetType = msgspec.UNSET
    visibility: PollVisibility | msgspec.UnsetType = msgspec.UNSET
    state: PollState | msgspec.UnsetType = msgspec.UNSET
    early_results: bool | msgspec.UnsetType = msgspec.UNSET
    pinned: bool | msgspec.UnsetType = msgspec.UNSET
    expires: datetime | msgspec.UnsetType | None = msgspec.UNSET


class DeletePoll(Command, frozen=True, kw_only=True):
    """Remove a poll and its votes; what others made only with `room:poll.manage`."""

    MODULE = MODULE
    room: int
    poll: int


class VotePoll(Command, frozen=True, kw_only=True):
    """Choose options of an open poll, in place of what one chose before; none takes the vote back."""

    MODULE = MODULE
    room: int
    poll: int
    options: tuple[int, ...]


class GetPoll(Command, frozen=True, kw_only=True):
    """Look at a poll."""

    MODULE = MODULE
    room: int
    poll: int


class ListPolls(Command, frozen=True, kw_only=True):
    """Look at a room's polls."""

    MODULE = MODULE
    room: int


class PinPoll(Command, frozen=True, kw_only=True):
    """Show a poll before all others."""

    room: int
    poll: int


class UnpinPolls(Command, frozen=True, kw_only=True):
    """Show no poll before the others."""

    room: int


class SettlePolls(Command, frozen=True, kw_only=True):
    """Let pass what has passed. The server asks for it when a poll ends, or is about to."""

    room: int


# Making


@handles(CreatePoll, "room:poll.create", "room:poll.manage", rate="create", events=(PollCreated, *SAID))
def do_create(act: Act, command: CreatePoll) -> PollSight:
    """Make it; one that is open is said in the room's talk."""
    room = _open_to(act, command.room)
    if room.lasting and room.group == "announcement" and not act.may("room:poll.manage", room):
        raise Denied(Code.CHAT_DENIED, "Only those who run this group make polls here.")
    _check_count(act, room)
    content = checked_text("content", command.content, MAX_CONTENT)
    expires = _checked_expiry(act, command.expires)
    poll = Poll(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        by=act.by,
        content=content,
        options=_options(act, command.options, ()),
        kind=command.kind,
        visibility=command.visibility,
        state=command.state,
        early_results=command.early_results,
        created=act.now,
        modified=act.now,
        expires=expires,
    )
    act.emit(PollCreated, room.id, poll=poll)
    return _sight(act, room, poll, _say_opened(act, room, poll) if poll.state == "open" else None)


def _check_count(act: Act, room: Room) -> None:
    polls = act.state.polls.get(room.id, {})
    if len(polls) >= MAX_POLLS:
        raise Limited(Code.TOO_MANY, f"A room has at most {MAX_POLLS} polls. Delete some first.")
    if act.may("room:poll.manage", room):
        return
    own = sum(poll.by == act.by and as_of(poll, act.now).state in ("draft", "open") for poll in polls.values())
    if own >= MAX_OWN_POLLS:
        raise Limited(Code.TOO_MANY, f"You can have at most {MAX_OWN_POLLS} polls here at once. End some first.")


def _checked_expiry(act: Act, expires: datetime | None) -> datetime | None:
    if expires is None:
        return None
    if not act.now < expires <= act.now + MAX_LASTING:
        raise invalid("expires", f"an instant within the next {MAX_LASTING.days} days")
    return expires.astimezone(UTC)


def _options(act: Act, choices: tuple[Choice, ...], known: tuple[PollOption, ...]) -> tuple[PollOption, ...]:
    """Give the options that a poll is to have, those known by their ids and the others new."""
    if not 0 < len(choices) <= MAX_OPTIONS:
        raise invalid("options", f"1 to {MAX_OPTIONS} options")
    by_id = {option.id: option for option in known}
    made: dict[int, PollOption] = {}
    for place, choice in enumerate(choices, 1):
        old = by_id.get(choice.id) if choice.id is not None else None
        if choice.id is not None and (old is None or choice.id in made):
            raise Unknown(Code.OPTION_UNKNOWN, "There is no such option.")
        content = old.content if old and choice.content is None else choice.content or ""
        order = place if choice.order is None else choice.order
        if not -MAX_ORDER < order < MAX_ORDER:
            raise invalid("options", "the order is out of range")
        content = checked_text("options", content, MAX_OPTION)
        option = PollOption(old.id if old else act.new_id(), content, order)
        made[option.id] = option
    return tuple(made.values())


# Changing


@handles(
    UpdatePoll,
    "room:poll.create",
    "room:poll.manage",
    rate="configure",
    events=(PollPinned, *CHANGES),
)
def do_update(act: Act, command: UpdatePoll) -> PollSight:
    """Change what is given; an end, and opening a draft, are said in the room's talk."""
    room = _open_to(act, command.room)
    poll = _access_own(act, room, command.poll)
    changes = _changes(act, command, as_of(poll, act.now))
    if changes.get("pinned", poll.pinned) != poll.pinned:
        act.check("room:poll.manage", room)
    pin = changes.get("pinned") is True
    if pin:
        del changes["pinned"]
    settle(act, room.id)
    before = act.state.polls[room.id][poll.id]
    poll, message = msgspec.structs.replace(before, **changes), None
    if poll != before:
        poll = msgspec.structs.replace(poll, modified=act.now)
        message = _change(act, room, before, poll)
    if pin and not poll.pinned:
        poll = _pin(act, room, poll)
    return _sight(act, room, poll, message)


def _changes(act: Act, command: UpdatePoll, poll: Poll) -> dict[str, Any]:
    """Check what is to be changed of a poll, and give it by field."""
    names = ("content", "options", "kind", "visibility", "state", "early_results", "pinned", "expires")
    given = {name: value for name in names if (value := getattr(command, name)) is not msgspec.UNSET}
    if "content" in given:
        given["content"] = checked_text("content", given["content"], MAX_CONTENT)
    if "options" in given:
        given["options"] = _options(act, given["options"], poll.options)
    if "expires" in given:
        given["expires"] = _checked_expiry(act, given["expires"])
    elif given.get("state") == "open" and poll.expires is not None and poll.expires <= act.now:
        given["expires"] = None  # opened again after its time: until somebody ends it
    changed = msgspec.structs.replace(poll, **given)
    if changed.state == "open" and (poll.state != "open" or "expires" in given):
        due = remind_at(msgspec.structs.replace(changed, reminded=False))
        given["reminded"] = due is not None and due <= act.now  # too late for it already
    return given


def _change(act: Act, room: Room, before: Poll, poll: Poll) -> Message | None:
    """Let a poll be another, without the votes for what it has no longer; give what is said of that."""
    left = {option.id for option in poll.options}
    changed, void = [], []
    for vote in act.state.poll_votes.get(poll.id, {}).values():
        options = tuple(option for option in vote.options if option in left)
        if not options:
            void.append(vote)
        elif options != vote.options:
            changed.append(msgspec.structs.replace(vote, options=options))
    act.emit(PollUpdated, room.id, poll=poll, before=before.state, votes=tuple(changed), void=tuple(void))
    if before.state == "draft" and poll.state == "open":
        return _say_opened(act, room, poll)
    if before.state == "open" and poll.state in ("closed", "archived"):
        return _say_finished(act, room, poll)
    return None


@handles(DeletePoll, "room:poll.create", "room:poll.manage", rate="configure", events=(PollDeleted,))
def do_delete(act: Act, command: DeletePoll) -> Poll:
    """Remove it. What was said of it stays."""
    room = _active(act, command.room)
    poll = _access_own(act, room, command.poll)
    act.emit(PollDeleted, room.id, poll=poll, votes=tuple(act.state.poll_votes.get(poll.id, {}).values()))
    return poll


@handles(PinPoll, "room:poll.manage", rate="configure", events=(PollPinned,))
def do_pin(act: Act, command: PinPoll) -> Poll:
    """Pin it; what was pinned is so no longer."""
    room = act.access_room(command.room)
    return _pin(act, room, _access(act, room, command.poll))


def _pin(act: Act, room: Room, poll: Poll) -> Poll:
    others = (other for other in act.state.polls[room.id].values() if other.pinned and other.id != poll.id)
    unpinned = tuple(msgspec.structs.replace(other, pinned=False) for other in others)
    poll = msgspec.structs.replace(poll, pinned=True)
    act.emit(PollPinned, room.id, poll=poll, unpinned=unpinned)
    return poll


@handles(UnpinPolls, "room:poll.manage", rate="configure", events=(PollsUnpinned,))
def do_unpin(act: Act, command: UnpinPolls) -> None:
    """Unpin whichever is pinned."""
    room = act.access_room(command.room)
    pinned = (poll for poll in act.state.polls.get(room.id, {}).values() if poll.pinned)
    act.emit(PollsUnpinned, room.id, polls=tuple(msgspec.structs.replace(poll, pinned=False) for poll in pinned))


# Voting and looking


@handles(VotePoll, "room:poll.vote", rate="react", events=(PollVoted,))
def do_vote(act: Act, command: VotePoll) -> PollSight:
    """Note the vote; voting the same again is voting once."""
    room, user = _open_to(act, command.room), act.actor.id
    poll = as_of(_access(act, room, command.poll), act.now)
    if poll.state != "open":
        raise Denied(Code.POLL_CLOSED, "This poll is not open.")
    chosen = set(command.options)
    options = tuple(option.id for option in poll.ordered if option.id in chosen)
    if len(options) < len(chosen):
        raise Unknown(Code.OPTION_UNKNOWN, "There is no such option.")
    if poll.kind == "single" and len(options) > 1:
        raise invalid("options", "only one can be chosen")
    old = act.state.poll_votes.get(poll.id, {}).get(user)
    if options and (old is None or old.options != options):
        vote = PollVote(poll=poll.id, user=user, world=room.world, options=options, at=act.now)
        act.emit(PollVoted, room.id, vote=vote)
    elif old and not options:
        act.emit(PollVoted, room.id, void=old)
    return _sight(act, room, poll)


@handles(GetPoll, "room:poll.read", rate="read", events=CHANGES)
def do_get(act: Act, command: GetPoll) -> PollSight:
    """Give it as of now."""
    room = _active(act, command.room)
    _access(act, room, command.poll)
    settle(act, room.id)
    return _sight(act, room, act.state.polls[room.id][command.poll])


@handles(ListPolls, "room:poll.read", rate="read", events=CHANGES)
def do_list(act: Act, command: ListPolls) -> list[PollSight]:
    """Give those that the actor may see, as of now, in the order in which they were made."""
    room = _active(act, command.room)
    settle(act, room.id)
    polls = act.state.polls.get(room.id, {}).values()
    return [_sight(act, room, poll) for poll in polls if _sees(act, room, poll)]


def _sight(act: Act, room: Room, poll: Poll, message: Message | None = None) -> PollSight:
    votes = act.state.poll_votes.get(poll.id, {})
    early = act.operator or may_see_early(act.state, act.by, room, act.now)
    seen = sees_results(poll, votes, act.by, early=early)
    own = votes.get(act.by)
    return PollSight(
        poll=poll,
        results=results_of(act.state, poll) if seen else None,
        voters=voters_of(act.state, poll) if seen else {},
        answers=own.options if own else (),
        message=message,
    )


def _sees(act: Act, room: Room, poll: Poll) -> bool:
    shown = poll.state in ("open", "closed") or (poll.by == act.by and act.by != 0)
    return shown or act.may("room:poll.manage", room)


def _access(act: Act, room: Room, identity: int) -> Poll:
    """Give a poll that the actor may see. Raises Unknown."""
    poll = act.state.polls.get(room.id, {}).get(identity)
    if poll is None or not _sees(act, room, poll):
        raise Unknown(Code.POLL_UNKNOWN, "Unknown poll ID")
    return poll


def _access_own(act: Act, room: Room, identity: int) -> Poll:
    """Give a poll that the actor may change. Raises Unknown, Denied."""
    poll = _access(act, room, identity)
    if poll.by != act.by:
        act.check("room:poll.manage", room)
    return poll


def _active(act: Act, identity: int) -> Room:
    """Give a room whose polls are switched on. Raises Denied."""
    room = act.access_room(identity, module=MODULE)
    if room.kind == "room" and not (room.module(MODULE) or {}).get("active"):
        raise Denied(Code.MODULE_INACTIVE, "Polls are switched off in this room.")
    return room


def _open_to(act: Act, identity: int) -> Room:
    """Give the same, where the actor may do something. Raises Denied; also where somebody there blocked another."""
    room = _active(act, identity)
    if room.kind == "direct" and any(act.state.blocked(act.by, other) for other in act.state.members[room.id]):
        raise Denied(Code.CHAT_DENIED)
    return room


# In time


@handles(SettlePolls, "room:poll.read", rate="free", events=CHANGES)
def do_settle(act: Act, command: SettlePolls) -> None:
    """Bring the room's polls up to now."""
    settle(act, command.room)


def settle(act: Act, identity: int) -> None:
    """End the polls of a room whose time is over by now, and remind it of those that soon will be."""
    room = act.state.rooms.get(identity)
    if room is None or room.deleted:
        return
    for poll in list(act.state.polls.get(identity, {}).values()):
        current, due = as_of(poll, act.now), remind_at(poll)
        if current is not poll:
            act.emit(PollUpdated, identity, poll=current, before=poll.state, session=0)
            _say_finished(act, room, current, once=_once("finished", poll))
        elif due is not None and due <= act.now:
            act.emit(PollReminded, identity, poll=msgspec.structs.replace(poll, reminded=True), session=0)
            _say_reminder(act, room, poll)


APPOINTMENT = Appointment(
    events=(PollCreated, PollUpdated, PollReminded, PollDeleted),
    next_due=next_due,
    settle=lambda room: SettlePolls(room=room),
    places=lambda state: state.polls,
)


# What is said of it


def _say_opened(act: Act, room: Room, poll: Poll) -> Message | None:
    text = f"Created new poll '{poll.content}'"
    more: dict[str, Any] = {"state": poll.state, "user": act.by}
    return _say(act, room, poll, "poll.created", text, kind="poll", sender=act.by or None, **more)


def _say_reminder(act: Act, room: Room, poll: Poll) -> Message | None:
    assert poll.expires
    text = f"Poll '{poll.content}' is about to expire"
    expires = int(poll.expires.timestamp())
    return _say(act, room, poll, "poll.reminder", text, once=_once("reminder", poll), expires=expires)


def _once(what: str, poll: Poll) -> str:
    """Name what happens to a poll by itself, so that it is said once however many servers there are."""
    return f"poll:{poll.id}:{what}:{poll.modified.timestamp():.6f}"


def _say_finished(act: Act, room: Room, poll: Poll, *, once: str | None = None) -> Message | None:
    voters = voters_of(act.state, poll)
    options: list[dict[str, Any]] = []
    for option in poll.ordered:
        votes = act.state.tallies.get(poll.id, {}).get(option.id, 0)
        found: dict[str, Any] = {"id": option.id, "content": option.content}
        if votes:
            found["votes"] = votes
        if voters.get(option.id):
            found["voters"] = list(voters[option.id])
        options.append(found)
    text = f"Poll '{poll.content}' has expired"
    return _say(act, room, poll, "poll.finished", text, once=once, options=options)


def _say(
    act: Act,
    room: Room,
    poll: Poll,
    what: str,
    text: str,
    *,
    kind: MessageKind = "system",
    sender: int | None = None,
    once: str | None = None,
    **more: Any,
) -> Message | None:
    """Say in a room's talk what happened to a poll, as an event and in words; nothing where nobody can talk."""
    if not room.chat:
        return None
    message = Message(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        sender=sender,
        at=act.now,
        kind=kind,
        body=text,
        event={"type": what, "poll": poll.id, "subject": poll.content, **more},
        nonce=once,
    )
    if room.kind == "direct":
        for user in list(act.state.members[room.id]):
            show(act, room, user)
    act.emit(MessagePosted, room.id, message=message)
    if room.kind == "direct":
        act.emit(DirectPosted, room.id, users=tuple(act.state.members[room.id]), message=message)
    return message
