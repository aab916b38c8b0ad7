"""Joining: beginning and ending to belong to a group, by a link, by being added, by leaving, by being removed."""

import hmac
from collections.abc import Iterable

import msgspec

from hubbub.core.command import Act, Command, handles, invalid
from hubbub.core.error import Code, Denied, HubbubError, Invalid, Limited, Unknown
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    GrantTaken,
    JoinRequested,
    MemberBarred,
    MemberJoined,
    MemberLeft,
    MemberReturned,
    MessagePosted,
    Unsubscribed,
)
from hubbub.core.gate import check_account, check_adult
from hubbub.core.group import MAX_GROUPS, access_group, checked_nickname, has_place_for_more
from hubbub.core.membership import (
    RUNNING,
    access_member,
    check_may_change,
    enroll,
    is_bot_of,
    is_member,
    must_ask,
    name_in,
    part,
    person_in,
    was_removed,
)
from hubbub.core.model import FormerMember, JoinRequest, LeaveKind, Member, Room, User
from hubbub.core.moderator import ROLE as MODERATOR
from hubbub.core.room import OWNER, stop_listening
from hubbub.core.telling import announce, announce_joined, announce_left
from hubbub.core.text import is_visible

MAX_MEMBERS = 5000
"""Of one group (protocols/groupme.md 2.2)."""
MAX_ANSWER = 1000
MAX_ADDED = 200
"""People added by one command."""
MAX_REQUESTS = 1000
"""People who wait for the approval of one group."""
MAX_ASKED = 100
"""Groups whose approval one user waits for."""
JOINERS = ("person", "bot")
"""Kinds of users who belong to groups."""
CAME = (MemberJoined, MemberReturned, GrantGiven, MessagePosted, ChannelsChanged)
WENT = (MemberLeft, GrantTaken, Unsubscribed, MessagePosted, ChannelsChanged)


class JoinGroup(Command, frozen=True, kw_only=True):
    """Belong to a group, by its share token; who has `room:chat.join` there needs none.

    Where that takes approval, ask for it. `answer` is what the actor says to the group's question.
    """

    room: int
    token: str = ""
    answer: str = ""


class PreviewGroup(Command, frozen=True, kw_only=True):
    """Learn of a group what somebody may know who could join it: by its share token, or as with JoinGroup."""

    room: int
    token: str = ""


class RejoinGroup(Command, frozen=True, kw_only=True):
    """Belong again to a group that one has left by oneself."""

    room: int


