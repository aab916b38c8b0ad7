"""Visits: what somebody is called, how they are shown, whether they broadcast, while they are in a room."""

import msgspec

from hubbub.core.chat import join, listen
from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Invalid, Unknown
from hubbub.core.event import (
    BroadcastClosed,
    ChannelsChanged,
    FeedCleared,
    MemberJoined,
    MemberReturned,
    MemberUpdated,
    MessagePosted,
    OccupancyChanged,
    Subscribed,
    Unsubscribed,
    UserUpdated,
    VisitClosed,
    VisitOpened,
    VisitUpdated,
)
from hubbub.core.gate import check_may_enter
from hubbub.core.handle import COLORS, MAX_HANDLE, check_handle, next_color
from hubbub.core.model import Room
from hubbub.core.presence import Visit
from hubbub.core.room import Arrival, enter
from hubbub.core.user import renamed


class JoinRoom(Command, frozen=True, kw_only=True):
    """Be in a room and take part in its talk at once, as clients do that know no difference.

    Who may only read listens. Who has no name yet is from now on called as they are called in the room.
    """

    room: int
    key: str = ""


class LookAtRoom(Command, frozen=True, kw_only=True):
    """See a room from outside: what it is and, where one may, who is in it."""

    room: int


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody sees who looks at a room; `visits` is None where they may not see who is there."""

    room: Room
    visits: tuple[Visit, ...] | None


class SetHandle(Command, frozen=True, kw_only=True):
    """Be called something else in a room. For a guest that is their name everywhere."""

    room: int
    handle: str


class SetColor(Command, frozen=True, kw_only=True):
    """Be shown in another colour; None is the next one."""

    room: int
    color: str | None = None


class SetBroadcasting(Command, frozen=True, kw_only=True):
    """Tell that the own camera or microphone is on or off."""

    room: int
    on: bool


class CloseBroadcast(Command, frozen=True, kw_only=True):
    """End somebody's broadcast."""

    room: int
    visit: int


class ClearFeed(Command, frozen=True, kw_only=True):
    """Ask everybody's client to empty what it shows of the talk."""

    room: int


@handles(
    JoinRoom,
    rate="presence",
    outside=True,
    events=(
        *(VisitOpened, Subscribed, Unsubscribed, VisitClosed, OccupancyChanged),
        *(UserUpdated, MemberJoined, MemberReturned, MemberUpdated, MessagePosted, ChannelsChanged),
    ),
)
def do_join_room(act: Act, command: JoinRoom) -> Arrival:
    """Enter as EnterRoom does, then listen and belong as far as permitted."""
    room = act.state.rooms[command.room]
    check_may_enter(act, room, command.key)
    if not act.actor.display_name:
        renamed(act.actor, "x" * MAX_HANDLE)  # raises now or never
    arrival = enter(act, room)
    if not act.actor.display_name:
        act.user = renamed(act.actor, arrival.visit.handle)
        act.emit(UserUpdated, user=act.user)
    if room.chat and act.may("room:chat.read", room):
        listen(act, room)
        if act.may("room:chat.join", room):
            join(act, room, act.actor, volatile=room.volatile)
    return arrival


@handles(LookAtRoom, "room:view", rate="read", outside=True)
def do_look(act: Act, command: LookAtRoom) -> Sight:
    """Show the room; and who is there, to those who may see that and whom neither a gate nor a ban keeps out."""
    state, room = act.state, act.state.rooms[command.room]
    kept_out = (room.gated and not act.admitted(room)) or (
        state.barred(act.origin, act.now, room.id) and not act.admits_anyway(room)
    )
    if kept_out or not act.may("room:viewers", room):
        return Sight(room=room, visits=None)
    here = state.presence.visits.get(room.id, {}).values()
    return Sight(room=room, visits=tuple(visit for visit in here if state.users[visit.user].shown))


@handles(SetHandle, "room:view", rate="configure", events=(VisitUpdated, UserUpdated))
def do_set_handle(act: Act, command: SetHandle) -> Visit:
    """Rename the visit. Nobody may be called as somebody else here, nor as they are called already."""
    visit = own_visit(act, command.room)
    taken = {other.handle for other in act.state.presence.visits[command.room].values()}
    handle = check_handle(command.handle, taken)
    user = None if act.actor.account else renamed(act.actor, handle)
    changed = _change(act, visit, handle=handle)
    if user:
        act.user = user
        act.emit(UserUpdated, user=user)
    return changed


@handles(SetColor, "room:view", rate="configure", events=(VisitUpdated,))
def do_set_color(act: Act, command: SetColor) -> Visit:
    """Show the visit in this colour."""
    visit = own_visit(act, command.room)
    if command.color is not None and command.color not in COLORS:
        raise Invalid(Code.COLOR_UNKNOWN, "There is no such colour; there are " + ", ".join(COLORS) + ".")
    return _change(act, visit, color=command.color or next_color(visit.color))


@handles(SetBroadcasting, "room:view", rate="configure", events=(VisitUpdated,))
def do_set_broadcasting(act: Act, command: SetBroadcasting) -> Visit:
    """Note it; going on air needs `room:cam.broadcast`, going off needs nothing."""
    visit = own_visit(act, command.room)
    if command.on:
        act.check("room:cam.broadcast", act.state.rooms[command.room])
    return _change(act, visit, broadcasting=command.on) if visit.broadcasting != command.on else visit


@handles(CloseBroadcast, "room:cam.close", rate="configure", events=(BroadcastClosed, VisitUpdated))
def do_close_broadcast(act: Act, command: CloseBroadcast) -> Visit:
    """Note that it is over, and tell the client, which must stop it."""
    visit, room = access_visit(act, command.room, command.visit), act.state.rooms[command.room]
    if visit.user != act.by:
        act.check_standing(act.access_user(visit.user), room)
    if not visit.broadcasting:
        raise Invalid(Code.NOT_BROADCASTING, "User is not broadcasting")
    act.emit(BroadcastClosed, room.id, visit=visit)
    return _change(act, visit, broadcasting=False)


@handles(ClearFeed, "room:chat.moderate", rate="configure", events=(FeedCleared,))
def do_clear_feed(act: Act, command: ClearFeed) -> None:
    """Tell everybody who listens."""
    act.emit(FeedCleared, command.room)


def _change(act: Act, visit: Visit, **changes: object) -> Visit:
    changed = act.state.presence.update(visit, **changes)
    if act.state.users[visit.user].shown:
        act.emit(VisitUpdated, visit.room, visit=changed, before=visit)
    return changed


def own_visit(act: Act, room: int) -> Visit:
    """Give the actor's visit. Raises Denied when they are not there."""
    visit = act.state.presence.visit(room, act.actor.id)
    if visit is None:
        raise Denied(Code.VISIT_MISSING, "You are not in this room.")
    return visit


def access_visit(act: Act, room: int, identity: int) -> Visit:
    """Give the visit of somebody who is in a room. Raises Unknown."""
    visit = act.state.presence.visit_by_id(identity)
    if visit is None or visit.room != room or not act.state.users[visit.user].shown:
        raise Unknown(Code.VISIT_UNKNOWN, "There is nobody like that in the room.")
    return visit


def access_recent_visit(act: Act, room: int, identity: int) -> Visit:
    """Give the visit of somebody who is in a room, or was not long ago. Raises Unknown."""
    try:
        return access_visit(act, room, identity)
    except Unknown:
        past = act.state.presence.past_visits(act.now)
        found = next((visit for visit in past if visit.id == identity and visit.room == room), None)
        if found is None:
            raise
        return found
