"""A broker's surroundings: a clock to be turned by hand, requests and WebSockets that remember, a house with groups."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from tests.wire.engine_io.home import Wire
from tests.wire.fakes import FakeLoop

from hubbub.wire import frame
from hubbub.wire.bayeux import message
from hubbub.wire.bayeux.broker import Broker
from hubbub.wire.bayeux.option import Options
from hubbub.wire.bayeux.session import BayeuxClient, Handshake, Refused
from hubbub.wire.outbox import Group, Turn

HOLD, LINGER = 45.0, 30.0
ADVICE = {"reconnect": "retry", "interval": 0, "timeout": 45000}
LATER = {**ADVICE, "interval": 5000}
AGAIN = {"reconnect": "handshake", "interval": 0}
HANDSHAKE = {
    "channel": "/meta/handshake",
    "version": "1.0",
    "supportedConnectionTypes": ["websocket", "long-polling"],
    "id": "1",
}

Body = list[dict[str, Any]]


class Ear:
    """Hears one client, and does as the house says."""

    def __init__(self, house: "House", client: BayeuxClient) -> None:
        self.house = house
        self.client = client
        self.heard: list[tuple[Any, ...]] = []
        self.reasons: list[str] = []

    def on_connect(self, ext: Any) -> None:
        self.heard.append(("connect", ext))
        self.house.hook(self, "connect", "", ext)

    def on_subscribe(self, channel: str, ext: Any) -> None:
        self.heard.append(("subscribe", channel, ext))
        self.house.hook(self, "subscribe", channel, ext)
        self.house.group(channel).add(self.client.outbox, None)

    def on_unsubscribe(self, channel: str, ext: Any) -> None:
        self.heard.append(("unsubscribe", channel, ext))
        self.house.group(channel).discard(self.client.outbox)

    def on_publish(self, channel: str, data: Any, ext: Any) -> None:
        self.heard.append(("publish", channel, data, ext))
        self.house.hook(self, "publish", channel, data)

    def on_disconnect(self, reason: str) -> None:
        self.reasons.append(reason)
        for group in self.house.groups.values():
            group.discard(self.client.outbox)


class House:
    """What a dialect is to a server of Bayeux."""

    turn: Turn

    def __init__(self) -> None:
        self.groups: dict[str, Group[None]] = {}
        self.ears: list[Ear] = []
        self.hook: Callable[[Ear, str, str, Any], None] = lambda ear, what, channel, data: None
        self.opening: Callable[[BayeuxClient], None] = lambda client: None

    def open(self, client: BayeuxClient) -> Ear:
        self.opening(client)
        self.ears.append(Ear(self, client))
        return self.ears[-1]

    def group(self, channel: str) -> Group[None]:
        return self.groups.setdefault(channel, Group(self.turn))

    def tell(self, channel: str, data: object) -> None:
        self.group(channel).broadcast(message.data_frame(channel, data))

    def echo(self, ear: Ear, what: str, channel: str, data: Any) -> None:
        """Be a hook that passes on what is published, and does some other things when told to."""
        if what == "publish":
            if data == "fail":
                raise RuntimeError("as told")
            if data == "refuse":
                raise Refused(message.error(403, "Forbidden", channel))
            if data == "leave":
                ear.client.disconnect()
            self.tell(channel, data)
        elif what == "subscribe" and channel.startswith("/closed"):
            raise Refused(message.error(403, "Forbidden", channel))


class Get:
    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.client: BayeuxClient | None = None

    def answer(self, body: bytes) -> None:
        self.bodies.append(msgspec.json.decode(body))

    @property
    def body(self) -> Body:
        """What was answered."""
        assert len(self.bodies) == 1
        return self.bodies[0]

    def waits(self) -> bool:
        return not self.bodies


class Line:
    def __init__(self, booth: "Booth") -> None:
        self.booth = booth
        self.wire = Wire(booth.turn)
        self.client: BayeuxClient | None = None
        self.uses = 0
        self.read = 0

    @property
    def connection(self) -> Wire:
        return self.wire

    def shake(self) -> Handshake:
        return Handshake({"x": "line"}, {}, "192.0.2.2")

    def attached(self) -> None:
        self.uses += 1

    def send(self, *messages: Any) -> list[Body]:
        """Send a frame; return the frames that come of it."""
        self.booth.broker.frame(message.decode(msgspec.json.encode(messages).decode(), 100), self)
        self.booth.loop.settle()
        return self.got()

    def got(self) -> list[Body]:
        """Tell the frames that have come since the last time."""
        fresh, self.read = self.wire.frames[self.read :], len(self.wire.frames)
        return [msgspec.json.decode(frame.payload(one)) for one in fresh]


class Booth(House):
    def __init__(self, admission: Any = None, *, soft_limit: int = 1 << 18, **options: Any) -> None:
        super().__init__()
        self.loop = FakeLoop()
        self.turn = Turn(self.loop.real, soft_limit=soft_limit)
        self.broker = Broker(
            self.open,
            turn=self.turn,
            options=Options(**options),
            time=self.loop.time,
            soon=self.loop.call_soon,
            admission=admission,
        )

    def post(self, *messages: Any, raw: str = "") -> Get:
        """Send a request, and let the loop turn."""
        get = Get()
        text = raw or msgspec.json.encode(messages).decode()
        shake = Handshake({"x": "post"}, {"q": "1"}, "192.0.2.1")
        get.client = self.broker.request(message.decode(text, 100), lambda: shake, get)
        assert (get.client is None) == bool(get.bodies)
        self.loop.settle()
        return get

    def guest(self) -> "Guest":
        return Guest(self, self.post(HANDSHAKE).body[0]["clientId"])

    def said(self, channel: str, data: object) -> None:
        self.tell(channel, data)
        self.loop.settle()

    def wait(self, seconds: float, *, looking: bool = True) -> None:
        """Let time pass, with the server looking at deadlines, or too busy for that."""
        end = self.loop.now + seconds
        while looking:
            due = min((client.due for client in self.broker.clients.values()), default=end + 1)
            if due > end:
                break
            self.loop.now = max(due, self.loop.now)
            self.broker.check()
            self.loop.settle()
        self.loop.now = end


class Guest:
    """A client that has shaken hands over HTTP, with its moves."""

    def __init__(self, booth: Booth, id_: str) -> None:
        self.booth = booth
        self.id = id_
        self.client = booth.broker.clients[id_]
        self.ear = booth.ears[-1]
        self.count = 1

    def message(self, channel: str, **fields: Any) -> dict[str, Any]:
        self.count += 1
        return {"channel": channel, "clientId": self.id, "id": str(self.count), **fields}

    def connecting(self, kind: str = "long-polling", **fields: Any) -> dict[str, Any]:
        return self.message("/meta/connect", connectionType=kind, **fields)

    def subscribing(self, subscription: Any, **fields: Any) -> dict[str, Any]:
        return self.message("/meta/subscribe", subscription=subscription, **fields)

    def connect(self, **fields: Any) -> Get:
        return self.booth.post(self.connecting(**fields))

    def subscribe(self, subscription: Any, **fields: Any) -> dict[str, Any]:
        return self.booth.post(self.subscribing(subscription, **fields)).body[0]

    def ask(self, channel: str, **fields: Any) -> dict[str, Any]:
        return self.booth.post(self.message(channel, **fields)).body[0]

    def line(self) -> Line:
        """Connect over a WebSocket."""
        line = Line(self.booth)
        line.send(self.connecting("websocket"))
        line.read = 0
        return line

    def is_slow(self) -> bool:
        return self.client.slow

    def is_alive(self) -> bool:
        return not self.client.is_closed() and self.id in self.booth.broker.clients


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