class NewMember(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is to belong to a group, and how they are called there."""

    user: int
    nickname: str = ""


class AddMembers(Command, frozen=True, kw_only=True):
    """Let others belong to a group; those who do already, or cannot, are left out."""

    room: int
    members: tuple[NewMember, ...]


class RemoveMember(Command, frozen=True, kw_only=True):
    """Take somebody out of a group; they cannot come back by themselves."""

    room: int
    user: int


class LeaveGroup(Command, frozen=True, kw_only=True):
    """Belong to a group no longer, and do not help to run it."""

    room: int


class BarMember(Command, frozen=True, kw_only=True):
    """Do not let somebody come back by themselves who has left a group."""

    room: int
    user: int


class DropMember(Command, frozen=True, kw_only=True):
    """Take somebody out of a group who can no longer be reached."""

    room: int
    user: int


class ListFormer(Command, frozen=True, kw_only=True):
    """List the groups that the actor has left and may come back to."""


class ListFormerMembers(Command, frozen=True, kw_only=True):
    """List who belonged to a group once."""

    room: int


# Coming


@handles(JoinGroup, rate="create", outside=True, events=(*CAME, JoinRequested))
def do_join(act: Act, command: JoinGroup) -> Room | JoinRequest:
    """Join, unless one was removed from it; who belongs to it already still does, who waits already still waits."""
    room, shared = _found(act, command.room, command.token)
    if is_member(act.state, room.id, act.actor.id):
        return room
    _check_may_join(act, room, invited=shared)
    if must_ask(act, room, act.actor):
        return _ask(act, room, command.answer)
    former = act.state.former.get(room.id, {}).get(act.actor.id)
    welcome(act, room, act.actor, let_in=shared)
    announce_joined(act, room, act.actor, again=former is not None)
    return room


def _found(act: Act, identity: int, token: str) -> tuple[Room, bool]:
    """Give a group that somebody may know of, and whether that is by its link. Raises Unknown."""
    room = access_group(act, identity)
    shared = bool(room.share_token) and _is_same(token, room.share_token)
    if not shared and (act.user is None or not act.may("room:chat.join", room)):
        raise Unknown(Code.ROOM_UNKNOWN, "There is no such group, or its link is no longer valid.")
    return room, shared


def _is_same(given: str, secret: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def _ask(act: Act, room: Room, answer: str) -> JoinRequest:
    """Ask for approval, once."""
    state, user = act.state, act.actor
    waiting = state.requests.get(room.id, {})
    if user.id in waiting:
        return waiting[user.id]
    answer = answer.strip()
    if room.show_question and not answer:
        raise Invalid(Code.ANSWER_MISSING, "This group asks a question of who wants to join it. Answer it.")
    if len(answer) > MAX_ANSWER or not is_visible(answer, "\n\t"):
        raise invalid("answer", f"at most {MAX_ANSWER} characters that can be seen")
    if room.show_question and state.moderation(user.id, act.now) == "silenced":
        act.deny(room)  # the answer is read by others
    if len(waiting) >= MAX_REQUESTS or sum(user.id in others for others in state.requests.values()) >= MAX_ASKED:
        raise Limited(Code.TOO_MANY, f"{MAX_REQUESTS} people wait for this group, or you wait for {MAX_ASKED} groups.")
    request = JoinRequest(
        room=room.id,
        user=user.id,
        world=room.world,
        id=act.new_id(),
        question=room.question if room.show_question else "",
        answer=answer if room.show_question else "",
        at=act.now,
    )
    act.emit(JoinRequested, room.id, request=request)
    return request


@handles(PreviewGroup, rate="login", before_login=True)
def do_preview(act: Act, command: PreviewGroup) -> Room:
    """Give it, whether or not the actor could join it now."""
    return _found(act, command.room, command.token)[0]


@handles(RejoinGroup, rate="create", outside=True, events=CAME)
def do_rejoin(act: Act, command: RejoinGroup) -> Room:
    """Come back the way one came: who needed a permission to belong needs it again."""
    room = access_group(act, command.room)
    former = act.state.former.get(room.id, {}).get(act.actor.id)
    if former is None or not _may_come_back(act, room, former):
        raise Unknown(Code.ROOM_UNKNOWN, "There is no group that you have left.")
    _check_may_join(act, room, invited=former.let_in)
    welcome(act, room, act.actor, let_in=former.let_in)
    announce_joined(act, room, act.actor, again=True)
    return room


def _may_come_back(act: Act, room: Room, former: FormerMember) -> bool:
    gone = was_removed(act.state, room, former.user)
    return not gone and (former.let_in or act.may("room:chat.join", room))


def _check_may_join(act: Act, room: Room, *, invited: bool) -> None:
    """Raise Denied or Limited unless the actor may begin to belong to a group that they have found."""
    user = act.actor
    if act.state.moderation(user.id, act.now, room.id) == "banned":
        raise Denied(Code.BANNED, "You are banned from this group.")
    if act.state.barred(act.origin, act.now, room.id) and not act.admits_anyway(room):
        raise Denied(Code.BANNED, "You are banned from this group.")
    if was_removed(act.state, room, user.id):
        raise Denied(Code.ROOM_DENIED, "You were removed from this group. Ask a member to add you again.")
    if user.kind not in JOINERS:
        raise Denied(Code.ROOM_DENIED, "Only people and bots belong to groups.")
    if not user.display_name:
        raise Invalid(Code.PROFILE_MISSING, "Choose a display name first.")
    if room.gated and not act.admitted(room):
        check_account(room, user, act.now)
        check_adult(room, user)
        if room.locked and not invited:
            raise Denied(Code.ROOM_LOCKED, "The room needs a password.")
    check_place(act, room, (user,))


@handles(AddMembers, "room:chat.send", "room:member.add", rate="create", events=CAME)
def do_add(act: Act, command: AddMembers) -> tuple[Member, ...]:
    """Add them, and say so once; gives those who were added."""
    room = access_group(act, command.room)
    if not act.may("room:member.add", room):
        check_may_change(act, room)
    if not 0 < len(command.members) <= MAX_ADDED:
        raise Limited(Code.TOO_MANY, f"Add 1 to {MAX_ADDED} people at once.")
    wanted = {new.user: checked_nickname(new.nickname) for new in command.members}
    users = [act.state.users[user] for user in wanted if may_be_added(act, room, user)]
    check_place(act, room, users)
    added = tuple(welcome(act, room, user, nickname=wanted[user.id], let_in=True) for user in users)
    if added:
        people = [person_in(act.state, room.id, member.user) for member in added]
        names = ", ".join(str(person["nickname"]) for person in people)
        text = f"{name_in(act.state, room.id, act.by)} added {names} to the group"
        announce(act, room, act.user, "member.added", text, members=people)
    return added


def may_be_added(act: Act, room: Room, identity: int) -> bool:
    """Tell whether somebody can be added: nobody may be brought to where they may not go, or by whom they shun."""
    state, user = act.state, act.state.users.get(identity)
    if user is None or user.deleted or user.kind not in JOINERS or is_member(state, room.id, identity):
        return False
    if user.kind == "bot" and not user.account:
        return False  # one that belongs to another group (core.bot)
    if state.moderation(identity, act.now, room.id) == "banned" or state.blocked(act.by, identity):
        return False
    if room.gated and not state.standing(user, act.now, room):
        try:
            check_account(room, user, act.now)
            check_adult(room, user)
        except HubbubError:
            return False
    return has_place_for_more(act, user)


def check_place(act: Act, room: Room, users: Iterable[User]) -> None:
    """Raise Limited when a group, or one of these, has no place for one more."""
    new = list(users)
    if len(act.state.members.get(room.id, ())) + len(new) > MAX_MEMBERS:
        raise Limited(Code.TOO_MANY, f"A group has at most {MAX_MEMBERS} members.")
    if not all(has_place_for_more(act, user) for user in new):
        raise Limited(Code.TOO_MANY, f"You can belong to at most {MAX_GROUPS} groups.")


def welcome(act: Act, room: Room, user: User, *, nickname: str = "", let_in: bool) -> Member:
    """Let somebody belong, and tell their clients."""
    member = enroll(act, room, user, nickname=nickname, let_in=let_in)
    act.emit(ChannelsChanged, user=user.id, session=act.session if user.id == act.by else 0)
    return member


# Going


@handles(RemoveMember, "room:kick", "room:chat.moderate", "room:update", rate="configure", events=WENT)
def do_remove(act: Act, command: RemoveMember) -> None:
    """Take them out, and every role that they have there. Nobody removes somebody of equal or higher standing."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, command.user)
    if member.user == act.by:
        raise Denied(Code.SELF_ACTION, "To go yourself, leave the group.")
    if is_bot_of(act.state, room.id, member.user):
        raise Invalid(Code.INVALID, "Remove the bot itself.")
    act.check_standing(act.state.users[member.user], room)
    gone = person_in(act.state, room.id, member.user)
    _part(act, room, member, "removed")
    text = f"{name_in(act.state, room.id, act.by)} removed {gone['nickname']} from the group."
    announce(act, room, act.user, "member.removed", text, member=gone)


@handles(LeaveGroup, rate="configure", outside=True, events=WENT)
def do_leave(act: Act, command: LeaveGroup) -> None:
    """Go. The owner must hand the group over first, or delete it (protocols/groupme.md 2.3)."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, act.actor.id)
    if OWNER in act.state.granted_roles(member.user, room.id):
        raise Denied(Code.ROOM_DENIED, "Hand the group over to somebody else first, or delete it.")
    nickname = name_in(act.state, room.id, member.user)
    _part(act, room, member, "left")
    announce_left(act, room, act.actor, nickname)


@handles(BarMember, "room:kick", "room:chat.moderate", "room:update", rate="configure", events=(MemberBarred,))
def do_bar(act: Act, command: BarMember) -> None:
    """Note it; nothing is said of it. Who belongs to the group must be removed instead."""
    room = access_group(act, command.room)
    former = act.state.former.get(room.id, {}).get(command.user)
    if former is None:
        raise Unknown(Code.USER_UNKNOWN, "They have not left this group.")
    act.check_standing(act.state.users[former.user], room)
    if not was_removed(act.state, room, former.user):
        act.emit(MemberBarred, room.id, former=msgspec.structs.replace(former, how="barred"))


@handles(DropMember, "room:update", rate="configure", events=WENT)
def do_drop(act: Act, command: DropMember) -> None:
    """Take them out; they may come back by themselves."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, command.user)
    user, name = act.state.users[member.user], name_in(act.state, room.id, member.user)
    act.check_standing(user, room)
    _part(act, room, member, "dropped")
    text = f"{name} was removed as they could not be reached."
    announce(act, room, user, "member.dropped", text, nickname=name)


def _part(act: Act, room: Room, member: Member, how: LeaveKind) -> None:
    """Let somebody belong no longer, who then does not help to run it either; let none of their connections listen."""
    part(act, room, member, how, roles=None if how == "removed" else frozenset({MODERATOR}))
    for session in list(act.state.presence.listening.get(room.id, {}).get(member.user, ())):
        stop_listening(act, member.user, session, room.id)
    act.emit(ChannelsChanged, user=member.user, session=0)


# Who may come back


@handles(ListFormer, rate="read")
def do_list_former(act: Act, command: ListFormer) -> list[Room]:
    """Give those that the actor may come back to."""
    user, found = act.actor.id, []
    for identity, gone in act.state.former.items():
        room = act.state.rooms.get(identity)
        if user in gone and room and room.lasting and not room.deleted and _may_come_back(act, room, gone[user]):
            found.append(room)
    return [room for room in found if act.state.moderation(user, act.now, room.id) != "banned"]


@handles(ListFormerMembers, *RUNNING, rate="read")
def do_list_former_members(act: Act, command: ListFormerMembers) -> list[FormerMember]:
    """Give them, the first to go first."""
    room = access_group(act, command.room)
    return sorted(act.state.former.get(room.id, {}).values(), key=lambda former: (former.at, former.user))
