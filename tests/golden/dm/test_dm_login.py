"""Who gets in: secrets, tokens and their end, and the old way that lets anybody be anybody."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.golden.dm.conftest import PLENTY
from tests.golden.dm.phone import Exchange, Party, Phone
from tests.golden.jumpin.place import Place

from hubbub.core.account import RevokeToken
from hubbub.core.model import User
from hubbub.core.user import BanUser, CreateUser, DeleteUser, GrantRole, ReactivateUser, SilenceUser
from hubbub.core.world import UpdateWorld
from hubbub.dialects.dm.id import parse, render
from hubbub.dialects.dm.option import DmOptions

DAY = timedelta(hours=24)
BARELY = timedelta(milliseconds=1)


def number(phone: Phone) -> int:
    """Give the id as the core has it."""
    return parse(phone.id)


# Logging in


@pytest.mark.parametrize(
    "proof", [{}, {"secret": ""}, {"secret": "x" * 43}, {"secret": None}, {"secret": 5}, {"secret": ["x"]}]
)
def test_id_and_name_alone_let_nobody_in(party: Party, proof: dict[str, object]) -> None:
    assert party.person("Ada").log_in(**proof) == (401, None)


def test_the_secret_of_another_lets_nobody_in(party: Party) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    assert ada.log_in(secret=bob.secret) == (401, None)


def test_a_token_is_no_secret_and_a_secret_no_token(party: Party) -> None:
    ada = party.person("Ada")
    assert ada.log_in(secret=ada.token) == (401, None)
    ada.token = ada.secret
    assert ada.get("/users", users=ada.id) == (401, None)


def test_a_token_that_is_good_lets_one_in_again(party: Party) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    body = {"accountID": ada.id, "username": "Ada"}
    status, again = ada.post("/new", body)
    assert status == 202
    assert sorted(again) == ["dms", "id", "token"]
    assert bob.post("/new", body) == (401, None)
    assert ada.post("/new", {**body, "username": "Bob"}) == (401, None)
    party.place.move(DAY)
    assert ada.post("/new", body) == (401, None)


def test_one_logs_in_by_the_new_name(party: Party) -> None:
    ada = party.person("Ada")
    ada.post("/update-account", {"username": "Starman", "avatarURL": ""})
    assert ada.log_in(secret=ada.secret) == (401, None)
    ada.name = "Starman"
    assert ada.log_in(secret=ada.secret).status == 202


def test_the_secret_is_good_for_years_and_more_than_once(party: Party) -> None:
    ada = party.person("Ada")
    party.place.move(timedelta(days=3650))
    for _ in range(2):
        assert ada.log_in(secret=ada.secret).status == 202
    assert ada.get("/users", users=ada.id).status == 200


def test_names_may_be_the_same_and_ids_are_not(party: Party) -> None:
    people = [party.person("Ada") for _ in range(5)]  # within one millisecond
    assert len({person.id for person in people}) == 5


def test_nobody_logs_in_as_the_one_who_welcomes(party: Party) -> None:
    ada = party.person("Ada")
    ada.get("/messages", channel_id="undefined")
    assert ada.post("/new", {"accountID": "1", "username": "Hubbub", "secret": ada.secret}) == (401, None)
    assert ada.post("/create-channel", {"to": "1", "type": 1}) == (409, None)


# The old way


@pytest.fixture
def lax(exchange: Exchange, tmp_path: Path) -> Iterator[Party]:
    """Give people of a server where id and name are enough."""
    place = Place(tmp_path, rates=PLENTY, dm=DmOptions(legacy_login=True))
    place.start()
    with Party(place, exchange) as party:
        yield party
    place.stop()


def test_the_old_way_is_for_who_has_a_name_alone(lax: Party) -> None:
    ada, stranger = lax.person("Ada"), lax.phone()
    assert ada.log_in().status == 202
    assert ada.log_in(secret="x").status == 202
    assert stranger.post("/new", {"accountID": ada.id, "username": "Bob"}) == (401, None)

    def enters(user: int, name: str) -> int:
        return stranger.post("/new", {"accountID": render(user), "username": name}).status

    # Accounts with a password, of organisers and of the ticket system have other doors, and more to lose.
    member = lax.place.account("member")
    assert enters(member.id, "member") == 401
    admin: User = lax.place.do(CreateUser(login="boss"))
    assert enters(admin.id, "boss") == 401
    guest = lax.place.guest("Guest")
    assert enters(guest.id, "Guest") == 401
    lax.place.do(GrantRole(user=number(ada), role="admin"))
    assert ada.log_in() == (401, None)
    assert ada.log_in(secret=ada.secret).status == 202


# The end of a token


def test_a_token_is_good_for_a_day(party: Party) -> None:
    ada = party.person("Ada")
    party.place.move(DAY - BARELY)
    assert ada.get("/users", users=ada.id).status == 200
    party.place.move(BARELY)
    assert ada.get("/users", users=ada.id) == (401, None)


def test_a_token_that_ends_in_the_middle_of_a_session_ends_it(party: Party) -> None:
    ada, bob, channel = party.pair()
    old, mine = bob.connect(channel), ada.connect(channel)
    user = number(bob)
    party.place.move(DAY - BARELY)
    assert ada.log_in(secret=ada.secret).status == 202
    mine = ada.connect(channel)
    mine.say(channel, "just in time")
    assert old.expect("message")["content"] == "just in time"
    assert party.place.ask(lambda: party.place.state.presence.online(user))
    party.place.move(BARELY)
    assert old.call("message", {"content": "too late", "channel": channel}) == {"ok": False}
    mine.expect("message")
    mine.say(channel, "anybody?")
    mine.expect("message")
    mine.silence()
    old.silence()
    assert not party.place.ask(lambda: party.place.state.presence.online(user))


def test_a_revoked_token_ends_what_came_with_it_and_nothing_else(party: Party) -> None:
    ada, bob, channel = party.pair()
    lost = bob.connect(channel)
    stolen = bob.token
    assert bob.log_in(secret=bob.secret).status == 202
    kept = bob.connect(channel)
    party.place.do(RevokeToken(token=stolen))
    ada.connect(channel).say(channel, "hello")
    kept.expect("message")
    lost.silence()
    assert lost.call("message", {"content": "me", "channel": channel}) == {"ok": False}
    kept.close()
    user = number(bob)
    party.place.until(lambda: not party.place.state.presence.online(user))  # as the one that was lost counts no more
    bob.token = stolen
    assert bob.get("/messages", channel_id=channel) == (401, None)


def test_who_is_banned_hears_and_says_nothing_more(party: Party) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(channel), bob.connect(channel)
    party.place.do(BanUser(user=number(bob)))
    mine.say(channel, "hello")
    mine.expect("message")
    line.silence()
    assert line.call("message", {"content": "me", "channel": channel}) == {"ok": False}
    assert bob.get("/messages", channel_id=channel) == (401, None)
    assert bob.log_in(secret=bob.secret) == (401, None)
    user = number(bob)
    assert not party.place.ask(lambda: party.place.state.presence.online(user)), (
        "nobody counts as here who hears nothing"
    )
    bob.connect(channel).silence()
    party.place.do(ReactivateUser(user=number(bob)))
    assert bob.get("/messages", channel_id=channel).status == 200


def test_who_is_silenced_hears_on(party: Party) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(channel), bob.connect(channel)
    party.place.do(SilenceUser(user=number(bob)))
    mine.say(channel, "hello")
    assert line.expect("message")["content"] == "hello"
    assert line.call("message", {"content": "me", "channel": channel}) == {"ok": False}


def test_who_is_deleted_is_gone(party: Party) -> None:
    ada, bob, channel = party.pair()
    mine, line = ada.connect(channel), bob.connect(channel)
    line.say(channel, "farewell")
    told = mine.expect("message")
    party.place.do(DeleteUser(user=number(bob)))
    mine.say(channel, "hello?")
    mine.expect("message")
    line.drain()
    assert bob.log_in(secret=bob.secret) == (401, None)
    assert ada.get("/users", users=bob.id) == (404, {"users": []})
    nobody = {"avatarURL": "", "id": bob.id, "username": ""}
    assert ada.messages(channel)["messages"][0] == {**told, "author": nobody}
    assert ada.get("/dmchannels", channels=channel).body == {"dmchannels": [{"channel_id": channel, "user": nobody}]}


def test_more_connections_than_are_allowed(party: Party) -> None:
    ada, bob, channel = party.pair()
    party.place.do(UpdateWorld(config={"connection_limit": 2}))
    try:
        lines = [bob.connect(channel) for _ in range(3)]
        ada.connect(channel).say(channel, "hello")
        for line in lines[1:]:
            line.expect("message")
        lines[0].silence()
    finally:
        party.place.do(UpdateWorld(config={"connection_limit": None}))


def test_where_nobody_makes_accounts(party: Party) -> None:
    ada = party.person("Ada")
    party.place.do(UpdateWorld(config={"registration": False}))
    try:
        assert party.phone().post("/new", {"username": "Bob"}) == (401, None)
        assert ada.log_in(secret=ada.secret).status == 202
    finally:
        party.place.do(UpdateWorld(config={"registration": True}))


def test_nothing_is_held_for_clients_who_have_gone(party: Party) -> None:
    ada, bob, channel = party.pair()
    for line in (ada.connect(channel), bob.connect(channel), bob.line()):
        line.close()
    user = number(bob)
    party.place.until(lambda: not party.place.state.presence.online(user))
    held = party.place.ask(lambda: [session.user for session in party.place.application.hub.sessions.values()])
    assert not {number(ada), user}.intersection(held)
