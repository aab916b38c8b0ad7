"""What a Socket.IO server allows its clients beyond Engine.IO."""

from datetime import timedelta

from ..engine_io.option import Options as EngineOptions


class Options(EngineOptions, frozen=True, kw_only=True):
    """Settings of a Socket.IO server; the defaults are those of the servers that the clients grew up with."""

    path: str = "/socket.io/"
    connect_timeout: timedelta = timedelta(seconds=45)
    """A client that has joined no namespace by then is closed (socket.io 3 and later)."""
    max_namespaces: int = 10
    """Namespaces that a client may be in at once."""
    max_attachments: int = 4_000_000
    """Bytes of all binary attachments of one packet; they wait until the last one has come."""
    max_acknowledgements: int = 256
    """Acks that a client may owe in a namespace; beyond it the oldest is not waited for any more."""
