"""A world of the `venueless` dialect as its clients see it: its configuration, its sockets, its tokens."""

import itertools
import json
from contextlib import ExitStack
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import uuid4

import httpx
import jwt
from tests.golden.server import Server
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

Json = Any

PATIENCE = 5.0  # seconds; how long a frame that must come may take
SECRETS = [  # long enough for every HMAC algorithm, so that a token of a wrong algorithm has no other fault
    {"secret": "first-secret-of-the-golden-worlds" * 2, "issuer": "https://tickets.example/", "audience": "golden"},
    {"secret": "second-secret-of-the-golden-worlds" * 2, "issuer": "https://other.example/", "audience": "golden"},
]
PROFILE_FIELDS = [
    {"id": "7f0c1a52-5d3b-4b36-9a53-0d7a3b9c1f11", "label": "Company", "type": "text", "searchable": True},
    {"id": "1b9f6d0e-3f0a-4d0e-8f43-6f3a55a7e2c4", "label": "Diary", "type": "textarea", "searchable": False},
]

PARTICIPANT = [
    "world:view",
    "world:chat.direct",
    "world:exhibition.contact",
    "room:view",
    "room:chat.read",
    "room:chat.join",
    "room:chat.send",
    "room:bbb.join",
    "room:question.read",
    "room:question.ask",
    "room:question.vote",
    "room:poll.read",
    "room:poll.vote",
]
MODERATOR = [
    *PARTICIPANT,
    "room:chat.moderate",
    "room:viewers",
    "room:announce",
    "room:bbb.moderate",
    "room:bbb.recordings",
    "room:question.moderate",
    "room:poll.manage",
    "world:announce",
]
ADMIN = [
    *(permission for permission in MODERATOR if permission != "room:viewers"),
    "room:update",
    "room:delete",
    "world:update",
    "world:graphs",
    "world:users.list",
    "world:users.manage",
    "world:connections.unlimited",
    "world:rooms.create.stage",
    "world:rooms.create.chat",
    "world:rooms.create.bbb",
    "world:rooms.create.exhibition",
]
ROLES = {
    "attendee": ["world:view"],
    "viewer": ["world:view", "room:view", "room:chat.read"],
    "participant": PARTICIPANT,
    "creator": ["world:rooms.create.chat"],
    "room_owner": [*PARTICIPANT, "room:invite", "room:delete"],
    "inviter": ["room:invite.anonymous"],
    "moderator": MODERATOR,
    "admin": ADMIN,
    "apiuser": [*ADMIN, "world:api", "world:secrets"],
    "scheduleuser": ["world:api"],
}
TRAIT_GRANTS: dict[str, Json] = {
    "attendee": [],
    "viewer": ["everywhere-viewer"],
    "participant": ["everywhere"],
    "creator": ["creator"],
    "moderator": ["moderator"],
    "admin": ["admin"],
    "apiuser": ["api"],
    "scheduleuser": ["schedule"],
}
OPEN: dict[str, Json] = {"viewer": [], "participant": []}
GUEST_ROOM_PERMISSIONS = sorted(permission for permission in PARTICIPANT if permission.startswith("room:"))


def room(import_id: str, name: str, *modules: Json, **fields: Json) -> Json:
    """Write one room of a world file; everybody may take part unless `trait_grants` says otherwise."""
    return {
        "id": import_id,
        "name": name,
        "description": f"About {name}",
        "trait_grants": OPEN,
        "modules": list(modules),
        **fields,
    }


def chat(*, volatile: bool) -> Json:
    return {"type": "chat.native", "config": {"volatile": volatile}}


STREAM = {"type": "livestream.native", "config": {"hls_url": "https://cdn.example/stage.m3u8"}}
PAGE = {"type": "page.markdown", "config": {"content": "# Hello"}}
CALL = {"type": "call.bigbluebutton", "config": {"record": True}}
ROOMS = [
    room("about", "About", PAGE),
    room("stage", "Main Stage", STREAM, chat(volatile=True), pretalx_id=130),
    room("workshop", "Workshop", CALL),
    room("lounge", "Lounge", chat(volatile=False)),
    room("backstage", "Backstage", chat(volatile=False), trait_grants={"participant": ["crew"], "moderator": ["crew"]}),
]


def configuration(
    world_id: str,
    *,
    settings: Json = None,
    roles: Json = None,
    grants: Json = None,
    rooms: Json = None,
) -> Json:
    """Write a world file: `settings`, `roles` and `grants` add to or replace parts of the usual world."""
    return {
        "world": {
            "id": world_id,
            "title": f"World {world_id}",
            "pretalx": {"domain": "https://pretalx.example/", "event": "golden"},
            "bbb_defaults": {"record": False},
            "profile_fields": PROFILE_FIELDS,
            "JWT_secrets": SECRETS,
            **(settings or {}),
        },
        "roles": {**ROLES, **(roles or {})},
        "trait_grants": {**TRAIT_GRANTS, **(grants or {})},
        "rooms": deepcopy(ROOMS) if rooms is None else rooms,
    }


