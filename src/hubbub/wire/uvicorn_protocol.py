"""uvicorn's side of a WebSocket: handshake and ASGI, for `uvicorn.Config(ws=WebSocketProtocol)`."""

import asyncio
import contextvars
from typing import Any, ClassVar, Final, Self, cast
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected, get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from . import frame, handshake
from .connection import EXTENSION, INTERNAL_ERROR, Accept, Message, Scope, log_fault
from .handshake import Headers, Refusal
from .outbox import Turn
from .sweep import Limits, Sweep
from .websocket import WebSocket

_HEAD_LIMIT: Final = 64 * 1024  # bytes of a request head, as httptools and h11 allow it


class WebSocketProtocol(asyncio.Protocol):
    """One handshake, from the upgrade request to the application's answer.

    Once accepted, the transport goes over to a `WebSocket`. This object lives on only as long as a plain ASGI
    application uses its `receive` and `send`; one that takes the extension `hubbub.connection` lets it go. uvicorn's
    own `ws_*` settings do not apply: see `configured`.
    """

    limits: ClassVar[Limits] = Limits()
    _sweeps: ClassVar[WeakKeyDictionary[ServerState, Sweep]] = WeakKeyDictionary()

    @classmethod
    def configured(cls, limits: Limits) -> type[Self]:
        """Make a protocol class with other limits."""
        return type(cls.__name__, (cls,), {"limits": limits})

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        sweep = self._sweeps.get(server_state)
        if sweep is None:
            sweep = self._sweeps[server_state] = Sweep(self._loop, self.limits, server_state.connections)
        self._sweep = sweep
        self._transport: asyncio.Transport | None = None
        self._client: tuple[str, int] | None = None
        self._head = b""
        self._request: handshake.Request | None = None
        self._websocket: WebSocket | None = None
        self._response: tuple[int, Headers, bytearray] | None = None
        self._rejected = False  # or lost, before it was accepted
        self._receiving = False  # the application waits in `receive`
        self._listening = False
        self._attached = False
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self.due = sweep.after(self.limits.accept_timeout)

    # What uvicorn and the transport call

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the transport from the HTTP protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._client = get_remote_addr(self._transport)
        self._sweep.add(self)

    def data_received(self, data: bytes) -> None:
        """Read the upgrade request, which uvicorn passes on rebuilt."""
        if self._request is not None or self._rejected:
            return  # RFC 6455 4.1: a client must not send before the response; what it does send is lost
        self._head += data
        if not self._head.endswith(b"\r\n\r\n") and len(self._head) <= _HEAD_LIMIT:
            return
        request = handshake.parse(self._head) if len(self._head) <= _HEAD_LIMIT else Refusal(431, "request too large")
        self._head = b""
        if isinstance(request, Refusal):
            self._refuse(request)
            return
        self._request = request
        self._events.put_nowait({"type": "websocket.connect"})
        context = contextvars.Context() if self._config.reset_contextvars else None
        task = self._loop.create_task(self._run(self._scope(request)), context=context)
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def eof_received(self) -> None:
        """Close a client that does not wait for the response."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application of a client that has left during the handshake."""
        self._sweep.discard(self)
        if not self._rejected:
            self._rejected = True
            self._events.put_nowait({"type": "websocket.disconnect", "code": frame.LOST})

    def shutdown(self) -> None:
        """Refuse an open handshake because the server stops."""
        self.close()

    # What the sweep calls

    def expire(self) -> None:
        """Give up on an application that does not answer, or a client that does not read."""
        if self._rejected and self._transport is not None:
            self._transport.abort()
        self.close()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Refuse the handshake; there is no WebSocket yet that could be closed."""
        self._refuse(Refusal(503, "Service Unavailable"))

    # What the application calls

    def attach(self, accept: Accept, turn: Turn, client: tuple[str, int] | None) -> None:
        """Take over the accepted connection: the extension `hubbub.connection`."""
        if self._websocket is None or self._listening:
            raise RuntimeError("the connection is not accepted, or already in use by receive()")
        self._listening = self._attached = True
        self._websocket.attach(accept, turn, client)

    async def receive(self) -> Message:
        """Wait for the next ASGI event."""
        self._receiving = True
        self._listen()
        event = await self._events.get()
        self._receiving = False
        if self._websocket is not None and self._events.empty():
            self._websocket.resume_reading()
        return event

    async def send(self, message: Message) -> None:
        """Act on an ASGI event of the application."""
        kind = message["type"]
        if self._websocket is not None:
            await self._send_open(self._websocket, message)
        elif self._rejected:
            raise ClientDisconnected
        elif self._response is not None:
            if kind != "websocket.http.response.body":
                raise RuntimeError(f"expected websocket.http.response.body, not {kind}")
            status, headers, body = self._response
            body += message.get("body", b"")
            if not message.get("more_body", False):
                self._reject(handshake.respond(status, [*headers, *self._server_state.default_headers], bytes(body)))
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._refuse(Refusal(403, "Forbidden"))
        elif kind == "websocket.http.response.start":
            self._response = message["status"], list(message.get("headers", [])), bytearray()
        else:
            raise RuntimeError(f"unexpected {kind} before websocket.accept")

    # A listener, for an application that does not take the extension

    def on_message(self, message: str | bytes) -> None:
        """Queue a message for `receive`; the next one waits in the socket."""
        key = "text" if isinstance(message, str) else "bytes"
        self._events.put_nowait({"type": "websocket.receive", key: message})
        if self._websocket is not None:
            self._websocket.pause_reading()

    def on_close(self, code: int) -> None:
        """Queue the last event for `receive`."""
        self._events.put_nowait({"type": "websocket.disconnect", "code": code})

    # The rest

    def _scope(self, request: handshake.Request) -> Scope:
        assert self._transport is not None
        raw_path, _, query = request.target.partition(b"?")
        root = self._config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": get_local_addr(self._transport),
            "client": self._client,
            "root_path": root,
            "path": root + unquote(raw_path.decode("latin-1")),
            "raw_path": root.encode() + raw_path,
            "query_string": query,
            "headers": request.headers,
            "subprotocols": request.subprotocols,
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, EXTENSION: self},
        }

    async def _run(self, scope: Scope) -> None:
        code = INTERNAL_ERROR
        try:
            await self._config.loaded_app(scope, self.receive, self.send)
            code = 1000
        except ClientDisconnected:
            pass
        except Exception:
            log_fault("ASGI application")
        finally:
            if self._websocket is None:
                self._refuse(Refusal(500, "Internal Server Error"))
            elif not self._attached:
                self._websocket.close(code)

    def _listen(self) -> None:
        if self._receiving and self._websocket is not None and not self._listening:
            self._listening = True
            self._websocket.listen(self)

    def _accept(self, message: Message) -> None:
        assert self._transport is not None
        assert self._request is not None
        headers = [*self._server_state.default_headers, *message.get("headers", [])]
        self._transport.write(handshake.accept(self._request, message.get("subprotocol"), headers))
        self._websocket = WebSocket(self._transport, self._sweep, self._client)
        self._transport.set_protocol(self._websocket)
        self._sweep.discard(self)
        self._listen()

    async def _send_open(self, websocket: WebSocket, message: Message) -> None:
        kind = message["type"]
        await websocket.drain()
        if websocket.ended_with is not None:
            raise ClientDisconnected
        if kind == "websocket.send":
            data = message.get("bytes")
            websocket.put(frame.text(message["text"].encode()) if data is None else frame.binary(data))
            # Not at the end of the turn: an application that sends without a pause must meet the limits.
            websocket.flush()
        elif kind == "websocket.close":
            websocket.close(message.get("code", 1000), message.get("reason") or "")
        else:
            raise RuntimeError(f"unexpected {kind} after websocket.accept")

    def _refuse(self, refusal: Refusal) -> None:
        if not self._rejected and self._websocket is None:
            self._reject(handshake.refuse(refusal, self._server_state.default_headers))

    def _reject(self, response: bytes) -> None:
        assert self._transport is not None
        self._rejected = True
        self.due = self._sweep.after(self.limits.close_timeout)
        self._events.put_nowait({"type": "websocket.disconnect", "code": frame.LOST})
        self._transport.write(response)
        self._transport.close()
