"""Rooms with gates, met by clients that know none: a clear refusal over the WebSocket, and an open connection."""

import asyncio
from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.web.site import Site

from hubbub.core.event import UserUpdated
from hubbub.core.gate import SetRoomPassword
from hubbub.core.moderation import BanVisitor
from hubbub.core.room import AddRoom, RoomSettings, UpdateRoom
from hubbub.core.world import UpdateWorld
from hubbub.dialects.venueless.id import Kind, render

OPEN: dict[str, Any] = {"viewer": [], "participant": []}
CHAT = {"type": "chat.native", "config": {"volatile": True}}
Frame = MutableMapping[str, Any]
LIMIT = 5.0  # seconds for a frame that must come


class Client:
    """A WebSocket into the application, without a socket."""

    def __init__(self, site: Site, address: str) -> None:
        self._runner = site.runner
        self._given: asyncio.Queue[Frame] = asyncio.Queue()
        self._got: asyncio.Queue[Frame] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "path": "/ws/world/main/",
            "raw_path": b"/ws/world/main/",
            "query_string": b"",
            "headers": [(b"host", b"hubbub.test")],
            "client": (address, 1),
            "subprotocols": [],
            "scheme": "ws",
        }
        self._given.put_nowait({"type": "websocket.connect"})
        self._number = 0

        async def begin() -> "asyncio.Task[Any]":
            return asyncio.create_task(site.application(scope, self._given.get, self._got.put))

        self._task = self._runner.run(begin())
        assert self._next()["type"] == "websocket.accept"

    def call(self, name: str, body: dict[str, Any]) -> Any:
        """Ask, and give the answer, past whatever else is told."""
        self._number += 1
        request = ["authenticate", body] if name == "authenticate" else [name, self._number, body]
        self._given.put_nowait({"type": "websocket.receive", "text": msgspec.json.encode(request).decode()})
        while True:
            frame = msgspec.json.decode(self._next()["text"])
            if frame[0] in ("success", "error", "authenticated"):
                return frame

    def refused(self, name: str, body: dict[str, Any]) -> Any:
        kind, _, error = self.call(name, body)
        assert kind == "error"
        return error

    def close(self) -> None:
        self._given.put_nowait({"type": "websocket.disconnect", "code": 1000})
        self._runner.run(asyncio.wait_for(self._task, LIMIT))

    def _next(self) -> Frame:
        return self._runner.run(asyncio.wait_for(self._got.get(), LIMIT))


class Place:
    """A room with a talk, and guests who come from somewhere."""

    def __init__(self, site: Site) -> None:
        self.site = site
        roles = {
            **site.world.world.roles,
            "viewer": ["world:view", "room:view", "room:chat.read"],
            "participant": ["world:view", "room:view", "room:chat.read", "room:chat.join", "room:chat.send"],
        }
        site.do(UpdateWorld(roles=roles))
        settings = RoomSettings(name="Club", modules=(CHAT,), trait_grants=OPEN)
        self.room = int(site.do(AddRoom(settings=settings)).id)
        self.body = {"room": render(self.room, Kind.ROOM)}
        self.channel = {"channel": render(self.room, Kind.CHANNEL)}
        self.clients: list[Client] = []

    def guest(self, name: str, address: str = "192.0.2.1") -> Client:
        client = Client(self.site, address)
        self.clients.append(client)
        assert client.call("authenticate", {"client_id": name})[0] == "authenticated"
        assert client.call("user.update", {"profile": {"display_name": name}})[0] == "success"
        return client

    def set(self, **fields: Any) -> None:
        self.site.do(UpdateRoom(room=self.room, settings=RoomSettings(**fields)))


