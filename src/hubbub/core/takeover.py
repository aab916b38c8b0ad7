"""Taking over: people, groups and conversations that were elsewhere before. Their talk is in core/history.py.

The operator's alone. Everything that is taken over is noted with the id that it has there (`Imported`), so that doing
it again doubles nothing, and doing it later adds what is new. What is too long is cut.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from hubbub.core.chat import CHAT
from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Invalid, Limited, Unknown
from hubbub.core.event import (
    ConversationOpened,
    GrantGiven,
    MemberJoined,
    MemberLeft,
    RoomCreated,
    TakenOver,
    UserCreated,
    UserUpdated,
)
from hubbub.core.group import (
    MAX_ALL_GROUPS,
    MAX_DESCRIPTION,
    MAX_GROUPS,
    MAX_LIKE_ICON,
    MAX_NAME,
    MAX_NICKNAME,
    MAX_URL,
    MODULES,
    GroupSettings,
    groups_of,
)
from hubbub.core.joining import MAX_MEMBERS
from hubbub.core.model import FormerMember, Grant, Imported, ImportedKind, LeaveKind, Member, Room, User
from hubbub.core.moderator import ROLE as MODERATOR
from hubbub.core.permission import PARTICIPANT_ROLE, permissions_of
from hubbub.core.room import OWNER
from hubbub.core.text import is_visible

UNNAMED = "A group without a name"


class OldUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody from elsewhere; `user` is who they are here, 0 for somebody new."""

    foreign: str
    name: str = ""
    avatar: str = ""
    kind: Literal["person", "bot"] = "person"
    user: int = 0


class OldMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a group from elsewhere, by their id here."""

    user: int
    nickname: str = ""
    avatar: str = ""
    role: Literal["", "admin", "owner"] = ""


class OldFormer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was a member of a group elsewhere, by their id here, and how that ended."""

    user: int
    nickname: str = ""
    how: LeaveKind = "left"
    at: datetime


class TakeOverUsers(Command, frozen=True, kw_only=True):
    """Know people and bots from elsewhere as users here. Nobody can log in as somebody new."""

    source: str
    users: tuple[OldUser, ...]


class TakeOverGroup(Command, frozen=True, kw_only=True):
    """Have a group from elsewhere here. One that is here stays as it is, but for members who are new."""

    source: str
    foreign: str
    settings: GroupSettings
    members: tuple[OldMember, ...] = ()
    former: tuple[OldFormer, ...] = ()
    created: datetime


class TakeOverDirect(Command, frozen=True, kw_only=True):
    """Have the direct conversation of two people from elsewhere here; one that they have here is used."""

    source: str
    foreign: str
    users: tuple[int, int]
    created: datetime


class TakeOverIds(Command, frozen=True, kw_only=True):
    """Know things from elsewhere by ids of ours, though nothing else is known of them here."""

    source: str
    kind: ImportedKind
    foreign: tuple[str, ...]


# People


@handles(TakeOverUsers, "world:update", rate="free", events=(UserCreated, UserUpdated, TakenOver))
async def do_take_users(act: Act, command: TakeOverUsers) -> dict[str, int]:
    """Give their ids here by those that they have there.

    Raises Invalid when somebody is somebody else here already. Who was taken over without a name gets one.
    """
    known = await known_ids(act, command.source, "user", (old.foreign for old in command.users))
    check_operator(act)
    for old in command.users:
        if old.user:
            act.access_user(old.user)
            if known.get(old.foreign, old.user) != old.user:
                raise Invalid(Code.INVALID, f"{old.foreign} was taken over before, as somebody else than {old.user}.")
    found: dict[str, int] = {}
    new: dict[str, int] = {}
    for old in command.users:
        identity = known.get(old.foreign) or new.get(old.foreign)
        if identity is None:
            identity = new[old.foreign] = old.user or _make_user(act, old)
        else:
            _name_user(act, identity, old)
        found[old.foreign] = identity
    note(act, command.source, "user", new)
    return found


def _make_user(act: Act, old: OldUser) -> int:
    user = User(
        id=act.new_id(),
        world=act.state.world.id,
        kind=old.kind,
        profile=_profile(old),
        shown=False,
        created=act.now,
    )
    act.emit(UserCreated, user=user)
    return user.id


def _name_user(act: Act, identity: int, old: OldUser) -> None:
    user = act.state.users.get(identity)
    if user and not user.display_name and not user.deleted and not can_log_in(user) and _profile(old):
        act.emit(UserUpdated, user=msgspec.structs.replace(user, profile=_profile(old)))


