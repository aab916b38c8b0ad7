"""Moderating one room: sending out, keeping out, keeping silent."""

from datetime import datetime, timedelta

from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Invalid, Unknown
from hubbub.core.event import OccupancyChanged, Unsubscribed, UserBanned, UserReactivated, VisitClosed, VisitorKicked
from hubbub.core.model import WORLD_WIDE, Ban, Room, User
from hubbub.core.presence import Visit
from hubbub.core.room import leave_room, stop_listening
from hubbub.core.state import WorldState
from hubbub.core.visit import access_recent_visit, access_visit

BAN = timedelta(hours=24)
"""How long a ban lasts when nobody says."""
MIN_BAN = timedelta(hours=1)
MAX_BAN = timedelta(hours=4464)
"""The most that anybody can say, and as good as for ever: it is made one that does not end."""
SILENCE = timedelta(minutes=2)
"""Source of all four: protocols/jumpin.md 1.2 and 1.4."""
MAX_BANS = 1000
"""Of one room, in effect at once."""


class KickVisitor(Command, frozen=True, kw_only=True):
    """Send somebody out. Their next try to come back is refused once."""

    room: int
    visit: int


class BanVisitor(Command, frozen=True, kw_only=True):
    """Keep somebody out of a room who is there, or was within a day."""

    room: int
    visit: int
    duration: timedelta = BAN


class LiftBan(Command, frozen=True, kw_only=True):
    """Let somebody in again."""

    room: int
    ban: int


class ListBans(Command, frozen=True, kw_only=True):
    """List the bans that hold in a room, those from the whole world included."""

    room: int


class SilenceVisitor(Command, frozen=True, kw_only=True):
    """Let somebody only read for a short while."""

    room: int
    visit: int


@handles(
    KickVisitor, "room:kick", rate="configure", events=(VisitorKicked, VisitClosed, Unsubscribed, OccupancyChanged)
)
def do_kick(act: Act, command: KickVisitor) -> Visit:
    """Take all connections of the visitor out of the room and its talk."""
    visit, room, user = _access_target(act, command.room, command.visit)
    act.emit(VisitorKicked, room.id, visit=visit)
    if user.account or user.client_id:
        act.state.presence.kick(room.id, user.id)
    for session in list(act.state.presence.listening.get(room.id, {}).get(user.id, ())):
        stop_listening(act, user.id, session, room.id)
    for session in list(visit.sessions):
        leave_room(act, user.id, session, room.id)
    return visit


@handles(BanVisitor, "room:chat.moderate", rate="configure", events=(UserBanned,))
def do_ban(act: Act, command: BanVisitor) -> Ban:
    """Keep out the user, and whoever comes from where they came from; see Ban.

    The actor's own address and browser are left out, as theirs may be the same.
    """
    visit, room, user = _access_target(act, command.room, command.visit, gone=True)
    if not MIN_BAN <= command.duration <= MAX_BAN:
        least = command.duration < MIN_BAN
        raise Invalid(
            Code.DURATION_INVALID,
            "Duration must be at least 1 hour" if least else "Duration can only be up to 4464 hours",
        )
    if len(bans_of(act.state, act.now, room)) >= MAX_BANS:
        raise Invalid(Code.TOO_MANY, f"A room has at most {MAX_BANS} bans. Lift some first.")
    ban = Ban(
        id=act.new_id(),
        world=room.world,
        user=user.id,
        room=room.id,
        by=act.by,
        handle=visit.handle,
        addresses=_places(visit, "address", act.origin.address),
        clients=_places(visit, "client", act.origin.client),
        until=None if command.duration >= MAX_BAN else act.now + command.duration,
        at=act.now,
    )
    act.emit(UserBanned, room.id, ban=ban)
    act.audit("room.user.banned", {"object": user.id, "room": room.id, "until": ban.until})
    return ban


def _places(visit: Visit, field: str, own: str) -> tuple[str, ...]:
    found = (getattr(origin, field) for origin in visit.origins)
    return tuple(dict.fromkeys(place for place in found if place and place != own))


@handles(LiftBan, "room:chat.moderate", rate="configure", events=(UserReactivated,))
def do_lift(act: Act, command: LiftBan) -> Ban:
    """Lift a ban of this room; those from the world are lifted by who may ban there."""
    room = act.access_room(command.room)
    found = next((ban for ban in bans_of(act.state, act.now, room) if ban.id == command.ban), None)
    if found is None or (found.room == WORLD_WIDE and not act.may("world:users.manage")):
        raise Unknown(Code.BAN_UNKNOWN, "There is no such ban.")
    if found.room == WORLD_WIDE:
        act.check_rank(act.access_user(found.user))
    act.emit(UserReactivated, command.room, user=found.user, bans=(found,))
    act.audit("room.user.unbanned", {"object": found.user, "room": command.room})
    return found


@handles(ListBans, "room:chat.moderate", rate="read")
def do_list(act: Act, command: ListBans) -> list[Ban]:
    """Give them, newest first."""
    return bans_of(act.state, act.now, act.access_room(command.room))


def bans_of(state: WorldState, now: datetime, room: Room) -> list[Ban]:
    """Give the bans that hold in a room, newest first."""
    found = (ban for bans in state.bans.values() for ban in bans.values())
    held = [ban for ban in found if ban.kind == "ban" and ban.room in (WORLD_WIDE, room.id) and ban.holds(now)]
    return sorted(held, key=lambda ban: ban.id, reverse=True)


@handles(SilenceVisitor, "room:chat.moderate", rate="configure", events=(UserBanned,))
def do_silence(act: Act, command: SilenceVisitor) -> Ban:
    """Keep silent for SILENCE from now."""
    visit, room, user = _access_target(act, command.room, command.visit)
    ban = Ban(
        id=act.new_id(),
        world=room.world,
        user=user.id,
        kind="silence",
        room=room.id,
        by=act.by,
        handle=visit.handle,
        until=act.now + SILENCE,
        at=act.now,
    )
    act.emit(UserBanned, room.id, ban=ban)
    return ban


def _access_target(act: Act, place: int, identity: int, *, gone: bool = False) -> tuple[Visit, Room, User]:
    """Give whom a moderator means, if they may act on them; `gone` finds those too who were there within a day."""
    room = act.access_room(place)
    visit = (access_recent_visit if gone else access_visit)(act, room.id, identity)
    if visit.user == act.by:
        raise Denied(Code.SELF_ACTION, "You cannot do that to yourself.")
    user = act.access_user(visit.user)
    act.check_standing(user, room)
    return visit, room, user