def import_worlds(server: Server, *configurations: Json) -> None:
    """Import worlds, or replace them, with one run of the command line."""
    files = []
    for config in configurations:
        file = server.directory / f"{config['world']['id']}.json"
        file.write_text(json.dumps(config))
        files.append(file)
    server.run("world", "import", *files, "--replace")


def is_open(server: Server, world_id: str) -> bool:
    """Tell whether the server lets clients into a world."""
    try:
        with Client(f"{server.ws_url}/ws/world/{world_id}/") as client:
            return bool(client.call(["ping", 1]) == ["pong", 1])
    except ConnectionClosed:
        return False


class Client:
    """One socket, read and written as a transcript: nothing is skipped, reordered or waited for by sleeping.

    `call` takes the very next frame for the reply, so each of its uses also shows that the requester hears its own
    answer before what the command makes everybody hear, and that nothing else was left to be heard.
    """

    def __init__(self, url: str, origin: str | None = None) -> None:
        self.hello: Json = None
        self._profile: Json = {}
        self._numbers = itertools.count(1001)
        self._scope = ExitStack()
        self._socket = self._scope.enter_context(
            connect(
                url,
                origin=None if origin is None else Origin(origin),
                compression=None,
                open_timeout=PATIENCE,
                close_timeout=PATIENCE,
                ping_interval=None,
                max_size=None,
                max_queue=None,
                proxy=None,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What is sent and heard

    def send(self, message: Json) -> None:
        self._socket.send(json.dumps(message, ensure_ascii=False))

    def send_frame(self, frame: str | bytes | list[str], *, text: bool | None = None) -> None:
        """Send a frame as it is; a list of strings is one message in as many fragments."""
        self._socket.send(frame, text=text)

    def receive(self, patience: float = PATIENCE) -> Json:
        """Return the next message; TimeoutError if none comes, ConnectionClosed if the server ended it."""
        frame = self._socket.recv(patience)
        assert isinstance(frame, str), f"the server sent a binary frame: {frame!r}"
        return json.loads(frame, parse_constant=_refuse_constant, parse_int=_parse_integer)

    def call(self, message: Json) -> Json:
        """Send a command and return the next message, which is its reply."""
        self.send(message)
        return self.receive()

    def expect(self, event: str) -> Json:
        """Return the payload of the next message, which is a push named `event`."""
        message = self.receive()
        assert message[0] == event, f"expected the push {event}, got {message}"
        assert len(message) == 2, f"a push has two elements: {message}"
        return message[1]

    def hear(self, event: str) -> Json:
        """Return the payload of the next push named `event`, whatever comes before it."""
        while (message := self.receive())[0] != event:
            pass
        return message[1]

    def expect_all(self, *events: str) -> dict[str, Json]:
        """Return the payloads of the next pushes, one of each event, in whichever order they come."""
        pushes = [self.receive() for _ in events]
        assert sorted(push[0] for push in pushes) == sorted(events), f"expected {events}, got {pushes}"
        return dict(pushes)

    def drain(self) -> list[Json]:
        """Return what had arrived by now: everything in front of the pong to a fresh ping."""
        mark = f"mark-{next(self._numbers)}"
        self.send(["ping", mark])
        heard = []
        while (message := self.receive()) != ["pong", mark]:
            heard.append(message)
        return heard

    def silence(self) -> None:
        """Show that nothing more arrived and that the connection is alive."""
        heard = self.drain()
        assert heard == [], f"expected silence, heard {heard}"

    def ok(self, command: str, body: Json) -> Json:
        """Give a command that must succeed and return its result."""
        number = next(self._numbers)
        reply = self.call([command, number, body])
        assert reply[:2] == ["success", number], f"{command} {body} was answered {reply}"
        assert len(reply) == 3, f"a success has three elements: {reply}"
        return reply[2]

    def refused(self, command: str, body: Json) -> Json:
        """Give a command that must fail and return its error object; the connection must stay usable."""
        number = next(self._numbers)
        error = error_of(self.call([command, number, body]), number)
        self.silence()
        return error

    def closed(self) -> int:
        """Return the code with which the server closes; nothing else may arrive before."""
        try:
            message = self.receive()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        raise AssertionError(f"expected the server to close, got {message}")

    def close(self) -> None:
        self._scope.close()

    # Who is behind it

    def authenticate(self, credentials: Json) -> Self:
        message = self.call(["authenticate", credentials])
        assert message[0] == "authenticated", f"{credentials} was answered {message}"
        self.hello = message[1]
        self._profile = self.hello["user.config"]["profile"]
        return self

    def rename(self, name: str) -> None:
        self._profile = {"display_name": name}
        assert self.ok("user.update", {"profile": self._profile}) == {}

    @property
    def id(self) -> str:
        return str(self.hello["user.config"]["id"])

    @property
    def user(self) -> Json:
        """The user object that everybody else sees."""
        return {**{key: self.hello["user.config"][key] for key in USER_KEYS}, "profile": self._profile}

    @property
    def permissions(self) -> list[str]:
        return sorted(self.hello["world.config"]["permissions"])

    @property
    def rooms(self) -> list[Json]:
        return list(self.hello["world.config"]["rooms"])

    def room_object(self, name: str) -> Json:
        return next(room for room in self.rooms if room["name"] == name)

    def room(self, name: str) -> str:
        return str(self.room_object(name)["id"])

    def channel(self, name: str) -> str:
        modules = self.room_object(name)["modules"]
        return str(next(module["channel_id"] for module in modules if module["type"] == "chat.native"))

    # What people often do

    def say(self, channel: str, body: str, **fields: Json) -> Json:
        """Post a text into a channel that this client is subscribed to and return the event."""
        content = {"type": "text", "body": body}
        message = {"channel": channel, "event_type": "channel.message", "content": content, **fields}
        event = self.ok("chat.send", message)["event"]
        pushed = self.expect("chat.event")
        assert pushed["event_id"] == event["event_id"], f"posted {event}, heard {pushed}"
        return event


class World:
    """One imported world and everybody whom a test connected to it."""

    def __init__(self, server: Server, config: Json) -> None:
        self.id: str = config["world"]["id"]
        self.title: str = config["world"]["title"]
        self.config = config
        self.domain = f"{self.id}.example.org"
        self.server = server
        self._clients: list[Client] = []

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def connect(self, *, path: str | None = None, origin: str | None = None) -> Client:
        """Open a socket that has not said yet who it is."""
        client = Client(f"{self.server.ws_url}{path or f'/ws/world/{self.id}/'}", origin)
        self._clients.append(client)
        return client

    def guest(self, name: str | None = None, client_id: Json = None) -> Client:
        """Log in with a client id, a fresh one unless it is given, and take a name."""
        client = self.connect().authenticate({"client_id": client_id or str(uuid4())})
        if name:
            client.rename(name)
        return client

    def member(self, *traits: str, name: str | None = None, **claims: Json) -> Client:
        """Log in with a signed token, as a new person unless `uid` is given."""
        if name:
            claims["profile"] = {"display_name": name}
        return self.connect().authenticate({"token": self.token(*traits, **claims)})

    def token(self, *traits: str, issuer: int = 0, secret: str | None = None, **claims: Json) -> str:
        """Sign a token of one of the two issuers; a claim given as None is left out."""
        now = datetime.now(UTC)
        payload = {
            "iss": SECRETS[issuer]["issuer"],
            "aud": SECRETS[issuer]["audience"],
            "iat": now,
            "exp": now + timedelta(days=1),
            "uid": str(uuid4()),
            "traits": list(traits),
            **claims,
        }
        present = {key: value for key, value in payload.items() if value is not None}
        return jwt.encode(present, secret or SECRETS[issuer]["secret"], algorithm="HS256")

    # HTTP and the command line

    @property
    def api(self) -> str:
        return f"/api/v1/worlds/{self.id}"

    def bearer(self, *traits: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*traits)}"}

    def settle(self, browser: httpx.Client) -> dict[str, str]:
        """Give the world its domain over REST; returns the Host header that finds it."""
        response = browser.patch(f"{self.api}/", json={"domain": self.domain}, headers=self.bearer("api"))
        assert response.status_code == 200, response.text
        return {"Host": self.domain}

    def grant(self, user: str, role: str, room: str | None = None) -> None:
        """Give a role to a user, on the world or on one room, with the command line."""
        if room is None:
            self.server.run("user", "grant", user, role, "--world", self.id)
        else:
            self.server.run("room", "grant", room, user, role, "--world", self.id)


USER_KEYS = ("id", "profile", "pretalx_id", "deleted", "inactive", "badges")


def gather(channel: str, *clients: Client) -> None:
    """Let different people join a lasting channel one after another, and hear what that makes them hear."""
    for number, newcomer in enumerate(clients, 1):
        newcomer.ok("chat.join", {"channel": channel})
        for client in clients[:number]:
            assert client.expect("chat.event")["content"] == {"membership": "join", "user": newcomer.user}


def essence(event: Json) -> Json:
    """Return a chat event without the profiles that came with it and without its redundant type tag."""
    return {key: value for key, value in event.items() if key not in {"users", "type"}}


def error_of(message: Json, *ids: Json) -> Json:
    """Return the error object of a reply; it must have the documented form, with the correlation id if it is given."""
    assert isinstance(message, list), f"not an array: {message!r}"
    assert message[:-1] == ["error", *ids], f"not an error with the ids {ids}: {message}"
    error = message[-1]
    assert isinstance(error, dict), f"not an error object: {message}"
    assert isinstance(error.get("code"), str), f"no code: {message}"
    assert error["code"], f"an empty code: {message}"
    assert error.keys() <= {"code", "message", "details"}, f"unknown keys: {message}"
    return error


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"the server sent {name}, which is not JSON")


def _parse_integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 4000 else digits  # Python itself refuses longer ones


ROOM_DENIED = {"code": "protocol.denied", "message": "Permission denied."}
WORLD_DENIED = {"code": "auth.denied", "message": "Permission denied."}
UNKNOWN_ROOM = {"code": "room.unknown", "message": "Unknown room ID"}