def _profile(old: OldUser) -> dict[str, Any]:
    name, avatar = kept_line(old.name, MAX_NICKNAME), _address(old.avatar)
    return {**({"display_name": name} if name else {}), **({"avatar": {"url": avatar}} if avatar else {})}


def can_log_in(user: User) -> bool:
    """Tell whether somebody can be here themselves: who was only taken over cannot."""
    return user.account or user.client_id is not None


# Places


@handles(
    TakeOverGroup,
    "world:update",
    rate="free",
    events=(RoomCreated, MemberJoined, MemberLeft, GrantGiven, TakenOver),
)
async def do_take_group(act: Act, command: TakeOverGroup) -> Room:
    """Give the group. Raises Unknown when it was deleted here, and Limited when there are too many rooms."""
    known = await known_ids(act, command.source, "room", (command.foreign,))
    check_operator(act)
    if command.foreign in known:
        room = act.access_room(known[command.foreign])
        _admit(act, room, command, ())
        return room
    for role in (OWNER, PARTICIPANT_ROLE, MODERATOR):
        if not set(permissions_of(role, act.state.world.roles)):
            raise Invalid(Code.CONFIG_INVALID, f"This world has no role {role}.")
    rooms = [room for room in act.state.rooms.values() if room.kind == "room" and not room.deleted]
    if len(rooms) >= MAX_ALL_GROUPS:
        raise Limited(Code.TOO_MANY, f"A world has at most {MAX_ALL_GROUPS} rooms.")
    room = Room(
        id=act.new_id(),
        world=act.state.world.id,
        modules=MODULES,
        sorting_priority=max((room.sorting_priority for room in rooms), default=0) + 1,
        listed=False,
        created=command.created,
        modified=act.now,
        **{"group": "private", "name": UNNAMED, **_settings(command.settings)},
    )
    members = _with_place(act, command.members)[:MAX_MEMBERS]
    grants = [grant for member in members for grant in _grants(room, member, owned=False)]
    owner = next((member for member in members if member.role == "owner"), None)
    if owner:
        grants.append(_grant(room, owner.user, OWNER))
    act.emit(RoomCreated, room.id, config=room, grants=tuple(grants))
    _admit(act, room, command, members)
    note(act, command.source, "room", {command.foreign: room.id})
    act.audit("world.room.taken_over", {"object": room.id, "source": command.source, "foreign": command.foreign})
    return room


def _settings(settings: GroupSettings) -> dict[str, Any]:
    """Give what is set of a group, cut to what it may be; never a link."""
    given = settings.given()
    given.pop("share", None)
    if "name" in given:
        given["name"] = kept_line(given["name"], MAX_NAME) or UNNAMED
    if "description" in given:
        given["description"] = kept_text(given["description"], MAX_DESCRIPTION)
    if "picture" in given:
        given["picture"] = _address(given["picture"] or "") or None
    for field in ("theme", "directory"):
        if field in given:
            given[field] = kept_line(given[field], MAX_NAME)
    if len(msgspec.json.encode(given.get("like_icon"))) > MAX_LIKE_ICON:
        del given["like_icon"]
    return given


def _with_place(act: Act, members: Iterable[OldMember]) -> list[OldMember]:
    """Give those, each once, who are here and may belong to one more group."""
    once = {member.user: member for member in members if member.user in act.state.users}
    return [member for member in once.values() if len(groups_of(act, member.user)) < MAX_GROUPS]


def _admit(act: Act, room: Room, command: TakeOverGroup, granted: Sequence[OldMember]) -> None:
    """Let all belong to a group, or have belonged to it, whom it does not know; `granted` have their roles already."""
    state, have = act.state, {member.user for member in granted}
    known = {*state.members.get(room.id, ()), *state.former.get(room.id, ())}
    place = MAX_MEMBERS - len(state.members.get(room.id, ()))
    new = [member for member in _with_place(act, command.members) if member.user not in known][: max(0, place)]
    for member in new:
        record = Member(
            room=room.id,
            user=member.user,
            world=room.world,
            id=act.new_id(),
            nickname=kept_line(member.nickname, MAX_NICKNAME),
            avatar=_address(member.avatar),
            let_in=True,
            joined=command.created,
        )
        act.emit(MemberJoined, room.id, member=record)
        if member.user not in have:
            for grant in _grants(room, member, owned=True):
                act.emit(GrantGiven, room.id, grant=grant)
    known |= {member.user for member in new}
    for gone in {one.user: one for one in command.former}.values():
        if gone.user not in known and gone.user in state.users:
            _say_gone(act, room, gone)