@pytest.fixture
def place(site: Site) -> Iterator[Place]:
    place = Place(site)
    yield place
    for client in place.clients:
        client.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"closed": "for repairs"}, "This room is closed: for repairs"),
        ({"closed": ""}, "This room is closed."),
        ({"accounts_only": True}, "Only people with an account may come in. Log in first."),
        ({"verified_only": True}, "Only people whom the organisers have verified may come in."),
        ({"age_restricted": True}, "Confirm your age first."),
    ],
)
def test_a_gate_refuses_and_says_why(place: Place, fields: dict[str, Any], message: str) -> None:
    ada = place.guest("ada")
    place.set(**fields)
    assert ada.refused("room.enter", place.body) == {"code": "protocol.denied", "message": message}
    denied = {"code": "protocol.denied", "message": "Permission denied."}
    for name in ("chat.join", "chat.subscribe"):
        assert ada.refused(name, place.channel) == denied
    assert ada.refused("chat.fetch", {**place.channel, "before_id": 9, "count": 9}) == denied
    content = {"type": "text", "body": "Hi"}
    command = {**place.channel, "event_type": "channel.message", "content": content}
    assert ada.refused("chat.send", command) == denied
    assert ada.call("room.leave", place.body)[0] == "success"


def test_a_locked_room_refuses_and_who_is_inside_goes_on(place: Place) -> None:
    ada, bob = place.guest("ada"), place.guest("bob")
    assert bob.call("room.enter", place.body)[0] == "success"
    assert bob.call("chat.join", place.channel)[0] == "success"
    place.site.do(SetRoomPassword(room=place.room, password="secret"))
    refusal = {"code": "protocol.denied", "message": "The room needs a password."}
    assert ada.refused("room.enter", place.body) == refusal
    command = {**place.channel, "event_type": "channel.message", "content": {"type": "text", "body": "Hi"}}
    assert bob.call("chat.send", command)[0] == "success"


def test_how_long_an_account_is_too_new(place: Place) -> None:
    ada = place.guest("ada")
    place.set(min_account_age=3600)
    refusal = ada.refused("room.enter", place.body)
    assert (refusal["code"], refusal["message"]) == ("protocol.denied", "Your account is too new for this room.")
    assert refusal["details"] == {"retry_after": 3600.0}


def test_a_ban_holds_for_whoever_comes_from_the_same_address_or_browser(place: Place) -> None:
    eve = place.guest("eve", "192.0.2.66")
    assert eve.call("room.enter", place.body)[0] == "success"
    (visit,) = place.site.world.presence.visits[place.room].values()
    place.site.do(BanVisitor(room=place.room, visit=visit.id, duration=timedelta(hours=2)))
    refusal = {"code": "protocol.denied", "message": "You are banned from this room."}
    assert eve.refused("room.enter", place.body) == refusal
    again = place.guest("eve again", "192.0.2.66")
    assert again.refused("room.enter", place.body) == refusal
    assert again.refused("chat.join", place.channel)["code"] == "protocol.denied"
    moved = place.guest("eve", "192.0.2.67")
    assert moved.refused("room.enter", place.body) == refusal
    other = place.guest("ada", "192.0.2.67")
    assert other.call("room.enter", place.body)[0] == "success"


def test_on_this_machine_everybody_has_the_same_address_and_none_is_banned_for_it(place: Place) -> None:
    eve = place.guest("eve", "127.0.0.1")
    eve.call("room.enter", place.body)
    (visit,) = place.site.world.presence.visits[place.room].values()
    place.site.do(BanVisitor(room=place.room, visit=visit.id))
    assert place.guest("ada", "127.0.0.1").call("room.enter", place.body)[0] == "success"


def test_a_user_who_has_said_so_is_of_age(place: Place) -> None:
    """Said through another dialect: this one has no word for it."""
    ada = place.guest("ada")
    place.set(age_restricted=True)
    world = place.site.world
    user = world.users[world.by_client_id["ada"]]
    world.apply(UserUpdated(world=world.world.id, user=msgspec.structs.replace(user, adult=True)))
    assert ada.call("room.enter", place.body)[0] == "success"
