"""What a dialect programs against: a client in a namespace, its listener, and a refusal."""

from collections.abc import Callable
from typing import Any, Protocol

from .. import frame
from ..engine_io.handshake import Handshake
from ..engine_io.session import Session
from ..outbox import Outbox
from . import packet
from .packet import Kind

Acknowledge = Callable[[list[Any]], None]
Reply = Callable[..., None]


class SocketListener(Protocol):
    """Hears one client in one namespace. Its methods must not block; what they raise closes the client's session."""

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        """Hear an event.

        Args:
            name: What the client called it.
            arguments: What came with it; a binary one is bytes.
            reply: Sends the ack with its arguments, once; None when none is wanted. It does nothing when the client
                has left.
        """

    def on_disconnect(self, reason: str) -> None:
        """Hear that the client has left the namespace; called exactly once, never from within `disconnect` itself."""


class Refused(Exception):
    """Raised by a `Connect` that does not let a client in; its session stays open.

    Clients of protocol 5 are told the message and the data, those of protocol 4 the data, or the message if there is
    none.
    """

    def __init__(self, message: str, data: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class Owner(Protocol):
    """The connection that a socket belongs to."""

    session: Session

    @property
    def max_acknowledgements(self) -> int:
        """How many acks a socket may wait for."""

    def leave(self, socket: "Socket", *, close: bool) -> None:
        """Take a socket out of its namespace because the server wants it so."""


class Socket:
    """One client in one namespace."""

    __slots__ = ("_next", "_owed", "_owner", "auth", "connected", "id", "listener", "namespace")

    def __init__(self, owner: Owner, namespace: str, id: str, auth: Any) -> None:  # noqa: A002
        self._owner = owner
        self._owed: dict[int, Acknowledge] | None = None
        self._next = 0
        self.listener: SocketListener | None = None
        """Who hears it; None before it is connected and after it has been told of the end."""
        self.namespace = namespace
        """ "/" or what the client named, as "/custom"."""
        self.id = id
        """The protocol's id. With version 3 it is the session's, a secret: never show it to others."""
        self.auth = auth
        """What came with the CONNECT; with version 3 the fields of the namespace's query; {} when nothing."""
        self.connected = True

    @property
    def handshake(self) -> Handshake:
        """The first request of the client."""
        return self._owner.session.handshake

    @property
    def outbox(self) -> Outbox:
        """Where frames for this client are put; the same for the life of its session, whatever carries it."""
        return self._owner.session

    @property
    def owed(self) -> int:
        """How many acks are waited for."""
        return len(self._owed or ())

    def emit(self, name: str, *arguments: object, acknowledge: Acknowledge | None = None) -> None:
        """Send an event; does nothing when the client has left.

        Args:
            name: Of the event.
            arguments: JSON, and bytes within it.
            acknowledge: Called with the arguments of the client's ack, if one comes.
        """
        if not self.connected:
            return
        number = None
        if acknowledge is not None:
            number = self._next
            self._next += 1
            if self._owed is None:
                self._owed = {}
            self._owed[number] = acknowledge
            if len(self._owed) > self._owner.max_acknowledgements:
                del self._owed[next(iter(self._owed))]
        self._put(Kind.EVENT, (name, *arguments), number)

    def disconnect(self, *, close: bool = True) -> None:
        """Send the client away from the namespace; does nothing when it has left.

        Args:
            close: End its session too, after what was sent before.
        """
        if self.connected:
            self._owner.leave(self, close=close)

    def reply_to(self, number: int) -> Reply:
        """Make the function that sends an ack."""
        sent = False

        def reply(*arguments: object) -> None:
            nonlocal sent
            if not sent and self.connected:
                sent = True
                self._put(Kind.ACK, arguments, number)

        return reply

    def acknowledged(self, number: int, arguments: list[Any]) -> None:
        """Pass on an ack, if it is waited for."""
        acknowledge = self._owed.pop(number, None) if self._owed else None
        if acknowledge is not None:
            acknowledge(arguments)

    def end(self) -> SocketListener | None:
        """Mark the client as gone; return the listener, which is to be told."""
        self.connected = False
        self._owed = None
        listener, self.listener = self.listener, None
        return listener

    def _put(self, kind: Kind, data: tuple[object, ...], number: int | None) -> None:
        session = self._owner.session
        text, attachments = packet.encode_all(kind, self.namespace, data, number)
        session.put(frame.text(b"4" + text))
        for attachment in attachments:
            session.send(attachment)


Connect = Callable[[Socket], SocketListener]
"""Makes the listener of a client that wants into a namespace, or raises `Refused`.

What it and the listener emit goes out after the answer to the CONNECT.
"""
