"""Tokens that their owners take back without having them."""

from datetime import timedelta

from tests.core.house import House

from hubbub.core.account import IssueToken, OpenAccount, Register, RevokeOwnToken
from hubbub.core.event import TokensRevoked
from hubbub.core.login import digest

DAY = timedelta(days=1)


def account(house: House, name: str) -> int:
    return int(house.do(Register(username=name, password="enigma")).result.id)


def test_a_token_is_taken_back_by_its_digest(house: House) -> None:
    ada = account(house, "Ada")
    one, other = (house.do(IssueToken(label=label, life=DAY), ada).result for label in ("phone", "bot"))
    outcome = house.do(RevokeOwnToken(digest=digest(one)), ada)
    assert [token.label for token in outcome.one(TokensRevoked).tokens] == ["phone"]
    assert house.state.user_by_token(digest(one), house.now) is None
    assert house.state.user_by_token(digest(other), house.now) is not None
    assert house.do(RevokeOwnToken(digest=digest(one)), ada).events == []


def test_what_others_have_stays(house: House) -> None:
    ada, bob = account(house, "Ada"), account(house, "Bob")
    secret = house.do(IssueToken(label="phone", life=DAY), ada).result
    assert house.do(RevokeOwnToken(digest=digest(secret)), bob).events == []
    assert house.do(RevokeOwnToken(digest="rubbish"), ada).events == []
    assert house.state.user_by_token(digest(secret), house.now) is not None


def test_the_secret_of_an_account_stays(house: House) -> None:
    opened = house.do(OpenAccount(name="Cleo")).result
    assert house.do(RevokeOwnToken(digest=digest(opened.secret)), opened.user.id).events == []
    assert digest(opened.secret) in house.state.tokens
