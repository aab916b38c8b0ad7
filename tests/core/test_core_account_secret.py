"""Accounts that are made by a name alone: their secret, and who else gets in."""

from datetime import timedelta

import pytest
from tests.core.house import WORLD, House

from hubbub.core.account import (
    MAX_NAME,
    SECRET_LIFE,
    CloseAccount,
    IssueToken,
    LogInByPassword,
    LogInBySecret,
    OpenAccount,
    OpenedAccount,
    Register,
    RevokeToken,
)
from hubbub.core.error import Code
from hubbub.core.event import PasswordSet, TokenIssued, UserCreated
from hubbub.core.login import LogIn, digest
from hubbub.core.model import Credential, Grant, User
from hubbub.core.permission import MEMBER_ROLE
from hubbub.core.user import BanUser, CreateUser, DeleteUser, SilenceUser

DAY = timedelta(days=1)


def opened(house: House, name: str = "Ada") -> OpenedAccount:
    result: OpenedAccount = house.do(OpenAccount(name=name)).result
    return result


def enters(house: House, account: OpenedAccount, **more: object) -> LogInBySecret:
    return LogInBySecret(**{"user": account.user.id, "name": account.user.display_name, **more})  # type: ignore[arg-type]


# Making one


def test_somebody_makes_an_account_by_a_name_alone(house: House) -> None:
    outcome = house.do(OpenAccount(name=" Ada "))
    user, token = outcome.result.user, outcome.one(TokenIssued).token
    assert (user.display_name, user.kind, user.account, user.login) == ("Ada", "person", True, None)
    assert outcome.one(UserCreated).grants == (Grant(world=WORLD, user=user.id, role=MEMBER_ROLE),)
    assert (token.digest, token.user, token.use) == (digest(outcome.result.secret), user.id, "login")
    assert token.expires == house.now + SECRET_LIFE
    assert outcome.result.secret not in str(outcome.events), "the secret itself is kept nowhere"
    assert "world:chat.direct" in house.permissions(user.id)


def test_names_need_not_differ(house: House) -> None:
    one, other = opened(house), opened(house)
    assert one.user.id != other.user.id
    assert one.user.token_id != other.user.token_id
    assert one.secret != other.secret


@pytest.mark.parametrize("name", ["x", "x" * MAX_NAME, "👩‍🚀", "👨‍👩‍👧", "می‌خواهم", "a b", "é", "\u0301x", "<b>"])
def test_names_that_one_may_have(house: House, name: str) -> None:
    assert opened(house, name).user.display_name == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "\t", "x" * (MAX_NAME + 1), "a\0", "a\nb", "a\x7fb", "\x85x\x85y", "a\u202eb", "a\u200bb", "\u200d"),
        *("a\u2028b", "a\u2029b", "a\ud800", "\ue000", "\ufeffa", "\u2066a"),
    ],
)
def test_names_that_nobody_has(house: House, name: str) -> None:
    assert house.refusal(OpenAccount(name=name)) == Code.INVALID


def test_where_only_organisers_make_accounts() -> None:
    house = House(registration=False)
    assert house.refusal(OpenAccount(name="Ada")) == Code.REGISTRATION_CLOSED


def test_where_nobody_could_do_anything_with_it(house: House) -> None:
    house.state.world.trait_grants.pop("attendee")
    house.state.world.trait_grants.pop("talker")
    opened(house)  # the role of members lets them in
    del house.state.world.roles[MEMBER_ROLE]
    house.state._permissions.clear()
    assert house.refusal(OpenAccount(name="Ada")) == Code.REGISTRATION_CLOSED


# Coming back


def test_the_secret_lets_its_owner_in(house: House) -> None:
    ada = opened(house)
    for delay in (timedelta(), DAY, timedelta(days=3650)):
        house.advance(delay)
        assert house.do(enters(house, ada, secret=ada.secret)).result == house.user(ada.user.id)


def test_nothing_else_does(house: House) -> None:
    ada, bob = opened(house, "Ada"), opened(house, "Bob")
    access = house.do(IssueToken(label="x", life=DAY), bob.user.id).result
    for wrong in (
        {},
        {"secret": ""},
        {"secret": "x"},
        {"secret": bob.secret},
        {"secret": digest(ada.secret)},
        {"secret": ada.secret, "name": "Bob"},
        {"secret": ada.secret, "name": "ada"},
        {"secret": ada.secret, "user": bob.user.id},
        {"secret": ada.secret, "user": 0},
        {"access": digest(ada.secret)},
        {"access": digest(access)},
        {"secret": access},
    ):
        assert house.refusal(enters(house, ada, **wrong)) == Code.PASSWORD_WRONG, wrong


