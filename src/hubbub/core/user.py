"""Users: their profiles, who sees whom, and what moderators do about them."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from hubbub.core.chat import force_joins
from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.error import Code, Denied, Invalid
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    GrantTaken,
    MemberJoined,
    MemberReturned,
    MessagePosted,
    PasswordSet,
    PushUnsubscribed,
    SessionsRevoked,
    TokensRevoked,
    UserBanned,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserReactivated,
    UserUnblocked,
    UserUpdated,
    VisitUpdated,
)
from hubbub.core.model import WORLD_WIDE, Ban, BanKind, Block, Credential, Grant, PushSubscription, User, UserKind
from hubbub.core.permission import MEMBER_ROLE, OWNER_ROLE

MAX_PROFILE = 50_000
"""Bytes of JSON in a profile or a client's state."""
MAX_FETCH = 100
MAX_LOGIN = 150
MAX_BLOCKS = 1000
PAGE_SIZE = 20


class UpdateProfile(Command, frozen=True, kw_only=True):
    """Change the own profile, or what the own clients keep; what is None stays."""

    profile: dict[str, Any] | None = None
    client_state: dict[str, Any] | None = None


class UpdateUser(Command, frozen=True, kw_only=True):
    """Change somebody's profile as an organiser. `client_state` only of kiosks."""

    user: int
    profile: dict[str, Any] | None = None
    pretalx_id: str | msgspec.UnsetType | None = msgspec.UNSET
    client_state: dict[str, Any] | None = None


class FetchUsers(Command, frozen=True, kw_only=True):
    """Look users up by id; those who are not there are left out."""

    users: tuple[int, ...]


class FetchUsersByPretalx(Command, frozen=True, kw_only=True):
    """Look persons up by their id in the timetable program."""

    ids: tuple[str, ...]


class ListUsers(Command, frozen=True, kw_only=True):
    """List all users of a kind."""

    kind: UserKind = "person"
    include_banned: bool = True


class SearchUsers(Command, frozen=True, kw_only=True):
    """Find persons who show themselves, by name or by searchable fields of their profile; pages count from 1."""

    term: str
    page: int = 1
    badge: str | None = None
    include_banned: bool = False


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of users."""

    users: tuple[User, ...]
    last: bool


class ListBlocked(Command, frozen=True, kw_only=True):
    """List the users whom the actor has blocked."""


class BlockUser(Command, frozen=True, kw_only=True):
    """Have nothing to do with somebody: no direct messages in either direction."""

    user: int


class UnblockUser(Command, frozen=True, kw_only=True):
    """Take back a block."""

    user: int


class BanUser(Command, frozen=True, kw_only=True):
    """Keep somebody out of the world."""

    user: int


class SilenceUser(Command, frozen=True, kw_only=True):
    """Let somebody look and read, and nothing else."""

    user: int


class ReactivateUser(Command, frozen=True, kw_only=True):
    """Lift bans and silences."""

    user: int


class VerifyUser(Command, frozen=True, kw_only=True):
    """Say that somebody has made sure of who a user is, or no longer; rooms can ask for that (`verified_only`)."""

    user: int
    verified: bool = True


class DeleteUser(Command, frozen=True, kw_only=True):
    """Remove somebody for good: what they said stays, what they are goes."""

    user: int


class CheckOnline(Command, frozen=True, kw_only=True):
    """Tell who of these is connected now."""

    users: tuple[int, ...]


class CreateKiosk(Command, frozen=True, kw_only=True):
    """Make a screen that stands at the event and logs in without a person."""

    profile: dict[str, Any]


class CreateUser(Command, frozen=True, kw_only=True):
    """Make a person with a login name; `password` is its hash."""

    login: str
    password: str | None = None
    traits: tuple[str, ...] = ()


class GrantRole(Command, frozen=True, kw_only=True):
    """Give somebody a role by name, on the world or on a room."""

    user: int
    role: str
    room_id: int = WORLD_WIDE


class TakeRole(Command, frozen=True, kw_only=True):
    """Take back a role."""

    user: int
    role: str
    room_id: int = WORLD_WIDE


# The own profile


@handles(
    UpdateProfile,
    "world:view",
    rate="configure",
    events=(UserUpdated, VisitUpdated, MemberJoined, MemberReturned, MessagePosted, ChannelsChanged),
)
def do_update_profile(act: Act, command: UpdateProfile) -> User:
    """Replace what is given, whole."""
    changes: dict[str, Any] = {}
    if command.profile is not None:
        changes["profile"] = checked_profile(command.profile)
    if command.client_state is not None:
        changes["client_state"] = _checked_size("client_state", command.client_state)
    before = act.actor
    user = msgspec.structs.replace(before, **changes)
    act.emit(UserUpdated, user=user)
    _rename_visits(act, before, user)
    force_joins(act, user)
    return user


def _rename_visits(act: Act, before: User, user: User) -> None:
    """Let somebody be called in their rooms as they call themselves now, where they were before and it is free."""
    if not user.display_name or user.display_name == before.display_name:
        return
    for visits in act.state.presence.visits.values():
        visit = visits.get(user.id)
        taken = {other.handle for other in visits.values()} if visit else ()
        if visit and visit.handle == (before.display_name or visit.handle) and user.display_name not in taken:
            changed = act.state.presence.update(visit, handle=user.display_name)
            if user.shown:
                act.emit(VisitUpdated, visit.room, visit=changed, before=visit)


def renamed(user: User, name: str) -> User:
    """Give a user with another display name. Raises Invalid when the profile has no room for it."""
    return msgspec.structs.replace(user, profile=checked_profile({**user.profile, "display_name": name}))


def checked_profile(profile: dict[str, Any]) -> dict[str, Any]:
    """Check a profile's size, and clean the name that others read of control characters."""
    name = profile.get("display_name")
    if isinstance(name, str):
        clean = "".join(sign for sign in name if unicodedata.category(sign) not in ("Cc", "Cs")).strip()
        profile = {**profile, "display_name": clean[:MAX_LOGIN]}
    return _checked_size("profile", profile)


