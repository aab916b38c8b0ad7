"""A Socket.IO 2 client written by hand, as the bots of that time are: what goes over the wire is all it knows.

Whatever it receives is held against the keys that such bots know: they build objects of what comes, and one key more
than they know is their end (protocols' hard rules).
"""

import http.client
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

Json = Any

PATIENCE = 10.0  # seconds; how long what must come may take
PERSON = frozenset(
    (
        *("_id", "handle", "operator_id", "user_id", "username", "isBroadcasting", "assignedBy", "isAdmin"),
        *("isSiteMod", "isSupporter", "userIcon", "color", "roles"),
    )
)
ONESELF = PERSON | {"createdAt", "joinTime"}
OPERATOR = frozenset(
    (
        *("ban", "close_cam", "mute_user_audio", "mute_user_chat", "mute_room_chat", "mute_room_audio"),
        *("apply_password", "assign_operator", "play_youtube"),
    )
)
STAMPED = frozenset({"message", "timestamp", "id"})
SPEAKER = frozenset({"handle", "color", "userId"})
VIDEO = frozenset(
    (
        *("startTime", "endTime", "description", "channelId", "pausedAt", "_id", "mediaId", "title", "link"),
        *("duration", "thumb", "mediaType", "startedBy", "createdAt"),
    )
)
COLORS = [
    *("red", "green", "yellow", "blue", "purple", "aqua", "orange"),
    *("redalt", "greenalt", "yellowalt", "bluealt", "purplealt", "aquaalt", "orangealt"),
]
"""In the order of the notes: the next one comes after each, and the first after the last."""
IDENTITY = re.compile(r"[0-9a-f]{24}")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Left(Exception):
    """The server has ended the connection."""


class Wire:
    """What a bot hears, whichever transport it has; subclasses say how packets come and go."""

    sid: str

    def __init__(self) -> None:
        self.heard: list[str] = []
        """Every packet as it came."""
        self._numbers = itertools.count(1)
        self._scope = ExitStack()

    def send_packet(self, packet: str) -> None:
        raise NotImplementedError

    def packet(self) -> str:
        """Give the next packet. Raises Left when there will be none, TimeoutError when there is none."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Be gone without a word."""
        self._scope.close()

    # Events

    def send(self, name: str, *arguments: Json) -> None:
        """Send an event as a bot does, with the blanks that Python's json writes."""
        self.send_packet("42" + json.dumps([name, *arguments]))

    def receive(self) -> list[Json]:
        """Give the next event, with its name first."""
        packet = self.packet()
        while packet == "40":
            packet = self.packet()
        if packet == "41":
            raise Left
        assert packet.startswith("42["), f"expected an event, got {packet!r}"
        event = json.loads(packet[2:], parse_constant=_refuse_constant)
        check(event)
        return list(event)

    def expect(self, name: str) -> Json:
        """Give what came with the next event, which is this one; None when nothing came with it."""
        event = self.receive()
        assert event[0] == name, f"expected {name}, got {event}"
        assert len(event) <= 2, event
        return event[1] if len(event) == 2 else None

    def drain(self) -> list[list[Json]]:
        """Give what had come by now: everything in front of the answer to a fresh ping."""
        mark = f"mark{next(self._numbers)}"
        self.send_packet("2" + mark)
        return list(self._until("3" + mark))

    def silence(self) -> None:
        """Show that nothing more came and that the connection is alive."""
        heard = self.drain()
        assert heard == [], f"expected silence, heard {heard}"

    def settle(self, room: str) -> list[list[Json]]:
        """Give what came of all that was sent by now: a client's events are done one after another."""
        self.send("room::isStillJoined", {"room": room})
        heard = []
        while (event := self.receive())[0] not in ("client::stillConnected", "client::forceDisconnect"):
            heard.append(event)
        return heard + self.drain()

    def left(self) -> list[str]:
        """Give the last packets of a connection that the server ends."""
        packets = []
        try:
            while True:
                packets.append(self.packet())
        except Left:
            return packets

    def _until(self, packet: str) -> Iterator[list[Json]]:
        while (found := self.packet()) != packet:
            if found == "40":
                continue
            if found == "41":
                raise Left
            assert found.startswith("42["), f"expected an event, got {found!r}"
            event = json.loads(found[2:], parse_constant=_refuse_constant)
            check(event)
            yield event


