"""Sending people out of where they may no longer be, as soon as what they may do has changed."""

from collections.abc import Callable
from datetime import datetime

from hubbub.core.archive import Archive
from hubbub.core.command import Act
from hubbub.core.event import (
    Event,
    GrantTaken,
    RoomUpdated,
    Topic,
    Unsubscribed,
    UserBanned,
    UserDeleted,
    WorldReplaced,
    WorldUpdated,
)
from hubbub.core.model import Room
from hubbub.core.room import leave_room, stop_listening
from hubbub.core.state import WorldState

RIGHTS = (GrantTaken, RoomUpdated, UserBanned, UserDeleted, WorldReplaced, WorldUpdated)
"""Events after which somebody may do less than before."""


def evict(state: WorldState, *, now: datetime, new_id: Callable[[], int], archive: Archive) -> list[Event]:
    """Take every connection out of rooms, lists of viewers and conversations that are closed to its user now.

    Gives the events to tell; none of them needs to be stored.
    """
    told: list[Event] = []
    for identity, sessions in list(state.presence.sessions.items()):
        user = state.users.get(identity)
        if user is None:
            continue
        for session in list(sessions):
            act = Act(state, now=now, new_id=new_id, secret=_none, archive=archive, user=user, session=session)
            _evict_session(act)
            told += act.events
    return told


def _evict_session(act: Act) -> None:
    state, user = act.state, act.actor
    visited, heard = state.presence.places(act.session)
    for identity in visited:
        room = state.rooms.get(identity)
        if room is None or room.deleted or not act.may("room:view", room):
            leave_room(act, user.id, act.session, identity)
        elif not act.may("room:viewers", room):
            act.emit(Unsubscribed, identity, topic=Topic.VIEWERS)
    for identity in heard:
        if not _may_listen(act, state.rooms.get(identity)):
            stop_listening(act, user.id, act.session, identity)


def _may_listen(act: Act, room: Room | None) -> bool:
    if room is None or room.deleted:
        return False
    if room.kind == "room":
        return act.may("room:chat.read", room)
    banned = act.actor.deleted or act.state.moderation(act.by, act.now) == "banned"
    return act.by in act.state.members.get(room.id, ()) and not banned


def _none(length: int, alphabet: str) -> str:
    raise AssertionError("nobody makes secrets while sending people out")