def _say_gone(act: Act, room: Room, gone: OldFormer) -> None:
    about: dict[str, Any] = {"room": room.id, "user": gone.user, "world": room.world, "id": act.new_id()}
    nickname = kept_line(gone.nickname, MAX_NICKNAME)
    member = Member(**about, nickname=nickname, let_in=True, joined=gone.at)
    former = FormerMember(**about, nickname=nickname, how=gone.how, let_in=True, at=gone.at)
    act.emit(MemberLeft, room.id, member=member, former=former)


def _grants(room: Room, member: OldMember, *, owned: bool) -> list[Grant]:
    """Give a member's roles; where a group is `owned` already, another owner only helps to run it."""
    runs = member.role == "admin" or (owned and member.role == "owner")
    return [_grant(room, member.user, role) for role in (PARTICIPANT_ROLE, *((MODERATOR,) if runs else ()))]


def _grant(room: Room, user: int, role: str) -> Grant:
    return Grant(world=room.world, user=user, role=role, room=room.id)


@handles(TakeOverDirect, "world:update", rate="free", events=(ConversationOpened, TakenOver))
async def do_take_direct(act: Act, command: TakeOverDirect) -> Room:
    """Give the conversation. Raises Unknown unless both are here, and Invalid when they are one."""
    known = await known_ids(act, command.source, "room", (command.foreign,))
    check_operator(act)
    if command.foreign in known:
        return act.access_room(known[command.foreign], module=CHAT)
    one, other = command.users
    if one not in act.state.users or other not in act.state.users:
        raise Unknown(Code.USER_UNKNOWN)
    if one == other:
        raise Invalid(Code.INVALID, "Nobody talks with themselves.")
    room = act.state.direct_between(one, other)
    if room is None:
        room = Room(id=act.new_id(), world=act.state.world.id, kind="direct", created=command.created)
        members = (Member(room=room.id, user=user, world=room.world, joined=command.created) for user in command.users)
        act.emit(ConversationOpened, room.id, config=room, members=tuple(members))
    note(act, command.source, "room", {command.foreign: room.id})
    act.audit("world.room.taken_over", {"object": room.id, "source": command.source, "foreign": command.foreign})
    return room


@handles(TakeOverIds, "world:update", rate="free", events=(TakenOver,))
async def do_take_ids(act: Act, command: TakeOverIds) -> dict[str, int]:
    """Give the ids here by those there, old and new ones."""
    known = await known_ids(act, command.source, command.kind, command.foreign)
    check_operator(act)
    new = {foreign: act.new_id() for foreign in dict.fromkeys(command.foreign) if foreign not in known}
    note(act, command.source, command.kind, new)
    return known | new


# What all have in common


def check_operator(act: Act) -> None:
    """Raise Denied unless it is the operator who asks."""
    if not act.operator:
        act.deny()


async def known_ids(act: Act, source: str, kind: ImportedKind, foreign: Iterable[str]) -> dict[str, int]:
    """Give the ids here of what was taken over, by those that it has there."""
    return await act.archive.imported(act.state.world.id, source, kind, tuple(dict.fromkeys(foreign)))


def imported(act: Act, source: str, kind: ImportedKind, ids: dict[str, int]) -> tuple[Imported, ...]:
    """Write down which ids here are which there."""
    world = act.state.world.id
    return tuple(
        Imported(world=world, source=source, kind=kind, foreign=foreign, local=local) for foreign, local in ids.items()
    )


def note(act: Act, source: str, kind: ImportedKind, ids: dict[str, int]) -> None:
    """Keep which ids here are which there."""
    if ids:
        act.emit(TakenOver, imported=imported(act, source, kind, ids))


def kept_text(text: str, most: int, *, strip: bool = True) -> str:
    """Give a text that can be kept, without what no database keeps, cut to so many characters."""
    if "\0" in text or not text.isascii():
        text = "".join(sign for sign in text if sign != "\0" and not "\ud800" <= sign <= "\udfff")
    return (text.strip() if strip else text)[:most]


def kept_line(text: str, most: int) -> str:
    """Give a text on one line, of what can be seen."""
    if not is_visible(text):
        text = "".join(sign if is_visible(sign) else " " for sign in text)
    return text.strip()[:most].strip()


def _address(url: str) -> str:
    """Give the address of a picture; "" for what is none."""
    return url if url.startswith(("https://", "http://", "/")) and len(url) <= MAX_URL and is_visible(url) else ""
