"""What goes over the wire before there is a room: handshakes, upgrades, heartbeats, and who is refused."""

import http.client
import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from tests.golden.jumpin.bot import Bot, Left, Poller, handshake, payload, written
from tests.golden.jumpin.place import Place
from tests.golden.jumpin.said import error
from tests.golden.jumpin.scene import Scene
from websockets.sync.client import connect

from hubbub.core.account import RevokeToken
from hubbub.core.login import digest
from hubbub.dialects.jumpin.identity import Visitor

Json = Any


def ask(place: Place, method: str, query: str, body: str | None = None, **headers: str) -> tuple[int, str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=10)
    connection.request(method, f"/socket.io/{query}", None if body is None else body.encode(), headers)
    response = connection.getresponse()
    found = response.status, response.read().decode(), response.headers
    connection.close()
    return found


def first_packets(place: Place, query: str, **headers: str) -> list[str]:
    """Connect by polling, and give what comes after the open packet."""
    status, body, _ = ask(place, "GET", f"?{query}EIO=3&transport=polling", **headers)
    assert status == 200, body
    packets = payload(body)
    if len(packets) > 1:
        return packets[1:]
    sid = json.loads(packets[0][1:])["sid"]
    return payload(ask(place, "GET", f"?EIO=3&transport=polling&sid={sid}")[1])


# Engine.IO 3 to the letter


def test_the_handshake_byte_by_byte(place: Place) -> None:
    """Compact, the sid in front, and the namespace that nobody asked for in the same answer."""
    body, headers = handshake(place.port, place.guest().token)
    sid = re.findall(r'"sid":"([^"]+)",', body)[0]
    opening = f'0{{"sid":"{sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}}'
    assert body == f"{len(opening)}:{opening}2:40"
    assert len(opening) == 96
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}", sid)
    assert headers["content-type"] == "text/plain; charset=UTF-8"


def test_any_origin_is_answered_as_its_own(place: Place) -> None:
    status, _, headers = ask(
        place, "GET", f"?token={place.guest().token}&EIO=3&transport=polling", Origin="https://jumpin.chat"
    )
    assert status == 200
    assert headers["access-control-allow-origin"] == "https://jumpin.chat"
    assert headers["access-control-allow-credentials"] == "true"


def test_a_websocket_from_the_start(place: Place) -> None:
    url = f"ws://127.0.0.1:{place.port}/socket.io/?token={quote(place.guest().token)}&EIO=3&transport=websocket"
    with connect(url, proxy=None, compression=None) as socket:
        opening = socket.recv(10)
        assert isinstance(opening, str)
        sid = json.loads(opening[1:])["sid"]
        assert opening == f'0{{"sid":"{sid}","upgrades":[],"pingInterval":25000,"pingTimeout":5000}}'
        assert socket.recv(10) == "40"
        socket.send("2")
        assert socket.recv(10) == "3"


def test_joining_in_one_breath_with_the_upgrade(scene: Scene) -> None:
    """The bot's first event follows the 5 at once: before any 40 has come."""
    somebody = scene.place.guest("hasty")
    event = '42["room::join", {"room": "' + scene.name + '"}]'
    with Bot(scene.place.port, somebody.token, at_once=event) as bot:
        assert bot.expect("room::updateUserList")["user"]["handle"] == "hasty"


def test_an_upgrade_answers_the_poll_that_waits_and_ends_polling(scene: Scene) -> None:
    guest = scene.guest(polling=True)
    poller = guest.bot
    assert isinstance(poller, Poller)
    with connect(
        f"ws://127.0.0.1:{scene.place.port}/socket.io/?EIO=3&transport=websocket&sid={poller.sid}", proxy=None
    ) as socket:
        socket.send("2probe")
        assert socket.recv(10) == "3probe"
        socket.send("5")
        socket.send('42["room::message",{"message":"upgraded"}]')
        said = socket.recv(10)
        assert isinstance(said, str)
        assert "upgraded" in said
        assert poller.ask("GET") == (400, '{"code":3,"message":"Bad request"}')
        socket.send("2")
        assert socket.recv(10) == "3"
    scene.here.clear()


