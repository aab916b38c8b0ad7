"""Polls of groups and of conversations of two (protocols/groupme.md 2.7).

Options have their places as ids: "1", "2" and so on. Drafts and archived polls, which other dialects have, are none
here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from hubbub.core.model import Message, Poll, PollVote, Room
from hubbub.core.poll import (
    MAX_OPTIONS,
    Choice,
    CreatePoll,
    GetPoll,
    ListPolls,
    PollSight,
    UpdatePoll,
    VotePoll,
)
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.caller import Caller, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.event import option_of
from hubbub.dialects.groupme.id import SYSTEM, parse, render, render_conversation
from hubbub.dialects.groupme.view import FOR_EVER, seconds

Json = dict[str, Any]

LEAST_OPTIONS = 2
FOUND, MADE = 20_000, 20_100
"""Codes of the envelope: those of polls have five digits."""
SHOWN = frozenset({"open", "closed"})
"""States of the polls that there are in this dialect."""


class GivenOption(msgspec.Struct, frozen=True):
    """An option that a client gives."""

    title: str


class GivenPoll(msgspec.Struct, frozen=True):
    """A poll as a client makes it; `expiration` is in seconds since 1970."""

    subject: str
    options: list[GivenOption]
    expiration: int
    type: Literal["single", "multi"] | None = None
    visibility: Literal["anonymous", "public"] | None = None


class GivenVotes(msgspec.Struct, frozen=True):
    """The ids of the options that are chosen."""

    votes: list[str | int]


async def create(caller: Caller) -> Reply:
    """Make a poll, whose results everybody sees all along. A type or visibility that is left out is the first."""
    room = caller.conversation(caller.path["conversation"])
    given = take(await caller.body(), GivenPoll)
    if not LEAST_OPTIONS <= len(given.options) <= MAX_OPTIONS:
        raise RefusedError(400, f"options: {LEAST_OPTIONS} to {MAX_OPTIONS} options")
    command = CreatePoll(
        room=room.id,
        content=given.subject,
        options=tuple(Choice(content=option.title) for option in given.options),
        kind=given.type or "single",
        visibility=given.visibility or "public",
        early_results=True,
        expires=_instant(given.expiration),
    )
    sight: PollSight = await caller.do(command)
    shown = {"poll": _write(caller, room, sight), "message": _message(caller, room, sight.message)}
    return Reply(response=shown, status=201, code=MADE)


async def index(caller: Caller) -> Reply:
    """List all polls of a conversation, the newest first; there is never a second page."""
    room = caller.conversation(caller.path["conversation"])
    sights: list[PollSight] = await caller.do(ListPolls(room=room.id))
    polls = [_write(caller, room, sight) for sight in reversed(sights) if sight.poll.state in SHOWN]
    return Reply(response={"polls": polls, "continuation_token": None}, code=FOUND)


async def show(caller: Caller) -> Reply:
    """Give a poll."""
    room, poll = _access(caller)
    return _answer(caller, room, await caller.do(GetPoll(room=room.id, poll=poll.id)))


async def vote(caller: Caller) -> Reply:
    """Choose one option, in place of what was chosen before."""
    room, poll = _access(caller)
    return await _vote(caller, room, poll, [caller.path["option"]])


async def vote_many(caller: Caller) -> Reply:
    """Choose options, in place of what was chosen before; none takes the vote back."""
    room, poll = _access(caller)
    votes = take(await caller.body(), GivenVotes).votes
    if len(votes) > MAX_OPTIONS:
        raise RefusedError(400, f"votes: at most {MAX_OPTIONS}")
    return await _vote(caller, room, poll, votes)


async def end(caller: Caller) -> Reply:
    """End a poll now. One that is over stays as it is."""
    room, poll = _access(caller)
    return _answer(caller, room, await caller.do(UpdatePoll(room=room.id, poll=poll.id, state="closed")))


def _access(caller: Caller) -> tuple[Room, Poll]:
    room = caller.conversation(caller.path["conversation"])
    poll = caller.state.polls.get(room.id, {}).get(parse(caller.path["poll"]))
    if poll is None or poll.state not in SHOWN:
        raise RefusedError(404, "Poll not found")
    return room, poll


async def _vote(caller: Caller, room: Room, poll: Poll, votes: list[Any]) -> Reply:
    by_id = {str(place): option.id for place, option in enumerate(poll.ordered, 1)}
    options = tuple(by_id.get(str(vote), 0) for vote in votes)
    return _answer(caller, room, await caller.do(VotePoll(room=room.id, poll=poll.id, options=options)))


# What is shown


def _answer(caller: Caller, room: Room, sight: PollSight) -> Reply:
    return Reply(response={"poll": _write(caller, room, sight)}, code=FOUND)


def _write(caller: Caller, room: Room, sight: PollSight) -> Json:
    """Write a poll as somebody sees it, with what they have chosen, if anything."""
    poll, votes = sight.poll, caller.state.poll_votes.get(sight.poll.id, {})
    found: Json = {
        "data": {
            "id": render(poll.id),
            "subject": poll.content,
            "owner_id": render(poll.by) if poll.by else SYSTEM,
            "conversation_id": render_conversation(caller.state, room),
            "created_at": seconds(poll.created),
            "last_modified": seconds(_modified(poll, votes)),
            "expiration": _expiration(poll),
            "status": "active" if poll.state == "open" else "past",
            "type": poll.kind,
            "visibility": poll.visibility,
            "options": _options(sight),
        }
    }
    own = [str(place) for place, option in enumerate(poll.ordered, 1) if option.id in sight.answers]
    if own:
        found["user_votes"] = own
        if poll.kind == "single":
            found["user_vote"] = own[0]
    return found


def _options(sight: PollSight) -> list[Json]:
    results = sight.results or {}
    return [
        option_of(
            place,
            {
                "content": option.content,
                "votes": results.get(option.id, 0),
                "voters": sight.voters.get(option.id, ()),
            },
        )
        for place, option in enumerate(sight.poll.ordered, 1)
    ]


def _modified(poll: Poll, votes: Mapping[int, PollVote]) -> datetime:
    return max([poll.modified, *(vote.at for vote in votes.values())])


def _expiration(poll: Poll) -> int:
    """Write when a poll ends or has ended; those of other dialects may be open for ever."""
    if poll.state == "open":
        return seconds(poll.expires) if poll.expires else FOR_EVER
    return seconds(min(poll.modified, poll.expires) if poll.expires else poll.modified)


def _message(caller: Caller, room: Room, message: Message | None) -> Json | None:
    if message is None:
        return None
    return caller.view.direct_message(message) if room.kind == "direct" else caller.view.message(message)


def _instant(given: int) -> datetime:
    try:
        return datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        raise RefusedError(400, "expiration: seconds since 1970 are expected") from None


POLLS = "/v3/poll/{conversation:str}"
POLL = POLLS + "/{poll:str}"
ROUTES: tuple[Route, ...] = (
    post(POLLS, create),
    get(POLLS, index),
    get(POLL, show),
    post(POLL, vote_many),
    post(POLL + "/{option:str}", vote),
    post(POLL + "/end", end),
)