def _checked_size(field: str, value: dict[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(value)) > MAX_PROFILE:
        raise invalid(field, f"at most {MAX_PROFILE} bytes")
    return value


# Looking users up


@handles(FetchUsers, "world:view", rate="read")
def do_fetch(act: Act, command: FetchUsers) -> list[User]:
    """Give those who are there, deleted ones included: their old messages still name them."""
    return [act.state.users[user] for user in command.users[:MAX_FETCH] if user in act.state.users]


@handles(FetchUsersByPretalx, "world:view", rate="read")
def do_fetch_by_pretalx(act: Act, command: FetchUsersByPretalx) -> list[User]:
    """Give those who are there."""
    wanted = set(command.ids[:MAX_FETCH])
    return [user for user in act.state.users.values() if user.pretalx_id in wanted and user.kind == "person"]


@handles(ListUsers, "world:users.list", rate="search")
def do_list(act: Act, command: ListUsers) -> list[User]:
    """Give all of a kind who are not deleted, oldest first."""
    return [
        user
        for user in act.state.users.values()
        if user.kind == command.kind
        and not user.deleted
        and (command.include_banned or act.state.moderation(user.id, act.now) != "banned")
    ]


@handles(SearchUsers, rate="search")
def do_search(act: Act, command: SearchUsers) -> Page:
    """Find those whose display name or searchable fields contain the term, by name."""
    state = act.state
    settings = state.world.config.get("user_list")
    settings = settings if isinstance(settings, dict) else {}
    size, least = _number(settings, "page_size", PAGE_SIZE) or PAGE_SIZE, _number(settings, "search_min_chars", 0)
    term = command.term.strip().casefold()
    if len(term) < least or command.page < 1:
        return Page(users=(), last=True)
    fields = _searchable(act)
    badges = state.world.config.get("trait_badges_map")
    badges = badges if isinstance(badges, dict) else {}
    found = [
        user
        for user in state.users.values()
        if user.kind == "person"
        and user.shown
        and not user.deleted
        and user.display_name
        and _matches(user, term, fields)
        and (not command.badge or any(badges.get(trait) == command.badge for trait in user.traits))
        and (command.include_banned or state.moderation(user.id, act.now) != "banned")
    ]
    found.sort(key=lambda user: (user.display_name.casefold(), user.id))
    start = (command.page - 1) * size
    return Page(users=tuple(found[start : start + size]), last=start + size >= len(found))


def _number(settings: dict[str, Any], name: str, default: int) -> int:
    value = settings.get(name)
    return value if isinstance(value, int) and 0 <= value <= 1000 else default


def _searchable(act: Act) -> list[str]:
    fields = act.state.world.config.get("profile_fields")
    return [
        str(field["id"])
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and field.get("searchable") and "id" in field
    ]


def _matches(user: User, term: str, fields: list[str]) -> bool:
    if term in user.display_name.casefold():
        return True
    values = user.profile.get("fields")
    return isinstance(values, dict) and any(term in str(values.get(field, "")).casefold() for field in fields)


@handles(CheckOnline, "world:view", rate="read")
def do_check_online(act: Act, command: CheckOnline) -> dict[int, bool]:
    """Say for each whether a connection of theirs is open."""
    return {user: act.state.presence.online(user) for user in command.users[:MAX_FETCH]}


# Having nothing to do with somebody


@handles(ListBlocked, rate="read")
def do_list_blocked(act: Act, command: ListBlocked) -> list[User]:
    """Give the users whom the actor has blocked."""
    return [act.state.users[user] for user in sorted(act.state.blocks.get(act.actor.id, ())) if user in act.state.users]


@handles(BlockUser, rate="configure", events=(UserBlocked,))
def do_block(act: Act, command: BlockUser) -> None:
    """Block; doing it twice is doing it once."""
    target = _other(act, command.user)
    blocked = act.state.blocks.get(act.actor.id, ())
    if len(blocked) >= MAX_BLOCKS:
        raise invalid("id", f"at most {MAX_BLOCKS} blocked users")
    if target.id not in blocked:
        act.emit(UserBlocked, block=Block(world=target.world, user=act.actor.id, target=target.id))


@handles(UnblockUser, rate="configure", events=(UserUnblocked,))
def do_unblock(act: Act, command: UnblockUser) -> None:
    """Unblock whoever is blocked."""
    target = _other(act, command.user)
    if target.id in act.state.blocks.get(act.actor.id, ()):
        act.emit(UserUnblocked, block=Block(world=target.world, user=act.actor.id, target=target.id))


def _other(act: Act, identity: int) -> User:
    if identity == act.by:
        raise Invalid(Code.SELF_ACTION)
    return act.access_user(identity)


# Moderation


@handles(BanUser, "world:users.manage", rate="configure", events=(UserReactivated, UserBanned, SessionsRevoked))
def do_ban(act: Act, command: BanUser) -> None:
    """Keep out, from the next command of every connection on."""
    _moderate(act, command.user, "ban", "auth.user.banned")


@handles(SilenceUser, "world:users.manage", rate="configure", events=(UserReactivated, UserBanned, SessionsRevoked))
def do_silence(act: Act, command: SilenceUser) -> None:
    """Keep silent, from the next command of every connection on."""
    _moderate(act, command.user, "silence", "auth.user.silenced")


def _moderate(act: Act, identity: int, kind: BanKind, what: str) -> None:
    user = _other(act, identity)
    act.check_rank(user)
    _lift(act, user)  # one state at a time: banning lifts a silence and the other way round
    ban = Ban(id=act.new_id(), world=user.world, user=user.id, kind=kind, by=act.by, at=act.now)
    act.emit(UserBanned, ban=ban)
    act.audit(what, {"object": user.id})
    act.emit(SessionsRevoked, user=user.id)


@handles(ReactivateUser, "world:users.manage", rate="configure", events=(UserReactivated,))
def do_reactivate(act: Act, command: ReactivateUser) -> None:
    """Let somebody in and speak again."""
    user = _other(act, command.user)
    act.check_rank(user)
    _lift(act, user)
    act.audit("auth.user.reactivated", {"object": user.id})


@handles(VerifyUser, "world:users.manage", rate="configure", events=(UserUpdated,))
def do_verify(act: Act, command: VerifyUser) -> None:
    """Note it; saying it twice is saying it once."""
    user = act.access_user(command.user)
    if user.verified != command.verified:
        act.emit(UserUpdated, user=msgspec.structs.replace(user, verified=command.verified))
        act.audit("auth.user.verified", {"object": user.id, "verified": command.verified})


def _lift(act: Act, user: User) -> None:
    bans = tuple(ban for ban in act.state.bans.get(user.id, {}).values() if ban.room == WORLD_WIDE)
    if bans:
        act.emit(UserReactivated, user=user.id, bans=bans)


@handles(
    DeleteUser,
    "world:users.manage",
    rate="configure",
    events=(UserDeleted, TokensRevoked, PushUnsubscribed, SessionsRevoked),
)
async def do_delete(act: Act, command: DeleteUser) -> None:
    """Forget the profile, the ids by which the user logged in, and everything that names them."""
    await act.archive.settle()
    subscriptions = await act.archive.push_subscriptions(command.user)
    check(act, command)  # the world may have changed while we looked
    user = _other(act, command.user)
    act.check_rank(user)
    forget_user(act, user, subscriptions)


def forget_user(act: Act, user: User, subscriptions: Sequence[PushSubscription]) -> None:
    """Mark a user as deleted, and let go of everything of theirs; `subscriptions` are those of their browsers."""
    gone = msgspec.structs.replace(
        user,
        deleted=True,
        profile={},
        client_state={},
        preferences={},
        traits=(),
        client_id=None,
        token_id=None,
        login=None,
        pretalx_id=None,
    )
    act.emit(UserDeleted, user=gone)
    if tokens := tuple(act.state.tokens_of.get(user.id, {}).values()):
        act.emit(TokensRevoked, tokens=tokens)
    if subscriptions:
        act.emit(PushUnsubscribed, subscriptions=tuple(subscriptions))
    act.audit("auth.user.deleted", {"object": user.id})
    act.emit(SessionsRevoked, user=user.id)


@handles(UpdateUser, "world:users.manage", rate="configure", events=(UserUpdated, VisitUpdated))
def do_update_user(act: Act, command: UpdateUser) -> User:
    """Change what is given."""
    user = act.access_user(command.user)
    if user.id != act.by:
        act.check_rank(user)
    changes: dict[str, Any] = {}
    if command.profile is not None:
        changes["profile"] = checked_profile(command.profile)
    if command.pretalx_id is not msgspec.UNSET:
        changes["pretalx_id"] = command.pretalx_id
    if command.client_state is not None and user.kind == "kiosk":
        changes["client_state"] = _checked_size("client_state", command.client_state)
    changed = msgspec.structs.replace(user, **changes)
    act.emit(UserUpdated, user=changed, session=0)
    _rename_visits(act, user, changed)
    act.audit("auth.user.updated", {"object": user.id, "fields": sorted(changes)})
    return changed


# Making users


@handles(CreateKiosk, "world:update", rate="create", events=(UserCreated,))
def do_create_kiosk(act: Act, command: CreateKiosk) -> User:
    """Make a kiosk with the built-in role of kiosks."""
    identity = act.new_id()
    kiosk = User(
        id=identity,
        world=act.state.world.id,
        kind="kiosk",
        token_id=f"kiosk:{identity}",
        profile=checked_profile(command.profile),
        shown=False,
        created=act.now,
    )
    grants = (Grant(world=kiosk.world, user=kiosk.id, role="__kiosk"),)
    act.emit(UserCreated, user=kiosk, grants=grants)
    act.audit("auth.kiosk.created", {"object": kiosk.id})
    return kiosk


@handles(CreateUser, "world:users.manage", rate="create", events=(UserCreated, PasswordSet))
def do_create_user(act: Act, command: CreateUser) -> User:
    """Make a person, who may do what the role `member` allows; the login name becomes the display name too."""
    login = unicodedata.normalize("NFKC", command.login).strip()
    if not 0 < len(login) <= MAX_LOGIN or any(unicodedata.category(sign)[0] == "C" for sign in login):
        raise invalid("login", f"1 to {MAX_LOGIN} characters that can be seen")
    if login.casefold() in act.state.by_login:
        raise invalid("login", "is taken")
    identity = act.new_id()
    user = User(
        id=identity,
        world=act.state.world.id,
        login=login.casefold(),
        token_id=f"account:{identity}",
        traits=command.traits,
        profile={"display_name": login},
        created=act.now,
    )
    act.emit(UserCreated, user=user, grants=(Grant(world=user.world, user=user.id, role=MEMBER_ROLE),))
    if command.password:
        credential = Credential(user=user.id, world=user.world, password=command.password)
        act.emit(PasswordSet, credential=credential)
    return user


@handles(GrantRole, "world:update", rate="configure", events=(GrantGiven,))
def do_grant(act: Act, command: GrantRole) -> None:
    """Give the role; having it already is no error."""
    user = _access_grant(act, command.user, command.role, command.room_id)
    if command.role not in act.state.world.roles:
        raise invalid("role", "no such role; there are " + ", ".join(sorted(act.state.world.roles)))
    if command.role not in act.state.granted_roles(user.id, command.room_id):
        grant = Grant(world=user.world, user=user.id, role=command.role, room=command.room_id)
        act.emit(GrantGiven, command.room_id, grant=grant)
        act.audit("auth.grant.given", {"object": user.id, "role": command.role, "room": command.room_id})


@handles(TakeRole, "world:update", rate="configure", events=(GrantTaken,))
def do_take(act: Act, command: TakeRole) -> None:
    """Take the role back; not having it is no error, nor that the world does not have it any more."""
    user = _access_grant(act, command.user, command.role, command.room_id)
    if command.role in act.state.granted_roles(user.id, command.room_id):
        grant = Grant(world=user.world, user=user.id, role=command.role, room=command.room_id)
        act.emit(GrantTaken, command.room_id, grant=grant)
        act.audit("auth.grant.taken", {"object": user.id, "role": command.role, "room": command.room_id})


def _access_grant(act: Act, identity: int, role: str, room: int) -> User:
    user = act.access_user(identity)
    if user.id != act.by:
        act.check_rank(user)
    if role == OWNER_ROLE and not act.operator and OWNER_ROLE not in act.state.granted_roles(act.by, WORLD_WIDE):
        raise Denied(Code.WORLD_DENIED, "Only owners make owners.")
    if room:
        act.access_room(room)
    return user
