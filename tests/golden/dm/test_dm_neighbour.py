"""The same conversation in other dialects: channels are direct rooms, and messages are messages."""

from collections.abc import Iterator

import pytest
from tests.golden.dm.phone import Json, Party, Phone
from tests.golden.jumpin.bot import Bot
from tests.golden.jumpin.place import Somebody
from tests.golden.placeholder import a_uuid
from tests.golden.venueless.world import Client

from hubbub.core.chat import PostMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.user import GrantRole, UpdateProfile
from hubbub.dialects.dm.id import parse, render
from hubbub.dialects.venueless.id import Kind
from hubbub.dialects.venueless.id import render as render_uuid


@pytest.fixture
def carla(party: Party) -> Iterator[Client]:
    """Give somebody whose client speaks the dialect of Venueless, and who may write to people."""
    with Client(f"ws://127.0.0.1:{party.place.port}/ws/world/main/") as client:
        client.authenticate({"client_id": f"carla of {id(party)}"})
        user = next(
            user.id for user in party.place.state.users.values() if render_uuid(user.id, Kind.USER) == client.id
        )
        party.place.do(GrantRole(user=user, role="participant"))
        client.rename("Carla")
        client.drain()
        yield client


def dm_id(party: Party, client: Client) -> str:
    """Give the id that somebody has here."""
    users = party.place.state.users
    return render(next(user for user in users if render_uuid(user, Kind.USER) == client.id))


def uuid(phone: Phone) -> str:
    return render_uuid(parse(phone.id), Kind.USER)


def ask(client: Client, command: str, body: Json) -> Json:
    """Send a command, when all that came of the ones before has been heard."""
    client.drain()
    return client.ok(command, body)


def said(client: Client, channel: str) -> list[str]:
    results = ask(client, "chat.fetch", {"channel": channel, "count": 50, "before_id": 2**50})["results"]
    return [event["content"]["body"] for event in results if event["event_type"] == "channel.message"]


def test_what_is_said_here_is_read_there(party: Party, carla: Client) -> None:
    ada = party.person("Ada")
    line = ada.connect()
    channel = ada.post("/create-channel", {"to": dm_id(party, carla), "type": 1}).body["channel_id"]
    line.say(channel, "hello from here")
    line.expect("message")
    there = a_uuid()
    assert ask(carla, "chat.direct.create", {"users": [uuid(ada)]})["id"] == there
    assert said(carla, there.value) == ["hello from here"]
    event = ask(
        carla, "chat.send", {"channel": there.value, "event_type": "channel.message", "content": text("hi from there")}
    )
    assert event["event"]["content"]["body"] == "hi from there"
    author = {"avatarURL": "", "id": dm_id(party, carla), "username": "Carla"}
    told = line.expect("message")
    assert told == {"author": author, "channel_id": channel, "content": "hi from there", "id": told["id"]}
    assert [message["content"] for message in ada.messages(channel)["messages"]] == ["hello from here", "hi from there"]


def text(body: str, **more: Json) -> Json:
    return {"type": "text", "body": body, **more}


def test_a_conversation_that_begins_there(party: Party, carla: Client) -> None:
    ada = party.person("Ada")
    line = ada.connect()
    there = ask(carla, "chat.direct.create", {"users": [uuid(ada)]})["id"]
    channel = line.expect("channelCreate")["channel_id"]
    assert ada.log_in(secret=ada.secret).body["dms"] == [channel]
    sent = ask(carla, "chat.send", {"channel": there, "event_type": "channel.message", "content": text("hello")})[
        "event"
    ]
    told = line.expect("message")
    assert told["content"] == "hello"
    # What is edited is read, and nobody is told: this dialect has no word for it. What is taken back is gone.
    edit = {"channel": there, "event_type": "channel.message", "replaces": sent["event_id"]}
    ask(carla, "chat.send", {**edit, "content": text("hello!")})
    line.silence()
    assert ada.contents(channel) == ["hello!"]
    ask(carla, "chat.send", {**edit, "content": {"type": "deleted"}})
    assert line.expect("messageDeleted") == {"channel": channel, "id": told["id"]}
    assert ada.contents(channel) == []
    line.silence()


def test_what_is_taken_back_here_is_gone_there(party: Party, carla: Client) -> None:
    ada = party.person("Ada")
    channel = ada.post("/create-channel", {"to": dm_id(party, carla), "type": 1}).body["channel_id"]
    line = ada.connect(channel)
    line.say(channel, "oops")
    line.emit("messageDeleted", {"channel": channel, "id": line.expect("message")["id"]})
    line.expect("messageDeleted")
    there = ask(carla, "chat.direct.create", {"users": [uuid(ada)]})["id"]
    results = ask(carla, "chat.fetch", {"channel": there, "count": 50, "before_id": 2**50})["results"]
    assert "oops" not in str(results)


