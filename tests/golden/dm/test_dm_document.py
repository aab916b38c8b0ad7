"""The tables of the dialect's document, row by row: every status of every endpoint, and every event."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from tests.golden.dm.phone import Answer, Json, Party, Phone
from tests.golden.placeholder import a_text, anything, unordered

from hubbub.dialects.dm.option import GREETING

PICTURE = "https://cdn.example.org/attachments/706554372565237790/picture.png"
NOBODY = "1596544373547"
"""An id that nobody has: it was made before there were any."""
ID = r"[0-9]{13}([0-9]{4})?"


@contextmanager
def broken() -> Iterator[None]:
    """Let the server have a fault."""
    with (
        mock.patch("hubbub.core.state.WorldState.user_by_token", side_effect=RuntimeError("a fault of a test")),
        mock.patch("hubbub.core.account.checked_name", side_effect=RuntimeError("a fault of a test")),
    ):
        yield


Send = Callable[[Phone, str, dict[str, Json]], Answer]


def as_json(phone: Phone, path: str, body: dict[str, Json]) -> Answer:
    return phone.ask("POST", path, json=body)


def as_form(phone: Phone, path: str, body: dict[str, Json]) -> Answer:
    return phone.ask("POST", path, data=body)


@pytest.fixture(params=[as_json, as_form])
def send(request: pytest.FixtureRequest) -> Send:
    found: Send = request.param
    return found


# POST /new


def test_new_201(party: Party, send: Send) -> None:
    token = a_text(r"[A-Za-z0-9]{40,}")
    assert send(party.phone(), "/new", {"username": "Starman"}) == (
        201,
        {"id": a_text(ID), "dms": [], "token": token, "secret": a_text(r"[A-Za-z0-9]{40,}")},
    )


def test_new_201_with_an_empty_id(party: Party, send: Send) -> None:
    status, body = send(party.phone(), "/new", {"accountID": "", "username": "Starman"})
    assert (status, body["dms"]) == (201, [])


def test_new_202(party: Party, send: Send) -> None:
    ada, _, channel = party.pair()
    body = {"accountID": ada.id, "username": "Ada", "secret": ada.secret}
    token = a_text(r"[A-Za-z0-9]{40,}")
    assert send(party.phone(), "/new", body) == (202, {"id": ada.id, "dms": [channel], "token": token})
    assert token != ada.token


def test_new_401(party: Party, send: Send) -> None:
    ada = party.person("Ada")
    stranger = party.phone()
    assert send(stranger, "/new", {"accountID": ada.id, "username": "Bob", "secret": ada.secret}) == (401, None)
    assert send(stranger, "/new", {"accountID": NOBODY, "username": "Ada", "secret": ada.secret}) == (401, None)


def test_new_500(party: Party, send: Send) -> None:
    with broken():
        assert send(party.phone(), "/new", {"username": "Starman"}) == (500, None)


# POST /update-account


def test_update_account_202(party: Party, send: Send) -> None:
    ada = party.person("Ada")
    changed = {"id": ada.id, "username": "Starman", "avatarURL": PICTURE}
    assert send(ada, "/update-account", {"avatarURL": PICTURE, "username": "Starman"}) == (202, changed)
    assert ada.get("/users", users=ada.id) == (200, {"users": [changed]})


@pytest.mark.parametrize(("name", "url"), [("Ada", PICTURE), ("Starman", "")])
def test_update_account_202_of_one_of_both(party: Party, send: Send, name: str, url: str) -> None:
    ada = party.person("Ada")
    changed = {"id": ada.id, "username": name, "avatarURL": url}
    assert send(ada, "/update-account", {"avatarURL": url, "username": name}) == (202, changed)


@pytest.mark.parametrize("missing", ["avatarURL", "username"])
def test_update_account_400(party: Party, send: Send, missing: str) -> None:
    body = {"avatarURL": PICTURE, "username": "Starman"}
    del body[missing]
    assert send(party.person(), "/update-account", body) == (400, None)


def test_update_account_400_without_a_token(party: Party, send: Send) -> None:
    assert send(party.phone(), "/update-account", {"avatarURL": PICTURE, "username": "Starman"}) == (400, None)


def test_update_account_401(party: Party, send: Send) -> None:
    ada = party.person()
    ada.token = "x" * 43
    assert send(ada, "/update-account", {"avatarURL": PICTURE, "username": "Starman"}) == (401, None)


def test_update_account_406(party: Party, send: Send) -> None:
    ada = party.person("Ada")
    assert send(ada, "/update-account", {"avatarURL": "", "username": "Ada"}) == (406, None)
    assert send(ada, "/update-account", {"avatarURL": PICTURE, "username": "Ada"}).status == 202
    assert send(ada, "/update-account", {"avatarURL": PICTURE, "username": "Ada"}) == (406, None)


def test_update_account_500(party: Party, send: Send) -> None:
    ada = party.person()
    with broken():
        assert send(ada, "/update-account", {"avatarURL": PICTURE, "username": "Starman"}) == (500, None)


# POST /create-channel


def test_create_channel_201(party: Party, send: Send) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    line = bob.connect()
    channel = a_text(ID)
    assert send(ada, "/create-channel", {"to": bob.id, "type": 1}) == (201, {"channel_id": channel})
    assert line.expect("channelCreate") == {"channel_id": channel}


@pytest.mark.parametrize("missing", ["to", "type"])
def test_create_channel_400(party: Party, send: Send, missing: str) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    body: dict[str, Json] = {"to": bob.id, "type": 1}
    del body[missing]
    assert send(ada, "/create-channel", body) == (400, None)


def test_create_channel_400_without_a_token(party: Party, send: Send) -> None:
    assert send(party.phone(), "/create-channel", {"to": party.person().id, "type": 1}) == (400, None)


def test_create_channel_401(party: Party, send: Send) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    ada.token = "x" * 43
    assert send(ada, "/create-channel", {"to": bob.id, "type": 1}) == (401, None)


def test_create_channel_409(party: Party, send: Send) -> None:
    ada, bob, _ = party.pair()
    assert send(ada, "/create-channel", {"to": bob.id, "type": 1}) == (409, None)
    assert send(bob, "/create-channel", {"to": ada.id, "type": 1}) == (409, None)


def test_create_channel_500(party: Party, send: Send) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    with broken():
        assert send(ada, "/create-channel", {"to": bob.id, "type": 1}) == (500, None)


# GET /users


def test_users_200(party: Party) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    assert ada.ask("GET", f"/users?users={bob.id}&users={ada.id}") == (200, {"users": unordered(ada.seen, bob.seen)})


def test_users_200_of_those_who_are_there(party: Party) -> None:
    ada = party.person("Ada")
    assert ada.get("/users", users=f"{NOBODY},{ada.id}") == (200, {"users": [ada.seen]})


@pytest.mark.parametrize("query", ["", "?users=", "?users[]=", "?users=,", "?channels=1"])
def test_users_400(party: Party, query: str) -> None:
    assert party.person().ask("GET", f"/users{query}") == (400, None)


def test_users_400_without_a_token(party: Party) -> None:
    assert party.phone().get("/users", users=party.person().id) == (400, None)


def test_users_401(party: Party) -> None:
    ada = party.person()
    ada.token = "x" * 43
    assert ada.get("/users", users=ada.id) == (401, None)


def test_users_404(party: Party) -> None:
    assert party.person().get("/users", users=NOBODY) == (404, {"users": []})


def test_users_500(party: Party) -> None:
    ada = party.person()
    with broken():
        assert ada.get("/users", users=ada.id) == (500, None)


# GET /messages


def test_messages_200(party: Party) -> None:
    ada, bob, channel = party.pair()
    lines = ada.connect(channel), bob.connect(channel)
    for line, content in zip(lines, ("i am a crazy blob", "hi"), strict=True):
        line.say(channel, content)
        lines[0].expect("message")
    assert ada.get("/messages", channel_id=channel) == (
        200,
        {
            "messages": [
                {"content": "i am a crazy blob", "author": ada.seen, "id": a_text(ID), "channel_id": channel},
                {"content": "hi", "author": bob.seen, "id": a_text(ID), "channel_id": channel},
            ],
            "channel": {"name": "Bob", "id": channel},
            "other_user": bob.id,
        },
    )


@pytest.mark.parametrize("query", ["?channel_id=undefined", "?channel_id=null", "?channel_id=", ""])
def test_messages_201(party: Party, query: str) -> None:
    starman, channel = party.person("Starman"), a_text(ID)
    lizard = {"avatarURL": "", "username": "Hubbub", "id": "1"}
    greeting = GREETING.replace("{name}", "Starman")
    assert greeting.startswith("Hello! Welcome Starman!!! It appears that you currently have no friends, though")
    assert starman.ask("GET", f"/messages{query}") == (
        201,
        {
            "messages": [{"content": greeting, "author": lizard, "id": "0", "channel_id": channel}],
            "channel": {"name": "Hubbub", "id": channel},
            "other_user": "1",
        },
    )


def test_messages_400(party: Party) -> None:
    *_, channel = party.pair()
    assert party.phone().get("/messages", channel_id=channel) == (400, None)


def test_messages_401(party: Party) -> None:
    ada, _, channel = party.pair()
    ada.token = "x" * 43
    assert ada.get("/messages", channel_id=channel) == (401, None)


def test_messages_500(party: Party) -> None:
    ada, _, channel = party.pair()
    with broken():
        assert ada.get("/messages", channel_id=channel) == (500, None)


# GET /dmchannels


def test_dmchannels_200(party: Party) -> None:
    ada, bob, first = party.pair()
    cy = party.person("Cy")
    second = cy.open(ada)
    assert ada.ask("GET", f"/dmchannels?channels={second}&channels={first}") == (
        200,
        {"dmchannels": unordered({"channel_id": first, "user": bob.seen}, {"channel_id": second, "user": cy.seen})},
    )


@pytest.mark.parametrize("query", ["", "?channels=", "?channels[0]=", "?users=1"])
def test_dmchannels_400(party: Party, query: str) -> None:
    assert party.person().ask("GET", f"/dmchannels{query}") == (400, None)


def test_dmchannels_400_without_a_token(party: Party) -> None:
    *_, channel = party.pair()
    assert party.phone().get("/dmchannels", channels=channel) == (400, None)


def test_dmchannels_401(party: Party) -> None:
    ada, _, channel = party.pair()
    ada.token = "x" * 43
    assert ada.get("/dmchannels", channels=channel) == (401, None)


def test_dmchannels_404(party: Party) -> None:
    *_, channel = party.pair()
    assert party.person().get("/dmchannels", channels=f"{channel},{NOBODY}") == (404, {"dmchannels": []})


def test_dmchannels_500(party: Party) -> None:
    ada, _, channel = party.pair()
    with broken():
        assert ada.get("/dmchannels", channels=channel) == (500, None)


# Events


def test_event_message(party: Party) -> None:
    ada, bob, channel = party.pair()
    lines = ada.connect(channel), bob.connect(channel)
    lines[0].emit("message", {"content": "hello world", "channel": channel})
    told = {"author": ada.seen, "channel_id": channel, "content": "hello world", "id": a_text(ID)}
    assert [line.expect("message") for line in lines] == [told, told]


def test_event_message_deleted(party: Party) -> None:
    ada, bob, channel = party.pair()
    lines = ada.connect(channel), bob.connect(channel)
    lines[0].say(channel, "oops")
    (message, _) = (line.expect("message") for line in lines)
    lines[0].emit("messageDeleted", {"channel": channel, "id": message["id"]})
    told = {"channel": channel, "id": message["id"]}
    assert [line.expect("messageDeleted") for line in lines] == [told, told]
    assert ada.contents(channel) == []


def test_event_channel_create(party: Party) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    creator, other, tablet = ada.connect(), bob.connect(), bob.connect()
    channel = ada.open(bob)
    assert [line.expect("channelCreate") for line in (other, tablet)] == [{"channel_id": channel}] * 2
    creator.silence()


def test_event_channel_create_is_only_the_servers(party: Party) -> None:
    _, bob, channel = party.pair()
    line = bob.connect(channel)
    line.emit("channelCreate", {"channel_id": channel})
    line.silence()


@pytest.mark.parametrize("token", ["", "x" * 43, None])
def test_without_a_valid_token_one_connects_and_hears_nothing(party: Party, token: str | None) -> None:
    ada, bob, channel = party.pair()
    headers = {"channels": channel} | ({} if token is None else {"Authorisation": token})
    deaf, line = bob.line(headers=headers), bob.connect(channel)
    ada.connect(channel).say(channel, "hello")
    assert line.expect("message") == anything()
    deaf.silence()
    assert deaf.call("message", {"content": "I am here", "channel": channel}) == {"ok": False}
    line.silence()


def test_without_the_list_of_channels_one_hears_nothing_of_them(party: Party) -> None:
    ada, bob, channel = party.pair()
    cy = party.person("Cy")
    other = bob.open(cy)
    without, line = bob.connect(other), bob.connect(channel)
    ada.connect(channel).say(channel, "hello")
    line.expect("message")
    without.silence()
    assert bob.contents(channel) == ["hello"]