def test_what_is_said_during_an_upgrade_is_heard_in_order(scene: Scene) -> None:
    ada = scene.guest()
    bob = scene.guest(polling=True)
    assert isinstance(bob.bot, Poller)
    for number in range(3):
        ada.bot.send("room::message", {"message": f"before {number}"})
    ada.bot.settle(scene.name)
    with connect(
        f"ws://127.0.0.1:{scene.place.port}/socket.io/?EIO=3&transport=websocket&sid={bob.bot.sid}", proxy=None
    ) as socket:
        socket.send("2probe")
        assert socket.recv(10) == "3probe"
        for number in range(3):
            ada.bot.send("room::message", {"message": f"during {number}"})
        ada.bot.settle(scene.name)
        socket.send("5")
        heard = [json.loads(str(socket.recv(10))[2:])[1]["message"] for _ in range(6)]
    assert heard == [f"{when} {number}" for when in ("before", "during") for number in range(3)]
    scene.here.remove(bob)


def test_lengths_count_utf_16_units(scene: Scene) -> None:
    guest = scene.guest(polling=True)
    assert isinstance(guest.bot, Poller)
    packet = '42["room::message",{"message":"é😀"}]'
    assert guest.bot.ask("POST", written(packet)) == (200, "ok")
    body = guest.bot.ask("GET")[1]
    length = int(body.split(":")[0])
    said = body.split(":", 1)[1]
    assert (length, len(said)) == (len(said) + 1, len(said))
    assert payload(body) == [said]


def test_several_packets_in_one_request(scene: Scene) -> None:
    guest = scene.guest(polling=True)
    assert isinstance(guest.bot, Poller)
    events = [f'42["room::message", {{"message": "line {number}"}}]' for number in range(3)]
    assert guest.bot.ask("POST", written("2", *events, "2x")) == (200, "ok")
    packets = [guest.bot.packet() for _ in range(5)]
    assert [packet for packet in packets if packet[0] == "3"] == ["3", "3x"]
    assert [json.loads(packet[2:])[1]["message"] for packet in packets if packet[0] == "4"] == [
        f"line {number}" for number in range(3)
    ]


def test_an_ack_is_sent_when_it_is_asked_for(scene: Scene) -> None:
    guest = scene.guest()
    guest.bot.send_packet('427["room::isStillJoined",{"room":"' + scene.name + '"}]')
    assert {guest.bot.packet(), guest.bot.packet()} == {"437[]", '42["client::stillConnected"]'}


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("GET", "", '{"code":0,"message":"Transport unknown"}'),
        ("GET", "?EIO=3&transport=pigeon", '{"code":0,"message":"Transport unknown"}'),
        ("GET", "?EIO=3&transport=polling&sid=nosuchsid", '{"code":1,"message":"Session ID unknown"}'),
        ("POST", "?EIO=3&transport=polling", '{"code":2,"message":"Bad handshake method"}'),
        ("GET", "?EIO=3&transport=websocket", '{"code":3,"message":"Bad request"}'),
        ("GET", "?EIO=9&transport=polling", '{"code":5,"message":"Unsupported protocol version"}'),
    ],
)
def test_requests_that_make_no_sense(place: Place, method: str, query: str, body: str) -> None:
    assert ask(place, method, query, "" if method == "POST" else None)[:2] == (400, body)


# Who is let in


def test_a_token_that_is_none(place: Place) -> None:
    """The handshake succeeds; the namespace is refused, with the words that the original uses."""
    expired = place.token(Visitor(session="long ago"))
    place.move(timedelta(hours=24, seconds=1))
    good = place.guest().token
    for token in (
        "garbage",
        "a.b.c",
        expired,
        good[:-2],
        f"{good}x",
        good.replace(".", ".e30", 1),
        "eyJhbGciOiJub25lIn0.eyJzZXNzaW9uIjoieCJ9.",
        "x" * 20_000,
        "\x00",
        "é😀",
    ):
        refusal = first_packets(place, f"token={quote(token)}&")
        assert refusal == ['44{"message":"jwt malformed","code":"invalid_token","type":"UnauthorizedError"}'], token
    assert first_packets(place, f"token={good}&") == ["40"]


def test_no_token_at_all(place: Place) -> None:
    """Cookies of ours without a token are this dialect's, too."""
    refusal = '44{"message":"no token provided","code":"credentials_required","type":"UnauthorizedError"}'
    assert first_packets(place, "token=&") == [refusal]
    assert first_packets(place, "", Cookie=f"jic.activity={place.guest().token}") == [refusal]


