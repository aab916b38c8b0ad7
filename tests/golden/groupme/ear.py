"""Somebody who listens to pushes: Bayeux over a WebSocket, as the clients of this dialect speak it."""

import itertools
import json
from contextlib import ExitStack, suppress
from typing import Any, Self

import pytest
from tests.golden.groupme.person import Person
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Json = Any

PATIENCE = 10.0  # seconds; how long what must come may take


class Ear:
    """A push client with its channels."""

    def __init__(self, person: Person, *channels: str, token: str | None = None) -> None:
        """Shake hands, connect, and subscribe: to the own channel when none is named, to none that is empty."""
        self.person = person
        self.token = person.token if token is None else token
        self._ids = itertools.count(1)
        self._heard: list[Json] = []
        self._scope = ExitStack()
        url = f"ws://127.0.0.1:{person.place.port}/faye"
        self._socket: ClientConnection = self._scope.enter_context(connect(url, max_size=None, proxy=None))
        kinds = {"version": "1.0", "supportedConnectionTypes": ["websocket"]}
        self.client = self.call("/meta/handshake", **kinds)["clientId"]
        self._send("/meta/connect", connectionType="websocket")
        for channel in filter(None, channels or (f"/user/{person.id}",)):
            answer = self.subscribe(channel)
            assert answer["successful"], answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ConnectionClosed):
            self._send("/meta/disconnect")
        self._scope.close()

    def subscribe(self, channel: str, **more: Json) -> Json:
        ext = {"access_token": self.token, "timestamp": 0}
        return self.call("/meta/subscribe", subscription=channel, **{"ext": ext, **more})

    def publish(self, channel: str, data: Json) -> Json:
        return self.call(channel, data=data, ext={"access_token": self.token})

    def call(self, channel: str, **more: Json) -> Json:
        """Send a message and give the reply; what is heard meanwhile is kept."""
        number = self._send(channel, **more)
        while True:
            for message in self._receive():
                if message.get("id") == number:
                    return message
                self._keep(message)

    def _send(self, channel: str, **more: Json) -> str:
        number = str(next(self._ids))
        client = {} if channel == "/meta/handshake" else {"clientId": self.client}
        self._socket.send(json.dumps([{"channel": channel, "id": number, **client, **more}]))
        return number

    def _receive(self) -> list[Json]:
        found = json.loads(self._socket.recv(PATIENCE))
        return found if isinstance(found, list) else [found]

    def _keep(self, message: Json) -> None:
        if "data" in message:
            self._heard.append(message)

    def hear(self, kind: str, channel: str = "") -> Json:
        """Give the data of the next push, which is of this type."""
        while not self._heard:
            for message in self._receive():
                self._keep(message)
        message = self._heard.pop(0)
        assert message["data"]["type"] == kind, message
        assert not channel or message["channel"] == channel, message
        return message["data"]

    def drain(self) -> list[Json]:
        """Give all data that had come by now."""
        # The server answers after what it has told; a subscription that is refused changes nothing.
        self.subscribe("/user/0")
        heard, self._heard = [message["data"] for message in self._heard], []
        return heard

    def ended(self) -> None:
        """Wait until the server has ended the connection."""
        with pytest.raises(ConnectionClosed):
            while True:
                self._receive()

    def silence(self) -> None:
        """Show that nothing more came."""
        heard = self.drain()
        assert heard == [], heard
