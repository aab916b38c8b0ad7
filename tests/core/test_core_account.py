"""Accounts that people make themselves, logging in by password, tokens of clients, preferences."""

from datetime import timedelta
from typing import Any

import pytest
from tests.core.house import WORLD, House

from hubbub.core import account as account_module
from hubbub.core.account import (
    MAX_LABEL,
    MAX_PASSWORD,
    MAX_TOKEN_LIFE,
    MAX_TOKENS,
    MIN_PASSWORD,
    RESERVED,
    TOKEN_LENGTH,
    CheckUsername,
    IssueToken,
    LogInByPassword,
    Register,
    RevokeToken,
    SetPreferences,
)
from hubbub.core.error import Code
from hubbub.core.event import PasswordSet, TokenIssued, TokensRevoked, UserCreated, UserUpdated
from hubbub.core.login import LogIn, digest
from hubbub.core.model import Credential, Grant
from hubbub.core.permission import MEMBER_ROLE
from hubbub.core.user import MAX_PROFILE, BanUser, CreateUser, DeleteUser, SilenceUser

DAY = timedelta(days=1)


def register(house: House, username: str = "Ada", password: str = "enigma") -> int:
    return int(house.do(Register(username=username, password=password)).result.id)


def issue(house: House, user: int, life: timedelta = DAY, label: str = "phone") -> str:
    return str(house.do(IssueToken(label=label, life=life), user).result)


# Making an account


def test_somebody_makes_an_account(house: House) -> None:
    outcome = house.do(Register(username="Ada", password="enigma"))
    user, created = outcome.result, outcome.one(UserCreated)
    assert (user.login, user.display_name, user.kind, user.world) == ("ada", "Ada", "person", WORLD)
    assert (user.created, user.last_login) == (house.now, house.now)
    assert user.account and not user.verified
    assert created.grants == (Grant(world=WORLD, user=user.id, role=MEMBER_ROLE),)
    assert outcome.one(PasswordSet).credential.password == "hash of enigma"
    assert house.state.by_login == {"ada": user.id}
    assert house.permissions(user.id) >= {"world:view", "world:chat.direct", "world:rooms.create.chat"}
    assert house.do(LogInByPassword(login="ada", password="enigma")).result == user


def test_two_accounts_have_two_identities(house: House) -> None:
    one, two = house.user(register(house, "Ada")), house.user(register(house, "Bob"))
    assert one.token_id != two.token_id


@pytest.mark.parametrize("name", ["a", "A1", "x" * 16, "7"])
def test_names_that_one_may_register_with(house: House, name: str) -> None:
    assert house.do(CheckUsername(username=name)).result is None
    register(house, name)


@pytest.mark.parametrize("name", ["", " ", "x" * 17, "a b", "a_b", "a-b", "ä", "a\n", "٣", *sorted(RESERVED), "ADMIN"])
def test_names_that_one_may_not_register_with(house: House, name: str) -> None:
    assert house.refusal(CheckUsername(username=name)) == Code.LOGIN_INVALID
    assert house.refusal(Register(username=name, password="enigma")) == Code.LOGIN_INVALID


def test_a_name_is_taken_however_it_is_written(house: House) -> None:
    register(house, "Ada")
    house.do(CreateUser(login="Bob"), operator=True)
    for name in ("Ada", "ada", "ADA", "bob"):
        assert house.refusal(CheckUsername(username=name)) == Code.LOGIN_TAKEN
        assert house.refusal(Register(username=name, password="enigma")) == Code.LOGIN_TAKEN


def test_a_name_that_is_taken_while_the_password_is_hashed(house: House) -> None:
    def meanwhile() -> None:
        house.person("Other", login="ada")

    house.cabinet.meanwhile = meanwhile
    assert house.refusal(Register(username="Ada", password="enigma")) == Code.LOGIN_TAKEN
    assert len(house.state.users) == 1


@pytest.mark.parametrize("length", [0, MIN_PASSWORD - 1, MAX_PASSWORD + 1])
def test_passwords_that_are_too_short_or_too_long(house: House, length: int) -> None:
    error = house.error(Register(username="Ada", password="x" * length))
    assert error.code == Code.INVALID
    assert error.details and list(error.details) == ["password"]


