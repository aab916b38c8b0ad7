"""Accounts: making one, logging in with a password, and the tokens by which clients act as their user."""

import re
import string
import unicodedata
from datetime import timedelta
from typing import Any

import msgspec

from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.error import Code, Denied, Invalid
from hubbub.core.event import (
    PasswordSet,
    PushUnsubscribed,
    SessionsRevoked,
    TokenIssued,
    TokensRevoked,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from hubbub.core.gate import passwords_of
from hubbub.core.login import digest
from hubbub.core.model import WORLD_WIDE, AccessToken, Credential, Grant, TokenUse, User
from hubbub.core.permission import MEMBER_ROLE, OWNER_ROLE, permissions_of
from hubbub.core.user import MAX_PROFILE, forget_user

USERNAME = re.compile(r"[A-Za-z0-9]{1,16}")
"""Source: protocols/jumpin.md 2."""
RESERVED = frozenset(
    (
        *("register", "login", "help", "settings", "admin", "directory", "api", "terms", "privacy", "contact", "users"),
        *("group", "groups", "room", "rooms", "support", "messages", "profile", "ageverify", "closed", "sitemod"),
    )
)
"""Words that are, or look like, pages of a site (protocols/jumpin.md 2)."""
MIN_PASSWORD = 6
MAX_PASSWORD = 200
MAX_TOKENS = 100
"""Of one user; the oldest is revoked for one more."""
MAX_TOKEN_LIFE = timedelta(days=366)
TOKEN_LENGTH = 43
"""Letters of 62: some 256 bits."""
TOKEN_LETTERS = string.ascii_letters + string.digits
MAX_LABEL = 100
MAX_NAME = 32
"""Source: protocols/socketio.md 5.3."""
JOINERS = "\u200c\u200d"
"""Cannot be seen, but Persian is written with the first, and families of emoji with the second."""
UNREADABLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of signs that no name has: they cannot be seen, break the line or turn its direction."""
SECRET_LIFE = timedelta(days=36_525)
"""As long as the account."""


class CheckUsername(Command, frozen=True, kw_only=True):
    """Ask whether somebody could register with a name."""

    username: str


class Register(Command, frozen=True, kw_only=True):
    """Make an account for oneself, where the world lets people do that (`registration` in its configuration)."""

    username: str
    password: str


class OpenAccount(Command, frozen=True, kw_only=True):
    """Make an account by a name alone, which others may have too, where the world lets people make accounts.

    Who has its `secret` can come back; there is no other way.
    """

    name: str


class OpenedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A new account, and what lets its owner come back for good."""

    user: User
    secret: str


class LogInBySecret(Command, frozen=True, kw_only=True):
    """Find out who has an account's secret, or a token of it that is still good (`access` is its digest).

    `legacy` takes the id and the name instead, which are public, for accounts that people made by a name alone: they
    have no password, no ticket system knows them, and they run nothing here.
    """

    user: int
    name: str
    secret: str = ""
    access: str = ""
    legacy: bool = False


class LogInByPassword(Command, frozen=True, kw_only=True):
    """Find out who has a login name and a password."""

    login: str
    password: str


class IssueToken(Command, frozen=True, kw_only=True):
    """Get a token by which a client acts as the actor."""

    label: str
    life: timedelta


class RevokeToken(Command, frozen=True, kw_only=True):
    """Let a token be good for nothing any more; one that is unknown is that already."""

    token: str


class RevokeOwnToken(Command, frozen=True, kw_only=True):
    """Let a token of the actor be good for nothing any more, by its digest; one that is not theirs stays."""

    digest: str


class CloseAccount(Command, frozen=True, kw_only=True):
    """Have everything that the server knows of the actor forgotten, for good; what they said stays."""


class SetPreferences(Command, frozen=True, kw_only=True):
    """Change what the actor prefers; what is not named stays, what is None is forgotten."""

    preferences: dict[str, Any]


@handles(CheckUsername, rate="login", before_login=True)
def do_check_username(act: Act, command: CheckUsername) -> None:
    """Raise Invalid LOGIN_INVALID or LOGIN_TAKEN unless it is possible."""
    _check_username(act, command.username)


def _check_username(act: Act, username: str) -> None:
    if not USERNAME.fullmatch(username) or username.lower() in RESERVED:
        raise Invalid(Code.LOGIN_INVALID, "A username has 1 to 16 letters and digits, and is not a word of the site.")
    if username.casefold() in act.state.by_login:
        raise Invalid(Code.LOGIN_TAKEN, "This username is taken.")


@handles(Register, rate="login", before_login=True, events=(UserCreated, PasswordSet))
async def do_register(act: Act, command: Register) -> User:
    """Make the account; who has one may do what the role `member` allows."""
    _check_registration(act)
    _check_username(act, command.username)
    if not MIN_PASSWORD <= len(command.password) <= MAX_PASSWORD:
        raise invalid("password", f"{MIN_PASSWORD} to {MAX_PASSWORD} characters")
    hashed = await passwords_of(act).hash(command.password)
    _check_username(act, command.username)  # somebody may have taken it meanwhile
    identity = act.new_id()
    user = User(
        id=identity,
        world=act.state.world.id,
        login=command.username.casefold(),
        token_id=f"account:{identity}",
        profile={"display_name": command.username},
        created=act.now,
        last_login=act.now,
    )
    grants = (Grant(world=user.world, user=user.id, role=MEMBER_ROLE),)
    act.emit(UserCreated, user=user, grants=grants)
    act.emit(PasswordSet, credential=Credential(user=user.id, world=user.world, password=hashed))
    return user


def _check_registration(act: Act) -> None:
    stranger = User(id=0, world=act.state.world.id, token_id="", created=act.now)
    held = {*act.state.permissions(stranger, act.now), *permissions_of(MEMBER_ROLE, act.state.world.roles)}
    if act.state.world.config.get("registration", True) is not True or "world:view" not in held:
        raise Denied(Code.REGISTRATION_CLOSED, "Here only organisers make accounts. Ask them for one.")


@handles(OpenAccount, rate="login", before_login=True, events=(UserCreated, TokenIssued))
def do_open_account(act: Act, command: OpenAccount) -> OpenedAccount:
    """Make the account; who has one may do what the role `member` allows."""
    _check_registration(act)
    name = checked_name(command.name)
    identity = act.new_id()
    user = User(
        id=identity,
        world=act.state.world.id,
        token_id=f"account:{identity}",
        profile={"display_name": name},
        created=act.now,
        last_login=act.now,
    )
    act.emit(UserCreated, user=user, grants=(Grant(world=user.world, user=user.id, role=MEMBER_ROLE),))
    secret = _issue(act, user, "account secret", SECRET_LIFE, use="login")
    return OpenedAccount(user=user, secret=secret)


def checked_name(name: str) -> str:
    """Give a name without blanks around it. Raises Invalid unless others can read it."""
    name = name.strip()
    seen = [unicodedata.category(sign) for sign in name if sign not in JOINERS]
    if len(name) > MAX_NAME or not seen or not UNREADABLE.isdisjoint(seen):
        raise invalid("name", f"1 to {MAX_NAME} characters that can be seen")
    return name


@handles(LogInBySecret, rate="login", before_login=True)
async def do_log_in_by_secret(act: Act, command: LogInBySecret) -> User:
    """Give the user; says the same for whatever is wrong."""
    password = await act.archive.credential(command.user) if command.legacy else None
    user = act.state.users.get(command.user)
    token = act.state.tokens.get(digest(command.secret)) if command.secret else None
    known = token is not None and token.user == command.user and token.use == "login" and token.expires > act.now
    shown = act.state.user_by_token(command.access, act.now) if command.access else None
    known = known or (shown is not None and shown.id == command.user)
    legacy = command.legacy and password is None and user is not None and _by_name_alone(act, user)
    if user is None or user.deleted or user.display_name != command.name.strip() or not (known or legacy):
        raise Denied(Code.PASSWORD_WRONG, "These account details are wrong.")
    if "world:view" not in act.state.permissions(user, act.now):
        raise Denied(Code.LOGIN_DENIED, "You may not come in.")
    return user


def _by_name_alone(act: Act, user: User) -> bool:
    """Tell whether somebody made an account by a name alone, and has no power that is worth taking."""
    made = user.kind == "person" and user.login is None and user.token_id == f"account:{user.id}"
    runs = any(room and roles for room, roles in act.state.roles.get(user.id, {}).items())
    return made and not runs and not act.state.rank(user, act.now)


@handles(LogInByPassword, rate="login", before_login=True)
async def do_log_in_by_password(act: Act, command: LogInByPassword) -> User:
    """Give the user; says the same, and takes as long, when there is no such name and when the password is wrong."""
    known = act.state.by_login.get(command.login.strip().casefold())
    credential = await act.archive.credential(known) if known is not None else None
    hashed = credential.password if credential else None
    right = await passwords_of(act).verify(hashed, command.password[:MAX_PASSWORD])
    user = act.state.users.get(known) if known is not None else None
    if not right or user is None or user.deleted:
        raise Denied(Code.PASSWORD_WRONG, "Username or password is wrong.")
    if "world:view" not in act.state.permissions(user, act.now):
        raise Denied(Code.LOGIN_DENIED, "You may not come in.")
    return user


@handles(IssueToken, "world:view", rate="login", events=(TokenIssued, TokensRevoked))
def do_issue_token(act: Act, command: IssueToken) -> str:
    """Give a new token; only its digest is kept."""
    if not timedelta() < command.life <= MAX_TOKEN_LIFE or len(command.label) > MAX_LABEL:
        raise invalid("life", f"at most {MAX_TOKEN_LIFE.days} days")
    return _issue(act, act.actor, command.label, command.life)


def _issue(act: Act, user: User, label: str, life: timedelta, use: TokenUse = "access") -> str:
    own = [token for token in tokens_of(act, user.id) if token.use == use]
    if len(own) >= MAX_TOKENS:
        act.emit(TokensRevoked, tokens=tuple(own[: len(own) - MAX_TOKENS + 1]))
    secret = act.secret(TOKEN_LENGTH, TOKEN_LETTERS)
    token = AccessToken(
        digest=digest(secret),
        world=act.state.world.id,
        user=user.id,
        label=label,
        use=use,
        created=act.now,
        expires=act.now + life,
    )
    act.emit(TokenIssued, token=token)
    return secret


@handles(RevokeToken, rate="login", before_login=True, events=(TokensRevoked,))
def do_revoke_token(act: Act, command: RevokeToken) -> None:
    """Forget it. Who has it may do that, whoever they are."""
    token = act.state.tokens.get(digest(command.token))
    if token:
        act.emit(TokensRevoked, tokens=(token,))


@handles(RevokeOwnToken, "world:view", rate="login", events=(TokensRevoked,))
def do_revoke_own_token(act: Act, command: RevokeOwnToken) -> None:
    """Forget it. An account's secret stays: without it, its owner could not come back."""
    token = act.state.tokens_of.get(act.actor.id, {}).get(command.digest)
    if token and token.use == "access":
        act.emit(TokensRevoked, tokens=(token,))


def tokens_of(act: Act, user: int) -> list[AccessToken]:
    """Give a user's tokens, those first that end first."""
    return sorted(act.state.tokens_of.get(user, {}).values(), key=lambda token: (token.expires, token.created))


@handles(SetPreferences, "world:view", rate="configure", events=(UserUpdated,))
def do_set_preferences(act: Act, command: SetPreferences) -> User:
    """Merge them."""
    merged = {**act.actor.preferences, **command.preferences}
    kept = {name: value for name, value in merged.items() if value is not None}
    if len(msgspec.json.encode(kept)) > MAX_PROFILE:
        raise invalid("preferences", f"at most {MAX_PROFILE} bytes")
    user = msgspec.structs.replace(act.actor, preferences=kept)
    act.emit(UserUpdated, user=user)
    return user


@handles(
    CloseAccount,
    "world:view",
    rate="configure",
    events=(UserDeleted, TokensRevoked, PushUnsubscribed, SessionsRevoked),
)
async def do_close(act: Act, command: CloseAccount) -> None:
    """Do as DeleteUser does. An owner of the world must be none before, so that the last one cannot go by mistake."""
    await act.archive.settle()
    subscriptions = await act.archive.push_subscriptions(act.actor.id)
    check(act, command)  # the world may have changed while we looked
    if OWNER_ROLE in act.state.granted_roles(act.actor.id, WORLD_WIDE):
        raise Denied(Code.WORLD_DENIED, "You own this community. Let another owner take the role from you first.")
    forget_user(act, act.actor, subscriptions)
