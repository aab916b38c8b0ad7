"""Sending people out of where they may no longer be, as soon as what they may do has changed."""

from collections.abc import Callable, Iterable
from datetime import datetime

from hubbub.core.archive import Archive
from hubbub.core.command import Act
from hubbub.core.event import (
    Event,
    GrantTaken,
    RoomDeleted,
    RoomUpdated,
    Topic,
    Unsubscribed,
    UserBanned,
    UserDeleted,
    UserUpdated,
    WorldReplaced,
    WorldUpdated,
)
from hubbub.core.model import Room
from hubbub.core.room import FOLLOWED, leave_room, may_follow, stop_listening
from hubbub.core.state import WorldState

RIGHTS = (GrantTaken, RoomDeleted, RoomUpdated, UserBanned, UserDeleted, UserUpdated, WorldReplaced, WorldUpdated)
"""Events after which somebody may do less than before."""


def evict(
    state: WorldState, events: Iterable[Event], *, now: datetime, new_id: Callable[[], int], archive: Archive
) -> list[Event]:
    """Take connections out of rooms, lists of viewers and conversations that these events closed to their users.

    Gives the events to tell; none of them needs to be stored.
    """
    told: list[Event] = []
    for identity in _concerned(state, events):
        user = state.users.get(identity)
        for session in list(state.presence.sessions.get(identity, ())):
            act = Act(state, now=now, new_id=new_id, secret=_none, archive=archive, user=user, session=session)
            if user is None:
                _evict_stranger(act, identity)
            else:
                _evict_session(act)
            told += act.events
    return told


def _concerned(state: WorldState, events: Iterable[Event]) -> Iterable[int]:
    users: dict[int, None] = {}
    for event in events:
        match event:
            case UserBanned():
                users[event.ban.user] = None
            case UserDeleted() | UserUpdated():
                users[event.user.id] = None
            case GrantTaken():
                users[event.grant.user] = None
            case RoomDeleted() | RoomUpdated() | WorldReplaced() | WorldUpdated():
                return list(state.presence.sessions)
            case _:
                pass
    return users


def _evict_stranger(act: Act, identity: int) -> None:
    """Take somebody out of everything whom the world does not know any more."""
    visited, heard = act.state.presence.places(act.session)
    for room in visited:
        leave_room(act, identity, act.session, room)
    for room in heard:
        stop_listening(act, identity, act.session, room)


def _evict_session(act: Act) -> None:
    state, user = act.state, act.actor
    visited, heard = state.presence.places(act.session)
    for identity in visited:
        room = state.rooms.get(identity)
        if room is None or room.deleted or not act.may("room:view", room) or _is_closed(act, room):
            leave_room(act, user.id, act.session, identity)
        else:
            lost = [topic for topic in FOLLOWED if not may_follow(act, room, topic)]
            if not act.may("room:viewers", room):
                lost.append(Topic.VIEWERS)
            for topic in lost:
                act.emit(Unsubscribed, identity, topic=topic)
    for identity in heard:
        place = state.rooms.get(identity)
        if place is None or not state.reads(user, act.now, place) or _is_closed(act, place):
            stop_listening(act, user.id, act.session, identity)


def _is_closed(act: Act, room: Room) -> bool:
    return room.closed is not None and not act.admits_anyway(room)


def _none(length: int, alphabet: str) -> str:
    raise AssertionError("nobody makes secrets while sending people out")
