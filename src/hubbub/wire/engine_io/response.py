"""HTTP responses: of a GET that waits, and of everything else."""

import asyncio
from typing import Final

from ..connection import Receive, Send
from ..http import Header, respond
from .error import Error
from .session import Session

_NO_STORE: Final = (b"cache-control", b"no-store")
_TEXT: Final = (b"content-type", b"text/plain; charset=UTF-8")
_BINARY: Final = (b"content-type", b"application/octet-stream")
_HTML: Final = (b"content-type", b"text/html")
_JSON: Final = (b"content-type", b"application/json")
_SCRIPT: Final = (b"content-type", b"text/javascript; charset=UTF-8")
_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")


class Poll:
    """A GET, from its arrival to its answer."""

    __slots__ = ("_answer", "_cors", "_send", "_task", "_waiting", "jsonp")

    def __init__(self, send: Send, cors: list[Header], jsonp: str | None) -> None:
        self._send = send
        self._cors = cors
        self.jsonp = jsonp
        self._answer: tuple[int, list[Header], bytes] | None = None
        self._waiting = False
        self._task: asyncio.Task[None] | None = None

    async def serve(self, session: Session, receive: Receive) -> None:
        """Hand this GET to its session and see that it is answered, or that the session hears of its end."""
        session.get(self)
        if self._answer is not None:
            await respond(self._send, *self._answer)
            return
        # This task watches for the client to go away. The answer has its own, made when there is one: that is cheaper
        # than a watcher that must be cancelled, and one client that does not read holds up nobody else.
        self._waiting = True
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._waiting = False
            if self._task is None:
                session.lose_get(self)
            else:
                await self._task

    def answer(self, body: bytes, *, binary: bool) -> None:
        if self.jsonp is not None:
            self._put(200, [_SCRIPT, _NO_SNIFF, _NO_STORE, *self._cors], body)
        else:
            self._put(200, [_BINARY if binary else _TEXT, _NO_STORE, *self._cors], body)

    def refuse(self, error: Error) -> None:
        self._put(error.status, [_JSON, _NO_STORE, *self._cors], error.body)

    def _put(self, status: int, headers: list[Header], body: bytes) -> None:
        self._answer = status, headers, body
        if self._waiting:
            self._task = asyncio.create_task(respond(self._send, status, headers, body))


async def refuse_request(send: Send, error: Error, cors: list[Header]) -> None:
    """Answer with a numbered error."""
    await respond(send, error.status, [_JSON, _NO_STORE, *cors], error.body)


async def accept_post(send: Send, cors: list[Header]) -> None:
    """Answer a POST that was taken."""
    await respond(send, 200, [_HTML, _NO_SNIFF, _NO_STORE, *cors], b"ok")
