"""Logging in: who is it, and may they come in at all."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import jwt
import msgspec

from hubbub.core.chat import force_joins
from hubbub.core.command import Act, Command, handles, invalid
from hubbub.core.error import Code, Denied, HubbubError, Limited, Unknown
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    LoginIssued,
    MemberJoined,
    MemberReturned,
    MessagePosted,
    OccupancyChanged,
    SessionReplaced,
    Unsubscribed,
    UserCreated,
    UserSeen,
    UserUpdated,
    VisitClosed,
)
from hubbub.core.model import Grant, Invite, LoginCode, User, World
from hubbub.core.room import INVITE_ALPHABET, leave_all
from hubbub.core.signature import MAX_TOKEN, any_length, first_secret, secrets_of
from hubbub.core.user import checked_profile

MAX_CLIENT_ID = 200
MAX_TOKEN_ID = 200
MAX_TRAITS = 200
OURS = "system:"
"""What ids of users begin with whom the server makes for itself; no token speaks for them."""
MAX_LOGINS = 1000
"""Tokens that one command makes."""
LOGIN_CODE_LENGTH = 24
LAST_LOGIN_GRAIN = timedelta(minutes=10)


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed token says of its holder."""

    uid: str | int
    traits: tuple[str, ...] = ()
    profile: dict[str, Any] | None = None
    pretalx_id: str | int | None = None


class LogIn(Command, frozen=True, kw_only=True):
    """Come in with a signed token or, as a guest, with an id that the client made up, and perhaps an invite.

    `access` is the digest of an access token that the client has shown.
    """

    client_id: str | None = None
    token: str | None = None
    invite: str | None = None
    access: str | None = None


class LogOut(Command, frozen=True, kw_only=True):
    """The connection is gone: leave every room and conversation that it was in. The user may be gone, too."""

    user: int


class IssueLogins(Command, frozen=True, kw_only=True):
    """Make tokens with which somebody new can log in: signed ones when `long`, else short codes."""

    number: int
    traits: tuple[str, ...]
    days: int
    long: bool = False


class IssueLogin(Command, frozen=True, kw_only=True):
    """Make a short code with which a user who exists can log in; `kiosk` to insist that it is one."""

    user: int
    days: int = 1
    kiosk: bool = False


class RedeemLogin(Command, frozen=True, kw_only=True):
    """Get the signed token that a short code is worth."""

    code: str


class RedeemInvite(Command, frozen=True, kw_only=True):
    """Look an invite up."""

    code: str


@handles(
    LogIn,
    rate="login",
    before_login=True,
    events=(
        UserCreated,
        UserUpdated,
        UserSeen,
        GrantGiven,
        SessionReplaced,
        Unsubscribed,
        VisitClosed,
        OccupancyChanged,
        MemberJoined,
        MemberReturned,
        MessagePosted,
        ChannelsChanged,
    ),
)
def do_log_in(act: Act, command: LogIn) -> User:
    """Find or make the user, check that they may see the world, and note the connection."""
    if command.access:
        user = _by_access(act, command.access)
    elif command.token:
        user = _by_token(act, read_token(act.state.world, command.token, act.now))
    elif command.client_id:
        user = _by_client_id(act, command.client_id[:MAX_CLIENT_ID], command.invite)
    else:
        raise Denied(Code.CREDENTIALS_MISSING)
    act.user = user
    if act.session:
        act.state.presence.connect(user.id, act.session)
        _limit_connections(act)
    force_joins(act, user)
    return user


def _by_token(act: Act, claims: Claims) -> User:
    state, identity = act.state, str(claims.uid)
    if not 0 < len(identity) <= MAX_TOKEN_ID or identity.startswith(OURS) or len(claims.traits) > MAX_TRAITS:
        raise Denied(Code.TOKEN_INVALID)
    known = state.by_token_id.get(identity)
    if known is None:
        user = User(
            id=act.new_id(),
            world=state.world.id,
            token_id=identity,
            traits=claims.traits,
            profile=checked_profile(claims.profile or {}),
            pretalx_id=None if claims.pretalx_id is None else str(claims.pretalx_id),
            created=act.now,
            last_login=act.now,
        )
        _check_may_come_in(act, user, Code.LOGIN_DENIED)
        act.emit(UserCreated, user=user)
        return user
    if state.users[known].kind == "system":
        raise Denied(Code.TOKEN_INVALID)
    user = msgspec.structs.replace(state.users[known], traits=claims.traits)
    _check_may_come_in(act, user, Code.LOGIN_DENIED)
    if user.traits != state.users[known].traits:
        user = msgspec.structs.replace(user, last_login=act.now)
        act.emit(UserUpdated, user=user)
        return user
    return _seen(act, user)


