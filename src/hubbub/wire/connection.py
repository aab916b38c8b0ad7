"""What an application programs against: a connection, its listener, and `serve`."""

import asyncio
import logging
import secrets
from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, Protocol

from . import frame
from .outbox import Outbox, Turn

logger = logging.getLogger(__name__)

EXTENSION: Final = "hubbub.connection"
"""Key in `scope["extensions"]` of an `Attachable`, where the server has one."""
INTERNAL_ERROR: Final = 1011  # RFC 6455 7.4.1
_CLOSE_TIMEOUT: Final = 10.0  # seconds that another server may take to pass on a close

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Listener(Protocol):
    """Hears one connection. Its methods must not block; what they raise closes the connection with 1011."""

    def on_message(self, message: str | bytes) -> None:
        """Hear one whole message: str is text, bytes is binary. Not called after a close of either side."""

    def on_close(self, code: int) -> None:
        """Hear that the connection is closing; called exactly once, never from within `close` itself.

        Args:
            code: The close code of whichever side closed first; 1005 when the peer gave none, 1006 when it vanished.
        """


class Connection(Outbox):
    """One accepted WebSocket connection. It is its own outbox."""

    __slots__ = ("client",)

    def __init__(self, turn: Turn, client: tuple[str, int] | None) -> None:
        super().__init__(turn)
        self.client = client
        """Address and port of the peer, as the server and its proxies tell."""

    @property
    def outbox(self) -> Outbox:
        """Where frames for this connection are put: the connection itself."""
        return self

    @abstractmethod
    def pause_reading(self) -> None:
        """Hold back further messages, and in time the peer, until `resume_reading`."""

    @abstractmethod
    def resume_reading(self) -> None:
        """Deliver messages again, those held back first; not from within this call."""


Accept = Callable[[Connection], Listener]
"""Makes the listener of a new connection."""


class Attachable(Protocol):
    """A server's side of the extension: an accepted connection that needs no task."""

    def attach(self, accept: Accept, turn: Turn, client: tuple[str, int] | None) -> None:
        """Take over the connection once `websocket.accept` was sent, for good."""


async def serve(
    scope: Scope, receive: Receive, send: Send, accept: Accept, *, turn: Turn, subprotocol: str | None = None
) -> None:
    """Serve one ASGI WebSocket connection.

    Consumes `websocket.connect` and accepts. On a server with the extension it returns at once and the connection lives
    on without a task; on any other it returns when the connection is closed.

    Args:
        scope: ASGI scope of type websocket.
        receive: ASGI receive, of which nothing was consumed.
        send: ASGI send, of which nothing was sent.
        accept: Called once with the open connection. If it raises, the connection is closed with 1011.
        turn: The turn of this event loop.
        subprotocol: One of `scope["subprotocols"]`.
    """
    await receive()
    try:
        await send({"type": "websocket.accept", "subprotocol": subprotocol})
    except OSError:
        return  # the client left during the handshake
    client = scope.get("client")
    extension: Attachable | None = (scope.get("extensions") or {}).get(EXTENSION)
    if extension is not None:
        extension.attach(accept, turn, client and (client[0], client[1]))
        return
    connection = _AsgiConnection(turn, client and (client[0], client[1]))
    await connection.run(receive, send, accept)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    """Refuse an upgrade with an HTTP status and a sentence, where the server can do that, else with 403."""
    await receive()
    if "websocket.http.response" in (scope.get("extensions") or {}):
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": f"{reason}\n".encode()})
    else:
        await send({"type": "websocket.close"})


def log_fault(what: str) -> None:
    """Log the exception in hand under an id; neither has anything of the payload."""
    logger.exception("%s failed, fault %s", what, secrets.token_hex(6))


class _AsgiConnection(Connection):
    """A connection over plain ASGI: a bounded queue, one sender and one receiver."""

    __slots__ = ("_closing", "_deadline", "_queue", "_queued", "_readable", "_wanted")

    def __init__(self, turn: Turn, client: tuple[str, int] | None) -> None:
        super().__init__(turn, client)
        self._queue: deque[bytes] = deque()
        self._queued = 0  # bytes in the queue
        self._wanted = asyncio.Event()  # the sender has something to do
        self._readable = asyncio.Event()
        self._readable.set()
        self._closing: tuple[int, str] | None = None
        self._deadline: asyncio.Timeout | None = None

    def transmit(self, joined: bytes, frames: Iterable[bytes]) -> None:
        if self._closing is not None:
            return
        self._queue += frames
        self._count(len(joined))
        self._wanted.set()
        if self._queued > self.turn.hard_limit:
            self._queue.clear()
            self._count(-self._queued)
            self.overflow()

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.flush()  # which may overflow and so close
        if self._closing is None:
            self._closing = code, reason
            self._wanted.set()
            self._readable.set()
            if self._deadline is not None:
                self._deadline.reschedule(asyncio.get_running_loop().time() + _CLOSE_TIMEOUT)

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    async def run(self, receive: Receive, send: Send, accept: Accept) -> None:
        """Serve the connection until it is closed."""
        try:
            listener = accept(self)
        except Exception:
            log_fault("accept")
            self.close(INTERNAL_ERROR)
            await self._send_all(send)
            return
        code = frame.LOST
        try:
            async with asyncio.TaskGroup() as tasks:
                receiver = tasks.create_task(self._receive_all(receive, listener))
                sender = tasks.create_task(self._send_all(send))
                receiver.add_done_callback(lambda _: sender.cancel())
                sender.add_done_callback(lambda _: receiver.cancel())
            if self._closing is not None:
                code = self._closing[0]
            elif not receiver.cancelled():
                code = receiver.result()
        finally:
            self._closing = self._closing or (code, "")
            self._queue.clear()
            try:
                listener.on_close(code)
            except Exception:
                log_fault("listener")

    async def _receive_all(self, receive: Receive, listener: Listener) -> int:
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return int(event.get("code") or frame.NO_CODE)
            await self._readable.wait()
            if self._closing is not None:
                continue
            text = event.get("text")
            try:
                listener.on_message(event["bytes"] if text is None else text)
            except Exception:
                log_fault("listener")
                self.close(INTERNAL_ERROR)

    async def _send_all(self, send: Send) -> None:
        try:
            # Without a deadline while open: the hard limit guards against a reader that is stuck.
            async with asyncio.timeout(_CLOSE_TIMEOUT if self._closing else None) as self._deadline:
                while self._closing is None:
                    await self._wanted.wait()
                    self._wanted.clear()
                    await self._send_queued(send)
                await self._send_queued(send)
                code, reason = self._closing
                await send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, TimeoutError):
            pass  # the peer is gone or does not read: the server ends the connection when `run` returns

    async def _send_queued(self, send: Send) -> None:
        while self._queue:
            prepared = self._queue.popleft()
            self._count(-len(prepared))
            kind, payload = frame.opcode(prepared), frame.payload(prepared)
            if kind == frame.TEXT:
                await send({"type": "websocket.send", "text": payload.decode()})
            elif kind == frame.BINARY:
                await send({"type": "websocket.send", "bytes": payload})

    def _count(self, more: int) -> None:
        self._queued += more
        self.slow = self._queued > self.turn.soft_limit