class Bot(Wire):
    """Polls once for its sid, and upgrades at once, to the letter of the notes: 2probe, 3probe, 5."""

    def __init__(self, port: int, token: str, *, cookies: str = "", address: str = "", at_once: str = "") -> None:
        """Connect; `at_once` is a packet that goes out in one breath with the 5."""
        super().__init__()
        self.greeting, self.headers = handshake(port, token, cookies=cookies, address=address)
        found = re.search(r'"sid":"([^"]+)",', self.greeting)
        assert found, f"no sid where bots look for it: {self.greeting}"
        self.sid = found[1]
        self._socket = self._scope.enter_context(
            connect(
                f"ws://127.0.0.1:{port}/socket.io/?token={quote(token)}&EIO=3&transport=websocket&sid={self.sid}",
                origin=Origin("https://jumpin.chat"),
                compression=None,
                ping_interval=None,
                open_timeout=PATIENCE,
                close_timeout=PATIENCE,
                max_size=None,
                max_queue=None,
                proxy=None,
            )
        )
        self.send_packet("2probe")
        assert self.packet() == "3probe"
        self.send_packet("5")
        if at_once:
            self.send_packet(at_once)

    def send_packet(self, packet: str) -> None:
        try:
            self._socket.send(packet)
        except ConnectionClosed as closed:
            raise Left from closed

    def packet(self) -> str:
        try:
            found = self._socket.recv(PATIENCE)
        except ConnectionClosed as closed:
            raise Left from closed
        assert isinstance(found, str), found
        self.heard.append(found)
        return found


class Poller(Wire):
    """Never upgrades."""

    def __init__(self, port: int, token: str, *, cookies: str = "", address: str = "") -> None:
        super().__init__()
        self.greeting, self.headers = handshake(port, token, cookies=cookies, address=address)
        first, *self._waiting = payload(self.greeting)
        self.sid = json.loads(first[1:])["sid"]
        self._path = f"/socket.io/?EIO=3&transport=polling&sid={self.sid}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._scope.callback(self._connection.close)

    def ask(self, method: str, body: str | None = None) -> tuple[int, str]:
        """Send one request, and give its status and body."""
        content = None if body is None else body.encode()
        self._connection.request(method, self._path, content)
        response = self._connection.getresponse()
        return response.status, response.read().decode()

    def send_packet(self, packet: str) -> None:
        assert self.ask("POST", written(packet)) == (200, "ok")

    def packet(self) -> str:
        while not self._waiting:
            status, body = self.ask("GET")
            if status != 200:
                raise Left
            self._waiting = [packet for packet in payload(body) if packet != "6"]
        found = self._waiting.pop(0)
        if found == "1":
            raise Left
        self.heard.append(found)
        return found


def handshake(
    port: int, token: str, *, cookies: str = "", address: str = "", more: str = ""
) -> tuple[str, dict[str, str]]:
    """Ask for a session of Engine.IO 3 by polling, with the headers of a bot; give the body and the headers."""
    headers = {"Sec-WebSocket-Protocol": "janus-protocol"}
    if cookies:
        headers["Cookie"] = cookies
    if address:
        headers["X-Forwarded-For"] = address
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    path = f"/socket.io/?token={quote(token)}&EIO=3&transport=polling&t=Muk-CB0{more}"
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    assert response.status == 200, (response.status, body)
    return body, {name.lower(): value for name, value in response.getheaders()}


def payload(body: str) -> list[str]:
    """Cut the body of a response into packets: their lengths are counted in UTF-16 units."""
    units, packets, position = body.encode("utf-16-le"), [], 0
    while position < len(units):
        colon = position
        while units[colon : colon + 2] != b":\0":
            colon += 2
        length = int(units[position:colon].decode("utf-16-le"))
        packets.append(units[colon + 2 : colon + 2 + 2 * length].decode("utf-16-le"))
        position = colon + 2 + 2 * length
    return packets


def written(*packets: str) -> str:
    """Write the body of a request."""
    return "".join(f"{len(packet.encode('utf-16-le')) // 2}:{packet}" for packet in packets)


# What bots know


def check(event: list[Json]) -> None:
    """Hold an event against the keys, and the forms of ids and instants, that bots know."""
    name, body = event[0], event[1] if len(event) > 1 else None
    rule = RULES.get(name)
    assert rule, f"an event that nobody knows: {event}"
    rule(body)


def person(body: Json) -> None:
    assert body.keys() == PERSON, body
    _people(body)


def _people(body: Json) -> None:
    assert IDENTITY.fullmatch(body["_id"]), body
    assert all(body[name] is None or IDENTITY.fullmatch(body[name]) for name in ("operator_id", "user_id")), body
    assert isinstance(body["handle"], str), body
    assert body["username"] is None or isinstance(body["username"], str), body
    assert (body["username"] is None) == (body["user_id"] is None), body
    assert all(isinstance(body[name], bool) for name in ("isBroadcasting", "isAdmin", "isSiteMod", "isSupporter")), body
    assert body["assignedBy"] is None, body
    assert body["userIcon"] is None, body
    assert body["color"] in COLORS, body
    assert body["roles"][0] == "everybody", body
    assert ("mods" in body["roles"]) == (body["operator_id"] is not None), body


def oneself(body: Json) -> None:
    operator = {"operatorPermissions"} if body["operator_id"] else set()
    assert body.keys() == ONESELF | operator, body
    _people(body)
    assert INSTANT.fullmatch(body["createdAt"]), body
    assert INSTANT.fullmatch(body["joinTime"]), body
    if operator:
        assert body["operatorPermissions"].keys() == OPERATOR, body
        assert all(isinstance(held, bool) for held in body["operatorPermissions"].values()), body


