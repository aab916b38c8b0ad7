"""Clients from the registries, all driven alike: those of npm in a process of Node, those of PyPI in one of Python."""

import itertools
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

Json = Any

PATIENCE = 10.0  # seconds; how long what must come may take
HERE = Path(__file__).parent
MODULES = HERE.parent.parent / ".venv" / "clients" / "node_modules"
"""Where `make test` installs what package-lock.json names."""
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
NODE = ("sio2", "sio3", "sio4")
PYTHON = ("python4", "python5")


def require_node() -> str:
    """Give the path of Node; a test that needs it is skipped where it is missing."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("missing program: node")
    if not MODULES.is_dir():
        pytest.skip("missing program: the clients of npm, which `make test` installs where there is npm")
    return program


class Client:
    """One client, and what it has heard."""

    def __init__(self, driver: "Driver", number: int, library: str) -> None:
        self.library = library
        self.driver = driver
        self.number = number
        self._heard: queue.SimpleQueue[Json] = queue.SimpleQueue()
        self.seen: list[Json] = []
        """All that was taken out by now, and what was passed over on the way."""
        self.put = self._heard.put

    def connect(self, url: str, token: str | None, way: str, *, auth: bool = False) -> None:
        """Begin to connect; `auth` sends the token in the CONNECT packet and not in the query."""
        more = {"library": self.library, "url": url, "token": token, "transports": TRANSPORTS[way], "auth": auth}
        self.driver.send(self.number, "connect", **more)

    def emit(self, event: str, *words: Json, ack: bool = False) -> None:
        self.driver.send(self.number, "emit", event=event, words=list(words), ack=ack)

    def drop(self) -> None:
        """Lose the connection; the client comes back by itself."""
        self.driver.send(self.number, "drop")

    def close(self) -> None:
        """Leave for good."""
        self.driver.send(self.number, "close")

    def wait(self, accepts: Callable[[Json], bool], patience: float = PATIENCE) -> Json:
        """Give the next line that is accepted, and pass over those before it."""
        while True:
            try:
                line = self._heard.get(timeout=patience)
            except queue.Empty:
                raise AssertionError(f"{self.library} {self.number} waited in vain; heard {self.seen[-20:]}") from None
            self.seen.append(line)
            if accepts(line):
                return line

    def on(self, what: str, patience: float = PATIENCE) -> Json:
        """Give the next line of a kind: connect, upgrade, disconnect, refusal, ack, closed, dropped."""
        return self.wait(lambda line: line["on"] == what, patience)

    def hear(self, event: str, holds: Callable[[Json], bool] = lambda _: True) -> Json:
        """Give the argument of the next event of a name."""
        found = self.wait(
            lambda line: line["on"] == "event" and line["event"] == event and holds((line["arguments"] or [None])[0])
        )
        return (found["arguments"] or [None])[0]

    def join(self, room: str) -> Json:
        """Join a room, and give oneself as one was told."""
        self.emit("room::join", {"room": room})
        return self.hear("self::join")["user"]


class Driver:
    """A process that runs clients of some libraries, and is told by lines of JSON what they are to do."""

    def __init__(self, *command: str) -> None:
        self.clients: dict[int, Client] = {}
        self._numbers = itertools.count(1)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NODE_PATH": str(MODULES)},
            text=True,
        )
        self._faults: list[str] = []
        """What it says of errors that nobody caught."""
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def client(self, library: str) -> Client:
        client = Client(self, next(self._numbers), library)
        self.clients[client.number] = client
        return client

    def forget(self, client: Client) -> None:
        """Let nothing be left of a client that is closed."""
        self.clients.pop(client.number, None)

    def deliver(self, line: Json) -> None:
        client = self.clients.get(line["client"])
        if client:
            client.put(line)

    def send(self, number: int, command: str, **more: Json) -> None:
        assert self._process.stdin
        with self._lock:
            try:
                self._process.stdin.write(json.dumps({"do": command, "client": number, **more}) + "\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                self._reader.join(PATIENCE)
                raise AssertionError("\n".join(self._faults)) from None

    def stop(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdout.close()
        assert code == 0, "\n".join(self._faults)

    def _read(self) -> None:
        assert self._process.stdout
        for text in self._process.stdout:
            if text.startswith("{"):
                line = json.loads(text)
                self.deliver(line)
            else:
                self._faults.append(text.rstrip())


def node() -> Driver:
    """Begin to run clients of npm."""
    return Driver(require_node(), str(HERE / "driver.js"))


def python() -> Driver:
    """Begin to run clients of PyPI."""
    return Driver(sys.executable, str(HERE / "driver_python.py"))
