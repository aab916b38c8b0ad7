"""The Socket.IO endpoint that two dialects share: whose is a client?

What its handshake carries decides: an authorisation header, or a token and channels in the connect payload, is dm's; a
token in the query or a session cookie is jumpin's. A client that carries neither is let in, as dm's document has it,
and answered as its first event asks.
"""

from typing import Any

from hubbub.dialects.dm import endpoint as dm
from hubbub.dialects.dm import session as dm_session
from hubbub.dialects.jumpin import endpoint as jumpin
from hubbub.wire.socket_io.socket import Reply, Socket, SocketListener


class SharedEndpoint:
    """Lets clients of both dialects in."""

    def __init__(self, jumpin_endpoint: jumpin.JumpinEndpoint, dm_endpoint: dm.DmEndpoint) -> None:
        self._jumpin = jumpin_endpoint
        self._dm = dm_endpoint

    def connect(self, socket: Socket) -> SocketListener:
        """Let a client in by the rules of its dialect. Raises Refused."""
        if dm.claims(socket):
            return self._dm.connect(socket)
        if jumpin.claims(socket):
            return self._jumpin.connect(socket)
        return Undecided(socket)


class Undecided:
    """Hears a client that carries nothing until its first event says what it is."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._silent = dm_session.SilentListener()

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        """Answer as the dialect of the event answers a client without a token."""
        if isinstance(name, str) and "::" in name:
            jumpin.refuse_late(self._socket)
        else:
            self._silent.on_event(name, arguments, reply)

    def on_disconnect(self, reason: str) -> None:
        """Forget nothing."""
