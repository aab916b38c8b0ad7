"""Closing the own account."""

from datetime import timedelta

from tests.core.house import WORLD, House

from hubbub.core.account import CloseAccount, IssueToken, LogInByPassword, Register
from hubbub.core.error import Code
from hubbub.core.event import PushUnsubscribed, SessionsRevoked, TokensRevoked, UserDeleted
from hubbub.core.model import PushSubscription
from hubbub.core.user import BanUser, TakeRole


def register(house: House) -> int:
    return int(house.do(Register(username="Ada", password="enigma")).result.id)


def test_everything_is_forgotten(house: House) -> None:
    ada = register(house)
    house.do(IssueToken(label="phone", life=timedelta(days=1)), ada)
    phone = PushSubscription(
        world=WORLD, digest="d", user=ada, endpoint="https://push", p256dh="p", auth="a", created=house.now
    )
    house.cabinet.records[PushSubscription, (WORLD, "d")] = phone
    outcome = house.do(CloseAccount(), ada)
    gone = outcome.one(UserDeleted).user
    assert (gone.deleted, gone.login, gone.token_id, gone.profile) == (True, None, None, {})
    assert len(outcome.one(TokensRevoked).tokens) == 1
    assert outcome.one(PushUnsubscribed).subscriptions == (phone,)
    assert outcome.one(SessionsRevoked).user == ada
    assert house.refusal(LogInByPassword(login="ada", password="enigma")) == Code.PASSWORD_WRONG
    assert register(house) != ada, "the name is free again"


def test_an_owner_must_be_none_before(house: House) -> None:
    owner = house.owner()
    assert house.refusal(CloseAccount(), owner) == Code.WORLD_DENIED
    house.do(TakeRole(user=owner, role="owner"), house.owner("Second"), operator=True)
    house.do(CloseAccount(), owner)


def test_nobody_and_the_banned_close_nothing(house: House) -> None:
    assert house.refusal(CloseAccount()) == Code.UNAUTHENTICATED
    ada = register(house)
    house.do(BanUser(user=ada), house.owner())
    assert house.refusal(CloseAccount(), ada) == Code.WORLD_DENIED


def test_who_is_made_owner_meanwhile_stays(house: House) -> None:
    ada = register(house)
    house.cabinet.meanwhile = lambda: house.grant(ada, "owner")
    assert house.refusal(CloseAccount(), ada) == Code.WORLD_DENIED
