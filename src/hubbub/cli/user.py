"""`hubbub user`: make and list users, give them roles and tokens, keep them out and let them in again."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubbub.cli.community import access_user, access_world, beside, describe
from hubbub.cli.error import Failure
from hubbub.cli.option import ConfigOption, DatabaseOption, WorldOption, read_settings
from hubbub.cli.output import note, say, table

if TYPE_CHECKING:
    from hubbub.core.command import Command
    from hubbub.core.model import User
    from hubbub.core.state import WorldState
    from hubbub.live.community import Community
    from hubbub.settings import Settings

app = typer.Typer(help="Make and list users, give them roles and tokens.", no_args_is_help=True)

UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Login, id, token uid or client id.")]

MAX_DAYS = 3650
MAX_PASSWORD = 1024


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The name to log in with and to be seen by.")],
    password: Annotated[
        str | None, typer.Option("--password", help="The password; - to read it from stdin.", show_default=False)
    ] = None,
    role: Annotated[list[str] | None, typer.Option("--role", help="A role on the whole world; repeatable.")] = None,
    trait: Annotated[list[str] | None, typer.Option("--trait", help="A trait; repeatable.")] = None,
    world: WorldOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a user."""
    settings = read_settings(config, database=database, world=world)
    hashed = _hash(password)

    async def work(community: "Community") -> "User":
        from hubbub.core.user import CreateUser, GrantRole

        state = access_world(community, settings.world)
        for wanted in role or ():
            _check_role(state, wanted)
        if name.strip().casefold() in state.by_login:
            raise Failure(f"There is a user {name!r} in {settings.world} already. Choose another name.")
        command = CreateUser(login=name, password=hashed, traits=tuple(trait or ()))
        user: User = await community.call(state, command, operator=True)
        for wanted in role or ():
            await community.call(state, GrantRole(user=user.id, role=wanted), operator=True)
        return user

    user = beside(settings, work, "Making the user")
    say(f"The user {user.login} is in {settings.world}. Its id is {user.id}.")
    if hashed is None:
        note(f"There is no password; `hubbub user token {user.login} --world {settings.world}` prints a login token.")


def _hash(password: str | None) -> str | None:
    if password is None:
        return None
    if password == "-":  # noqa: S105
        password = sys.stdin.readline(MAX_PASSWORD + 2).removesuffix("\n").removesuffix("\r")
    else:
        note("Others on this machine can see a password on the command line; --password - reads it from stdin.")
    if not 0 < len(password) <= MAX_PASSWORD:
        raise Failure(f"A password has 1 to {MAX_PASSWORD} characters. Choose another one.")
    from argon2 import PasswordHasher

    try:
        return PasswordHasher().hash(password)
    except UnicodeEncodeError as error:
        raise Failure("The password is not valid text. Choose another one.") from error


def _check_role(state: "WorldState", role: str) -> None:
    if role not in state.world.roles:
        there = ", ".join(sorted(state.world.roles)) or "none"
        raise Failure(f"There is no role {role!r} in {state.world.name}. There are: {there}.")


