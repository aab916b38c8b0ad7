"""One connection that speaks Socket.IO: its namespaces, and what is on its way."""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from .. import frame
from ..connection import INTERNAL_ERROR, log_fault
from ..engine_io.packet import OLD, Malformed
from ..engine_io.session import Session
from ..http import parse_query
from ..json import utf8
from . import packet
from .option import Options
from .packet import Kind, Packet
from .socket import Connect, Refused, Socket, SocketListener

_PROTOCOL_ERROR: Final = 1002  # RFC 6455 7.4.1
_ID_BYTES: Final = 15  # 20 characters of base64
_EVENTS: Final = (Kind.EVENT, Kind.BINARY_EVENT)


class Client:
    """Hears a session of Engine.IO."""

    __slots__ = ("_clients", "_connect", "_namespaces", "_options", "_parts", "_size", "_waiting", "session", "sockets")

    def __init__(
        self,
        session: Session,
        connect: Connect,
        namespaces: Callable[[str], bool],
        options: Options,
        clients: "set[Client]",
    ) -> None:
        """Join "/" unasked with version 3; with version 4 wait for the client to ask.

        It keeps itself in `clients` until its session is closed.
        """
        self.session = session
        self._clients = clients
        clients.add(self)
        self.sockets: dict[str, Socket] = {}
        """By namespace."""
        self._connect = connect
        self._namespaces = namespaces
        self._options = options
        self._waiting: Packet | None = None  # for attachments
        self._parts: list[bytes] | None = None  # attachments that have come
        self._size = 0  # bytes of them
        if session.version == OLD:
            self._join("/", {})
        if not self.sockets and not session.is_closed():
            session.alarm(options.connect_timeout.total_seconds(), self._time_out)

    @property
    def max_acknowledgements(self) -> int:
        """How many acks a socket may wait for."""
        return self._options.max_acknowledgements

    # What the session calls

    def on_message(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                self._attach(message)
            elif self._waiting is not None:
                raise Malformed("attachments are missing")
            else:
                received = packet.decode(self.session.version, message)
                if received.attachments:
                    self._waiting = received
                else:
                    self._receive(received, received.data)
        except Malformed:
            self.session.close(_PROTOCOL_ERROR, "parse error")

    def on_close(self, reason: str) -> None:
        self._clients.discard(self)
        self._waiting = self._parts = None
        sockets, self.sockets = self.sockets, {}
        for socket in sockets.values():
            _tell(socket.end(), reason)

    # What a socket calls

    def leave(self, socket: Socket, *, close: bool) -> None:
        """Take a socket out of its namespace because the server wants it so."""
        for one in [socket, *(self.sockets.values() if close else ())]:
            if one.connected:
                self._put(Kind.DISCONNECT, one.namespace)
                self.sockets.pop(one.namespace, None)
                self.session.soon(partial(_tell, one.end(), "server namespace disconnect"))
        if close:
            self.session.close()

    # The rest

    def _attach(self, part: bytes) -> None:
        waiting = self._waiting
        self._size += len(part)
        if waiting is None or self._size > self._options.max_attachments:
            raise Malformed("an attachment too many, or too big")
        parts = self._parts = self._parts or []
        parts.append(part)
        if len(parts) == waiting.attachments:
            self._waiting = self._parts = None
            self._size = 0
            self._receive(waiting, packet.fill(waiting.data, parts))

    def _receive(self, received: Packet, data: Any) -> None:
        kind = received.kind
        socket = self.sockets.get(received.namespace)
        if kind is Kind.CONNECT:
            self._receive_connect(received, socket)
        elif socket is None:
            # socket.io 2 ignores it; the parser of protocol 5 has no use for a client that does not know where it is.
            if self.session.version != OLD:
                raise Malformed("not in that namespace")
        elif kind is Kind.DISCONNECT:
            del self.sockets[received.namespace]
            _tell(socket.end(), "client namespace disconnect")
        elif kind in _EVENTS:
            self._receive_event(socket, received, data)
        elif kind is not Kind.ERROR and received.id is not None and isinstance(data, list):
            socket.acknowledged(received.id, data)

    def _receive_connect(self, received: Packet, socket: Socket | None) -> None:
        old = self.session.version == OLD
        if socket is None:
            query = (parse_query(utf8(received.query)) or {}) if old else received.data
            self._join(received.namespace, {} if query is msgspec.UNSET else query)
        elif not old:
            raise Malformed("in that namespace already")

    def _receive_event(self, socket: Socket, received: Packet, data: Any) -> None:
        if not data or data is msgspec.UNSET or type(data[0]) not in (str, int) or socket.listener is None:
            return  # socket.io 2 lets it through, and nobody listens to it
        reply = socket.reply_to(received.id) if received.id is not None else None
        socket.listener.on_event(data[0], data[1:], reply)

    def _join(self, namespace: str, auth: Any) -> None:
        session = self.session
        if not self._namespaces(namespace):
            self._refuse(namespace, "Invalid namespace")
            return
        if len(self.sockets) >= self._options.max_namespaces:
            self._refuse(namespace, "Too many namespaces")
            return
        old = session.version == OLD
        if old:
            name = session.id if namespace == "/" else f"{namespace}#{session.id}"
        else:
            name = secrets.token_urlsafe(_ID_BYTES)
        socket = Socket(self, namespace, name, auth)
        # What was put before goes before. Then the answer is the first that is pending, whatever `connect` puts, into
        # this outbox or into those of whole rooms.
        session.flush()
        self._put(Kind.CONNECT, namespace, msgspec.UNSET if old else {"sid": name})
        pending = session.pending
        try:
            listener = self._connect(socket)
        except Refused as refused:
            socket.end()
            refusal = self._refusal(namespace, refused.message, refused.data)
            if pending is not None and pending is session.pending:
                pending[0] = refusal
            else:
                session.put(refusal)
        except Exception:
            socket.end()
            log_fault("connect")
            session.close(INTERNAL_ERROR, "server error")
        else:
            if socket.connected and not session.is_closed():
                socket.listener = listener
                self.sockets[namespace] = socket
                session.disarm()
            else:
                reason = "server namespace disconnect" if not socket.connected else "forced close"
                socket.end()
                session.soon(partial(_tell, listener, reason))

    def _refuse(self, namespace: str, message: str) -> None:
        self.session.put(self._refusal(namespace, message, None))

    def _refusal(self, namespace: str, message: str, data: object) -> bytes:
        words: object = message if data is None else data
        if self.session.version != OLD:
            words = {"message": message} if data is None else {"message": message, "data": data}
        return frame.text(b"4" + packet.encode(Kind.ERROR, namespace, words))

    def _put(self, kind: Kind, namespace: str, data: object = msgspec.UNSET) -> None:
        self.session.put(frame.text(b"4" + packet.encode(kind, namespace, data)))

    def _time_out(self) -> None:
        if not self.sockets:
            self.session.close(1000, "connect timeout")


def _tell(listener: SocketListener | None, reason: str) -> None:
    if listener is not None:
        try:
            listener.on_disconnect(reason)
        except Exception:
            log_fault("listener")
