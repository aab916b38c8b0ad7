"""The least that a server on asyncio can do for a fan-out: the limit that Hubbub is measured against.

Every connection is a receiver. A text frame from any of them is one message: its frames are counted and not read,
each is acknowledged to its sender, and everybody gets one frame prepared beforehand. All frames of one turn of the
loop are joined and written once per receiver. No JSON, no rooms, no users, no storage, no limits.

It is a script on its own (`python bench/bare.py PORT SIZE`), so that nothing of the load client is in its process.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import signal
import sys
from collections.abc import Callable
from typing import Final, cast

import uvloop

GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MARKER: Final = b"~" * 16
ACK: Final = b'\x81\x10["success",0,{}]'


def prepared(size: int) -> bytes:
    """Give a server frame of `size` bytes on the wire with the marker in it once."""
    body = b'["chat.event",{"body":"' + MARKER
    end = b'"}]'
    extended = size > 127
    room = size - (4 if extended else 2) - len(body) - len(end)
    if room < 0 or size > 65_000:
        raise ValueError(f"a frame of {size} bytes cannot be made")
    payload = body + b"x" * room + end
    head = b"\x81\x7e" + len(payload).to_bytes(2, "big") if extended else bytes((0x81, len(payload)))
    return head + payload


class Room:
    """All receivers, and what waits for the end of this turn of the loop."""

    def __init__(self, frame: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self.frame = frame
        self.loop = loop
        self.writes: dict[Peer, Callable[[bytes], None]] = {}
        self.pending = 0

    def say(self, count: int) -> None:
        """Put `count` messages into this turn."""
        if not self.pending:
            self.loop.call_soon(self.flush)
        self.pending += count

    def flush(self) -> None:
        """Write what this turn gathered, once per receiver."""
        joined = self.frame * self.pending
        self.pending = 0
        for write in self.writes.values():
            write(joined)


class Peer(asyncio.Protocol):
    """One connection: its handshake, then its frames, counted."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.rest = b""
        self.open = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        self.room.writes.pop(self, None)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        if not self.open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self.rest = head
                return
            self.accept(head)
        count, start, end = 0, 0, len(data)
        while end - start >= 6:
            size = data[start + 1] & 0x7F
            body = start + 6
            if size == 126:
                size = int.from_bytes(data[start + 2 : start + 4], "big")
                body += 2
            if body + size > end:
                break
            if data[start] != 0x81:
                self.transport.close()
                return
            count += 1
            start = body + size
        self.rest = data[start:]
        if count:
            self.transport.write(ACK * count)
            self.room.say(count)

    def accept(self, head: bytes) -> None:
        """Answer the opening handshake."""
        lines = (line.partition(b":") for line in head.split(b"\r\n"))
        key = next(value.strip() for name, _, value in lines if name.lower() == b"sec-websocket-key")
        answer = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n"
        )
        self.open = True
        self.room.writes[self] = self.transport.write


async def serve(port: int, size: int) -> None:
    """Serve on a port of the loopback until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    room = Room(prepared(size), loop)
    server = await loop.create_server(lambda: Peer(room), "127.0.0.1", port, backlog=2048)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
