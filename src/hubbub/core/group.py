"""Groups: rooms that people belong to for good, whose every change is said in the room.

Any room whose talk lasts is a group, whichever dialect made it. What is said, and who may do what, is in
docs/groups.md; the words are GroupMe's where it has any, as programs read them (protocols/groupme.md 1.2).
"""

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hubbub.core.chat import announce, announce_joined, announce_left
from hubbub.core.command import Act, Command, check, handles, invalid
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
    MemberUpdated,
    MessagePosted,
    RoomCreated,
    RoomUpdated,
    Unsubscribed,
)
from hubbub.core.gate import check_account, check_adult
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
    runs,
    was_removed,
)
from hubbub.core.model import FormerMember, Grant, GroupKind, JoinRequest, LeaveKind, Member, Message, Room, User
from hubbub.core.moderator import ROLE as MODERATOR
from hubbub.core.moderator import AppointModerator, DismissModerator, do_appoint, do_dismiss
from hubbub.core.permission import PARTICIPANT_ROLE, permissions_of
from hubbub.core.room import INVITE_ALPHABET, OWNER, stop_listening
from hubbub.core.text import is_visible

MAX_NAME = 140
MAX_DESCRIPTION = 255
MAX_NICKNAME = 50
MAX_MEMBERS = 5000
TOKEN_LENGTH = 8
"""Source of all five: protocols/groupme.md 2.2 and 2.3; of the last, the links in 2.2."""
MAX_URL = 2000
MAX_QUESTION = 255
MAX_ANSWER = 1000
MAX_LIKE_ICON = 500
"""Bytes of JSON."""
MAX_ADDED = 200
"""People added by one command."""
MAX_GROUPS = 1000
"""Groups of one user."""
MAX_REQUESTS = 1000
"""People who wait for the approval of one group."""
MAX_ASKED = 100
"""Groups whose approval one user waits for."""
MAX_ALL_GROUPS = 10_000
"""Rooms of one world, groups or not."""
FOR_EVER = timedelta(days=366 * 100)
"""How long something lasts that is muted without a span."""
JOINERS = ("person", "bot")
"""Kinds of users who belong to groups."""
MODULES: tuple[dict[str, Any], ...] = (
    {"type": "chat.native", "config": {"volatile": False}},
    {"type": "poll", "config": {"active": True}},
)
"""What a new group has."""
SHARED = frozenset({"name", "description", "picture", "theme", "like_icon"})
"""What every member of a private group may change. The rest is for those who run it."""


class GroupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What may be set of a group; what is left out stays.

    Attributes:
        picture: The address of an image.
        group: Who runs it; a new group is private.
        like_icon: What stands for liking here, as clients keep it.
        directory: The directory that lists it; none when empty.
        share: Whether it has a link by which people join. Each time there is one, it is a new one.
        approval: Whether who wants to belong has to ask.
        show_question: Whether they answer the question first.
        question: Empty for one that clients have.
    """

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    picture: str | msgspec.UnsetType | None = msgspec.UNSET
    group: GroupKind | msgspec.UnsetType = msgspec.UNSET
    theme: str | msgspec.UnsetType = msgspec.UNSET
    like_icon: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    office_mode: bool | msgspec.UnsetType = msgspec.UNSET
    directory: str | msgspec.UnsetType = msgspec.UNSET
    share: bool | msgspec.UnsetType = msgspec.UNSET
    approval: bool | msgspec.UnsetType = msgspec.UNSET
    show_question: bool | msgspec.UnsetType = msgspec.UNSET
    question: str | msgspec.UnsetType = msgspec.UNSET

    def given(self) -> dict[str, Any]:
        """Give what is set."""
        pairs = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in pairs if value is not msgspec.UNSET}


class CreateGroup(Command, frozen=True, kw_only=True):
    """Make a group and own it. Those who belong to it see it, and whoever may see every room."""

    settings: GroupSettings


class UpdateGroup(Command, frozen=True, kw_only=True):
    """Change a group; each change is said in it, but for one of the question."""

    room: int
    settings: GroupSettings


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


class ChangeOwner(Command, frozen=True, kw_only=True):
    """Hand a group over to another member."""

    room: int
    user: int


class SetAdmin(Command, frozen=True, kw_only=True):
    """Let a member help to run a group, or no longer."""

    room: int
    user: int
    admin: bool


class UpdateMembership(Command, frozen=True, kw_only=True):
    """Be called and look different in one group; None stays, an empty avatar is the user's own."""

    room: int
    nickname: str | None = None
    avatar: str | None = None


