"""Users at the command line: made, listed, given roles and tokens, kept out."""

import asyncio
import os
import pty
import subprocess
import sys
from datetime import timedelta

import jwt
import pytest
from tests.cli.conftest import Shell

from hubbub.cli.community import opened
from hubbub.cli.option import read_settings
from hubbub.core.login import LogIn, digest, read_token
from hubbub.core.model import Credential, User


def log_in(client_id: str) -> User:
    """Let a guest come who calls itself so."""

    async def work() -> User:
        async with opened(read_settings(None)) as community:
            user: User = await community.call(community.state("main"), LogIn(client_id=client_id))
            return user

    return asyncio.run(work())


def credential(identity: int) -> Credential | None:
    async def work() -> Credential | None:
        async with opened(read_settings(None)) as community:
            return await community.store.credential(identity)

    return asyncio.run(work())


def test_a_user_with_roles_and_traits(home: Shell) -> None:
    home.ok("user", "create", "Ann", "--role", "admin", "--role", "moderator", "--trait", "staff", "--trait", "vip")
    ((_, _, login, name, kind, state, roles, traits, seen),) = home.rows("user", "list")
    assert (login, name, kind, state, seen) == ("ann", "Ann", "person", "active", "")
    assert (roles, traits) == ("admin member moderator", "staff vip")


def test_a_password_is_kept_as_a_hash(home: Shell) -> None:
    result = home.run("user", "create", "ann", "--password", "correct horse")
    assert "Others on this machine can see" in result.stderr
    assert "correct horse" not in result.output
    home.ok("user", "create", "bob", "--password", "-", typed="battery staple\n")
    for row, password in zip(home.rows("user", "list"), ("correct horse", "battery staple"), strict=True):
        from argon2 import PasswordHasher

        kept = credential(int(row[0]))
        assert kept
        assert kept.password.startswith("$argon2id$")
        assert PasswordHasher().verify(kept.password, password)


def test_a_refused_user_is_not_made(home: Shell) -> None:
    assert "There are: admin" in home.fails("user", "create", "ann", "--role", "king")
    assert "1 to 1024" in home.fails("user", "create", "ann", "--password", "-", typed="\n")
    assert home.fails("user", "create", " ").startswith("Login: 1 to 150")
    assert home.rows("user", "list") == []


def test_a_name_is_taken_once(home: Shell) -> None:
    home.ok("user", "create", "ann")
    assert "Choose another name" in home.fails("user", "create", "ANN")


def test_roles_are_given_and_taken(home: Shell) -> None:
    home.ok("user", "create", "ann")
    identity, uuid = home.rows("user", "list")[0][:2]
    for text in ("ann", identity, uuid, f"account:{identity}", f"{int(identity):024x}"):
        assert home.ok("user", "grant", text, "admin") == "ann has the role admin in main.\n"
        assert home.rows("user", "list")[0][6] == "admin member"
        home.ok("user", "grant", text, "admin", "--take")
        assert home.rows("user", "list")[0][6] == "member"
    assert "There are: admin" in home.fails("user", "grant", "ann", "king")


def test_no_guest_is_taken_for_somebody_with_an_account(home: Shell) -> None:
    home.ok("user", "create", "ann")
    guest, other = log_in("ann"), log_in("bob")
    assert home.ok("user", "grant", "ann", "admin").startswith("ann has")
    assert home.ok("user", "grant", "bob", "admin") == f"the guest with the id {other.id} has the role admin in main.\n"
    assert [row[6] for row in home.rows("user", "list") if row[0] == str(guest.id)] == [""]


def test_a_token_is_alone_on_stdout(home: Shell) -> None:
    home.ok("user", "create", "ann", "--trait", "staff")
    printed = home.ok("user", "token", "ann", "--days", "2")
    assert printed.count("\n") == 1
    claims = jwt.decode(printed.strip(), options={"verify_signature": False})
    assert claims["traits"] == ["staff"]
    assert claims["exp"] - claims["iat"] == 2 * 24 * 3600

    async def work() -> User:
        async with opened(read_settings(None)) as community:
            state = community.state("main")
            assert read_token(state.world, printed.strip(), community.clock()).traits == ("staff",)
            user: User = await community.call(state, LogIn(token=printed.strip()))
            return user

    home.ok("user", "grant", "ann", "attendee")
    assert asyncio.run(work()).login == "ann"


def test_an_access_token(home: Shell) -> None:
    home.ok("user", "create", "ann")
    home.ok("user", "ban", "ann")
    assert "may not come in" in home.fails("user", "token", "ann", "--access")
    home.ok("user", "reactivate", "ann")
    printed = home.ok("user", "token", "ann", "--access", "--days", "2")
    assert printed.count("\n") == 1
    assert "at most 366 days" in home.fails("user", "token", "ann", "--access", "--days", "367")

    async def work() -> User | None:
        async with opened(read_settings(None)) as community:
            access = digest(printed.strip())
            assert community.state("main").user_by_token(access, community.clock() + timedelta(days=2)) is None
            return community.state("main").user_by_token(access, community.clock())

    user = asyncio.run(work())
    assert user and user.login == "ann"


def test_a_guest_has_no_token(home: Shell) -> None:
    log_in("a-browser")
    assert "hubbub user create" in home.fails("user", "token", "a-browser")
    assert "hubbub user create" in home.fails("user", "token", "a-browser", "--access")


@pytest.mark.parametrize("days", ["0", "3651", "x"])
def test_a_token_for_no_sensible_time(home: Shell, days: str) -> None:
    assert home.run("user", "token", "ann", "--days", days).exit_code == 2


def test_a_ban_and_its_end(home: Shell) -> None:
    home.ok("user", "create", "ann")
    assert "hubbub user reactivate" in home.ok("user", "ban", "ann")
    assert home.rows("user", "list")[0][5] == "banned"
    assert "The user is banned" in home.run("user", "token", "ann").stderr
    home.ok("user", "reactivate", "ann")
    assert home.rows("user", "list")[0][5] == "active"
    assert "hubbub user list" in home.fails("user", "ban", "bob")


def test_somebody_is_verified_and_no_longer(home: Shell) -> None:
    home.ok("user", "create", "ann")
    assert "is verified in" in home.ok("user", "verify", "ann")
    assert "is no longer verified" in home.ok("user", "verify", "ann", "--take")
    assert "hubbub user list" in home.fails("user", "verify", "bob")


def test_a_table_on_a_terminal(home: Shell) -> None:
    home.ok("user", "create", "ann")
    ours, theirs = pty.openpty()
    try:
        arguments = [sys.executable, "-m", "hubbub", "user", "list"]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        subprocess.run(arguments, stdout=theirs, cwd=home.home, env=environment, timeout=20, check=True)
        text = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "login" in text
    assert "venueless" not in text
    assert home.rows("user", "list")[0][0] in text
