"""Bayeux as an ASGI application: long-polling, callback-polling and WebSocket on one path."""

import asyncio
import re
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from ..connection import Connection, Receive, Scope, Send, refuse, serve
from ..http import Header, address_of, header, parse_headers, parse_query, read_body, respond
from ..outbox import Outbox, Turn
from ..sweep import SERVICE_RESTART
from . import message
from .broker import Admission, Broker, Open
from .message import Malformed, Message
from .option import Options
from .session import BayeuxClient, Handshake

_BATCH: Final = 200  # clients closed in one loop slice, as in the sweep
_LEAST_TICK: Final = 0.01  # seconds, whatever the options say
_MOST_FIELDS: Final = 100  # of a form or a query
_MOST_CALLBACK: Final = 128  # characters
_CALLBACK: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(?:\.[A-Za-z_$][A-Za-z0-9_$]*)*")
_DEFAULT_CALLBACK: Final = "jsonpcallback"  # 6.2.2
_NO_TEXT: Final = 1003  # RFC 6455 7.4.1
_POLICY: Final = 1008  # RFC 6455 7.4.1
_TOO_BIG: Final = 1009  # RFC 6455 7.4.1

_NO_STORE: Final = (b"cache-control", b"no-cache, no-store")
_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_JSON: Final = (b"content-type", b"application/json; charset=utf-8")
_SCRIPT: Final = (b"content-type", b"text/javascript; charset=utf-8")
_ATTACHMENT: Final = (b"content-disposition", b"attachment; filename=f.txt")
"""A script tag does not mind, and who opens the answer as a page sees none (as faye has it)."""
_CREDENTIALS: Final = (b"access-control-allow-credentials", b"true")
_VARY: Final = (b"vary", b"Origin")
_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-max-age", b"600"),
    (b"vary", b"Access-Control-Request-Headers"),
]


