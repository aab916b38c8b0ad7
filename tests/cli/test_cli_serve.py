"""The server as a process: how it starts, what it tells, how it ends, and how the command line reaches into it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest
from tests.cli.conftest import Shell
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

LIMIT = 20.0


class Served:
    """A `hubbub serve` whose greeting has been read."""

    def __init__(self, home: Path, *options: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hubbub", "serve", *options],
            cwd=home,
            env={**os.environ, "HUBBUB_PORT": "0", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        watchdog = Timer(LIMIT, self.process.kill)
        watchdog.start()
        assert self.process.stdout
        self.greeting: list[str] = []
        for line in self.process.stdout:
            self.greeting.append(line.rstrip("\n"))
            if "Ctrl+C" in line:
                break
        watchdog.cancel()
        assert self.process.poll() is None, f"{self.greeting}, {self.process.communicate()}"

    @property
    def url(self) -> str:
        return self.greeting[0].removeprefix("Hubbub is at ").rstrip("/")

    def connect(self) -> ClientConnection:
        return connect(f"{self.url.replace('http', 'ws')}/ws/world/main/", proxy=None, compression=None)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal and give the exit code and the log."""
        self.process.send_signal(sign)
        _, log = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, log


@contextmanager
def serving(home: Path, *options: str, **environment: str) -> Iterator[Served]:
    served = Served(home, *options, **environment)
    try:
        yield served
    finally:
        if served.process.returncode is None:
            served.end(signal.SIGKILL)


def ask(client: ClientConnection, message: object) -> Any:
    client.send(json.dumps(message))
    return json.loads(client.recv(5))


def test_it_says_where_it_is_when_it_is_there(shell: Shell) -> None:
    with serving(shell.home) as served:
        assert httpx.get(f"{served.url}/healthcheck/", trust_env=False).text == "OK"
        text = "\n".join(served.greeting)
        assert f"{served.url.replace('http', 'ws')}/ws/world/main/" in text
        assert f"{served.url}/api/v1/worlds/main/" in text
        assert f"Be the admin: {served.url}/login/" in text
        assert "hubbub user token admin" in text
        code, log = served.end()
    assert code == 0
    assert [json.loads(line)["event"] for line in log.splitlines()] == [f"listening on {served.url}", "stopped"]
    with serving(shell.home) as served:
        assert "/login/" not in "\n".join(served.greeting)
        assert served.end(signal.SIGINT)[0] == 0


def test_whoever_is_connected_when_it_stops_is_told_to_come_back(shell: Shell) -> None:
    with serving(shell.home) as served, served.connect() as client, served.connect() as silent:
        assert ask(client, ["ping", 1]) == ["pong", 1]
        silent.socket.settimeout(0)
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(5)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1012
        assert served.end()[0] == 0
        assert time.monotonic() - began < 6


def test_a_peer_that_never_answers_does_not_hold_it_up(shell: Shell) -> None:
    with serving(shell.home) as served:
        host, _, port = served.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as peer:
            peer.sendall(
                b"GET /ws/world/main/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert b"101" in peer.recv(100)
            began = time.monotonic()
            assert served.end()[0] == 0
            assert time.monotonic() - began < 6


def test_the_command_line_reaches_those_who_are_connected(shell: Shell) -> None:
    with serving(shell.home) as served, served.connect() as client:
        shell.ok("user", "create", "ann")
        token = shell.ok("user", "token", "ann").splitlines()[-1]
        client.send(json.dumps(["authenticate", {"token": token}]))
        assert json.loads(client.recv(5))[0] == "authenticated"
        assert ask(client, ["room.config.list", 2, {}])[0] == "error"
        shell.ok("user", "grant", "ann", "admin")
        client.send(json.dumps(["room.config.list", 3, {}]))
        while (heard := json.loads(client.recv(5)))[1] != 3:
            assert heard[0] == "world.updated"
        assert heard[0] == "success", heard
        shell.ok("user", "ban", "ann")
        assert json.loads(client.recv(5)) == ["connection.reload", {}]
        assert served.end()[0] == 0


def test_a_port_in_use(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = shell.fails("serve", "--port", port)
    assert told.startswith(f"Port {port} is in use")
    assert "--port" in told
    assert not (shell.home / "hubbub.db").exists()


def test_an_address_that_is_not_ours(shell: Shell) -> None:
    assert "no address of this machine" in shell.fails("serve", "--host", "192.0.2.1", "--port", 0)
    assert "There is no address" in shell.fails("serve", "--host", "no.such.host.invalid", "--port", 0)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--port", "70000", "--port is wrong: it is 0 to 65535"),
        ("--database", "mysql://x/y", "no store for 'mysql'"),
        ("--database", "sqlite://host/x", "a SQLite URL is"),
        ("--world", "No Name", "The world setting is wrong: 1 to 64"),
        ("--config", "nowhere.toml", "nowhere.toml cannot be read"),
    ],
)
def test_a_wrong_setting_is_one_line_and_code_2(shell: Shell, option: str, value: str, told: str) -> None:
    assert told in shell.fails("serve", option, value, code=2)


def test_a_database_that_cannot_be_used(shell: Shell) -> None:
    shell.file("This is no database, however long one looks at it. " * 30, "hubbub.db")
    done = subprocess.run(
        [sys.executable, "-m", "hubbub", "serve", "--port", "0"],
        cwd=shell.home,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("hubbub: The database cannot be used")
    assert "Traceback" not in done.stderr


def test_a_failed_start_leaves_signals_as_they_were(shell: Shell) -> None:
    before = signal.getsignal(signal.SIGINT)
    shell.fails("serve", "--host", "192.0.2.1", "--port", 0)
    assert signal.getsignal(signal.SIGINT) is before
