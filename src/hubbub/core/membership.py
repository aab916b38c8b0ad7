"""Belonging to a room for good: how it begins and ends, whichever command does it, and what it lets people do.

A room to whose talk people belong for good is a group (`Room.lasting`). Who is let in by belonging alone, as it was
with a link or by a member, holds the role `participant` there as long as they belong.
"""

from hubbub.core.command import Act
from hubbub.core.error import Code, Unknown
from hubbub.core.event import GrantGiven, GrantTaken, MemberJoined, MemberLeft, MemberReturned
from hubbub.core.model import FormerMember, Grant, LeaveKind, Member, Room, User
from hubbub.core.permission import PARTICIPANT_ROLE
from hubbub.core.state import WorldState

NAMELESS = "Somebody"
RUNNING = ("room:chat.moderate", "room:update", "room:group.manage")
"""Any of these is to run a group."""


def name_in(state: WorldState, room: int, user: int) -> str:
    """Say what somebody is called in a room."""
    member = state.members.get(room, {}).get(user)
    known = state.users.get(user)
    return (member.nickname if member else "") or (known.display_name if known else "") or NAMELESS


def person_in(state: WorldState, room: int, user: int) -> dict[str, int | str]:
    """Write somebody into what is said of them: who they are, and what they are called in the room now."""
    return {"user": user, "nickname": name_in(state, room, user)}


def access_member(state: WorldState, room: int, user: int) -> Member:
    """Give the membership of somebody. Raises Unknown."""
    member = state.members.get(room, {}).get(user)
    if member is None:
        raise Unknown(Code.USER_UNKNOWN, "They do not belong to this group.")
    return member


def member_by_id(state: WorldState, room: int, identity: int) -> Member | None:
    """Give a membership by its id; by the user's, of those that have none."""
    members = state.members.get(room, {})
    own = members.get(identity)
    if own and not own.id:
        return own
    return next((member for member in members.values() if identity and member.id == identity), None)


def is_member(state: WorldState, room: int, user: int) -> bool:
    """Tell whether somebody belongs to a room for good."""
    return user in state.members.get(room, ())


def was_removed(state: WorldState, room: Room, user: int) -> bool:
    """Tell whether somebody was taken out of a group, or barred from it, and so cannot come back by themselves."""
    former = state.former.get(room.id, {}).get(user)
    return room.lasting and former is not None and former.how in ("removed", "barred")


def must_ask(act: Act, room: Room, user: User) -> bool:
    """Tell whether somebody needs approval to begin to belong to a group.

    Who has left it comes back without, and who moderates it needs none (protocols/groupme.md 2.2).
    """
    if not room.by_approval or act.operator or is_member(act.state, room.id, user.id):
        return False
    came_once = user.id in act.state.former.get(room.id, ()) and not was_removed(act.state, room, user.id)
    return not came_once and not act.state.standing(user, act.now, room)


def is_bot_of(state: WorldState, room: int, user: int) -> bool:
    """Tell whether a user is a bot that was added to a room, and nobody who could log in."""
    return user in state.bots.get(room, ())


def runs(act: Act, room: Room) -> bool:
    """Tell whether the actor runs a group."""
    return any(act.may(name, room) for name in RUNNING)


def check_may_change(act: Act, room: Room) -> None:
    """Raise Denied unless the actor may change a group: of a private one every member may, else who runs it."""
    free = room.group == "private" and is_member(act.state, room.id, act.by)
    if not free and not runs(act, room):
        act.deny(room)


# Beginning and ending


def enroll(act: Act, room: Room, user: User, *, nickname: str = "", let_in: bool = False) -> Member:
    """Let somebody belong to a room who does not yet, also who was removed. Nothing is said of it.

    `let_in` gives them the role of participants, unless they have it in the room already. Who had asked does no more.
    """
    act.state.presence.part(room.id, user.id)
    former = act.state.former.get(room.id, {}).get(user.id)
    request = act.state.requests.get(room.id, {}).get(user.id)
    let_in = let_in and PARTICIPANT_ROLE not in act.state.granted_roles(user.id, room.id)
    member = Member(
        room=room.id,
        user=user.id,
        world=room.world,
        id=request.id if request else act.new_id(),
        nickname=nickname or (former.nickname if former else ""),
        let_in=let_in,
        joined=act.now,
    )
    if former:
        act.emit(MemberReturned, room.id, member=member, former=former, request=request)
    else:
        act.emit(MemberJoined, room.id, member=member, request=request)
    if let_in:
        act.emit(GrantGiven, room.id, grant=_grant(room, user.id, PARTICIPANT_ROLE))
    return member


def part(act: Act, room: Room, member: Member, how: LeaveKind, *, roles: frozenset[str] | None = frozenset()) -> None:
    """Let somebody belong to a room no longer, and take the role that came of it; also these, or (None) all.

    Nothing is said of it.
    """
    former = FormerMember(
        room=room.id,
        user=member.user,
        world=room.world,
        id=member.id,
        nickname=member.nickname,
        how=how,
        let_in=member.let_in,
        at=act.now,
    )
    act.emit(MemberLeft, room.id, member=member, former=former if room.lasting else None)
    for role in act.state.granted_roles(member.user, room.id):
        if roles is None or role in roles or (role == PARTICIPANT_ROLE and member.let_in):
            act.emit(GrantTaken, room.id, grant=_grant(room, member.user, role))


def _grant(room: Room, user: int, role: str) -> Grant:
    return Grant(world=room.world, user=user, role=role, room=room.id)
