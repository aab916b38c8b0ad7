"""Groups: rooms that people belong to for good, whose every change is said in the room.

Any room whose talk lasts is a group, whichever dialect made it. What is said, and who may do what, is in
docs/groups.md; the words are GroupMe's where it has any, as programs read them (protocols/groupme.md 1.2).
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.error import Code, Denied, Invalid, Limited, Unknown
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    GrantTaken,
    MemberJoined,
    MemberUpdated,
    MessagePosted,
    RoomCreated,
    RoomUpdated,
)
from hubbub.core.membership import access_member, check_may_change, enroll, is_member, name_in, person_in, runs
from hubbub.core.model import Grant, GroupKind, Member, Message, Room, User
from hubbub.core.moderator import ROLE as MODERATOR
from hubbub.core.moderator import AppointModerator, DismissModerator, do_appoint, do_dismiss
from hubbub.core.permission import PARTICIPANT_ROLE, permissions_of
from hubbub.core.room import INVITE_ALPHABET, OWNER, Settings
from hubbub.core.telling import SECRET, announce, say_changes
from hubbub.core.text import is_visible

MAX_NAME = 140
MAX_DESCRIPTION = 255
MAX_NICKNAME = 50
TOKEN_LENGTH = 8
"""Source of all four: protocols/groupme.md 2.2 and 2.3; of the last, the links in 2.2."""
MAX_URL = 2000
MAX_QUESTION = 255
MAX_LIKE_ICON = 500
"""Bytes of JSON."""
MAX_GROUPS = 1000
"""Groups of one user."""
MAX_ALL_GROUPS = 10_000
"""Rooms of one world, groups or not."""
FOR_EVER = timedelta(days=366 * 100)
"""How long something lasts that is muted without a span."""
MODULES: tuple[dict[str, Any], ...] = (
    {"type": "chat.native", "config": {"volatile": False}},
    {"type": "poll", "config": {"active": True}},
)
"""What a new group has."""
SHARED = frozenset({"name", "description", "picture", "theme", "like_icon"})
"""What every member of a private group may change. The rest is for those who run it."""


class GroupSettings(Settings, frozen=True, kw_only=True):
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


class CreateGroup(Command, frozen=True, kw_only=True):
    """Make a group and own it. Those who belong to it see it, and whoever may see every room."""

    settings: GroupSettings


class UpdateGroup(Command, frozen=True, kw_only=True):
    """Change a group; each change is said in it, but for one of the question."""

    room: int
    settings: GroupSettings


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


# Making and changing


@handles(
    CreateGroup,
    "world:groups.create",
    rate="found",
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
    if not has_place_for_more(act, owner):
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
    say_changes(act, room, changed)
    return room


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
    return member


# One's own membership


@handles(UpdateMembership, "room:chat.send", rate="configure", events=(MemberUpdated, MessagePosted))
def do_update_membership(act: Act, command: UpdateMembership) -> Member:
    """Change it; each change is said in the group."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, act.actor.id)
    before = name_in(act.state, room.id, member.user)
    nickname = member.nickname if command.nickname is None else checked_nickname(command.nickname, needed=True)
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


# What all have in common


def groups_of(act: Act, user: int) -> list[Room]:
    """Give the groups that somebody belongs to."""
    rooms = (act.state.rooms.get(identity) for identity in act.state.belongs.get(user, ()))
    return [room for room in rooms if room and room.lasting and not room.deleted]


def has_place_for_more(act: Act, user: User) -> bool:
    """Tell whether somebody may belong to one more group."""
    return len(groups_of(act, user.id)) < MAX_GROUPS


def access_group(act: Act, identity: int) -> Room:
    """Give a room that is a group. Raises Unknown for all others: direct ones, without talk, with volatile talk."""
    room = act.access_room(identity)
    if not room.lasting:
        raise Unknown(Code.ROOM_UNKNOWN, "There is no such group.")
    return room


def _called(act: Act, room: Room) -> str:
    return name_in(act.state, room.id, act.by)


def checked_nickname(nickname: str, *, needed: bool = False) -> str:
    """Give a nickname without blanks around it. Raises Invalid."""
    nickname = nickname.strip()
    if (needed and not nickname) or len(nickname) > MAX_NICKNAME:
        raise invalid("nickname", f"1 to {MAX_NICKNAME} characters")
    if not is_visible(nickname):
        raise invalid("nickname", "characters that can be seen")
    return nickname
