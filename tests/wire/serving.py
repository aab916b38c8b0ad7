"""uvicorn on a free loopback port within the test's own loop, and a client without a library."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from tests.wire.fakes import Recorder

from hubbub.wire import frame
from hubbub.wire.connection import Connection, Receive, Scope, Send, serve
from hubbub.wire.outbox import HARD_LIMIT, SOFT_LIMIT, Turn
from hubbub.wire.uvicorn_protocol import WebSocketProtocol

App = Callable[[Scope, Receive, Send], Awaitable[None]]

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


@asynccontextmanager
async def serving(app: App, ws: Any = WebSocketProtocol, **options: Any) -> AsyncIterator[uvicorn.Server]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, ws=ws, lifespan="off", log_config=None, **options)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started)
        yield server
    finally:
        # Also after a failure: uvloop may hang when it is closed while a server of it is open.
        server.should_exit = True
        await task


def port_of(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


def url(server: uvicorn.Server, path: str = "/") -> str:
    return f"ws://127.0.0.1:{port_of(server)}{path}"


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another part of this loop brings about."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


class Room:
    """An application in which everybody hears what anybody says."""

    def __init__(self, *, soft_limit: int = SOFT_LIMIT, hard_limit: int = HARD_LIMIT) -> None:
        self.limits = soft_limit, hard_limit
        self.turn: Turn | None = None
        self.connections: list[Connection] = []
        self.listeners: list[Recorder] = []
        self.served = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.turn is None:
            self.turn = Turn(soft_limit=self.limits[0], hard_limit=self.limits[1])
        await serve(scope, receive, send, self.enter, turn=self.turn)
        self.served += 1

    def enter(self, connection: Connection) -> Recorder:
        listener = Recorder()
        listener.hook = self.say
        self.connections.append(connection)
        self.listeners.append(listener)
        return listener

    def say(self, message: str | bytes) -> None:
        assert self.turn is not None
        prepared = frame.text(message.encode()) if isinstance(message, str) else frame.binary(message)
        self.turn.broadcast(self.connections, prepared)


class Bare:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def upgrade(self, path: str = "/", more: str = "") -> bytes:
        self.writer.write(UPGRADE.format(path=path, more=more).encode())
        return await self.reader.readuntil(b"\r\n\r\n")

    async def frame(self) -> bytes:
        """Read one whole frame."""
        head = await self.reader.readexactly(2)
        size = head[1]
        if size > 125:
            head += await self.reader.readexactly(2 if size == 126 else 8)
            size = int.from_bytes(head[2:], "big")
        return head + await self.reader.readexactly(size)


@asynccontextmanager
async def bare(server: uvicorn.Server) -> AsyncIterator[Bare]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    try:
        yield Bare(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