def test_what_has_no_word_here_is_not_told(party: Party, carla: Client) -> None:
    ada = party.person("Ada")
    line = ada.connect()
    there = ask(carla, "chat.direct.create", {"users": [uuid(ada)]})["id"]
    channel = line.expect("channelCreate")["channel_id"]
    for content in (
        {"type": "call", "body": {"id": "5", "type": "janus"}},
        {"type": "files", "body": "", "files": [{"url": "https://x/a.png", "name": "a.png", "mimeType": "image/png"}]},
    ):
        ask(carla, "chat.send", {"channel": there, "event_type": "channel.message", "content": content})
    assert line.expect("message")["content"] == "https://x/a.png"  # a file is its link; a call is nothing
    assert ada.contents(channel) == ["https://x/a.png"]


def test_nobody_says_something_as_the_house(party: Party, carla: Client) -> None:
    ada = party.person("Ada")
    line = ada.connect()
    there = ask(carla, "chat.direct.create", {"users": [uuid(ada)]})["id"]
    line.expect("channelCreate")
    content = text("I am the house", welcome=True)
    ask(carla, "chat.send", {"channel": there, "event_type": "channel.message", "content": content})
    assert line.expect("message")["id"] != "0"


def test_a_conversation_of_three_is_no_channel(party: Party, carla: Client) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    line = ada.connect()
    there = ask(carla, "chat.direct.create", {"users": [uuid(ada), uuid(bob)]})["id"]
    ask(carla, "chat.send", {"channel": there, "event_type": "channel.message", "content": text("you two")})
    line.silence()
    assert ada.log_in(secret=ada.secret).body["dms"] == []


def test_pictures_of_others_are_looked_at(party: Party, carla: Client) -> None:
    ada, picture = party.person("Ada"), "https://cdn.example.org/carla.png"
    for url in ("javascript:alert(1)", picture, "data:text/html,x", 5, None):
        ask(carla, "user.update", {"profile": {"display_name": "Carla", "avatar": {"url": url}}})
        shown = {"avatarURL": url if url == picture else "", "id": dm_id(party, carla), "username": "Carla"}
        assert ada.get("/users", users=dm_id(party, carla)).body == {"users": [shown]}


def test_what_one_fetched_is_read_there_too(party: Party, carla: Client) -> None:
    ada = party.person("Ada")
    place, user = party.place, parse(ada.id)
    there = ask(carla, "chat.direct.create", {"users": [uuid(ada)]})["id"]
    for _ in range(3):
        ask(carla, "chat.send", {"channel": there, "event_type": "channel.message", "content": text("hello")})
    (channel,) = ada.log_in(secret=ada.secret).body["dms"]
    room = parse(channel)
    assert len(place.state.read_states[user][room].notifications) == 3
    assert ada.contents(channel) == ["hello"] * 3
    read = place.ask(lambda: place.state.read_states[user][room])
    assert (read.read, read.notifications) == (place.state.last_said[room], ())


def test_a_blocked_person_is_not_heard(party: Party, carla: Client) -> None:
    ada, bob = party.person("Ada"), party.person("Bob")
    channel = ada.post("/create-channel", {"to": dm_id(party, carla), "type": 1}).body["channel_id"]
    ask(carla, "user.block", {"id": uuid(ada)})
    ask(carla, "user.block", {"id": uuid(bob)})
    line = ada.connect(channel)
    assert line.call("message", {"content": "hello", "channel": channel}) == {"ok": False}
    assert bob.post("/create-channel", {"to": dm_id(party, carla), "type": 1}) == (409, None)
    assert ada.contents(channel) == []


def test_in_a_room_of_jumpin_it_is_a_private_message(party: Party) -> None:
    place, ada = party.place, party.person("Ada")
    room, guest = place.room(), place.guest("Guest")
    with Bot(place.port, guest.token) as bot:
        bot.send("room::join", {"room": room.name})
        bot.settle(room.name)
        line = ada.connect()
        channel = ada.post("/create-channel", {"to": render(guest.id), "type": 1}).body["channel_id"]
        line.say(channel, "psst")
        line.expect("message")
        private = bot.expect("room::privateMessage")
        assert (private["handle"], private["message"]) == ("Ada", "psst")
        # And back, as a client of that dialect answers in the conversation.
        place.do(PostMessage(room=parse(channel), body="yes?"), user=guest.id)
        assert line.expect("message")["content"] == "yes?"


def test_an_account_with_a_password_talks_here_with_its_token(party: Party) -> None:
    place, ada = party.place, party.person("Ada")
    member: Somebody = place.account()
    phone = party.phone()
    phone.name, phone.id, phone.token = member.name, render(member.id), member.secret
    assert phone.post("/new", {"accountID": phone.id, "username": phone.name}).status == 202
    channel = phone.open(ada)
    line = phone.connect(channel)
    ada.connect(channel).say(channel, "hello")
    assert line.expect("message")["content"] == "hello"
    place.do(UpdateProfile(profile={"display_name": "Somebody else"}), user=member.id)
    assert ada.get("/users", users=phone.id).body["users"][0]["username"] == "Somebody else"


def test_a_conversation_that_somebody_opened_is_not_opened_twice(party: Party) -> None:
    place, ada, bob = party.place, party.person("Ada"), party.person("Bob")
    conversation = place.do(OpenDirect(users=(parse(bob.id),)), user=parse(ada.id))
    assert bob.post("/create-channel", {"to": ada.id, "type": 1}) == (409, None)
    assert bob.log_in(secret=bob.secret).body["dms"] == [render(conversation.room.id)]
