"""A program with a callback: a small HTTP server that does with each request what it was told to, well or badly."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import msgspec

HOST = "program.test"

Writer = asyncio.StreamWriter
Do = Callable[["Program", asyncio.StreamReader, Writer], Coroutine[Any, Any, bool]]
"""Answer a request in one's own way, and tell whether the connection goes on."""


class Taken(msgspec.Struct):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


class Program:
    """Do with each request the next of `script`, or of `scripts` by path, then answer 200."""

    def __init__(self) -> None:
        self.script: list[int | bytes | Do] = []
        self.scripts: dict[str, list[int | bytes | Do]] = {}
        self.headers: list[str] = []
        self.taken: list[Taken] = []
        self.connections = 0
        self.port = 0
        self.came = asyncio.Event()
        """Set with each request; who waits for the next clears it before."""
        self.gone = asyncio.Event()
        """Whether somebody whom we kept waiting left."""
        self.go = asyncio.Event()
        """Whether those go on whom `hold` keeps."""

    def url(self, path: str = "/bot", host: str = HOST) -> str:
        return f"http://{host}:{self.port}{path}"

    def said(self, path: str = "") -> list[str]:
        """Give the texts that came, in order."""
        return [taken.said["text"] for taken in self.taken if not path or taken.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: Writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for line in head[1:-2] for name, value in [line.split(": ", 1)]}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.taken.append(Taken(method, path, headers, body))
        self.came.set()
        script = self.scripts.get(path) or self.script
        step = script.pop(0) if script else 200
        if isinstance(step, bytes):
            writer.write(step)
            return False
        if not isinstance(step, int):
            return await step(self, reader, writer)
        writer.write("\r\n".join([f"HTTP/1.1 {step} Whatever", "Content-Length: 2", *self.headers, "", "ok"]).encode())
        return True


async def silence(program: Program, reader: asyncio.StreamReader, _writer: Writer) -> bool:
    """Never answer."""
    await reader.read()
    program.gone.set()
    return False


async def hold(program: Program, _reader: asyncio.StreamReader, writer: Writer) -> bool:
    """Answer when told to."""
    await program.go.wait()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    return True


def endless(first: bytes, more: bytes = b"") -> Do:
    """Begin an answer, and go on with the same for as long as anybody reads; with nothing more, only wait."""

    async def do(_program: Program, reader: asyncio.StreamReader, writer: Writer) -> bool:
        writer.write(first)
        while more:
            writer.write(more)
            await writer.drain()
        await reader.read()
        return False

    return do


def redirect(location: str, status: int = 307) -> bytes:
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@asynccontextmanager
async def program() -> AsyncIterator[Program]:
    opened = Program()
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: Writer) -> None:
        handlers.add(asyncio.get_running_loop().create_task(opened.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    opened.port = server.sockets[0].getsockname()[1]
    try:
        yield opened
    finally:
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
