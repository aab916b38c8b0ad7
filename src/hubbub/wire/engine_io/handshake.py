"""The first request of a session, kept for its life."""

import msgspec


class Handshake(msgspec.Struct, frozen=True):
    """What a client said when it came.

    A browser cannot set headers on a WebSocket, and a bot may send its cookies with the first request alone: so what
    counts is what came first, whichever transport that was.
    """

    version: int
    """3 or 4: the EIO of the query. Later requests may say what they like."""
    query: dict[str, str]
    """The first value of each field."""
    headers: dict[str, str]
    """Names are in lower case, values latin-1; those of a repeated one are joined by a comma, of cookies by "; "."""
    address: str
    """Of the peer, as the server and its proxies tell; "" when they do not."""