@app.command("list")
def list_users(world: WorldOption = None, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """List the users: id, Venueless id, login, name, kind, state, roles, traits, last login."""
    settings = read_settings(config, database=database, world=world)

    async def work(community: "Community") -> list[tuple[object, ...]]:
        from hubbub.core.model import WORLD_WIDE
        from hubbub.dialects.venueless.id import Kind, render

        state, now = access_world(community, settings.world), community.clock()
        return [
            (
                user.id,
                render(user.id, Kind.USER),
                user.login or "",
                user.display_name,
                "guest" if user.client_id and user.kind == "person" else user.kind,
                state.moderation(user.id, now) or "active",
                " ".join(state.granted_roles(user.id, WORLD_WIDE)),
                " ".join(user.traits),
                user.last_login.isoformat(" ", "minutes") if user.last_login else "",
            )
            for user in sorted(state.users.values(), key=lambda user: user.id)
            if not user.deleted
        ]

    rows = beside(settings, work, "Reading")
    table(("id", "venueless id", "login", "name", "kind", "state", "roles", "traits", "last login"), rows)


@app.command("grant")
def grant(
    user: UserArgument,
    role: Annotated[str, typer.Argument(help="A role of the world, such as admin.")],
    take: Annotated[bool, typer.Option("--take", help="Take the role back.")] = False,
    world: WorldOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Give somebody a role in the whole world."""
    from hubbub.core.user import GrantRole, TakeRole

    kind = TakeRole if take else GrantRole
    settings = read_settings(config, database=database, world=world)
    target = _do(settings, user, lambda identity: kind(user=identity, role=role))
    say(f"{describe(target)} {'no longer has' if take else 'has'} the role {role} in {settings.world}.")


@app.command("ban")
def ban(
    user: UserArgument, world: WorldOption = None, database: DatabaseOption = None, config: ConfigOption = None
) -> None:
    """Keep somebody out of the world, at once."""
    from hubbub.core.user import BanUser

    settings = read_settings(config, database=database, world=world)
    target = _do(settings, user, lambda identity: BanUser(user=identity))
    say(f"{describe(target)} is banned from {settings.world}. `hubbub user reactivate {target.id}` takes that back.")


@app.command("reactivate")
def reactivate(
    user: UserArgument, world: WorldOption = None, database: DatabaseOption = None, config: ConfigOption = None
) -> None:
    """Lift somebody's ban or silence."""
    from hubbub.core.user import ReactivateUser

    settings = read_settings(config, database=database, world=world)
    target = _do(settings, user, lambda identity: ReactivateUser(user=identity))
    say(f"{describe(target)} may come in and speak in {settings.world}.")


@app.command("verify")
def verify(
    user: UserArgument,
    take: Annotated[bool, typer.Option("--take", help="Take it back.")] = False,
    world: WorldOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Say that you have made sure of who somebody is: rooms can ask for that."""
    from hubbub.core.user import VerifyUser

    settings = read_settings(config, database=database, world=world)
    target = _do(settings, user, lambda identity: VerifyUser(user=identity, verified=not take))
    say(f"{describe(target)} is {'no longer ' if take else ''}verified in {settings.world}.")


def _do(settings: "Settings", user: str, command: "Any") -> "User":
    """Do to a user, as the operator, what `command` makes of an id."""

    async def work(community: "Community") -> "User":
        state = access_world(community, settings.world)
        target = access_user(state, user)
        asked: Command = command(target.id)
        if hasattr(asked, "role"):
            _check_role(state, asked.role)
        await community.call(state, asked, operator=True)
        return target

    return beside(settings, work, "Working")


@app.command("token")
def token(
    user: UserArgument,
    days: Annotated[int, typer.Option("--days", min=1, max=MAX_DAYS, help="How long the token is valid.")] = 30,
    access: Annotated[
        bool, typer.Option("--access", help="An access token, for programs made for GroupMe; a year at most.")
    ] = False,
    world: WorldOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Print a token with which a client logs in as this user, alone on the last line."""
    settings = read_settings(config, database=database, world=world)
    if access:
        _print_access(settings, user, days)
        return

    async def work(community: "Community") -> tuple[str, str]:
        from hubbub.core.login import Claims, write_token

        state = access_world(community, settings.world)
        target, now = access_user(state, user), community.clock()
        if target.token_id is None:
            raise _no_tokens(target)
        claims = Claims(uid=target.token_id, traits=target.traits)
        return write_token(state.world, claims, now=now, days=days), state.moderation(target.id, now)

    text, moderation = beside(settings, work, "Signing")
    note("Whoever has this token is this user. The web address with #token= and the token behind it logs in.")
    if moderation:
        note(f"The user is {moderation}; `hubbub user reactivate` takes that back.")
    typer.echo(text)


def _no_tokens(user: "User") -> Failure:
    return Failure(
        f"There are no tokens for {describe(user)}: guests log in with what their browser keeps."
        " `hubbub user create` makes an account."
    )


def _print_access(settings: "Settings", user: str, days: int) -> None:
    async def work(community: "Community") -> str:
        from datetime import timedelta

        from hubbub.core.account import MAX_TOKEN_LIFE, IssueToken
        from hubbub.core.error import Denied

        if days > MAX_TOKEN_LIFE.days:
            raise Failure(f"An access token is valid for at most {MAX_TOKEN_LIFE.days} days. Choose fewer --days.")
        state = access_world(community, settings.world)
        target = access_user(state, user)
        if target.token_id is None:
            raise _no_tokens(target)
        command = IssueToken(label="groupme: hubbub user token", life=timedelta(days=days))
        try:
            return str(await community.call(state, command, user=target.id))
        except Denied as error:
            raise Failure(
                f"{describe(target)} may not come in to {settings.world}. `hubbub user grant {target.id} member` lets"
                f" them in; `hubbub user reactivate {target.id}` ends a ban."
            ) from error

    text = beside(settings, work, "Making the token")
    note("Whoever has this token is this user. The user can end it at /oauth/token.")
    typer.echo(text)
