"""What a Bayeux server allows its clients, and how long it waits for them."""

from datetime import timedelta

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a Bayeux server; where nothing else is said they are close to those of the faye server."""

    path: str = "/faye"
    """Where the endpoint is; a request may have a slash more at the end."""
    hold: timedelta = timedelta(seconds=45)
    """How long a connect is held when there is nothing to deliver. Proxies cut what is silent for a minute."""
    advice_timeout: timedelta | None = None
    """What clients are told of `hold`, if something else: they give up on a request a fifth later than that (faye)."""
    interval: timedelta = timedelta(0)
    """How long clients are to wait between two connects (Bayeux 3.6.2)."""
    linger: timedelta = timedelta(seconds=30)
    """A client that has no connect waiting for so long is gone (Bayeux 4.2.2). What is sent to it meanwhile waits. This
    is also how long a client may take from its handshake to its first connect."""
    line_timeout: timedelta = timedelta(seconds=30)
    """A WebSocket over which no client has connected for so long is closed. faye opens one before it shakes hands."""
    post_timeout: timedelta = timedelta(seconds=30)
    """How long the body of a POST may take."""
    max_payload: int = 256 * 1024
    """Most bytes of a POST's body or a frame. The WebSocket server has a limit of its own, not a lower one."""
    max_messages: int = 100
    """Most messages of a request or a frame. faye's client sends some 2 KB at once."""
    max_channels: int = 1000
    """Channels that a client may hold at once."""
    max_channel: int = 256
    """Most characters of a channel's name."""
    max_queue: int = 1024 * 1024
    """Bytes that may wait for a client that polls or is away; over it the client is forgotten and shakes hands anew."""
    max_queue_messages: int = 4096
    """Frames that may wait for such a client: small ones cost more memory than their bytes."""
    wildcards: bool = False
    """Let clients subscribe to patterns, as "/foo/*" and "/foo/**"; who listens must know what they mean."""
    bare_publish: bool = False
    """Acknowledge what is published without data, which then goes nowhere, instead of refusing it: there are clients
    that answer pings of an application so."""
    origins: frozenset[str] | None = None
    """Web sites whose scripts may use this server, as "https://example.org"; None is any, with credentials, as faye
    has it. Requests without an Origin are no scripts'."""
    jsonp: bool = True
    """Answer script tags; never when there is a list of origins, as these say nothing of where they stand."""