def stamped(body: Json, *more: str) -> None:
    assert body.keys() >= STAMPED, body
    assert body.keys() <= STAMPED | set(more), body
    assert INSTANT.fullmatch(body["timestamp"]), body
    assert UUID4.fullmatch(body["id"]), body
    assert isinstance(body["message"], str), body


def _status(body: Json) -> None:
    more = {"notification_type"} if "notification_type" in body else {"color", *SPEAKER} if "color" in body else set()
    stamped(body, *more)


def _message(body: Json) -> None:
    assert body.keys() == STAMPED | SPEAKER, body
    stamped(body, *SPEAKER)
    assert body["color"] in COLORS, body
    assert IDENTITY.fullmatch(body["userId"]), body
    assert body["message"], body


def _private(body: Json) -> None:
    assert STAMPED | SPEAKER | {"userListId"} <= body.keys(), body
    assert body.keys() <= STAMPED | SPEAKER | {"userListId", "clientIsSender"}, body
    assert body.get("clientIsSender", True) is True, body
    assert IDENTITY.fullmatch(body["userListId"]), body


def _error(body: Json) -> None:
    """`body` is for refusals to join alone: who is refused is gone."""
    more = {"context", "error", "modal"} | ({"body"} if body.get("context") == "dialog" else set())
    stamped(body, *more)
    assert body["context"] in ("chat", "banner", "alert", "modal", "dialog"), body
    assert ("modal" in body) == (body["context"] == "modal"), body
    assert isinstance(body.get("error", ""), str), body


def _ignore_list(body: Json) -> None:
    assert body.keys() == {"ignoreList"}, body
    for item in body["ignoreList"]:
        assert item.keys() == {"id", "handle", "userListId", "userId", "timestamp", "expiresAt"}, item


def _banlist(body: Json) -> None:
    assert body.keys() == {"list"}, body
    for item in body["list"]:
        assert {"_id", "handle", "timestamp"} <= item.keys() <= {"_id", "handle", "timestamp", "username"}, item
        assert IDENTITY.fullmatch(item["_id"]), item


def video(body: Json) -> None:
    assert body.keys() == VIDEO, body
    _video(body)


def _video(body: Json) -> None:
    assert IDENTITY.fullmatch(body["_id"]), body
    assert body["mediaType"] == "TYPE_YOUTUBE", body
    for name in ("startTime", "endTime", "pausedAt"):
        assert body[name] is None or INSTANT.fullmatch(body[name]), body
    assert INSTANT.fullmatch(body["createdAt"]), body
    assert isinstance(body["duration"], int), body


def _playing(body: Json) -> None:
    assert body.keys() == VIDEO | {"startAt"}, body
    _video(body)
    assert isinstance(body["startAt"], int), body
    assert body["startedBy"].keys() == {"_id", "username", "profile"}, body
    assert body["startedBy"]["profile"].keys() == {"pic"}, body


def _playlist(body: Json) -> None:
    assert isinstance(body, list), body
    for item in body:
        video(item)


def _nothing(body: Json) -> None:
    assert body is None, body


def _exactly(**rules: Any) -> Any:
    def check_keys(body: Json) -> None:
        assert body.keys() == rules.keys(), body
        for name, rule in rules.items():
            rule(body[name])

    return check_keys


def _any(body: Json) -> None:
    pass


def _handle(body: Json) -> None:
    assert isinstance(body, str), body


def _self_user(body: Json) -> None:
    assert body.keys() == {"user"}, body
    if body["user"].keys() != {"color"}:
        oneself(body["user"])


def _update_user(body: Json) -> None:
    assert {"user"} <= body.keys() <= {"user", "color"}, body
    person(body["user"])


def _everybody(body: Json) -> None:
    for one in body:
        person(one)


RULES: dict[str, Any] = {
    "client::banlist": _banlist,
    "client::error": _error,
    "client::forceDisconnect": _nothing,
    "client::handleChange": _exactly(handle=_handle),
    "client::stillConnected": _nothing,
    "room::clearFeed": _nothing,
    "room::disconnect": _exactly(user=person),
    "room::handleChange": _exactly(userId=_handle, handle=_handle),
    "room::message": _message,
    "room::privateMessage": _private,
    "room::settings": _exactly(topic=_exactly(text=_handle, updatedAt=_any, updatedBy=_any)),
    "room::status": _status,
    "room::updateIgnore": _ignore_list,
    "room::updateUser": _update_user,
    "room::updateUserList": _exactly(user=person),
    "room::updateUsers": _exactly(users=_everybody),
    "room::userbanned": _exactly(user=person),
    "self::banned": _nothing,
    "self::closeBroadcast": _nothing,
    "self::join": _exactly(user=oneself),
    "self::user": _self_user,
    "youtube::playlistUpdate": _playlist,
    "youtube::playvideo": _playing,
    "youtube::seek": video,
    "youtube::videoPaused": video,
    "youtube::videoResume": video,
}


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"the server sent {name}, which is not JSON")
