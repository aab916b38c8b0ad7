"""An open WebSocket over a transport of the event loop, without a task of its own."""

import asyncio
from collections.abc import Iterable
from enum import IntEnum
from math import inf
from typing import Final, cast

from . import frame
from .connection import INTERNAL_ERROR, Accept, Connection, Listener, log_fault
from .outbox import Turn
from .sweep import Sweep

_PING: Final = frame.ping()


class _State(IntEnum):
    OPEN = 0
    CLOSING = 1  # our close is sent; the peer's is awaited, its messages are discarded
    DRAINING = 2  # what was written still leaves, all input is discarded
    ENDED = 3


_OPEN: Final = _State.OPEN  # looked up a million times a second


class WebSocket(Connection, asyncio.Protocol):
    """A connection from the end of its handshake on.

    Until `listen` is called, and while reading is paused, messages are held back and the transport reads no more. While
    it is idle it has no buffer, no timer and no task.
    """

    __slots__ = (
        "_drained",
        "_held",
        "_listener",
        "_parser",
        "_paused",
        "_pinged",
        "_state",
        "_sweep",
        "_transport",
        "due",
        "ended_with",
    )

    def __init__(self, transport: asyncio.Transport, sweep: Sweep, client: tuple[str, int] | None) -> None:
        """Take over a transport; the caller sets its protocol."""
        super().__init__(sweep.turn, client)
        self._transport = transport
        self._sweep = sweep
        self._parser = frame.Parser(sweep.limits.message)
        self._listener: Listener | None = None
        self._held: list[frame.Event] | None = None  # events that nobody may hear yet
        self._drained: asyncio.Future[None] | None = None
        self._paused = False
        self._pinged = False
        self._state = _State.OPEN
        self.ended_with: int | None = None
        """The code that `Listener.on_close` is told, as soon as it is known."""
        self.due = sweep.after(sweep.limits.ping_interval)
        self.use(self.turn)
        sweep.add(self)

    # What the application calls

    def use(self, turn: Turn) -> None:
        """Gather frames in this turn from now on, and keep to its limits."""
        self.turn = turn
        # The transport itself tells when a reader falls behind: nothing need be measured while it does not.
        self._transport.set_write_buffer_limits(high=turn.soft_limit, low=turn.soft_limit // 4)

    def listen(self, listener: Listener) -> None:
        """Deliver events to a listener, those held back first; not from within this call."""
        self._listener = listener
        if self.ended_with is not None:
            self._sweep.loop.call_soon(self._tell_end)
        elif self._held is not None:
            self._sweep.loop.call_soon(self._release)

    def attach(self, accept: Accept, turn: Turn, client: tuple[str, int] | None) -> None:
        """Make a listener for this connection and listen."""
        self.client = client
        self.use(turn)
        try:
            listener = accept(self)
        except Exception:
            log_fault("accept")
            self.close(INTERNAL_ERROR)
        else:
            self.listen(listener)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what is pending, then close; does nothing when closed already."""
        if self._state is not _State.OPEN:
            return
        self._end(code, frame.close(code, reason), _State.CLOSING)
        # The peer's answer must be heard, paused or not; perhaps it is among the events held back.
        self._paused = False
        if self._held is not None:
            self._sweep.loop.call_soon(self._release)
        else:
            self._read()

    def shutdown(self) -> None:
        """Close because the server stops; uvicorn calls it on every connection."""
        self._sweep.close_soon(self)

    def pause_reading(self) -> None:
        """Hold back further messages, and in time the peer, until `resume_reading`."""
        if self._state is _State.OPEN and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Deliver messages again, those held back first; not from within this call."""
        if not self._paused:
            return
        self._paused = False
        if self._held is not None:
            self._sweep.loop.call_soon(self._release)
        else:
            self._read()

    async def drain(self) -> None:
        """Wait until the reader is no longer slow, or gone."""
        if self.slow and self._state is _State.OPEN:
            if self._drained is None:
                self._drained = self._sweep.loop.create_future()
            await asyncio.shield(self._drained)

    # What the turn and the sweep call

    def transmit(self, joined: bytes, frames: Iterable[bytes]) -> None:
        """Write the frames of one turn."""
        if self._state is _OPEN:
            self._transport.write(joined)
            if self.slow and self._transport.get_write_buffer_size() > self.turn.hard_limit:
                self.overflow()

    def expire(self) -> None:
        """Ping an idle peer, close a mute one, abort one that does not let go."""
        limits = self._sweep.limits
        if self._state is not _State.OPEN:
            self._transport.abort()
            self.due = inf
        elif self._paused or self._held is not None:
            self.due = self._sweep.idle_due  # the peer may well have answered, but nobody reads
        elif self._pinged:
            self._fail(INTERNAL_ERROR, "keepalive ping timeout")
        else:
            self._pinged = True
            self.due = self._sweep.after(limits.ping_timeout)
            self._transport.write(_PING)

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        """Deliver the messages that these bytes complete."""
        if self._state is _State.OPEN:
            self.due = self._sweep.idle_due
            self._pinged = False
        events = self._parser.feed(data)
        if self._held is None:
            self._deliver(events)
        else:
            self._held += events

    def eof_received(self) -> None:
        """Close a peer that has closed its half: it can neither ping nor answer."""
        self._end(frame.LOST, b"", _State.DRAINING)

    def pause_writing(self) -> None:
        """Note that the soft limit is passed."""
        self.slow = True

    def resume_writing(self) -> None:
        """Note that the reader has caught up."""
        self.slow = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end(frame.LOST, b"", _State.ENDED)
        self._sweep.discard(self)
        self._wake()

    # The rest

    def _deliver(self, events: list[frame.Event]) -> None:
        for index, event in enumerate(events):
            kind = type(event)
            if kind is str or kind is bytes:
                if self._state is not _State.OPEN:
                    continue
                if self._paused or self._listener is None:
                    self._held = events[index:]
                    self._transport.pause_reading()
                    return
                try:
                    self._listener.on_message(cast("str | bytes", event))
                except Exception:
                    log_fault("listener")
                    self.close(INTERNAL_ERROR)
            elif isinstance(event, frame.Ping):
                self.put(frame.pong(event.payload))  # RFC 6455 5.5.2
            elif isinstance(event, frame.Close):
                # RFC 6455 5.5.1: echo the code unless this answers our own close. 7.1.1: the server closes TCP.
                self._end(event.code, frame.close(event.code), _State.DRAINING)
                self._transport.close()
            elif isinstance(event, frame.Fault):
                self._fail(event.code, event.reason)

    def _release(self) -> None:
        """Deliver the events held back, as far as somebody may hear them."""
        events, self._held = self._held, None
        if events is not None:
            self._deliver(events)
        if not self._paused and self._held is None:
            self._read()

    def _read(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _fail(self, code: int, reason: str) -> None:
        """Fail the connection after a breach (RFC 6455 7.1.7)."""
        self._end(code, frame.close(code, reason), _State.DRAINING)
        # Closing with unread input would reset the connection, and the peer might never see why. So only our half is
        # closed, and the peer's input is discarded until it closes its own or the deadline passes.
        if not self._transport.can_write_eof():
            self._transport.close()  # TLS has no half-close
        elif not self._transport.is_closing():
            self._transport.write_eof()

    def _end(self, code: int, last: bytes, state: _State) -> None:
        """Leave a state for a later one; what is pending and then `last` go out if it was OPEN."""
        if self._state >= state:
            return
        if self._state is _State.OPEN:
            frames, self.pending = self.pending or [], None
            if state is not _State.ENDED:
                self._transport.write(b"".join([*frames, last]))
            self.ended_with = code
            if self._listener is not None:
                self._sweep.loop.call_soon(self._tell_end)
        self._state = state
        self.due = self._sweep.after(self._sweep.limits.close_timeout)

    def _tell_end(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None and self.ended_with is not None:
            try:
                listener.on_close(self.ended_with)
            except Exception:
                log_fault("listener")

    def _wake(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