@pytest.mark.parametrize("length", [MIN_PASSWORD, MAX_PASSWORD])
def test_passwords_of_just_the_right_length(house: House, length: int) -> None:
    register(house, password="x" * length)
    house.do(LogInByPassword(login="ada", password="x" * length))


@pytest.mark.parametrize("setting", [False, None, "yes", 1])
def test_where_only_organisers_make_accounts(setting: Any) -> None:
    house = House(registration=setting)
    assert house.refusal(Register(username="Ada", password="enigma")) == Code.REGISTRATION_CLOSED
    house.do(CheckUsername(username="Ada"))
    register(House(registration=True))


def test_without_a_hasher_nobody_registers_or_logs_in(house: House) -> None:
    register(house)
    house.passwords = None
    assert house.refusal(Register(username="Bob", password="enigma")) == Code.UNAVAILABLE
    assert house.refusal(LogInByPassword(login="ada", password="enigma")) == Code.UNAVAILABLE


def test_the_password_is_nowhere_but_in_the_store(house: House) -> None:
    assert not PasswordSet.JOURNALLED
    user = register(house)
    assert "enigma" not in repr(house.user(user))
    assert (Credential, (user,)) in house.cabinet.records


# Logging in by password


@pytest.mark.parametrize("login", ["ada", "Ada", "  ADA  "])
def test_a_name_is_known_however_it_is_written(house: House, login: str) -> None:
    user = register(house)
    assert house.do(LogInByPassword(login=login, password="enigma")).result.id == user


def test_what_is_wrong_is_not_said(house: House) -> None:
    register(house)
    house.person("Bob", login="bob")
    errors = [
        house.error(LogInByPassword(login=login, password=password))
        for login, password in (("ada", "wrong"), ("ada", ""), ("eve", "enigma"), ("bob", "enigma"), ("", ""))
    ]
    assert {(error.code, error.message) for error in errors} == {
        (Code.PASSWORD_WRONG, "Username or password is wrong.")
    }