def test_a_token_that_is_good_does(house: House) -> None:
    ada = opened(house)
    token = house.do(IssueToken(label="x", life=DAY), ada.user.id).result
    assert house.do(enters(house, ada, access=digest(token))).result.id == ada.user.id
    house.advance(DAY)
    assert house.refusal(enters(house, ada, access=digest(token))) == Code.PASSWORD_WRONG
    again = house.do(IssueToken(label="x", life=DAY), ada.user.id).result
    house.do(RevokeToken(token=again))
    assert house.refusal(enters(house, ada, access=digest(again))) == Code.PASSWORD_WRONG


def test_a_secret_does_not_let_one_act(house: House) -> None:
    ada = opened(house)
    assert house.refusal(LogIn(access=digest(ada.secret)), session=1) == Code.TOKEN_INVALID


def test_a_secret_that_was_lost_is_revoked_as_a_token_is(house: House) -> None:
    ada = opened(house)
    house.do(RevokeToken(token=ada.secret))
    assert house.refusal(enters(house, ada, secret=ada.secret)) == Code.PASSWORD_WRONG


def test_who_is_banned_does_not_come_in_and_who_is_silenced_does(house: House) -> None:
    ada, owner = opened(house), house.owner()
    house.do(SilenceUser(user=ada.user.id), owner)
    house.do(enters(house, ada, secret=ada.secret))
    house.do(BanUser(user=ada.user.id), owner)
    assert house.refusal(enters(house, ada, secret=ada.secret)) == Code.LOGIN_DENIED
    assert house.refusal(enters(house, ada, legacy=True)) == Code.LOGIN_DENIED


@pytest.mark.parametrize("legacy", [False, True])
def test_who_is_gone_does_not_come_back(house: House, legacy: bool) -> None:
    ada, bob = opened(house), opened(house, "Bob")
    house.do(DeleteUser(user=ada.user.id), house.owner())
    house.do(CloseAccount(), bob.user.id)
    for gone in (ada, bob):
        for name in (gone.user.display_name, ""):
            assert (
                house.refusal(enters(house, gone, secret=gone.secret, legacy=legacy, name=name)) == Code.PASSWORD_WRONG
            )


def test_one_has_a_hundred_tokens_and_still_the_secret(house: House) -> None:
    ada = opened(house)
    for _ in range(120):
        house.do(IssueToken(label="x", life=DAY), ada.user.id)
    assert len([token for token in house.state.tokens.values() if token.use == "access"]) == 100
    house.do(enters(house, ada, secret=ada.secret))


# By id and name alone


def test_the_old_way_is_for_accounts_by_a_name_alone(house: House) -> None:
    ada = opened(house)
    assert house.do(enters(house, ada, legacy=True)).result.id == ada.user.id
    assert house.refusal(enters(house, ada, legacy=True, name="Bob")) == Code.PASSWORD_WRONG
    assert house.refusal(enters(house, ada, legacy=True, name="")) == Code.PASSWORD_WRONG


def test_the_old_way_is_not_for_others(house: House) -> None:
    registered: User = house.do(Register(username="Reg", password="enigma")).result
    made: User = house.do(CreateUser(login="Boss"), operator=True).result
    ticket = house.person("Ticket", token_id="ticket:5")
    guest = house.person("Guest", client_id="guest")
    bot = house.person("Bot", kind="bot", token_id="account:5")
    for user in (registered.id, made.id, ticket, guest, bot):
        command = LogInBySecret(user=user, name=house.user(user).display_name, legacy=True)
        assert house.refusal(command) == Code.PASSWORD_WRONG, house.user(user)


@pytest.mark.parametrize("role", ["moderator", "warden", "admin", "owner", "room_owner"])
def test_the_old_way_is_not_for_who_runs_something(house: House, role: str) -> None:
    ada = opened(house)
    house.grant(ada.user.id, role, house.stage if role == "room_owner" else 0)
    assert house.refusal(enters(house, ada, legacy=True)) == Code.PASSWORD_WRONG
    house.do(enters(house, ada, secret=ada.secret))


def test_the_old_way_ends_when_they_have_a_password(house: House) -> None:
    ada = opened(house)
    house.happen(PasswordSet(world=WORLD, credential=Credential(user=ada.user.id, world=WORLD, password="hash of x")))
    assert house.refusal(enters(house, ada, legacy=True)) == Code.PASSWORD_WRONG
    house.do(enters(house, ada, secret=ada.secret))


def test_an_account_by_a_name_has_no_password(house: House) -> None:
    opened(house)
    assert house.refusal(LogInByPassword(login="Ada", password="")) == Code.PASSWORD_WRONG