def test_events_without_a_token_lead_nowhere(place: Place, scene: Scene) -> None:
    ada = scene.guest()
    status, body, _ = ask(place, "GET", "?EIO=3&transport=polling")
    sid = json.loads(payload(body)[0][1:])["sid"]
    join = '42["room::join",{"room":"' + scene.name + '"}]'
    assert ask(place, "POST", f"?EIO=3&transport=polling&sid={sid}", written(join))[0] == 200
    status, body, _ = ask(place, "GET", f"?EIO=3&transport=polling&sid={sid}")
    assert status == 200
    packets = payload(body)
    assert "no token provided" in packets[0]
    assert packets[1] == "41"
    ada.bot.silence()


def test_who_is_refused_can_do_nothing(place: Place, scene: Scene) -> None:
    ada = scene.guest()
    with Bot(place.port, "garbage") as bot:
        bot.send("room::join", {"room": scene.name})
        bot.send("room::message", {"message": "x"})
        bot.send_packet("2")
        heard = []
        while (packet := bot.packet()) != "3":
            heard.append(packet)
        assert [packet[:2] for packet in heard] in ([], ["44"])
    ada.bot.silence()


def test_who_somebody_is_follows_from_the_first_request_alone(scene: Scene) -> None:
    """The websocket of the upgrade carries no cookies; the account is that of the polling request's."""
    account = scene.place.account("cookie1")
    guest = scene.place.guest()
    for cookies in (f"jic.ident={account.secret}", f"jic.activity={guest.token}; jic.ident={account.secret}; x=y"):
        member = scene.guest(somebody=guest, cookies=cookies)
        assert member.user["username"] == "cookie1"
        member.bot.close()
        scene.here.remove(member)
    assert scene.guest(somebody=guest, cookies="jic.ident=garbage").user["username"] is None
    assert scene.guest(somebody=account).user["username"] == "cookie1"


def test_a_guest_comes_back_as_the_same(scene: Scene) -> None:
    guest = scene.guest("returner")
    again = scene.connect(scene.place.guest(session=guest.somebody.session))
    again.join(scene.name)
    assert again.id == guest.id


def test_a_token_that_was_revoked_lets_nobody_act_as_the_account(scene: Scene) -> None:
    account = scene.place.account()
    assert digest(account.secret) in scene.place.state.tokens
    scene.place.do(RevokeToken(token=account.secret))
    assert scene.guest(somebody=account).user["username"] is None


def test_a_token_in_the_connect_payload_of_protocol_5(scene: Scene) -> None:
    somebody = scene.place.guest("newer")
    with connect(f"ws://127.0.0.1:{scene.place.port}/socket.io/?EIO=4&transport=websocket", proxy=None) as socket:
        opening = json.loads(str(socket.recv(10))[1:])
        assert list(opening) == ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]
        socket.send("40" + json.dumps({"token": somebody.token}))
        answer = str(socket.recv(10))
        assert answer.startswith('40{"sid":"')
        assert json.loads(answer[2:])["sid"] != opening["sid"]
        socket.send("42" + json.dumps(["room::join", {"room": scene.name}]))
        assert str(socket.recv(10)).startswith('42["room::updateUserList"')
    with connect(f"ws://127.0.0.1:{scene.place.port}/socket.io/?EIO=4&transport=websocket", proxy=None) as socket:
        socket.recv(10)
        socket.send('40{"token":"garbage"}')
        data = {"message": "jwt malformed", "code": "invalid_token", "type": "UnauthorizedError"}
        assert json.loads(str(socket.recv(10))[2:]) == {"message": "jwt malformed", "data": data}


def test_what_cannot_be_read_ends_the_connection_of_who_sent_it(scene: Scene) -> None:
    ada = scene.guest()
    for frame in ("42{}", "42abc", "49", "9", "42[", '42["x"', '42["x",NaN]', '42["x",1e999]', "45-[]", "451-[1]2"):
        eve = scene.connect()
        eve.bot.send_packet(frame)
        with pytest.raises(Left):  # perhaps before the next is sent
            eve.bot.send("room::join", {"room": scene.name})
            eve.bot.packet()
    ada.bot.silence()


def test_polling_errors_are_those_of_a_session(scene: Scene) -> None:
    guest = scene.connect(polling=True)
    assert isinstance(guest.bot, Poller)
    guest.bot.send("room::nonsense")
    guest.bot.send("room::message", {"message": "x"})
    assert guest.bot.receive() == error("chat", "no session, try refreshing", "ENOSESSION")
