"""The welcome channel: somebody of the house writes to newcomers who know nobody, once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.golden.dm.conftest import PLENTY
from tests.golden.dm.phone import Exchange, Party
from tests.golden.jumpin.place import Place

from hubbub.dialects.dm.option import DmOptions

LIZARD = DmOptions(
    welcome_name="Dancing Lizard",
    welcome_avatar="https://cdn.example.org/lizard.gif",
    greeting="Hi {name}, {name}! {x}",
)
SEEN = {"avatarURL": "https://cdn.example.org/lizard.gif", "id": "1", "username": "Dancing Lizard"}


@pytest.fixture(scope="module")
def lizard_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("lizard"), rates=PLENTY, dm=LIZARD)
    place.start()
    yield place
    place.stop()


@pytest.fixture
def lizard(lizard_place: Place, exchange: Exchange) -> Iterator[Party]:
    with Party(lizard_place, exchange) as party:
        yield party


def test_the_settings_say_who_welcomes_and_how(lizard: Party) -> None:
    ada = lizard.person("Ada")
    _, body = ada.get("/messages", channel_id="undefined")
    (message,) = body["messages"]
    assert (message["author"], message["content"], message["id"]) == (SEEN, "Hi Ada, Ada! {x}", "0")
    assert (body["channel"]["name"], body["other_user"]) == ("Dancing Lizard", "1")
    assert ada.get("/users", users="1") == (200, {"users": [SEEN]})
    channel = body["channel"]["id"]
    assert ada.get("/dmchannels", channels=channel).body == {"dmchannels": [{"channel_id": channel, "user": SEEN}]}


def test_one_is_welcomed_once(lizard: Party) -> None:
    ada = lizard.person("Ada")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ada.get("/messages", channel_id="undefined"), range(6)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    assert all(answer.body == answers[0].body for answer in answers)
    channel = answers[0].body["channel"]["id"]
    assert ada.log_in(secret=ada.secret).body["dms"] == [channel]
    assert ada.messages(channel) == answers[0].body


def test_two_newcomers_have_channels_of_their_own(lizard: Party) -> None:
    channels = {lizard.person().get("/messages").body["channel"]["id"] for _ in range(2)}
    assert len(channels) == 2


def test_the_one_who_welcomes_is_known_before_anybody_was_welcomed(exchange: Exchange, tmp_path: Path) -> None:
    place = Place(tmp_path, rates=PLENTY, dm=LIZARD)
    place.start()
    try:
        with Party(place, exchange) as party:
            ada = party.person()
            assert ada.get("/users", users=f"1,{ada.id}").body["users"][1:] == [SEEN]
            assert ada.get("/users", users="1") == (200, {"users": [SEEN]})
    finally:
        place.stop()


def test_a_socket_does_not_hear_the_greeting_and_goes_on_with_the_channel(lizard: Party) -> None:
    ada = lizard.person("Ada")
    line = ada.connect()
    channel = ada.get("/messages").body["channel"]["id"]
    line.silence()
    line.say(channel, "thank you")
    assert line.expect("message")["content"] == "thank you"
    assert ada.contents(channel) == ["Hi Ada, Ada! {x}", "thank you"]
    assert line.call("messageDeleted", {"channel": channel, "id": "0"}) == {"ok": False}


def test_who_has_friends_and_asks_is_welcomed_too(lizard: Party) -> None:
    ada, _, channel = lizard.pair()
    status, body = ada.get("/messages", channel_id="undefined")
    assert status == 201
    assert ada.log_in(secret=ada.secret).body["dms"] == [channel, body["channel"]["id"]]
