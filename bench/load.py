"""The load client: many clients on one epoll, as lean as Python allows.

There is no event loop library here: one `epoll`, non-blocking sockets, one receive buffer for all. What a client does
step by step (connect, log in, join) is a *script*, a generator that is sent each reply; what it does under load is a
plain function called with each frame (`on_frame`), or, where millions of frames a second arrive, a count in the raw
bytes (`count`, `discard`).

A fault (a connection closed by the server, an error reply, a deadline passed) is raised as `LoadError` out of the
call that drives the loop, and ends the row.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final, TypeAlias, TypeVar

from bench import wire

T = TypeVar("T")
Script: TypeAlias = Generator[None, bytes, T]

RECEIVE: Final = 1 << 20
# How many ready sockets one turn handles: few, as senders are served once a turn.
BATCH: Final = 128
# Clients come from this many loopback addresses, as a crowd does; a limit per address is not what is measured.
ADDRESSES: Final = 200
REPLIES: Final = (b'["success"', b'["error"', b'["authenticated"')
IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT


class LoadError(Exception):
    """The server did not do what the row needs; the text says what and which client."""


class Load:
    """All clients of a row and the one loop that drives them."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.handlers: dict[int, Callable[[int], None]] = {}
        self.clients: list[Line] = []
        self.buffer = bytearray(RECEIVE)
        self.view = memoryview(self.buffer)
        self.running = 0

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self.epoll.close()

    def leave(self) -> None:
        """Close every connection at once."""
        for client in self.clients:
            client.close()
        self.clients.clear()
        self.running = 0

    def turn(self, wait: float) -> None:
        """Handle what is ready, waiting for it at most `wait` seconds."""
        handlers = self.handlers
        for fd, events in self.epoll.poll(wait, BATCH):
            handler = handlers.get(fd)
            if handler is not None:
                handler(events)

    def until(self, done: Callable[[], bool], limit: float, what: str) -> None:
        """Drive the loop until `done()`; raise `LoadError` when that takes longer than `limit` seconds."""
        deadline = time.perf_counter() + limit
        while not done():
            left = deadline - time.perf_counter()
            if left <= 0:
                raise LoadError(f"after {limit:g} s still waiting: {what}")
            self.turn(min(left, 0.1))

    def rest(self, seconds: float) -> None:
        """Drive the loop for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.turn(left)

    def gather(self, starts: Iterable[Callable[[], None]], limit: float, what: str, in_flight: int = 1024) -> None:
        """Start scripts, at most `in_flight` at a time, and drive the loop until all have ended."""
        deadline = time.perf_counter() + limit
        waiting = iter(starts)
        more = True
        while more or self.running:
            while more and self.running < in_flight:
                start = next(waiting, None)
                if start is None:
                    more = False
                else:
                    start()
            left = deadline - time.perf_counter()
            if left <= 0:
                raise LoadError(f"after {limit:g} s still waiting: {what} ({self.running} running)")
            if self.running:
                self.turn(min(left, 0.1))


class Line:
    """One TCP connection: how it sends and receives, and the script that it follows.

    `begin` is called once it is connected; `handle` then, whenever there is something to do.
    """

    __slots__ = ("arrived", "fd", "load", "name", "outgoing", "rest", "script", "sock")

    def __init__(self, load: Load, port: int, name: str) -> None:
        self.load = load
        self.name = name
        self.arrived = 0.0
        self.outgoing = b""
        self.rest = b""
        self.script: Script[None] | None = None
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self.sock.fileno()
        load.clients.append(self)
        self.sock.bind((f"127.0.1.{1 + len(load.clients) % ADDRESSES}", 0))
        self.sock.connect_ex(("127.0.0.1", port))
        load.handlers[self.fd] = self.connecting
        load.epoll.register(self.fd, OUT)

    def close(self) -> None:
        """End the connection without ceremony, as a closed browser tab does."""
        if self.load.handlers.pop(self.fd, None) is not None:
            self.script = None
            self.sock.close()

    def begin(self) -> None:
        """Say the first word."""
        raise NotImplementedError

    def handle(self, events: int) -> None:
        """Handle what epoll tells."""
        raise NotImplementedError

    # scripts

    def run(self, script: Script[None]) -> None:
        """Begin a script; it is sent each reply and ends before another may begin."""
        if self.script is not None:
            raise RuntimeError(f"{self.name}: a script is running")
        self.script = script
        self.load.running += 1
        self.advance(None)

    def advance(self, reply: bytes | None) -> None:
        """Let the script take its next step."""
        script = self.script
        assert script is not None
        try:
            if reply is None:
                next(script)
            else:
                script.send(reply)
        except StopIteration:
            self.script = None
            self.load.running -= 1

    # sockets

    def connecting(self, _: int) -> None:
        """Handle the end of connect(2)."""
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise LoadError(f"{self.name}: cannot connect, errno {error}")
        self.load.epoll.modify(self.fd, IN)
        self.load.handlers[self.fd] = self.handle
        self.begin()

    def send(self, data: bytes) -> None:
        """Send now what the socket takes, and the rest when it takes more."""
        if self.outgoing:
            self.outgoing += data
            return
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise LoadError(f"{self.name}: {error}") from error
        if sent < len(data):
            self.outgoing = data[sent:]
            self.load.epoll.modify(self.fd, IN | OUT)

    def flush(self) -> None:
        """Send what waits."""
        data, self.outgoing = self.outgoing, b""
        self.load.epoll.modify(self.fd, IN)
        self.send(data)

    def receive(self) -> int:
        """Receive into the buffer of the load; give the number of bytes."""
        try:
            count = self.sock.recv_into(self.load.view)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LoadError(f"{self.name}: {error}") from error
        if not count:
            raise LoadError(f"{self.name}: the server closed the connection; {self.rest[:200]!r} was left")
        return count


class Client(Line):
    """One WebSocket. `on_frame` gets every text frame that no script waits for; `arrived` is when it was received.

    `heartbeat` is the frame by which it shows that it is still there, where its server wants to hear that.
    """

    __slots__ = ("counted", "heartbeat", "on_frame", "opened", "received", "replies", "request", "sequence")

    def __init__(
        self, load: Load, port: int, path: str, name: str, *, host: str = "", replies: tuple[bytes, ...] = REPLIES
    ) -> None:
        """Begin to connect; `replies` are the beginnings of the frames that a script waits for."""
        super().__init__(load, port, name)
        self.counted = 0
        self.heartbeat = b""
        self.on_frame: Callable[[bytes], None] | None = None
        self.opened = False
        self.received = 0
        self.replies = replies
        self.request = wire.request(host or f"127.0.0.1:{port}", path)
        self.sequence = 0

    def begin(self) -> None:
        """Ask for the upgrade."""
        self.load.handlers[self.fd] = self.upgrading
        self.send(self.request)

    # scripts

    def open(self) -> Script[None]:
        """Wait for the answer to the opening handshake."""
        while not self.opened:
            yield

    def call(self, command: str, body: object) -> Script[Any]:
        """Send a command and give the result of its success; raise `LoadError` for an error."""
        self.post(command, body)
        return wire.decode((yield from self.reply(b'["success"')))[2]

    def reply(self, expected: bytes) -> Script[bytes]:
        """Wait for the next reply; raise `LoadError` when it does not begin as expected."""
        payload = yield
        if not payload.startswith(expected):
            raise LoadError(f"{self.name}: expected {expected!r}, got {payload[:300]!r}")
        return payload

    def post(self, command: str, body: object) -> None:
        """Send a command without waiting for its reply."""
        self.sequence += 1
        self.send(wire.frame(wire.encode([command, self.sequence, body])))

    # sockets

    def upgrading(self, events: int) -> None:
        """Handle the answer to the opening handshake."""
        if events & OUT:
            self.flush()
            return
        self.rest += self.load.view[: self.receive()]
        head, found, rest = self.rest.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 101") or wire.ACCEPT not in head.lower():
            raise LoadError(f"{self.name}: refused: {head[:300]!r}")
        self.opened, self.rest = True, b""
        self.load.handlers[self.fd] = self.handle
        if self.script is not None:
            self.advance(None)
        self.take(rest)  # a server that speaks first may have done so already

    def handle(self, events: int) -> None:
        """Handle frames."""
        if events & OUT:
            self.flush()
        if not events & ~OUT:
            return
        count = self.receive()
        self.arrived = time.perf_counter()
        self.take(self.rest + self.load.view[:count])

    def take(self, data: bytes) -> None:
        """Take whole frames; keep what is left."""
        frames, self.rest = wire.split(data)
        for first, payload in frames:
            if first != 0x81:
                self.control(first, payload)
            elif self.script is not None and payload.startswith(self.replies):
                self.advance(payload)
            elif self.on_frame is not None:
                self.on_frame(payload)

    def control(self, first: int, payload: bytes) -> None:
        """Handle what is not a whole text frame."""
        if first == 0x80 | wire.PING:
            self.send(wire.frame(payload, wire.PONG))
        elif first == 0x80 | wire.CLOSE:
            raise LoadError(f"{self.name}: closed, code {int.from_bytes(payload[:2], 'big')} {payload[2:]!r}")
        elif first != 0x80 | wire.PONG:
            raise LoadError(f"{self.name}: unexpected frame, first byte {first:#x}")

    def count(self, marker: bytes, total: list[int]) -> None:
        """From now on only count bytes (`received`, and all clients' in `total[0]`) and a marker in them (`counted`).

        Frames are not read any more, so pings stay unanswered: for short runs only. A marker that two receives cut
        is found: the end of each is kept, one byte less than the marker.
        """
        keep = len(marker) - 1
        buffer = self.load.buffer
        view = self.load.view[keep:]
        receive = self.sock.recv_into
        found_in = buffer.count
        tail = bytearray(keep)

        def handle(_: int) -> None:
            nonlocal tail
            try:
                count = receive(view)
            except BlockingIOError:
                return
            except OSError as error:
                raise LoadError(f"{self.name}: {error}") from error
            if not count:
                raise LoadError(f"{self.name}: the server closed the connection after {self.counted} frames")
            buffer[:keep] = tail
            self.counted += found_in(marker, 0, keep + count)
            self.received += count
            total[0] += count
            tail = buffer[count : count + keep]

        self.switch(handle)

    def discard(self, total: list[int]) -> None:
        """From now on only count bytes (`received`, and all clients' in `total[0]`), which stay in the kernel."""
        view = self.load.view
        receive = self.sock.recv_into

        def handle(_: int) -> None:
            try:
                count = receive(view, 0, socket.MSG_TRUNC)
            except BlockingIOError:
                return
            except OSError as error:
                raise LoadError(f"{self.name}: {error}") from error
            if not count:
                raise LoadError(f"{self.name}: the server closed the connection after {self.received} bytes")
            self.received += count
            total[0] += count

        self.switch(handle)

    def switch(self, handle: Callable[[int], None]) -> None:
        """Count from here, which must be between two frames."""
        if self.rest or self.outgoing:
            raise LoadError(f"{self.name}: part of a frame is left: {self.rest[:100]!r}")
        self.counted = self.received = 0
        self.load.handlers[self.fd] = handle

    def attend(self) -> None:
        """Read frames again; what has been counted must have ended with a whole frame."""
        self.load.handlers[self.fd] = self.handle