class BayeuxServer:
    """Serves the clients of one path; it is an ASGI application for the scopes http and websocket.

    One timer serves all clients; there is none while nobody is here. Deadlines are met to within a tick, which is a
    second or a tenth of the shortest, and are looked at whenever a message arrives.
    """

    def __init__(
        self,
        open: Open,  # noqa: A002
        *,
        turn: Turn,
        options: Options | None = None,
        admission: Admission | None = None,
    ) -> None:
        """Make a server.

        Args:
            open: Called for each client that shakes hands.
            turn: The turn of this event loop.
            options: By default much as faye's.
            admission: Counts the clients, and the WebSockets that have none; without one there is no limit.
        """
        self.turn = turn
        self.options = options or Options()
        self._admission = admission
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broker = Broker(
            open,
            turn=turn,
            options=self.options,
            time=self._time,
            soon=lambda call: self._running().call_soon(call),
            admission=admission,
            emptied=self._unwind,
        )
        self._lines: dict[_Line, None] = {}  # WebSockets over which nobody has connected
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = False
        spans = (self.options.hold, self.options.linger, self.options.line_timeout)
        self._tick = max(_LEAST_TICK, min(1.0, min(spans).total_seconds() / 10))

    # What the application calls

    def serves(self, path: str) -> bool:
        """Tell whether a path is this server's."""
        return path.rstrip("/") == self.options.path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve_http(scope, receive, send)

    async def close(self) -> None:
        """End all clients, some of them in each loop slice, after what is pending for those that listen.

        Connects that are held are answered, and told to come back in a while. New requests are refused.
        """
        self._stopping = True
        ends = [*self._broker.clients.values(), *(line.connection for line in self._lines)]
        for start in range(0, len(ends), _BATCH):
            for one in ends[start : start + _BATCH]:
                one.close(SERVICE_RESTART, "server shutting down")
            await asyncio.sleep(0)

    def statistics(self) -> dict[str, int]:
        """Tell what is held, and for how many; all zero when nobody is here."""
        told = [client.statistics() for client in self._broker.clients.values()]
        return {
            "clients": len(told),
            "websockets": sum(one[3] for one in told),
            "polling": sum(not one[3] for one in told),
            "held_connects": sum(one[2] for one in told),
            "unused_websockets": len(self._lines),
            "channels": sum(one[4] for one in told),
            "queued_frames": sum(one[0] for one in told),
            "queued_bytes": sum(one[1] for one in told),
            "timers": int(self._timer is not None),
        }

    # Time

    def _running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def _time(self) -> float:
        return self._running().time()

    def _look(self) -> None:
        self._timer = None
        self._broker.check()
        now = self._time()
        for line in [line for line in self._lines if line.due <= now]:
            line.connection.close(_POLICY, "nobody has connected")
        self._wind()

    def _wind(self) -> None:
        """See that there is a timer while somebody is here."""
        if self._timer is None and (self._broker.clients or self._lines):
            self._timer = self._running().call_later(self._tick, self._look)

    def _unwind(self) -> None:
        """See that there is no timer when nobody is here."""
        if self._timer is not None and not self._broker.clients and not self._lines:
            self._timer.cancel()
            self._timer = None

    # HTTP

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin")
        refusal = self._objection(origin)
        cors = [(b"access-control-allow-origin", origin), _CREDENTIALS, _VARY] if origin and refusal is None else []
        method: str = scope["method"]
        if method == "OPTIONS":
            await _answer_preflight(scope, send, cors)
            return
        if refusal is None and self._stopping:
            refusal = 503, "Server is stopping"
        if refusal is None and method not in ("GET", "POST"):
            refusal = 405, "Method not allowed"
        if refusal is not None:
            await _refuse_http(send, *refusal, cors)
            return
        callback: str | None = None
        try:
            if method == "GET":
                callback, texts = self._read_query(scope["query_string"])
            else:
                texts = await self._read_post(scope, receive)
            most = self.options.max_messages
            messages: list[Message] = []
            for text in texts:
                messages += message.decode(text, most - len(messages))
        except _Refusal as fault:
            await _refuse_http(send, fault.status, fault.words, cors)
        except (Malformed, UnicodeDecodeError):
            await _refuse_http(send, 400, "Bad request", cors)
        else:
            await _Poll(send, cors, callback).serve(self._broker, messages, partial(_handshake, scope), receive)
            self._wind()

    def _read_query(self, query: bytes) -> tuple[str, list[str]]:
        """Read the request of a script tag: the name of the function to call, and messages.

        Raises:
            _Refusal: It is none that is answered.
        """
        fields = _fields(query)
        callback = next((value for name, value in fields if name == "jsonp"), "") or _DEFAULT_CALLBACK
        texts = [value for name, value in fields if name == "message"]
        if not self.options.jsonp or self.options.origins is not None:
            raise _Refusal(400, "Script tags are not served")
        if not texts or len(callback) > _MOST_CALLBACK or not _CALLBACK.fullmatch(callback):
            raise _Refusal(400, "Bad request")
        return callback, texts

    async def _read_post(self, scope: Scope, receive: Receive) -> list[str]:
        """Read the messages of a POST: as its body, or in the fields of a form, each a message or several (6.1.1).

        Raises:
            _Refusal: There is none, or too much.
            UnicodeDecodeError: It is not UTF-8.
        """
        most = self.options.max_payload
        try:
            async with asyncio.timeout(self.options.post_timeout.total_seconds()):
                body = await _read(scope, receive, most)
        except TimeoutError:
            raise _Refusal(408, "Request timeout") from None
        if len(body) > most:
            raise _Refusal(413, "Payload too large")
        if body.lstrip()[:1] in (b"[", b"{"):
            return [str(body, "utf-8")]
        # Old browsers send the form as text/plain: the type says nothing.
        texts = [value for name, value in _fields(body) if name == "message"]
        if not texts:
            raise _Refusal(400, "Bad request")
        return texts

    def _objection(self, origin: bytes | None) -> tuple[int, str] | None:
        """Tell why scripts of a web site may not use this server."""
        if origin is None:
            return None
        if any((byte < 0x20 and byte != 9) or byte == 0x7F for byte in origin):
            return 400, "Bad request"
        if self.options.origins is not None and origin.decode("latin-1") not in self.options.origins:
            return 403, "Forbidden"
        return None

    # WebSocket

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._objection(header(scope, b"origin")) or self._refusal(address_of(scope))
        if refusal is not None:
            await refuse(scope, receive, send, *refusal)
        else:
            await serve(scope, receive, send, partial(self._accept, _handshake(scope)), turn=self.turn)

    def _refusal(self, address: str) -> tuple[int, str] | None:
        if self._stopping:
            return 503, "Server is stopping"
        if self._admission is not None and not self._admission.admits(address):
            return 403, "Too many connections"
        return None

    def _accept(self, handshake: Handshake, connection: Connection) -> "_Line":
        line = _Line(self, handshake, connection)
        # Others may have come in since this one was let in.
        if (refusal := self._refusal(handshake.address)) is not None:
            connection.close(SERVICE_RESTART, refusal[1])
            return line
        line.due = self._time() + self.options.line_timeout.total_seconds()
        self._lines[line] = None
        if self._admission is not None:
            self._admission.enter(handshake.address)
        self._wind()
        return line

    def hear(self, line: "_Line", text: str) -> None:
        """Take a frame of a WebSocket."""
        most = self.options.max_payload
        if len(text) * 3 > most and len(text.encode()) > most:
            line.connection.close(_TOO_BIG, "message too big")
            return
        try:
            messages = message.decode(text, self.options.max_messages)
        except Malformed:
            line.connection.close(_POLICY, "parse error")
            return
        self._broker.frame(messages, line)
        self._wind()

    def used(self, line: "_Line") -> None:
        """Hear that a WebSocket has a client, or is closed: it no longer counts by itself."""
        if line in self._lines:
            del self._lines[line]
            if self._admission is not None:
                self._admission.leave(line.handshake.address)
            self._unwind()


