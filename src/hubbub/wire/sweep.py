"""One clock for all connections of a server: keep-alive, deadlines, shutdown in batches."""

import asyncio
from collections import deque
from datetime import timedelta
from typing import Any, Final, Protocol

import msgspec

from .outbox import Turn

SERVICE_RESTART: Final = 1012
"""Tells a client to reconnect (IANA WebSocket close code registry)."""
_BATCH: Final = 200  # closes in one loop slice: about 2 ms, so that the last messages of others are not held up


class Limits(msgspec.Struct, frozen=True):
    """What a peer may ask of a connection, and how long it may take."""

    message: int = 256 * 1024
    """Most bytes of a message from the client; over it the connection is closed with 1009."""
    ping_interval: timedelta = timedelta(seconds=20)
    """A peer is pinged when nothing came from it for so long."""
    ping_timeout: timedelta = timedelta(seconds=20)
    """A pinged peer is closed with 1011 when nothing came from it for so long."""
    accept_timeout: timedelta = timedelta(seconds=10)
    """How long the application may take to accept or reject a handshake."""
    close_timeout: timedelta = timedelta(seconds=10)
    """How long a peer may take to answer a close, and to read what was sent before."""


class Member(Protocol):
    """A connection as the sweep sees it."""

    due: float
    """When `expire` is called, on the loop's clock; the member moves it on as it pleases."""

    def expire(self) -> None:
        """Act on the deadline that has passed, and set the next."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection."""


class Sweep:
    """Watches over the connections of one server.

    It looks at every connection once a tick instead of holding a timer for each: a connection that hears from its peer
    only copies `idle_due`. Deadlines are met to within a tick, which is a second or a tenth of the shortest limit.
    """

    __slots__ = ("_closing", "_members", "_tick", "_timer", "connections", "idle_due", "limits", "loop", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits, connections: set[Any]) -> None:
        """Watch over the connections of a server; `connections` is the server's own set of them."""
        self.loop = loop
        self.limits = limits
        self.connections = connections
        self.turn = Turn(loop)
        """Serves connections whose application brings no turn of its own."""
        self.idle_due = 0.0
        """When a peer that was heard in this tick is to be pinged."""
        spans = (limits.ping_interval, limits.ping_timeout, limits.accept_timeout, limits.close_timeout)
        self._tick = min(1.0, min(spans).total_seconds() / 10)
        self._members: set[Member] = set()
        self._closing: deque[Member] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, member: Member) -> None:
        """Take a connection under watch."""
        self._members.add(member)
        self.connections.add(member)
        if self._timer is None:
            self._wind()

    def discard(self, member: Member) -> None:
        """Let go of a connection that has ended."""
        self._members.discard(member)
        self.connections.discard(member)

    def after(self, span: timedelta) -> float:
        """Tell the time on the loop's clock when a span from now is over."""
        return self.loop.time() + span.total_seconds()

    def close_soon(self, member: Member) -> None:
        """Close a connection for the server's shutdown, a batch of them in each loop slice."""
        if not self._closing:
            self.loop.call_soon(self._close_batch)
        self._closing.append(member)

    def _close_batch(self) -> None:
        for _ in range(min(_BATCH, len(self._closing))):
            self._closing.popleft().close(SERVICE_RESTART, "Service restart")
        if self._closing:
            self.loop.call_soon(self._close_batch)

    def _wind(self) -> None:
        self.idle_due = self.after(self.limits.ping_interval)
        self._timer = self.loop.call_later(self._tick, self._run) if self._members else None

    def _run(self) -> None:
        now = self.loop.time()
        for member in tuple(self._members):
            if member.due <= now:
                member.expire()
        self._wind()