def _by_access(act: Act, access: str) -> User:
    user = act.state.user_by_token(access, act.now)
    if user is None:
        raise Denied(Code.TOKEN_INVALID)
    _check_may_come_in(act, user, Code.LOGIN_DENIED)
    return _seen(act, user)


def _by_client_id(act: Act, client_id: str, code: str | None) -> User:
    state = act.state
    known = state.by_client_id.get(client_id)
    user = (
        state.users[known]
        if known is not None
        else User(id=act.new_id(), world=state.world.id, client_id=client_id, created=act.now, last_login=act.now)
    )
    refused = (
        Code.LOGIN_DENIED if state.moderation(user.id, act.now) == "banned" or user.deleted else Code.TOKEN_REQUIRED
    )
    if code and known is None:
        invite = _access_invite(act, code, Code.TOKEN_REQUIRED)
        guest = msgspec.structs.replace(user, kind="anon", shown=False)
        grants = (
            Grant(world=guest.world, user=guest.id, role="__anonymous_world"),
            Grant(world=guest.world, user=guest.id, role="__anonymous_room", room=invite.room),
        )
        act.emit(UserCreated, user=guest, grants=grants)
        return guest
    if code and user.kind == "anon":
        invite = _access_invite(act, code, Code.TOKEN_REQUIRED)
        if "__anonymous_room" not in state.granted_roles(user.id, invite.room):
            _check_may_come_in(act, user, refused)
            grant = Grant(world=user.world, user=user.id, role="__anonymous_room", room=invite.room)
            act.emit(GrantGiven, invite.room, grant=grant)
    _check_may_come_in(act, user, refused)
    if known is None:
        act.emit(UserCreated, user=user)
        return user
    return _seen(act, user)


def _seen(act: Act, user: User) -> User:
    """Note a login; not every one, as a community that reconnects at once should not write once for each."""
    if user.last_login is None or act.now - user.last_login > LAST_LOGIN_GRAIN:
        user = msgspec.structs.replace(user, last_login=act.now)
        act.emit(UserSeen, user=user)
    return user


def _check_may_come_in(act: Act, user: User, refused: Code) -> None:
    if "world:view" not in act.state.permissions(user, act.now):
        raise Denied(refused)


def _limit_connections(act: Act) -> None:
    """Send away the oldest connections of a user who has more than the world allows."""
    limit = act.state.world.config.get("connection_limit")
    if not isinstance(limit, int) or limit <= 0 or act.may("world:connections.unlimited"):
        return
    sessions = list(act.state.presence.sessions[act.actor.id])
    for session in sessions[: max(0, len(sessions) - limit)]:
        leave_all(act, act.actor.id, session)
        act.emit(SessionReplaced, user=act.actor.id, session=session)


@handles(LogOut, rate="free", before_login=True, events=(Unsubscribed, VisitClosed, OccupancyChanged))
def do_log_out(act: Act, command: LogOut) -> None:
    """Leave everything; volatile belonging ends with the last connection that listened."""
    leave_all(act, command.user, act.session)


# Tokens and codes


def read_token(world: World, token: str, now: datetime) -> Claims:
    """Read a JWT signed with one of the world's secrets (HS256; issuer and audience must match; protocols 1.15).

    Raises Denied TOKEN_EXPIRED when the signature is right and the time is over, else TOKEN_INVALID.
    """
    if len(token) > MAX_TOKEN:
        raise Denied(Code.TOKEN_INVALID)
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    for secret in secrets_of(world):
        try:
            with any_length():
                body = jwt.decode(
                    token,
                    secret["secret"],
                    algorithms=["HS256"],
                    audience=secret["audience"],
                    issuer=secret["issuer"],
                    options=options,
                )
            if "exp" in body and body["exp"] <= now.timestamp():
                raise Denied(Code.TOKEN_EXPIRED)
            return msgspec.convert(body, Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError, TypeError, ValueError, RecursionError):
            continue
    raise Denied(Code.TOKEN_INVALID)


