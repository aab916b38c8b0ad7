"""What a server allows its clients, and how long it waits for them."""

from datetime import timedelta

import msgspec

from .packet import OLD


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of an Engine.IO server; the defaults are those of the servers that the clients grew up with."""

    path: str = "/engine.io/"
    """Where the endpoint is; the slash at the end may be missing in a request."""
    ping_interval: timedelta = timedelta(seconds=25)
    """Version 4: so long after a pong the server pings (engine.io 4 and later)."""
    ping_timeout: timedelta = timedelta(seconds=20)
    """Version 4: so long after a ping its pong must be here (engine.io 4 and later)."""
    old_ping_interval: timedelta = timedelta(seconds=25)
    """Version 3: so often the client is to ping (engine.io 3)."""
    old_ping_timeout: timedelta = timedelta(seconds=5)
    """Version 3: a client that is silent for so long beyond the interval is gone (engine.io 3)."""
    upgrade_timeout: timedelta = timedelta(seconds=10)
    """How long an upgrade to a WebSocket may take before it is given up (engine.io)."""
    linger: timedelta = timedelta(seconds=30)
    """How long a closed polling session waits for a GET to collect the rest (engine.io)."""
    post_timeout: timedelta = timedelta(seconds=30)
    """How long the body of a POST may take; a client that needs longer has lost its connection."""
    stop_timeout: timedelta = timedelta(seconds=2)
    """How long `close` waits for polling clients that have no GET waiting."""
    max_payload: int = 1_000_000
    """Most bytes of a POST's body or a frame (engine.io's maxHttpBufferSize). The WebSocket server has a limit of its
    own, which should not be lower."""
    max_packets: int = 1000
    """Most packets of a POST. Clients send what has gathered while they waited for the answer to the last one."""
    response_packets: int = 16
    """Most packets of a response: python-engineio takes no more (`Payload.max_decode_packets`)."""
    max_queue: int = 1024 * 1024
    """Bytes that may wait for a polling client; over it the session is closed. A client that polls asks again within
    its round trip."""
    max_queue_packets: int = 4096
    """Packets that may wait for a polling client: small ones cost more memory than their bytes."""
    origins: frozenset[str] | None = None
    """Web sites whose scripts may use this server, as "https://example.org"; None is any. Without a list every origin
    is answered as its own, with credentials, as engine.io 3 does. Requests without an Origin are no scripts'."""
    jsonp: bool = True
    """Answer script tags; never when there is a list of origins, as these say nothing of where they stand."""
    default_version: int | None = None
    """Taken when a handshake has no EIO; None refuses it. For hand-written clients of version 3."""

    def heartbeat(self, version: int) -> tuple[timedelta, timedelta]:
        """Tell the ping interval and timeout of a version."""
        if version == OLD:
            return self.old_ping_interval, self.old_ping_timeout
        return self.ping_interval, self.ping_timeout
