"""Real clients of both generations of Socket.IO, in every transport that they have."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.clients.driver import NODE, PYTHON, TRANSPORTS, Client
from tests.golden.jumpin.place import Place
from tests.golden.venueless.world import Client as Venueless

from hubbub.core.user import BanUser, ReactivateUser
from hubbub.wire.socket_io.option import Options

Make = Callable[[str], Client]

LIBRARIES = (*NODE, *PYTHON)
MODERN = {"sio3", "sio4", "python5"}
"""Those that speak protocol 5."""


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=TRANSPORTS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_connect_join_talk(place: Place, client: Make, library: str, way: str) -> None:
    """The token is in the query, as the clients of that time have it."""
    room = place.room().name
    ada, bob = client(library), client(library)
    for one, name in ((ada, "ada"), (bob, "bob")):
        one.connect(place.url, place.guest(name).token, way)
        one.on("connect")
        assert one.join(room)["handle"] == name
    if way == "upgrade" and library in NODE:
        assert any(line["on"] == "upgrade" for line in ada.seen) or ada.on("upgrade")
    bob.emit("room::message", {"message": "hé 😀", "room": room})
    for one in (ada, bob):
        said = one.hear("room::message")
        assert (said["handle"], said["message"]) == ("bob", "hé 😀")
    ada.emit("room::users", ack=True)
    assert ada.on("ack")["arguments"] == []
    bob.emit("room::users")
    users = bob.hear("room::updateUsers")["users"]
    assert [user["handle"] for user in users] == ["ada", "bob"]
    ada.emit("room::nonsense", ack=True)
    assert ada.on("ack")["arguments"] == []


@pytest.mark.parametrize("modern", sorted(MODERN))
def test_the_token_in_the_connect_packet(place: Place, client: Make, modern: str, way: str) -> None:
    ada = client(modern)
    ada.connect(place.url, place.guest("ada").token, way, auth=True)
    ada.on("connect")
    assert ada.join(place.room().name)["handle"] == "ada"


def test_a_bad_token_is_refused(place: Place, client: Make, library: str, way: str) -> None:
    ada = client(library)
    ada.connect(place.url, "garbage", way)
    refusal = ada.on("refusal")
    expected = {"message": "jwt malformed", "code": "invalid_token", "type": "UnauthorizedError"}
    if library == "python5":
        assert refusal["data"]["data"] == expected if isinstance(refusal["data"], dict) else refusal["data"]
    elif library != "python4":
        assert refusal["data"] == expected
    assert not any(line["on"] == "event" for line in ada.seen)


def test_no_token_is_refused(place: Place, client: Make, library: str, way: str) -> None:
    """Such a client may be one of another dialect, so it hears of it when it says what it wants."""
    ada = client(library)
    ada.connect(place.url, None, way)
    ada.on("connect")
    if way == "upgrade" and library in NODE:
        # A client that is sent away in the middle of its upgrade may miss what it was told before.
        assert any(line["on"] == "upgrade" for line in ada.seen) or ada.on("upgrade")
    ada.emit("room::join", {"room": place.room().name})
    assert ada.hear("client::error")["message"] == "no token provided"
    assert any(line["on"] == "disconnect" for line in ada.seen) or ada.on("disconnect")


def test_all_come_back_after_a_restart(tmp_path: Path, client: Make) -> None:
    """Nothing has to be done for it but to join again; they have stayed over some heartbeats before."""
    brief = timedelta(milliseconds=500)
    long = timedelta(seconds=5)
    options = Options(ping_interval=brief, ping_timeout=long, old_ping_interval=brief, old_ping_timeout=long)
    running = Place(tmp_path, options=options)
    running.start()
    try:
        room = running.room().name
        clients = []
        for library in LIBRARIES:
            for way in TRANSPORTS:
                one = client(library)
                one.connect(running.url, running.guest(f"{library}_{way}"[:16]).token, way)
                one.on("connect")
                one.join(room)
                clients.append(one)
        clients[0].emit("room::users")
        assert len(clients[0].hear("room::updateUsers")["users"]) == len(clients)
        running.run(_beats(running, 3))
        assert not any(line["on"] == "disconnect" for one in clients for line in one.seen)
        running.restart()
        for one in clients:
            one.on("disconnect")
            one.on("connect")
            one.join(room)
        clients[0].emit("room::message", {"message": "back again"})
        for one in clients:
            one.hear("room::message", lambda said: said["message"] == "back again")
        clients[0].emit("room::users")
        assert len(clients[0].hear("room::updateUsers")["users"]) == len(clients)
        for one in clients:
            one.close()
        running.until(lambda: not any(running.state.presence.statistics().values()))
    finally:
        running.stop()


async def _beats(place: Place, count: int) -> None:
    """Wait for some heartbeats to pass."""
    import asyncio

    await asyncio.sleep(count * 0.5)


def test_one_lobby_for_all(place: Place, client: Make) -> None:
    """A client of Socket.IO 2, one of Socket.IO 4 and one of Venueless see, hear and lose one another."""
    room = place.room()
    people = {name: place.guest(name) for name in ("old", "new")}
    old, new = client("python4"), client("python5")
    for one, name, way in ((old, "old", "upgrade"), (new, "new", "websocket")):
        one.connect(place.url, people[name].token, way)
        one.on("connect")
        one.join(room.name)
    assert old.hear("room::updateUserList", lambda body: body["user"]["handle"] == "new")
    with Venueless(f"ws://127.0.0.1:{place.port}/ws/world/main/") as vera:
        vera.authenticate({"client_id": "lobby visitor"})
        vera.rename("Vera")
        found = next(one for one in vera.rooms if one["name"] == room.name)
        viewers = vera.ok("room.enter", {"room": found["id"]})["viewers"]
        assert [viewer["profile"]["display_name"] for viewer in viewers] == ["old", "new", "Vera"]
        channel = found["modules"][0]["channel_id"]
        vera.ok("chat.join", {"channel": channel})
        for one in (old, new):
            one.hear("room::updateUserList", lambda body: body["user"]["handle"] == "Vera")

        for one, text in ((old, "from the old"), (new, "from the new")):
            one.emit("room::message", {"message": text})
            for other in (old, new):
                other.hear("room::message", lambda said, text=text: said["message"] == text)  # type: ignore[misc]
            while vera.hear("chat.event")["content"].get("body") != text:
                pass
        content = {"type": "text", "body": "from Venueless"}
        vera.ok("chat.send", {"channel": channel, "event_type": "channel.message", "content": content})
        for one in (old, new):
            assert one.hear("room::message")["handle"] == "Vera"
        vera.drain()

        new.emit("room::handleChange", {"handle": "newer"})
        assert new.hear("client::handleChange") == {"handle": "newer"}
        assert old.hear("room::handleChange")["handle"] == "newer"
        vera.rename("Veronica")
        for one in (old, new):
            assert one.hear("room::handleChange", lambda body: body["handle"] == "Veronica")

        vera.drain()
        place.do(BanUser(user=people["new"].id))
        try:
            new.hear("self::banned")
            new.on("disconnect")
            assert old.hear("room::disconnect")["user"]["handle"] == "newer"
            vera.hear("room.viewer.removed")
        finally:
            place.do(ReactivateUser(user=people["new"].id))
    assert old.hear("room::disconnect")["user"]["handle"] == "Veronica"
