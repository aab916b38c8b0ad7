"""How a poll stands: what is counted, who may see it, and what is due. Asked of the state; nothing changes here."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import attrgetter

import msgspec

from hubbub.core.model import Poll, PollVote, Room
from hubbub.core.state import WorldState

REMINDER = timedelta(hours=1)
"""How long before its end a room is reminded of a poll. Of one that lasts less than four times that, it is when three
quarters of its time are over. Sources say "shortly before expiry" (protocols/groupme.md 1.2)."""

_ORDER = attrgetter("at", "user")


def sees_results(poll: Poll, votes: Mapping[int, PollVote], user: int, *, early: bool) -> bool:
    """Tell whether a user may see how a poll stands, `early` or not: who has voted, and who made it, always may."""
    return poll.state != "open" or poll.early_results or early or user == poll.by or user in votes


def may_see_early(state: WorldState, user: int, room: Room, now: datetime) -> bool:
    """Tell whether a user may see the results of a room's polls while these are open, and without a vote."""
    known = state.users.get(user)
    held = state.permissions(known, now, room) if known else frozenset()
    return "room:poll.manage" in held or "room:poll.early_results" in held


def results_of(state: WorldState, poll: Poll) -> dict[int, int]:
    """Count how many chose each option, in order."""
    tally = state.tallies.get(poll.id, {})
    return {option.id: tally.get(option.id, 0) for option in poll.ordered}


def voters_of(state: WorldState, poll: Poll) -> dict[int, tuple[int, ...]]:
    """Say who chose each option, in the order in which they voted; nothing of an anonymous poll."""
    if poll.visibility != "public":
        return {}
    found: dict[int, list[int]] = {option.id: [] for option in poll.ordered}
    for vote in sorted(state.poll_votes.get(poll.id, {}).values(), key=_ORDER):
        for option in found.keys() & vote.options:
            found[option].append(vote.user)
    return {option: tuple(users) for option, users in found.items()}


def as_of(poll: Poll, now: datetime) -> Poll:
    """Give a poll as it is by now: one whose time is over is closed."""
    if poll.state != "open" or poll.expires is None or poll.expires > now:
        return poll
    return msgspec.structs.replace(poll, state="closed", modified=poll.expires)


def remind_at(poll: Poll) -> datetime | None:
    """Tell when a room is to be reminded of a poll; None when it is not, or has been."""
    if poll.state != "open" or poll.expires is None or poll.reminded:
        return None
    return poll.expires - min(REMINDER, (poll.expires - poll.created) / 4)


def next_due(state: WorldState, identity: int) -> datetime | None:
    """Tell when a poll of a room ends next, or is to be reminded of."""
    room = state.rooms.get(identity)
    if room is None or room.deleted:
        return None
    polls = [poll for poll in state.polls.get(identity, {}).values() if poll.state == "open" and poll.expires]
    return min((remind_at(poll) or poll.expires for poll in polls if poll.expires), default=None)