class MuteGroup(Command, frozen=True, kw_only=True):
    """Want no notifications from a group for a while; for ever without a span, and with `off` want them again."""

    room: int
    span: timedelta | None = None
    off: bool = False


class ListGroups(Command, frozen=True, kw_only=True):
    """List the groups that the actor belongs to."""


class DescribeGroups(Command, frozen=True, kw_only=True):
    """Learn of the groups that the actor belongs to, or only of these, with what was said last, newest talk first."""

    rooms: tuple[int, ...] | None = None


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A group, and the newest message there, if there is any."""

    room: Room
    last: Message | None = None


class ListFormer(Command, frozen=True, kw_only=True):
    """List the groups that the actor has left and may come back to."""


class ListFormerMembers(Command, frozen=True, kw_only=True):
    """List who belonged to a group once."""

    room: int


# Making and changing


@handles(
    CreateGroup,
    "world:groups.create",
    rate="create",
    events=(RoomCreated, MemberJoined, GrantGiven, ChannelsChanged),
)
def do_create(act: Act, command: CreateGroup) -> Room:
    """Make it, with its maker as its first member and owner."""
    given = _checked(command.settings.given(), new=True)
    state, owner = act.state, act.actor
    for role in (OWNER, PARTICIPANT_ROLE):
        if not set(permissions_of(role, state.world.roles)):
            raise Invalid(Code.CONFIG_INVALID, f"This world has no role {role}.")
    rooms = [room for room in state.rooms.values() if room.kind == "room" and not room.deleted]
    if len(rooms) >= MAX_ALL_GROUPS:
        raise Limited(Code.TOO_MANY, f"A world has at most {MAX_ALL_GROUPS} rooms.")
    if not _has_place_for_more(act, owner):
        raise Limited(Code.TOO_MANY, f"You can belong to at most {MAX_GROUPS} groups.")
    share = given.pop("share", False)
    room = Room(
        id=act.new_id(),
        world=state.world.id,
        modules=MODULES,
        sorting_priority=max((room.sorting_priority for room in rooms), default=0) + 1,
        listed=bool(given.get("directory")),
        share_token=_new_token(act) if share else "",
        created=act.now,
        modified=act.now,
        **{"group": "private", **given},
    )
    grant = Grant(world=room.world, user=owner.id, role=OWNER, room=room.id)
    act.emit(RoomCreated, room.id, config=room, grants=(grant,))
    act.audit("world.room.added", {"object": room.id, "new": given})
    enroll(act, room, owner, let_in=True)
    act.emit(ChannelsChanged, user=owner.id)
    return room


CHANGES: dict[str, tuple[str, str]] = {
    "name": ("group.name_change", "{by} changed the group's name to {value}"),
    "description": ("group.topic_change", "{by} changed the topic to: {value}"),
    "picture": ("group.avatar_change", "{by} changed the group's avatar"),
    "group": ("group.type_change", "{by} changed the group to {value}"),
    "theme": ("group.theme_change", "{by} changed the theme to {value}"),
    "like_icon": ("group.like_icon_set", "{by} changed the like icon"),
    "office_mode": ("group.office_mode", "{by} turned office mode {on}"),
    "directory": ("group.added_to_directory", "{by} added the group to the directory {value}"),
    "share_token": ("group.shared", "{by} shared the group"),
    "approval": ("group.approval_on", "{by} turned on approval of new members"),
}
"""What is said of a change of each field: its type, and the words."""
REMOVED: dict[str, tuple[str, str]] = {
    "like_icon": ("group.like_icon_removed", "{by} removed the like icon"),
    "directory": ("group.removed_from_directory", "{by} removed the group from the directory"),
    "share_token": ("group.unshared", "{by} unshared the group"),
    "approval": ("group.approval_off", "{by} turned off approval of new members"),
}
"""The same where a field is emptied."""
SECRET = frozenset({"share_token"})
"""What is changed without the value being told: whoever belongs later must not find an old one."""


@handles(UpdateGroup, "room:chat.send", "room:group.manage", rate="configure", events=(RoomUpdated, MessagePosted))
def do_update(act: Act, command: UpdateGroup) -> Room:
    """Change what is given and different; what is not leaves nothing behind, neither event nor message."""
    room = access_group(act, command.room)
    given = _checked(command.settings.given())
    check_may_change(act, room)
    if not given.keys() <= SHARED and not runs(act, room):
        act.deny(room)
    share = given.pop("share", None)
    changed = {name: value for name, value in given.items() if value != getattr(room, name)}
    if share is not None and share != bool(room.share_token):
        changed["share_token"] = _new_token(act) if share else ""
    if not changed:
        return room
    listed = bool(changed["directory"]) if "directory" in changed else room.listed
    room = msgspec.structs.replace(room, **changed, listed=listed, modified=act.now)
    act.emit(RoomUpdated, room.id, config=room)
    told = {name: value for name, value in changed.items() if name not in SECRET}
    act.audit("world.room.updated", {"object": room.id, "new": told})
    for name in CHANGES:
        if name in changed:
            _say_change(act, room, name, changed[name])
    return room


def _say_change(act: Act, room: Room, name: str, value: Any) -> None:
    what, words = REMOVED[name] if name in REMOVED and not value else CHANGES[name]
    text = words.format(by=_called(act, room), value=value, on="on" if value else "off")
    told = {} if name in SECRET else {"value": value}
    announce(act, room, act.user, what, text, **told)


def _new_token(act: Act) -> str:
    return act.secret(TOKEN_LENGTH, INVITE_ALPHABET)


def _checked(given: dict[str, Any], *, new: bool = False) -> dict[str, Any]:
    """Check what is to be set, and clean it. Raises Invalid with what is wrong by field."""
    wrong: dict[str, list[str]] = {}
    if new or "name" in given:
        given["name"] = given.get("name", "").strip()
        if not 0 < len(given["name"]) <= MAX_NAME or not is_visible(given["name"]):
            wrong["name"] = [f"1 to {MAX_NAME} characters that can be seen"]
    if len(given.get("description", "")) > MAX_DESCRIPTION or not is_visible(given.get("description", ""), "\n\t"):
        wrong["description"] = [f"at most {MAX_DESCRIPTION} characters that can be seen"]
    for field in ("picture", "theme", "directory"):
        value = given.get(field) or ""
        if len(value) > MAX_URL or not is_visible(value):
            wrong[field] = [f"at most {MAX_URL} characters that can be seen"]
    if len(given.get("question", "")) > MAX_QUESTION or not is_visible(given.get("question", "")):
        wrong["question"] = [f"at most {MAX_QUESTION} characters that can be seen"]
    if _size(given.get("like_icon")) > MAX_LIKE_ICON:
        wrong["like_icon"] = [f"at most {MAX_LIKE_ICON} bytes"]
    if wrong:
        raise Invalid(Code.CONFIG_INVALID, details=wrong)
    return given


def _size(value: object) -> int:
    try:
        return len(msgspec.json.encode(value))
    except (UnicodeEncodeError, RecursionError):
        return MAX_LIKE_ICON + 1  # a lone surrogate, or no bottom: cannot be kept


# Coming and going

CAME = (MemberJoined, MemberReturned, GrantGiven, MessagePosted, ChannelsChanged)
WENT = (MemberLeft, GrantTaken, Unsubscribed, MessagePosted, ChannelsChanged)


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
    wanted = {new.user: _nickname(new.nickname) for new in command.members}
    users = [act.state.users[user] for user in wanted if may_be_added(act, room, user)]
    check_place(act, room, users)
    added = tuple(welcome(act, room, user, nickname=wanted[user.id], let_in=True) for user in users)
    if added:
        people = [person_in(act.state, room.id, member.user) for member in added]
        names = ", ".join(str(person["nickname"]) for person in people)
        text = f"{_called(act, room)} added {names} to the group"
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
    return _has_place_for_more(act, user)


def check_place(act: Act, room: Room, users: Iterable[User]) -> None:
    """Raise Limited when a group, or one of these, has no place for one more."""
    new = list(users)
    if len(act.state.members.get(room.id, ())) + len(new) > MAX_MEMBERS:
        raise Limited(Code.TOO_MANY, f"A group has at most {MAX_MEMBERS} members.")
    if not all(_has_place_for_more(act, user) for user in new):
        raise Limited(Code.TOO_MANY, f"You can belong to at most {MAX_GROUPS} groups.")


def _has_place_for_more(act: Act, user: User) -> bool:
    return len(groups_of(act, user.id)) < MAX_GROUPS


def welcome(act: Act, room: Room, user: User, *, nickname: str = "", let_in: bool) -> Member:
    """Let somebody belong, and tell their clients."""
    member = enroll(act, room, user, nickname=nickname, let_in=let_in)
    act.emit(ChannelsChanged, user=user.id, session=act.session if user.id == act.by else 0)
    return member


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
    text = f"{_called(act, room)} removed {gone['nickname']} from the group."
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


# Roles


@handles(ChangeOwner, "room:delete", rate="configure", events=(GrantGiven, GrantTaken, MessagePosted))
def do_change_owner(act: Act, command: ChangeOwner) -> None:
    """Hand it over; the old owner helps to run it from then on, if they belong to it."""
    room = access_group(act, command.room)
    new = act.access_user(access_member(act.state, room.id, command.user).user)
    owners = [user for user in act.state.roles if OWNER in act.state.granted_roles(user, room.id)]
    if new.id in owners:
        raise Invalid(Code.INVALID, "They own the group already.")
    if new.kind != "person" or act.state.moderation(new.id, act.now, room.id) == "banned":
        raise Denied(Code.ROOM_DENIED, "They cannot own a group.")
    for old in owners:
        _grant(act, room, old, OWNER, given=False)
        if is_member(act.state, room.id, old):
            _grant(act, room, old, MODERATOR)
    _grant(act, room, new.id, OWNER)
    act.audit("group.owner.changed", {"object": room.id, "old": owners, "new": new.id})
    now = person_in(act.state, room.id, new.id)
    before = person_in(act.state, room.id, owners[0]) if owners else None
    text = f"{before['nickname'] if before else _called(act, room)} made {now['nickname']} the owner of the group"
    announce(act, room, act.user, "group.owner_changed", text, old=before, new=now)


def _grant(act: Act, room: Room, user: int, role: str, *, given: bool = True) -> None:
    """Give a role in a room that somebody has not, or take one that they have."""
    if (role in act.state.granted_roles(user, room.id)) != given:
        grant = Grant(world=room.world, user=user, role=role, room=room.id)
        act.emit(GrantGiven if given else GrantTaken, room.id, grant=grant)


@handles(SetAdmin, "room:update", rate="configure", events=(GrantGiven, GrantTaken, MessagePosted))
def do_set_admin(act: Act, command: SetAdmin) -> Member:
    """Appoint or dismiss a moderator who belongs to the group; what is so already is not said again."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, command.user)
    if (MODERATOR in act.state.granted_roles(member.user, room.id)) == command.admin:
        return member
    if command.admin:
        do_appoint(act, AppointModerator(room=room.id, user=member.user))
    else:
        do_dismiss(act, DismissModerator(room=room.id, user=member.user))
    who = person_in(act.state, room.id, member.user)
    role, words = ("admin", "made {} an admin") if command.admin else ("user", "made {} a member again")
    text = f"{_called(act, room)} {words.format(who['nickname'])}"
    announce(act, room, act.user, "group.role_change", text, role=role, member=who)
    return member