class _Line:
    """One WebSocket."""

    __slots__ = ("_connection", "_server", "client", "due", "handshake")

    def __init__(self, server: BayeuxServer, handshake: Handshake, connection: Connection) -> None:
        self._server = server
        self.handshake = handshake
        self._connection = connection
        self.client: BayeuxClient | None = None
        self.due = 0.0  # when it is closed if nobody has connected

    @property
    def connection(self) -> Outbox:
        return self._connection

    def shake(self) -> Handshake:
        return self.handshake

    def attached(self) -> None:
        self._server.used(self)

    def on_message(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.connection.close(_NO_TEXT, "text is expected")
        else:
            self._server.hear(self, message)

    def on_close(self, code: int) -> None:
        self._server.used(self)
        client, self.client = self.client, None
        if client is not None:
            client.lose_line(self.connection, code)


class _Poll:
    """An HTTP request with messages, from when it is read to its answer."""

    __slots__ = ("_answer", "_callback", "_cors", "_send", "_task", "_waiting")

    def __init__(self, send: Send, cors: list[Header], callback: str | None) -> None:
        self._send = send
        self._cors = cors
        self._callback = callback
        self._answer: bytes | None = None
        self._waiting = False
        self._task: asyncio.Task[None] | None = None

    async def serve(
        self, broker: Broker, messages: list[Message], shake: "partial[Handshake]", receive: Receive
    ) -> None:
        """Hand this request to the broker and see that it is answered, or that its client hears of its end."""
        client = broker.request(messages, shake, self)
        if self._answer is not None or client is None:
            await self._respond(self._answer or b"[]")
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
                client.lose_poll(self)
            else:
                await self._task

    def answer(self, body: bytes) -> None:
        self._answer = body
        if self._waiting:
            self._task = asyncio.create_task(self._respond(body))

    async def _respond(self, body: bytes) -> None:
        if self._callback is None:
            await respond(self._send, 200, [_JSON, _NO_SNIFF, _NO_STORE, *self._cors], body)
            return
        # What JSON lets stand, and JavaScript before 2019 does not.
        body = body.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        # The comment keeps what a client can choose from being the first bytes, which some plugins go by.
        body = b"/**/%b(%b);" % (self._callback.encode("ascii"), body)
        await respond(self._send, 200, [_SCRIPT, _NO_SNIFF, _NO_STORE, _ATTACHMENT, *self._cors], body)


class _Refusal(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def _handshake(scope: Scope) -> Handshake:
    query = parse_query(scope["query_string"]) or {}
    query.pop("message", None)
    query.pop("jsonp", None)
    return Handshake(parse_headers(scope), query, address_of(scope))


def _fields(form: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(form.decode("latin-1"), max_num_fields=_MOST_FIELDS, encoding="utf-8", errors="replace")
    except ValueError:
        raise _Refusal(400, "Bad request") from None


async def _read(scope: Scope, receive: Receive, most: int) -> bytes:
    """Read a body, of one that is too big only so much that it shows. Raises _Refusal when the client has left."""
    body = await read_body(scope, receive, most)
    if body is None:
        raise _Refusal(400, "Bad request")
    return body


async def _answer_preflight(scope: Scope, send: Send, cors: list[Header]) -> None:
    headers = [*cors]
    if cors:
        headers += _PREFLIGHT
        wanted = header(scope, b"access-control-request-headers")
        if wanted:
            headers.append((b"access-control-allow-headers", wanted))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse_http(send: Send, status: int, words: str, cors: list[Header]) -> None:
    allow = [(b"allow", b"GET, POST, OPTIONS")] if status == 405 else []
    await respond(send, status, [_TEXT, _NO_SNIFF, _NO_STORE, *allow, *cors], f"{words}\n".encode())
