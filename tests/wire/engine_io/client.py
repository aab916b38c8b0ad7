"""Clients of a server that listens: one that polls, and one over a WebSocket, with nothing done for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import uvicorn
from tests.wire.serving import App, port_of, serving, url
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hubbub.wire.sweep import Limits
from hubbub.wire.uvicorn_protocol import WebSocketProtocol

QUICK = {
    "ping_interval": timedelta(milliseconds=300),
    "ping_timeout": timedelta(milliseconds=200),
    "old_ping_interval": timedelta(milliseconds=300),
    "old_ping_timeout": timedelta(milliseconds=200),
}
"""What the official suites expect."""


class Site:
    """A server with one application, and clients for it."""

    def __init__(self, server: uvicorn.Server, path: str) -> None:
        self.server = server
        self.path = path
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_of(server)}", timeout=20)

    async def request(
        self, method: str, content: bytes | str = b"", headers: Any = None, **query: str
    ) -> httpx.Response:
        return await self.http.request(method, self.path, content=content, headers=headers, params=query)

    async def polling(self, version: int = 4, headers: Any = None, **query: str) -> "Polling":
        response = await self.request("GET", headers=headers, EIO=str(version), transport="polling", **query)
        assert response.status_code == 200
        return Polling(self, version, response)

    def websocket(self, headers: Any = None, **query: str) -> connect:
        query = {"transport": "websocket", **query}
        path = self.path + "?" + str(httpx.QueryParams(query))
        return connect(url(self.server, path), additional_headers=headers, compression=None)


class Polling:
    """A session whose client polls."""

    def __init__(self, site: Site, version: int, first: httpx.Response) -> None:
        self.site = site
        self.version = version
        self.first = first
        body = first.content[first.content.index(b":") + 1 :] if version == 3 else first.content
        self.opening = msgspec.json.decode(body[1 : body.index(b"}") + 1])
        self.sid: str = self.opening["sid"]

    async def get(self, **query: str) -> httpx.Response:
        return await self.site.request("GET", EIO=str(self.version), transport="polling", sid=self.sid, **query)

    async def post(self, content: bytes | str, headers: Any = None, **query: str) -> httpx.Response:
        query = {"EIO": str(self.version), "transport": "polling", "sid": self.sid, **query}
        return await self.site.request("POST", content, headers, **query)

    def getting(self) -> asyncio.Task[httpx.Response]:
        """Begin a GET that waits."""
        return asyncio.create_task(self.get())

    async def wait_for_get(self, statistics: Any) -> asyncio.Task[httpx.Response]:
        """Begin a GET, and see that the server has it."""
        task = self.getting()
        async with asyncio.timeout(10):
            while statistics()["waiting_gets"] == 0:
                await asyncio.sleep(0.005)
        return task

    def websocket(self) -> connect:
        return self.site.websocket(EIO=str(self.version), sid=self.sid)


OURS = WebSocketProtocol.configured(Limits(message=1_000_000))


@asynccontextmanager
async def site(app: App, path: str, ws: Any = OURS) -> AsyncIterator[Site]:
    async with serving(app, ws=ws) as server:
        here = Site(server, path)
        try:
            yield here
        finally:
            await here.http.aclose()


async def closed(client: ClientConnection) -> int | None:
    """Wait for the server to close."""
    async with asyncio.timeout(10):
        try:
            while True:
                await client.recv()
        except ConnectionClosed:
            return client.close_code