# One's own membership


@handles(UpdateMembership, "room:chat.send", rate="configure", events=(MemberUpdated, MessagePosted))
def do_update_membership(act: Act, command: UpdateMembership) -> Member:
    """Change it; each change is said in the group."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, act.actor.id)
    before = name_in(act.state, room.id, member.user)
    nickname = member.nickname if command.nickname is None else _nickname(command.nickname, needed=True)
    avatar = member.avatar if command.avatar is None else command.avatar
    if len(avatar) > MAX_URL or not is_visible(avatar):
        raise invalid("avatar", f"at most {MAX_URL} characters that can be seen")
    changed = msgspec.structs.replace(member, nickname=nickname, avatar=avatar)
    if changed == member:
        return member
    act.emit(MemberUpdated, room.id, member=changed)
    now = name_in(act.state, room.id, member.user)
    if now != before:
        text = f"{before} changed name to {now}"
        announce(act, room, act.actor, "member.renamed", text, nickname=before, name=now)
    if avatar != member.avatar:
        announce(act, room, act.actor, "member.avatar_changed", f"{now} changed their avatar", value=avatar)
    return changed


@handles(MuteGroup, rate="configure", outside=True, events=(MemberUpdated,))
def do_mute(act: Act, command: MuteGroup) -> Member:
    """Note it. What is unread is still told: only notifications are not."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, act.actor.id)
    span = FOR_EVER if command.span is None else command.span
    if not timedelta() < span <= FOR_EVER:
        raise Invalid(Code.DURATION_INVALID, "A group is muted for a while, or for ever.")
    changed = msgspec.structs.replace(member, muted_until=None if command.off else act.now + span)
    if changed != member:
        act.emit(MemberUpdated, room.id, member=changed)
    return changed