def write_token(world: World, claims: Claims, *, now: datetime, days: int) -> str:
    """Sign a token with the world's first secret. Raises Invalid when the world has none."""
    secret = first_secret(world)
    body = {
        "iss": secret["issuer"],
        "aud": secret["audience"],
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(days=days)).timestamp()),
        "uid": claims.uid,
        "traits": list(claims.traits),
    }
    with any_length():
        return jwt.encode(body, secret["secret"], algorithm="HS256")


@handles(IssueLogins, "world:update", rate="create", events=(LoginIssued,))
def do_issue_logins(act: Act, command: IssueLogins) -> list[str]:
    """Make tokens for people who are yet to come, each a user of its own."""
    if not 0 < command.number <= MAX_LOGINS:
        raise Limited(Code.TOO_MANY, f"1 to {MAX_LOGINS} tokens at once")
    if not 0 < command.days <= 3650:
        raise invalid("days", "1 to 3650")
    claims = [Claims(uid=act.secret(32, INVITE_ALPHABET), traits=command.traits) for _ in range(command.number)]
    if command.long:
        results = [write_token(act.state.world, claim, now=act.now, days=command.days) for claim in claims]
    else:
        results = issue_codes(act, claims, days=command.days)
    act.audit("world.tokens.generate", {"number": command.number, "traits": list(command.traits), "days": command.days})
    return results


@handles(IssueLogin, "world:users.manage", rate="create", events=(LoginIssued,))
def do_issue_login(act: Act, command: IssueLogin) -> tuple[User, str]:
    """Make a code for one user, and give both."""
    user = act.access_user(command.user)
    if user.token_id is None or (command.kiosk and user.kind != "kiosk"):
        raise Unknown(Code.USER_UNKNOWN)
    if user.id != act.by:
        act.check_rank(user)
    (code,) = issue_codes(act, [Claims(uid=user.token_id, traits=user.traits)], days=command.days)
    return user, code


def issue_codes(act: Act, claims: list[Claims], *, days: int) -> list[str]:
    """Make short codes for these claims; only their hashes are kept."""
    secret = [act.secret(LOGIN_CODE_LENGTH, INVITE_ALPHABET) for _ in claims]
    expires = act.now + timedelta(days=days)
    codes = tuple(
        LoginCode(digest=digest(code), world=act.state.world.id, claims=msgspec.to_builtins(claim), expires=expires)
        for code, claim in zip(secret, claims, strict=True)
    )
    act.emit(LoginIssued, codes=codes)
    return secret


def digest(code: str) -> str:
    """Hash a code that is random and long: no salt is needed."""
    return hashlib.sha256(code.encode()).hexdigest()


@handles(RedeemLogin, rate="login", before_login=True)
async def do_redeem_login(act: Act, command: RedeemLogin) -> str:
    """Sign a token for whom the code was made, valid as long as the code."""
    found = await act.archive.login_code(digest(command.code), act.now)
    if found is None or found.world != act.state.world.id:
        raise Unknown(Code.INVITE_UNKNOWN, "This login link is not valid (any more). Ask for a new one.")
    days = max(1, (found.expires - act.now).days)
    return write_token(act.state.world, msgspec.convert(found.claims, Claims), now=act.now, days=days)


@handles(RedeemInvite, rate="login", before_login=True)
def do_redeem_invite(act: Act, command: RedeemInvite) -> Invite:
    """Give an invite that is still valid."""
    return _access_invite(act, command.code, Code.INVITE_UNKNOWN)


def _access_invite(act: Act, code: str, refused: Code) -> Invite:
    invite = act.state.invites.get(code)
    if invite is None or invite.expires <= act.now:
        raise Unknown(refused, "This invite is not valid (any more). Ask for a new one.")
    try:
        act.access_room(invite.room)
    except HubbubError:
        raise Unknown(refused, "The room of this invite is gone.") from None
    return invite
