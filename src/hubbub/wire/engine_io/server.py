"""Engine.IO 3 and 4 as an ASGI application: polling and WebSocket on one path."""

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from ..connection import Accept, Connection, Receive, Scope, Send, log_fault, refuse, serve
from ..http import Header, address_of, header, parse_headers, parse_query, read_body
from ..outbox import Turn
from ..sweep import SERVICE_RESTART
from . import payload
from .error import (
    BAD_METHOD,
    BAD_REQUEST,
    FORBIDDEN,
    SESSION_UNKNOWN,
    STOPPING,
    TOO_BIG,
    TOO_MANY,
    TRANSPORT_UNKNOWN,
    UNSUPPORTED,
    Error,
)
from .handshake import Handshake
from .option import Options
from .packet import NEW, OLD
from .response import Poll, accept_post, refuse_request
from .session import EngineListener, Session

_SID_BYTES: Final = 15  # 20 characters of base64
_HASTE: Final = 0.05  # seconds between two looks at sessions that are in a hurry
_LEAST_TICK: Final = 0.01  # seconds, whatever the options say
_BATCH: Final = 200  # sessions closed in one loop slice, as in the sweep
_VERSIONS: Final = {"3": OLD, "4": NEW}
_DIGITS: Final = frozenset("0123456789")

_CREDENTIALS: Final[Header] = (b"access-control-allow-credentials", b"true")
_VARY: Final[Header] = (b"vary", b"Origin")
_PREFLIGHT: Final[list[Header]] = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-max-age", b"600"),
    (b"vary", b"Access-Control-Request-Headers"),
]


class Admission(Protocol):
    """Says how many sessions there may be; each that is let in is counted until it has ended."""

    def admits(self, address: str) -> bool:
        """Tell whether there is room for one more session from an address."""

    def enter(self, address: str) -> None:
        """Count a session."""

    def leave(self, address: str) -> None:
        """No longer count a session that was counted."""


Open = Callable[[Session], EngineListener]
"""Makes the listener of a new session. What it sends goes out with the open packet."""