def test_without_an_account_a_password_is_checked_all_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time that it takes would tell who has an account."""
    seen = []
    real = type(house.passwords).verify  # type: ignore[union-attr]

    async def verify(self: Any, hashed: str | None, password: str) -> bool:
        seen.append(hashed)
        return await real(self, hashed, password)

    monkeypatch.setattr(type(house.passwords), "verify", verify)
    house.refusal(LogInByPassword(login="nobody", password="enigma"))
    assert seen == [None]


def test_who_may_not_come_in_does_not_with_a_password_either(house: House) -> None:
    user = register(house)
    command = LogInByPassword(login="ada", password="enigma")
    house.do(SilenceUser(user=user), house.owner())
    assert house.do(command).result.id == user
    house.do(BanUser(user=user), house.owner())
    assert house.refusal(command) == Code.LOGIN_DENIED
    assert house.refusal(LogInByPassword(login="ada", password="wrong")) == Code.PASSWORD_WRONG
    house.do(DeleteUser(user=user), house.owner())
    assert house.refusal(command) == Code.PASSWORD_WRONG


# Tokens


def test_a_token_stands_for_its_user_until_it_ends(house: House) -> None:
    user = register(house)
    outcome = house.do(IssueToken(label="phone", life=DAY), user)
    secret, token = outcome.result, outcome.one(TokenIssued).token
    assert len(secret) == TOKEN_LENGTH
    assert (token.user, token.label, token.expires) == (user, "phone", house.now + DAY)
    assert token.digest == digest(secret)
    assert secret not in repr(outcome.events)
    assert house.reloaded().tokens == {token.digest: token}
    login, session = house.log_in(access=token.digest)
    assert login.result.id == user
    assert house.state.presence.sessions[user] == {session: None}
    house.advance(DAY)
    assert house.refusal(LogIn(access=token.digest)) == Code.TOKEN_INVALID


def test_tokens_that_are_none(house: House) -> None:
    user = register(house)
    secret = issue(house, user)
    for access in (secret, digest("another"), "rubbish"):
        assert house.refusal(LogIn(access=access)) == Code.TOKEN_INVALID
    house.do(BanUser(user=user), house.owner())
    assert house.refusal(LogIn(access=digest(secret))) == Code.LOGIN_DENIED
    house.do(DeleteUser(user=user), house.owner())
    assert house.refusal(LogIn(access=digest(secret))) == Code.TOKEN_INVALID


def test_a_revoked_token_stands_for_nobody(house: House) -> None:
    user = register(house)
    one, two = issue(house, user), issue(house, user)
    outcome = house.do(RevokeToken(token=one))
    assert [token.digest for token in outcome.one(TokensRevoked).tokens] == [digest(one)]
    assert house.refusal(LogIn(access=digest(one))) == Code.TOKEN_INVALID
    house.log_in(access=digest(two))
    for unknown in (one, "rubbish", ""):
        assert house.do(RevokeToken(token=unknown)).events == []


@pytest.mark.parametrize("life", [timedelta(), -DAY, MAX_TOKEN_LIFE + timedelta(seconds=1)])
def test_lives_that_no_token_has(house: House, life: timedelta) -> None:
    assert house.refusal(IssueToken(label="", life=life), register(house)) == Code.INVALID


def test_what_a_token_may_be_called(house: House) -> None:
    user = register(house)
    issue(house, user, MAX_TOKEN_LIFE, "x" * MAX_LABEL)
    assert house.refusal(IssueToken(label="x" * (MAX_LABEL + 1), life=DAY), user) == Code.INVALID


def test_one_token_too_many_takes_the_place_of_the_one_that_ends_first(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_TOKENS >= 10
    monkeypatch.setattr(account_module, "MAX_TOKENS", 2)
    user, other = register(house, "Ada"), register(house, "Bob")
    theirs = issue(house, other)
    long, short = issue(house, user, 3 * DAY), issue(house, user, DAY)
    outcome = house.do(IssueToken(label="", life=2 * DAY), user)
    assert [token.digest for token in outcome.one(TokensRevoked).tokens] == [digest(short)]
    assert set(house.state.tokens) == {digest(theirs), digest(long), digest(outcome.result)}


def test_who_may_have_a_token(house: House) -> None:
    assert house.refusal(IssueToken(label="", life=DAY)) == Code.UNAUTHENTICATED
    guest = house.person(client_id="g")
    issue(house, guest)
    house.do(BanUser(user=guest), house.owner())
    assert house.refusal(IssueToken(label="", life=DAY), guest) == Code.WORLD_DENIED


# Preferences


def test_preferences_are_merged_and_forgotten(house: House) -> None:
    user = register(house)
    house.do(SetPreferences(preferences={"a": 1, "b": {"c": 2}}), user)
    outcome = house.do(SetPreferences(preferences={"b": False, "d": "x", "a": None, "never": None}), user)
    assert outcome.result.preferences == outcome.one(UserUpdated).user.preferences == {"b": False, "d": "x"}
    assert house.reloaded().users[user].preferences == {"b": False, "d": "x"}
    assert house.user(user).display_name == "Ada"


def test_preferences_go_with_their_user(house: House) -> None:
    user = register(house)
    house.do(SetPreferences(preferences={"a": 1}), user)
    house.do(DeleteUser(user=user), house.owner())
    assert house.user(user).preferences == {}


def test_preferences_are_only_so_large_in_all(house: House) -> None:
    user = register(house)
    house.do(SetPreferences(preferences={"a": "x" * (MAX_PROFILE - 100)}), user)
    assert house.refusal(SetPreferences(preferences={"b": "x" * 200}), user) == Code.INVALID
    house.do(SetPreferences(preferences={"a": None, "b": "x" * 200}), user)


def test_who_has_preferences(house: House) -> None:
    assert house.refusal(SetPreferences(preferences={})) == Code.UNAUTHENTICATED
    user = register(house)
    house.do(BanUser(user=user), house.owner())
    assert house.refusal(SetPreferences(preferences={}), user) == Code.WORLD_DENIED
