"""Clients of Engine.IO that poll: HTTP/1.1 on one connection that is kept, as lean as the WebSocket clients.

A client has a GET waiting and asks again as soon as that is answered. What it has to say goes out as a POST between two
GETs, on the same connection; the clients that people use have a second one for that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from bench import jumpin, people, world
from bench.load import OUT, Line, Load, LoadError, Script
from bench.server import Server

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
SEPARATOR: Final = b"\x1e"  # between the packets of a body of Engine.IO 4
_SID: Final = re.compile(rb'"sid":"([^"]+)"')
# An Engine.IO 3 client pings every 25 s; these do so a little earlier, as they wait for a GET to end.
BEAT: Final = 20.0


class Poller(Line):
    """One polling client. `on_body` gets every body that no script waits for; `arrived` is when it was received."""

    __slots__ = ("_get", "_path", "_size", "beat_at", "beats", "on_body", "version")

    def __init__(self, load: Load, port: int, version: int, name: str, token: str = "") -> None:
        super().__init__(load, port, name)
        self.version = version
        self.on_body: Callable[[bytes], None] | None = None
        self.beats = 0
        self.beat_at = 0.0
        self._path = jumpin.query(version, "polling", token)
        self._get = self._request(b"GET")
        self._size = -1  # of the body that is being received; -1 before its head is complete

    def begin(self) -> None:
        """Nothing: the script says the first word."""
        self.advance(None)

    def _request(self, method: bytes, body: bytes = b"") -> bytes:
        head = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method, self._path.encode(), world.DOMAIN.encode())
        if method == b"POST":
            head += b"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n" % len(body)
        return head + b"Accept: */*\r\n\r\n" + body

    # What it says

    def shake_hands(self) -> Script[None]:
        """Open a session and come into the default namespace."""
        yield  # until connected
        found = _SID.search(opening := (yield from self.get()))
        if found is None:
            raise LoadError(f"{self.name}: no session: {opening[:300]!r}")
        self._path = f"{jumpin.query(self.version, 'polling')}&sid={found[1].decode()}"
        self._get = self._request(b"GET")
        self.beat_at = time.perf_counter() + BEAT
        if self.version == jumpin.OLD:
            if not opening.endswith(b"2:40"):
                raise LoadError(f"{self.name}: not in the default namespace: {opening[:300]!r}")
            return
        yield from self.post(b"40")
        yield from self.await_packet(b"40{")

    def join(self, room: str) -> Script[None]:
        """Join a room of jumpin."""
        yield from self.post(jumpin.join_packet(room))
        yield from self.await_packet(b'42["self::join"')

    def await_packet(self, beginning: bytes) -> Script[None]:
        """Poll until a packet comes."""
        while beginning not in (body := (yield from self.get())):
            if b"client::error" in body or b"44{" in body:
                raise LoadError(f"{self.name}: refused: {body[:300]!r}")

    def get(self) -> Script[bytes]:
        """Ask once; give the body."""
        self.ask()
        return (yield)

    def post(self, packet: bytes) -> Script[None]:
        """Say something and wait until it is taken."""
        self.say(packet)
        body = yield
        if body != b"ok":
            raise LoadError(f"{self.name}: {body[:300]!r}")

    def ask(self) -> None:
        """Send a GET."""
        self.send(self._get)

    def say(self, packet: bytes) -> None:
        """Send a POST."""
        # All that is said here is ASCII, so bytes are characters.
        self.send(self._request(b"POST", packet if self.version != jumpin.OLD else b"%d:%b" % (len(packet), packet)))

    # What it hears

    def handle(self, events: int) -> None:
        """Receive; there is one answer at most."""
        if events & OUT:
            self.flush()
        if not events & ~OUT:
            return
        count = self.receive()
        self.arrived = time.perf_counter()
        data = self.rest + self.load.view[:count]
        if self._size < 0:
            head, found, body = data.partition(b"\r\n\r\n")
            if not found:
                self.rest = data
                return
            length = _LENGTH.search(head)
            if not head.startswith(b"HTTP/1.1 200") or length is None:
                raise LoadError(f"{self.name}: refused: {data[:500]!r}")
            self._size, data = int(length[1]), body
        if len(data) < self._size:
            self.rest = data
            return
        if len(data) > self._size:
            raise LoadError(f"{self.name}: more than one answer: {data[-100:]!r}")
        self.rest, self._size = b"", -1
        if self.script is not None:
            self.advance(data)
        else:
            self.take(data)

    def take(self, body: bytes) -> None:
        """Take an answer, and ask again, or first say what is to be said."""
        if self.on_body is not None and body != b"ok":
            self.on_body(body)
        if self.owes_heartbeat(body):
            self.beats += 1
            self.say(jumpin.HEARTBEATS[self.version])
        else:
            self.ask()

    def owes_heartbeat(self, body: bytes) -> bool:
        """Tell whether it is time to ping, or, by what came, to pong."""
        if self.version != jumpin.OLD:
            return (body[:1] == b"2" and body[1:2] in {b"", SEPARATOR}) or SEPARATOR + b"2" in body
        due = self.arrived >= self.beat_at
        if due:
            self.beat_at = self.arrived + BEAT
        return due


def crowd(
    load: Load, server: Server, version: int, names: list[str], room: str, tickets: jumpin.Tickets, in_flight: int = 64
) -> list[Poller]:
    """Let everybody join a room, and poll from then on; who is there polls while others come."""
    pollers: list[Poller] = []

    def arrive(poller: Poller) -> Script[None]:
        yield from poller.shake_hands()
        yield from poller.join(room)
        poller.ask()

    def begin(who: str) -> Callable[[], None]:
        def start() -> None:
            poller = Poller(load, server.port, version, who, tickets.write(who))
            pollers.append(poller)
            poller.run(arrive(poller))

        return start

    load.gather((begin(who) for who in names), people.JOIN_LIMIT, f"{len(names)} clients to come in", in_flight)
    return pollers