class EngineServer:
    """Serves the sessions of one path; it is an ASGI application for the scopes http and websocket.

    One timer serves all sessions; there is none while nobody is here. Deadlines are met to within a tick, which is a
    second or a tenth of the shortest, and are looked at whenever a request arrives.
    """

    def __init__(self, open: Open, *, turn: Turn, options: Options | None = None, admission: Admission | None = None):  # noqa: A002
        """Make a server.

        Args:
            open: Called for each new session. If it raises, the session is closed.
            turn: The turn of this event loop.
            options: By default those of the original servers.
            admission: Counts the sessions; without one there is no limit.
        """
        self.turn = turn
        self.options = options or Options()
        self._open = open
        self._admission = admission
        self._sessions: dict[str, Session] = {}
        self._hasty: dict[Session, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._haste: asyncio.TimerHandle | None = None
        self._stopping = False
        self._emptied: asyncio.Event | None = None
        spans = (*self.options.heartbeat(OLD), *self.options.heartbeat(NEW), self.options.upgrade_timeout)
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
        """Close all sessions, some of them in each loop slice, with what is pending for them.

        Clients over a WebSocket are told to come back. Those that poll are waited for, for a short time. New ones are
        refused.
        """
        self._stopping = True
        sessions = list(self._sessions.values())
        for start in range(0, len(sessions), _BATCH):
            for session in sessions[start : start + _BATCH]:
                session.close(SERVICE_RESTART, "server shutting down", come_back=True)
            await asyncio.sleep(0)
        if self._sessions:
            self._emptied = asyncio.Event()
            try:
                async with asyncio.timeout(self.options.stop_timeout.total_seconds()):
                    await self._emptied.wait()
            except TimeoutError:
                for session in list(self._sessions.values()):
                    session.abandon()

    def statistics(self) -> dict[str, int]:
        """Tell what is held, and for how many; all zero when nobody is here."""
        told = [session.statistics() for session in self._sessions.values()]
        return {
            "sessions": len(told),
            "websockets": sum(one[3] for one in told),
            "polling": sum(not one[3] for one in told),
            "upgrading": sum(one[4] for one in told),
            "waiting_gets": sum(one[2] for one in told),
            "queued_packets": sum(one[0] for one in told),
            "queued_bytes": sum(one[1] for one in told),
            "timers": (self._timer is not None) + (self._haste is not None),
        }

    # What the sessions call

    def time(self) -> float:
        assert self._loop is not None
        return self._loop.time()

    def soon(self, call: Callable[[], None]) -> None:
        assert self._loop is not None
        self._loop.call_soon(call)

    def hurry(self, session: Session) -> None:
        assert self._loop is not None
        self._hasty[session] = None
        if self._haste is None:
            self._haste = self._loop.call_later(_HASTE, self._look_at_hasty)

    def ended(self, session: Session) -> None:
        if self._sessions.pop(session.id, None) is None:
            return
        if self._admission is not None:
            self._admission.leave(session.handshake.address)
        if not self._sessions:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._emptied is not None:
                self._emptied.set()

    # Time

    def _look_at_all(self) -> None:
        self._timer = None
        now = self.time()
        for session in [session for session in self._sessions.values() if session.due <= now]:
            session.check()
        if self._sessions:
            self._wind()

    def _look_at_hasty(self) -> None:
        self._haste = None
        now = self.time()
        for session in list(self._hasty):
            if session.due <= now:
                session.check()
            if not session.holding:
                del self._hasty[session]
        if self._hasty and self._loop is not None:
            self._haste = self._loop.call_later(_HASTE, self._look_at_hasty)

    def _wind(self) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(self._tick, self._look_at_all)

    # Handshakes

    def _version(self, query: dict[str, str]) -> int | None:
        return _VERSIONS.get(query["EIO"]) if "EIO" in query else self.options.default_version

    def _session(self, scope: Scope, query: dict[str, str], version: int, connection: Connection | None) -> Session:
        """Open a session, which the admission has let in, and let the application have it."""
        handshake = Handshake(version, query, parse_headers(scope), address_of(scope))
        session = Session(self, secrets.token_urlsafe(_SID_BYTES), handshake, connection)
        self._sessions[session.id] = session
        if self._admission is not None:
            self._admission.enter(handshake.address)
        self._wind()
        try:
            listener = self._open(session)
        except Exception:
            log_fault("open")
            session.close(1011, "server error")
        else:
            session.listen(listener)
        return session

    def _refusal(self, address: str) -> Error | None:
        """Tell why nobody new may come in."""
        if self._stopping:
            return STOPPING
        if self._admission is not None and not self._admission.admits(address):
            return TOO_MANY
        return None

    def _objection(self, origin: bytes | None) -> Error | None:
        """Tell why scripts of a web site may not use this server."""
        if origin is None:
            return None
        if any((byte < 0x20 and byte != 9) or byte == 0x7F for byte in origin):
            return BAD_REQUEST
        if self.options.origins is not None and origin.decode("latin-1") not in self.options.origins:
            return FORBIDDEN
        return None

    # HTTP

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin")
        objection = self._objection(origin)
        cors = [(b"access-control-allow-origin", origin), _CREDENTIALS, _VARY] if origin and objection is None else []
        method: str = scope["method"]
        if method == "OPTIONS":
            await self._answer_preflight(scope, send, cors)
            return
        query = parse_query(scope["query_string"])
        if query is None:
            await refuse_request(send, BAD_REQUEST, cors)
            return
        transport = query.get("transport")
        if transport not in ("polling", "websocket"):
            await refuse_request(send, TRANSPORT_UNKNOWN, cors)
            return
        if objection is not None:
            await refuse_request(send, objection, cors)
            return
        script = query.get("j")
        if script is not None:
            if not self.options.jsonp or self.options.origins is not None:
                await refuse_request(send, BAD_REQUEST, cors)
                return
            script = "".join(character for character in script[:20] if character in _DIGITS)
        sid = query.get("sid")
        if sid:
            session = self._sessions.get(sid)
            if session is None:
                await refuse_request(send, SESSION_UNKNOWN, cors)
            elif transport != "polling" or method not in ("GET", "POST"):
                await refuse_request(send, BAD_REQUEST, cors)
            elif method == "POST":
                form = script is not None or "j" in session.handshake.query
                await self._serve_post(session, scope, receive, send, cors, form=form)
            else:
                await Poll(send, cors, script).serve(session, receive)
            return
        version = self._version(query)
        error = (
            BAD_METHOD
            if method != "GET"
            else BAD_REQUEST
            if transport != "polling"
            else self._refusal(address_of(scope)) or (UNSUPPORTED if version is None else None)
        )
        if error is not None or version is None:
            await refuse_request(send, error or UNSUPPORTED, cors)
            return
        session = self._session(scope, query, version, None)
        session.flush()
        await Poll(send, cors, script).serve(session, receive)

    async def _answer_preflight(self, scope: Scope, send: Send, cors: list[Header]) -> None:
        headers = [*cors]
        if cors:
            headers += _PREFLIGHT
            wanted = header(scope, b"access-control-request-headers")
            if wanted:
                headers.append((b"access-control-allow-headers", wanted))
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _serve_post(
        self, session: Session, scope: Scope, receive: Receive, send: Send, cors: list[Header], *, form: bool
    ) -> None:
        error = session.begin_post()
        if error is not None:
            await refuse_request(send, error, cors)
            return
        body: bytes | None = b""
        try:
            async with asyncio.timeout(self.options.post_timeout.total_seconds()):
                body = await read_body(scope, receive, self.options.max_payload)
        except TimeoutError:
            body = None
        if body is None:
            session.lose_post()
            error = BAD_REQUEST
        elif len(body) > self.options.max_payload:
            session.skip_post()
            error = TOO_BIG
        elif form:
            fields = parse_query(body) or {}
            error = session.post(payload.from_form(fields.get("d", "")).encode())
        else:
            kind = header(scope, b"content-type")
            error = session.post(body, binary=kind is not None and kind.startswith(b"application/octet-stream"))
        if error is not None:
            await refuse_request(send, error, cors)
        else:
            await accept_post(send, cors)

    # WebSocket

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = parse_query(scope["query_string"])
        error: Error | None = None
        accept: Accept | None = None
        address = address_of(scope)
        origin = header(scope, b"origin")
        if query is None:
            error = BAD_REQUEST
        elif query.get("transport") not in ("polling", "websocket"):
            error = TRANSPORT_UNKNOWN
        elif (error := self._objection(origin)) is not None:
            pass
        elif sid := query.get("sid"):
            session = self._sessions.get(sid)
            if session is None:
                error = SESSION_UNKNOWN
            elif query["transport"] != "websocket":
                error = BAD_REQUEST
            else:
                accept = partial(self._accept_probe, session)
        elif query["transport"] != "websocket":
            error = BAD_REQUEST
        else:
            version = self._version(query)
            error = self._refusal(address) or (UNSUPPORTED if version is None else None)
            if version is not None:
                accept = partial(self._accept_session, scope, query, version)
        if error is not None or accept is None:
            error = error or BAD_REQUEST
            await refuse(scope, receive, send, error.status, error.message)
        else:
            await serve(scope, receive, send, accept, turn=self.turn)

    def _accept_session(self, scope: Scope, query: dict[str, str], version: int, connection: Connection) -> "_Line":
        # Others may have come in since this one was let in.
        if (error := self._refusal(address_of(scope))) is not None:
            connection.close(SERVICE_RESTART, error.message)
            return _Line(None, connection)
        return _Line(self._session(scope, query, version, connection), connection)

    def _accept_probe(self, session: Session, connection: Connection) -> "_Line":
        if session.probe(connection):
            return _Line(session, connection)
        connection.close()
        return _Line(None, connection)


class _Line:
    """One WebSocket of a session; without a session nobody hears it."""

    __slots__ = ("_connection", "_session")

    def __init__(self, session: Session | None, connection: Connection) -> None:
        self._session = session
        self._connection = connection

    def on_message(self, message: str | bytes) -> None:
        if self._session is not None:
            self._session.hear(self._connection, message)

    def on_close(self, code: int) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.lose(self._connection)
