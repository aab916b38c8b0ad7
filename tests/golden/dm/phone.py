"""Clients of the dm dialect, written from its document: HTTP for what is done, python-socketio for what is heard."""

import asyncio
import itertools
import queue
import threading
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import urlencode

import aiohttp
import httpx
import socketio  # type: ignore[import-untyped]
import socketio_v4  # type: ignore[import-untyped]
from tests.golden.jumpin.place import Place

Json = Any
Result = TypeVar("Result")

PATIENCE = 10.0  # seconds; how long what must come may take
EVENTS = ("message", "messageDeleted", "channelCreate", "client::error")
OLD, NEW = 3, 4
"""Generations, by their version of Engine.IO."""


class Exchange:
    """A thread in which the sockets of all clients are."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="clients", daemon=True)
        self.http = httpx.Client(
            trust_env=False, timeout=PATIENCE
        )  # one for all: making it takes longer than most tests

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self.http.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


class Answer(NamedTuple):
    """What came of a request."""

    status: int
    body: Json


class Line:
    """A socket of a client, of either generation."""

    def __init__(
        self,
        exchange: Exchange,
        url: str,
        *,
        version: int = NEW,
        transport: str = "websocket",
        headers: Mapping[str, str] | None = None,
        auth: Json = None,
        query: Mapping[str, str] | None = None,
        path: str = "socket.io",
    ) -> None:
        self._exchange = exchange
        self._heard: queue.Queue[tuple[str, Json]] = queue.Queue()
        kind = socketio.AsyncClient if version == NEW else socketio_v4.AsyncClient
        self._client: Any = kind(reconnection=False)
        for name in EVENTS:
            self._client.on(name, self._hear(name))
        self._gone = threading.Event()
        self._client.on("disconnect", lambda *_: self._gone.set())
        more: Json = {"socketio_v4_path": path}
        if version == NEW:
            more = {"socketio_path": path, "auth": auth, "wait_timeout": PATIENCE}
        if query:
            url = f"{url}?{urlencode(query)}"
        exchange.run(self._connect(url, headers=dict(headers or {}), transports=[transport], **more))
        self.call("nothing", {})  # the old library does not wait until it is let in

    async def _connect(self, url: str, **more: Any) -> None:
        self._session = aiohttp.ClientSession()  # the libraries do not close theirs in every case
        self._client.eio.http = self._session
        await self._client.connect(url, **more)

    def _hear(self, name: str) -> Any:
        def hear(body: Json = None) -> None:
            self._heard.put((name, body))

        return hear

    def emit(self, name: str, body: Json) -> None:
        self._exchange.run(self._client.emit(name, body))

    def call(self, name: str, body: Json) -> Json:
        """Send an event, and give its ack."""
        return self._exchange.run(self._client.call(name, body, timeout=PATIENCE))

    def say(self, channel: str, content: str) -> None:
        self.emit("message", {"content": content, "channel": channel})

    def expect(self, name: str) -> Json:
        """Give what came with the next event, which is this one."""
        event, body = self._heard.get(timeout=PATIENCE)
        assert event == name, f"expected {name}, heard {event} {body}"
        return body

    def drain(self) -> list[tuple[str, Json]]:
        """Give all that had come by now: the server answers after what it has told."""
        assert self.call("nothing", {}) == {"ok": False}
        heard = []
        while not self._heard.empty():
            heard.append(self._heard.get())
        return heard

    def silence(self) -> None:
        """Show that nothing more came, and that the connection is alive."""
        heard = self.drain()
        assert heard == [], f"expected silence, heard {heard}"

    def ended(self) -> None:
        """Wait until the server has ended the connection."""
        assert self._gone.wait(PATIENCE), "the server did not end the connection"

    def close(self) -> None:
        async def close() -> None:
            await self._client.disconnect()
            await self._session.close()

        self._exchange.run(close())


class Phone:
    """Somebody's client."""

    def __init__(self, place: Place, exchange: Exchange) -> None:
        self.place = place
        self._exchange = exchange
        self._scope = ExitStack()
        self.name = self.id = self.token = self.secret = ""
        self.dms: list[str] = []

    def close(self) -> None:
        self._scope.close()

    # Requests

    def fetch(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request as it is."""
        return self._exchange.http.request(method, f"{self.place.url}{path}", **more)

    def ask(self, method: str, path: str, *, signed: bool = True, **more: Any) -> Answer:
        """Send a request, with the token unless it is not to be signed."""
        headers = {"Authorisation": self.token} if signed and self.token else {}
        response = self.fetch(method, path, headers={**headers, **more.pop("headers", {})}, **more)
        assert response.headers["content-type"] == "application/json", response.text
        return Answer(response.status_code, response.json())

    def post(self, path: str, body: Json, **more: Any) -> Answer:
        return self.ask("POST", path, json=body, **more)

    def get(self, path: str, **query: Any) -> Answer:
        return self.ask("GET", path, params=query)

    def sign_up(self, name: str) -> Self:
        """Make an account."""
        status, body = self.post("/new", {"username": name}, signed=False)
        assert status == 201, (status, body)
        assert body["dms"] == []
        self.name, self.secret = name, body["secret"]
        self.id, self.token, self.dms = body["id"], body["token"], []
        return self

    def log_in(self, **more: Json) -> Answer:
        """Come back; whatever is answered."""
        answer = self.post("/new", {"accountID": self.id, "username": self.name, **more}, signed=False)
        if answer.status == 202:
            self.id, self.token, self.dms = answer.body["id"], answer.body["token"], answer.body["dms"]
        return answer

    def open(self, other: "Phone") -> str:
        """Open a channel with somebody, and give its id."""
        status, body = self.post("/create-channel", {"to": other.id, "type": 1})
        assert status == 201, (status, body)
        assert list(body) == ["channel_id"]
        return str(body["channel_id"])

    def messages(self, channel: str, **query: Any) -> Json:
        status, body = self.get("/messages", channel_id=channel, **query)
        assert status == 200, (status, body)
        return body

    def contents(self, channel: str, **query: Any) -> list[str]:
        return [message["content"] for message in self.messages(channel, **query)["messages"]]

    @property
    def seen(self) -> Json:
        """As others see them."""
        return {"avatarURL": "", "id": self.id, "username": self.name}

    # Sockets

    def connect(self, *channels: str, **more: Any) -> Line:
        """Connect as the document has it: the token and the list of channels are headers."""
        headers = {"Authorisation": self.token, "channels": ",".join(channels)}
        return self.line(headers=headers, **more)

    def line(self, **more: Any) -> Line:
        """Connect with whatever is given, and nothing else."""
        line = Line(self._exchange, self.place.url, **more)
        self._scope.callback(line.close)
        return line


class Party:
    """Everybody whom a test lets in; they go when it is over."""

    def __init__(self, place: Place, exchange: Exchange) -> None:
        self.place = place
        self.exchange = exchange
        self._scope = ExitStack()
        self._names = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scope.close()

    def phone(self) -> Phone:
        """Give a client of somebody who has no account yet."""
        phone = Phone(self.place, self.exchange)
        self._scope.callback(phone.close)
        return phone

    def person(self, name: str = "") -> Phone:
        """Give a client of somebody who has just made an account."""
        return self.phone().sign_up(name or f"Person {next(self._names)}")

    def pair(self) -> tuple[Phone, Phone, str]:
        """Give two people with a channel, and its id."""
        one, other = self.person("Ada"), self.person("Bob")
        return one, other, one.open(other)

    def said(self, author: Phone, channel: str, content: str, **more: Json) -> Json:
        """Write a message as it is told; its id is looked at elsewhere."""
        return {"author": {**author.seen, **more}, "channel_id": channel, "content": content}
