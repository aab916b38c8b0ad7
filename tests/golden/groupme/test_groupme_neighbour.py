"""The same talk in other dialects: what clients of GroupMe attach, and how they react, reads well there."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.golden.groupme.person import Person
from tests.golden.jumpin.bot import Bot
from tests.golden.venueless.world import Client

from hubbub.core.joining import JoinGroup
from hubbub.dialects.dm.id import render as render_dm
from hubbub.dialects.venueless.id import Kind
from hubbub.dialects.venueless.id import render as render_uuid

Json = Any

HEART = "\u2764\ufe0f"
IMAGE = {"type": "image", "url": "https://pictures.example/640x480.png.0123"}
PLACE = {"type": "location", "lat": "51.5", "lng": "-0.1", "name": "London"}
REPLY = {"type": "reply", "reply_id": "100000000000000001"}


class Neighbour:
    """Somebody in a group whose client speaks the dialect of Venueless."""

    def __init__(self, client: Client, number: int, channel: str) -> None:
        self.client = client
        self.number = number
        self.channel = channel

    def heard(self) -> Json:
        """Give what was said next."""
        return self.client.hear("chat.event")["content"]

    def reacted(self) -> Json:
        return self.client.hear("chat.event.reaction")["reactions"]

    def say(self, content: Json) -> int:
        """Say something, and give its number."""
        message = {"channel": self.channel, "event_type": "channel.message", "content": content}
        self.client.drain()
        event: int = self.client.ok("chat.send", message)["event"]["event_id"]
        return event


@pytest.fixture
def pub(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


@pytest.fixture
def carla(ada: Person, pub: str) -> Iterator[Neighbour]:
    with Client(f"ws://127.0.0.1:{ada.place.port}/ws/world/main/") as client:
        client.authenticate({"client_id": f"carla of {pub}"})
        users = ada.place.state.users.values()
        number = next(user.id for user in users if render_uuid(user.id, Kind.USER) == client.id)
        client.rename("Carla")
        ada.post(f"/v3/groups/{pub}/members/add", {"members": [{"user_id": str(number), "nickname": "Carla"}]})
        channel = render_uuid(int(pub), Kind.CHANNEL)
        client.drain()
        client.ok("chat.subscribe", {"channel": channel})
        yield Neighbour(client, number, channel)


def test_pictures_are_files_there(ada: Person, pub: str, carla: Neighbour) -> None:
    ada.say(pub, "Look", attachments=[IMAGE, PLACE])
    file = {"url": IMAGE["url"], "name": "640x480.png.0123", "mimeType": "image/jpeg"}
    assert carla.heard() == {"type": "files", "files": [file], "body": "Look"}
    named = {"type": "video", "url": "https://x.example/a.mov?size=1", "preview_url": "https://x.example/a.jpg"}
    ada.say(pub, "", attachments=[named])
    file = {"url": named["url"], "name": "a.mov", "mimeType": "video/quicktime"}
    assert carla.heard() == {"type": "files", "files": [file], "body": ""}
    ada.say(pub, "", attachments=[{"type": "image", "url": "http://[/"}])
    assert carla.heard()["files"][0]["mimeType"] == "image/jpeg"


def test_what_has_no_address_is_words_there(ada: Person, pub: str, carla: Neighbour) -> None:
    ada.say(pub, "", attachments=[PLACE])
    assert carla.heard() == {"type": "text", "body": "London (51.5, -0.1)"}
    ada.say(pub, "Meet here", attachments=[PLACE, REPLY])
    assert carla.heard() == {"type": "text", "body": "Meet here"}
    ada.say(pub, "", attachments=[{"type": "file", "file_id": "7"}])
    assert carla.heard() == {"type": "text", "body": "file"}


def test_pictures_out_of_packs_are_hearts_there(ada: Person, bob: Person, pub: str, carla: Neighbour) -> None:
    said = ada.say(pub, "Hi")
    path = f"/v3/messages/{pub}/{said['id']}/like"
    bob.post(path, {"like_icon": {"type": "emoji", "pack_id": 1, "pack_index": 2}})
    own, his = (render_uuid(who.number, Kind.USER) for who in (ada, bob))
    assert carla.reacted() == {HEART: [his]}
    ada.post(path)
    assert carla.reacted() == {HEART: [his, own]}
    carla.client.drain()
    number = int(said["id"]) - 10**17
    carla.client.ok("chat.react", {"channel": carla.channel, "event": number, "reaction": "\U0001f44d"})
    found = ada.get(f"/v4/groups/{pub}/messages/{said['id']}")["message"]
    assert found["favorited_by"] == [bob.id, ada.id, str(carla.number)]


def test_files_of_theirs_are_pictures_here(ada: Person, pub: str, carla: Neighbour) -> None:
    picture = {"url": "https://x.example/a.png", "name": "a.png", "mimeType": "image/png"}
    paper = {"url": "https://x.example/a.pdf", "name": "a.pdf", "mimeType": "application/pdf"}
    carla.say({"type": "files", "files": [picture, paper], "body": ""})
    said = ada.last(pub)
    assert said["text"] is None
    assert said["attachments"] == [
        {"type": "image", "url": picture["url"]},
        {"type": "file", "file_id": paper["url"], "url": paper["url"], "name": "a.pdf"},
    ]


def test_no_script_goes_from_one_to_the_other(ada: Person, pub: str, carla: Neighbour) -> None:
    script = {"type": "video", "url": "java\nscript:alert(1)"}
    body = {"message": {"text": "Look", "attachments": [script]}}
    assert ada.refusal("POST", f"/v3/groups/{pub}/messages", body) == (400, ["url: an address of the web"])
    content = {"type": "files", "files": [{**script, "mimeType": "video/mp4"}], "body": ""}
    message = {"channel": carla.channel, "event_type": "channel.message", "content": content}
    carla.client.refused("chat.send", message)
    assert "Look" not in str(ada.history(pub))


def test_nothing_of_theirs_is_half_of_what_clients_know(ada: Person, pub: str, carla: Neighbour) -> None:
    """Once a file of a kind like ours was told as it was, and no client could read that page of messages."""
    for kind in ("mentions", "location", "image", 7):
        carla.say({"type": "files", "files": [{"type": kind, "name": "a"}], "body": ""})
        assert ada.last(pub)["attachments"] == [{"type": "file", "file_id": "", "url": "", "name": "a"}]


def test_an_edit_is_an_edit_in_both(ada: Person, pub: str, carla: Neighbour) -> None:
    said = ada.say(pub, "Helo")
    assert carla.heard()["body"] == "Helo"
    ada.ask("PUT", f"/v4/groups/{pub}/messages/{said['id']}", json={"text": "Hello"})
    event = carla.client.hear("chat.event")
    assert (event["replaces"], event["content"]["body"]) == (int(said["id"]) - 10**17, "Hello")
    number = carla.say({"type": "text", "body": "Hi"})
    edit = {"channel": carla.channel, "event_type": "channel.message", "replaces": number}
    carla.client.drain()
    carla.client.ok("chat.send", {**edit, "content": {"type": "text", "body": "Hi!"}})
    told, original = ada.history(pub, limit=2)
    assert (told["event"]["type"], original["text"]) == ("message.update", "Hi!")


def test_in_a_small_app_for_direct_messages(ada: Person, bob: Person) -> None:
    for attachments in ([IMAGE], [PLACE]):
        message = {"recipient_id": bob.id, "attachments": attachments}
        ada.post("/v3/direct_messages", {"direct_message": message})
    room = next(iter(bob.place.state.belongs[bob.number]))
    path = f"/messages?channel_id={render_dm(room)}&number=10"
    found = bob.fetch("GET", path, headers={"Authorisation": bob.token})
    assert [message["content"] for message in found.json()["messages"]] == [IMAGE["url"], "London (51.5, -0.1)"]


def test_in_a_room_of_jumpin(ada: Person) -> None:
    place = ada.place
    room, guest = place.room(volatile=False), place.guest("Guest")
    place.do(JoinGroup(room=room.id), user=ada.number)
    with Bot(place.port, guest.token) as bot:
        bot.send("room::join", {"room": room.name})
        bot.settle(room.name)
        ada.say(str(room.id), "", attachments=[PLACE])
        assert bot.expect("room::message")["message"] == "London (51.5, -0.1)"
        ada.say(str(room.id), "Look", attachments=[IMAGE])
        assert bot.expect("room::message")["message"] == f"Look {IMAGE['url']}"