# Looking


@handles(ListGroups, rate="read")
def do_list(act: Act, command: ListGroups) -> list[Room]:
    """Give those whose talk the actor may read, the one joined first first."""
    return _readable(act)


def _readable(act: Act) -> list[Room]:
    return [room for room in groups_of(act, act.actor.id) if act.state.reads(act.actor, act.now, room)]


@handles(DescribeGroups, rate="read")
async def do_describe(act: Act, command: DescribeGroups) -> list[Described]:
    """Give those whose talk the actor may read."""
    asked = act.state.belongs.get(act.actor.id, ()) if command.rooms is None else command.rooms
    last = await act.archive.newest([identity for identity in asked if is_member(act.state, identity, act.actor.id)])
    check(act, command)
    found = [Described(room=room, last=_as_now(act, last.get(room.id))) for room in _readable(act) if room.id in asked]
    return sorted(found, key=_freshness, reverse=True)


def _as_now(act: Act, message: Message | None) -> Message | None:
    return message and act.state.changed.get(message.id, message)


def _freshness(described: Described) -> tuple[datetime, int]:
    """Put groups in the order of what happened there last, and new ones before."""
    room, last = described.room, described.last
    return max(room.created, last.at) if last else room.created, room.id


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


# What all have in common


def groups_of(act: Act, user: int) -> list[Room]:
    """Give the groups that somebody belongs to."""
    rooms = (act.state.rooms.get(identity) for identity in act.state.belongs.get(user, ()))
    return [room for room in rooms if room and room.lasting and not room.deleted]


def access_group(act: Act, identity: int) -> Room:
    """Give a room that is a group. Raises Unknown for all others: direct ones, without talk, with volatile talk."""
    room = act.access_room(identity)
    if not room.lasting:
        raise Unknown(Code.ROOM_UNKNOWN, "There is no such group.")
    return room


def _called(act: Act, room: Room) -> str:
    return name_in(act.state, room.id, act.by)


def _is_same(given: str, secret: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def _nickname(nickname: str, *, needed: bool = False) -> str:
    """Give a nickname without blanks around it. Raises Invalid."""
    nickname = nickname.strip()
    if (needed and not nickname) or len(nickname) > MAX_NICKNAME:
        raise invalid("nickname", f"1 to {MAX_NICKNAME} characters")
    if not is_visible(nickname):
        raise invalid("nickname", "characters that can be seen")
    return nickname
