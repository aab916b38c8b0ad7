"""The libraries that clients of this dialect were written with, of three generations, in Node."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from tests.golden.dm.phone import Json, Party

HERE = Path(__file__).parent
MODULES = HERE.parents[2] / ".venv" / "clients" / "node_modules"
PATIENCE = 20.0  # seconds; Node takes one to start on a busy machine


class Npm:
    """A running client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def emit(self, name: str, body: Json) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([name, body]) + "\n")
        self._process.stdin.flush()

    def expect(self, name: str) -> Json:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the client has ended"
        event, body = json.loads(line)
        assert event == name, f"expected {name}, heard {event} {body}"
        return body


@contextmanager
def npm(library: str, url: str, transports: str, **options: Any) -> Iterator[Npm]:
    node = shutil.which("node")
    if node is None or not (MODULES / library).is_dir():
        pytest.skip("missing program: node, or the clients of npm, which `make test` installs where there is npm")
    process = subprocess.Popen(
        [node, HERE / "phone.js", library, url, transports, json.dumps(options)],
        env={**os.environ, "NODE_PATH": str(MODULES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        client = Npm(process)
        client.expect("connect")
        yield client
    finally:
        watchdog.cancel()
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("transports", ["polling,websocket", "websocket"])
@pytest.mark.parametrize("library", ["sio2", "sio3", "sio4"])
def test_a_client_of_npm_with_headers(party: Party, library: str, transports: str) -> None:
    ada, bob, channel = party.pair()
    line, cy = bob.connect(channel), party.person("Cy")
    headers = {"Authorisation": ada.token, "channels": channel}
    with npm(library, party.place.url, transports, extraHeaders=headers) as client:
        client.emit("message", {"content": "héllo 😀", "channel": channel})
        client.expect("ack")
        told = client.expect("message")
        assert told == line.expect("message") == {**party.said(ada, channel, "héllo 😀"), "id": told["id"]}
        line.say(channel, "hi")
        assert client.expect("message")["author"] == bob.seen
        client.emit("messageDeleted", {"channel": channel, "id": told["id"]})
        assert client.expect("ack") == {"ok": True}
        assert client.expect("messageDeleted") == {"channel": channel, "id": told["id"]}
        assert cy.open(ada) == client.expect("channelCreate")["channel_id"]


@pytest.mark.parametrize(("library", "where"), [("sio2", "query"), ("sio4", "auth")])
def test_a_client_of_npm_as_in_a_browser(party: Party, library: str, where: str) -> None:
    ada, bob, channel = party.pair()
    carried: dict[str, Any] = {where: {"authorisation": ada.token, "channels": channel}}
    with npm(library, party.place.url, "websocket", **carried) as client:
        bob.connect(channel).say(channel, "hi")
        assert client.expect("message")["content"] == "hi"
