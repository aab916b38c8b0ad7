"""A session of Engine.IO 3 or 4 without I/O: requests and frames in, answers and frames out."""

from abc import abstractmethod
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from math import inf
from typing import Final, Protocol

import msgspec

from .. import frame
from ..connection import INTERNAL_ERROR, log_fault
from ..outbox import Outbox, Turn
from . import packet, payload
from .error import BAD_REQUEST, SESSION_UNKNOWN, Error
from .handshake import Handshake
from .option import Options
from .packet import OLD, Kind, Malformed

_HOLD: Final = 0.1
"""Seconds that a GET is held while a probe has been answered, as engine.io does: the upgrade may be on its way."""
_PROTOCOL_ERROR: Final = 1002  # RFC 6455 7.4.1
_TOO_BIG: Final = 1009  # RFC 6455 7.4.1
_to_json: Final = msgspec.json.Encoder().encode


class EngineListener(Protocol):
    """Hears one session. Its methods must not block; what they raise closes the session."""

    def on_message(self, message: str | bytes) -> None:
        """Hear one message: str is text, bytes is binary. Not called after a close of either side."""

    def on_close(self, reason: str) -> None:
        """Hear that the session is closed; called exactly once, never from within `close` itself."""


class Poll(Protocol):
    """A GET that wants packets; exactly one of the two is called, once."""

    jsonp: str | None
    """The digits of the query's j, for a script tag; None for any other client."""

    def answer(self, body: bytes, *, binary: bool) -> None:
        """Answer with a payload."""

    def refuse(self, error: Error) -> None:
        """Answer that the request is refused."""


class Home(Protocol):
    """What a session needs of its server."""

    options: Options
    turn: Turn

    @abstractmethod
    def time(self) -> float:
        """Tell the time in seconds, on the clock that `Session.due` is compared with."""

    @abstractmethod
    def soon(self, call: Callable[[], None]) -> None:
        """Call back in a later turn of the event loop."""

    @abstractmethod
    def hurry(self, session: "Session") -> None:
        """Look at a session's `due` more often than usual until that has passed."""

    @abstractmethod
    def ended(self, session: "Session") -> None:
        """Forget a session; the last call."""


class _State(IntEnum):
    OPEN = 0
    CLOSING = 1  # a polling session is closed, and what is left for the client waits for a GET
    ENDED = 2


def _discard(joined: bytes, frames: list[bytes]) -> None:
    """Lose the frames of a session that is closed."""


class Session(Outbox):
    """One client, over polling, a WebSocket, or first one and then the other.

    It is its own outbox: prepared frames are put, whichever transport there is. While the client polls they wait in a
    bounded queue. Over a WebSocket `transmit` is the connection's own, so that a frame costs no more than without a
    session. On a change the queue goes first, so the order stays.

    The caller passes on what the client does, and calls `check` when `due` has passed. Nothing is raised.
    """

    __slots__ = (
        *("_alarm", "_alarm_at", "_base64", "_beat", "_connection", "_hold", "_home", "_listener", "_pinged", "_poll"),
        *("_posting", "_probe", "_probe_by", "_probed", "_queue", "_queued", "_reason", "_state"),
        *("due", "handshake", "id", "transmit"),
    )

    transmit: Callable[[bytes, list[bytes]], None]  # type: ignore[assignment]
    """Pass on what was put; see `Outbox.transmit`."""

    def __init__(self, home: Home, id: str, handshake: Handshake, connection: Outbox | None = None) -> None:  # noqa: A002
        """Open a session and put the open packet; with a connection it begins, and stays, on a WebSocket."""
        super().__init__(home.turn)
        self._home = home
        self.id = id
        """A bearer secret: who knows it can read the session. Never shown to others, never logged."""
        self.handshake = handshake
        self._base64 = handshake.version == OLD and ("j" in handshake.query or handshake.query.get("b64", "0") != "0")
        self._listener: EngineListener | None = None
        self._state = _State.OPEN
        self._reason = ""
        self._queue: list[bytes] = []  # frames that wait for a GET
        self._queued = 0  # bytes of them
        self._poll: Poll | None = None  # the GET that waits
        self._hold = inf  # until when it is not answered, whatever there is
        self._posting = False  # the body of a POST is being read
        self._connection: Outbox | None = None  # the WebSocket that is the transport
        self._probe: Outbox | None = None  # the WebSocket that wants to become it
        self._probed = False  # its probe was answered
        self._probe_by = inf
        self._alarm: Callable[[], None] | None = None
        self._alarm_at = inf
        self._pinged = False  # version 4: a pong is owed
        interval, timeout = home.options.heartbeat(handshake.version)
        self._beat = home.time() + interval.total_seconds() + (timeout.total_seconds() if self.version == OLD else 0)
        self.due = self._beat
        """When `check` is to be called, on the home's clock."""
        if connection is None:
            self.transmit = self._enqueue
        else:
            self._connection = connection
            self.transmit = connection.transmit
        self.put(self._opening(["websocket"] if connection is None else []))

    # What the application calls

    @property
    def version(self) -> int:
        """Which Engine.IO this session speaks."""
        return self.handshake.version

    @property
    def slow(self) -> bool:
        """More waits than the soft limit: droppable frames are not put."""
        if self._connection is not None:
            return self._connection.slow
        return self._queued > min(self.turn.soft_limit, self._home.options.max_queue // 4)

    @slow.setter
    def slow(self, value: bool) -> None:
        """Do nothing: the transport knows."""

    @property
    def holding(self) -> bool:
        """Whether a GET is held that must be answered within a moment."""
        return self._hold != inf

    def is_closed(self) -> bool:
        """Tell whether either side has closed."""
        return self._state is not _State.OPEN

    def listen(self, listener: EngineListener) -> None:
        """Deliver messages to a listener, and the close, also one that has been."""
        self._listener = listener
        if self.is_closed():
            self._tell()

    def send(self, message: str | bytes) -> None:
        """Queue one message, text or binary, for the end of this loop turn."""
        self.put(self.prepare(message))

    def prepare(self, message: str | bytes) -> bytes:
        """Make the frame of a message for this session; of text it is the same for everybody."""
        return packet.message(self.handshake.version, message, base64=self._base64)

    def soon(self, call: Callable[[], None]) -> None:
        """Call back in a later turn of the event loop."""
        self._home.soon(call)

    def alarm(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back when so much time has passed, unless the session closes before; there is one alarm."""
        self._alarm, self._alarm_at = call, self._home.time() + seconds
        self._reckon()

    def disarm(self) -> None:
        """Forget the alarm."""
        self._alarm, self._alarm_at = None, inf
        self._reckon()

    def close(self, code: int = 1000, reason: str = "", *, come_back: bool = False) -> None:
        """Send what is pending, then close; does nothing when closed already.

        A polling client is told with its next GET; it has some time for that.

        Args:
            code: For a WebSocket, one that may be sent (RFC 6455 7.4).
            reason: For the listener and the peer's log.
            come_back: The client is to connect anew. One that polls then gets no close packet, after which
                python-socketio stays away, but is refused as somebody whom nobody knows.
        """
        if self.is_closed():
            return
        self.flush()  # which may overflow and so close
        if self.is_closed():
            return
        self._reason = reason or "forced close"
        if self._connection is not None:
            connection = self._connection
            self._end()
            connection.close(code, reason)
            return
        self._state = _State.CLOSING
        self.transmit = _discard
        if not come_back:
            self._queue.append(packet.CLOSE)
            self._queued += len(packet.CLOSE)
        self._beat = self._home.time() + self._home.options.linger.total_seconds()
        self._hold = self._alarm_at = inf
        self._alarm = None
        self._drop_probe()
        self._tell()
        self._answer()
        if come_back and not self._queue and self._state is not _State.ENDED:
            poll, self._poll = self._poll, None
            if poll is not None:
                poll.refuse(SESSION_UNKNOWN)
            self._end()
            return
        self._reckon()

    def abandon(self) -> None:
        """End at once, whatever still waits: nobody will come for it."""
        self._finish(self._reason or "forced close")

    # What the client does over HTTP

    def get(self, poll: Poll) -> None:
        """Take a GET, which is answered now or later."""
        if not self.check():
            poll.refuse(SESSION_UNKNOWN)
        elif self._connection is not None:
            poll.refuse(BAD_REQUEST)
        elif self._poll is not None:
            poll.refuse(BAD_REQUEST)
            self._finish("transport error", packet.CLOSE)
        else:
            self._poll = poll
            if self._probed:
                self._hold = self._home.time() + _HOLD
                self._reckon()
                self._home.hurry(self)
            else:
                self._answer()

    def lose_get(self, poll: Poll) -> None:
        """Hear that the client has aborted a GET that was not answered: what it missed cannot be known."""
        if poll is self._poll:
            self._poll = None
            self._finish("transport close")

    def begin_post(self) -> Error | None:
        """Take a POST whose body is still to be read, or refuse it."""
        if not self.check() or self.is_closed():
            return SESSION_UNKNOWN
        if self._connection is not None:
            return BAD_REQUEST
        if self._posting:
            self._finish("transport error", packet.CLOSE)
            return BAD_REQUEST
        self._posting = True
        return None

    def post(self, body: bytes, *, binary: bool = False) -> Error | None:
        """Take the body of the POST that was begun; its packets are handled in order, up to one that closes."""
        self._posting = False
        if not self.check() or self.is_closed():
            return SESSION_UNKNOWN
        most = self._home.options.max_packets
        try:
            if not binary:
                packets = payload.decode(self.version, body, most)
            elif self.version == OLD:
                packets = payload.decode_binary(body, most)
            else:
                raise Malformed("binary, which version 4 is not")
            for one in packets:
                if not self.is_closed():
                    self._receive(one)
        except Malformed:
            self._finish("parse error", packet.CLOSE)
            return BAD_REQUEST
        return None

    def skip_post(self) -> None:
        """Hear that the body of the POST that was begun is too big: it is refused, the session goes on."""
        self._posting = False

    def lose_post(self) -> None:
        """Hear that the client has aborted the POST that was begun."""
        self._posting = False
        self._finish("transport error", packet.CLOSE)

    # What the client does over a WebSocket

    def probe(self, connection: Outbox) -> bool:
        """Take a WebSocket that wants to become the transport; false if it must be closed."""
        if not self.check() or self.is_closed() or self._connection is not None or self._probe is not None:
            return False
        self._probe = connection
        self._probe_by = self._home.time() + self._home.options.upgrade_timeout.total_seconds()
        self._reckon()
        return True

    def hear(self, connection: Outbox, message: str | bytes) -> None:
        """Take one whole frame of a WebSocket."""
        if not self.check() or self.is_closed():
            return
        if connection is self._connection:
            most = self._home.options.max_payload
            if len(message) * 3 > most and len(message if isinstance(message, bytes) else message.encode()) > most:
                self.close(_TOO_BIG, "message too big")
                return
            try:
                self._receive(message)
            except Malformed:
                self.close(_PROTOCOL_ERROR, "parse error")
        elif connection is self._probe:
            if message == packet.PROBE and not self._probed:
                self._probed = True
                connection.put(packet.PROBED)
                if self._poll is not None:
                    self._answer_with([packet.NOOP])
            elif message == packet.UPGRADE and self._probed:
                self._upgrade(connection)
            else:
                self._drop_probe()

    def lose(self, connection: Outbox) -> None:
        """Hear that a WebSocket is closed."""
        if connection is self._connection:
            self._finish("transport close")
        elif connection is self._probe:
            self._probe = None
            self._drop_probe()

    # What the server calls

    def check(self) -> bool:
        """Act on what is due; false if the session has ended."""
        if self.due <= (now := self._home.time()):
            while self.due <= now and self._state is not _State.ENDED:
                self._expire(now)
        return self._state is not _State.ENDED

    def statistics(self) -> tuple[int, int, bool, bool, bool]:
        """Tell the packets and bytes that wait, and whether there are a GET, a WebSocket, and one that probes."""
        connection, probe = self._connection is not None, self._probe is not None
        return len(self._queue), self._queued, self._poll is not None, connection, probe

    # The rest

    def _opening(self, upgrades: list[str]) -> bytes:
        interval, timeout = self._home.options.heartbeat(self.version)
        # Compact, and the sid first: there are clients that look for `"sid":"..."` and a comma.
        words: dict[str, object] = {"sid": self.id, "upgrades": upgrades}
        words["pingInterval"] = round(interval.total_seconds() * 1000)
        words["pingTimeout"] = round(timeout.total_seconds() * 1000)
        if self.version != OLD:
            words["maxPayload"] = self._home.options.max_payload
        return frame.text(b"0" + _to_json(words))

    def _receive(self, raw: str | bytes) -> None:
        """Handle one packet.

        Raises:
            Malformed: It is none, or a ping of the wrong side.
        """
        kind, content = packet.decode(self.handshake.version, raw)
        old = self.handshake.version == OLD
        if old:
            interval, timeout = self._home.options.heartbeat(OLD)
            self._beat = self._home.time() + interval.total_seconds() + timeout.total_seconds()
            self._reckon()
        if kind is Kind.MESSAGE:
            if self._listener is None:
                return
            try:
                self._listener.on_message(content)
            except Exception:
                log_fault("listener")
                self.close(INTERNAL_ERROR, "server error")
        elif kind is Kind.PING:
            if not old or isinstance(content, bytes):
                raise Malformed("a ping of the client")
            self.put(packet.pong(content))
        elif kind is Kind.PONG:
            if self._pinged:
                self._pinged = False
                self._beat = self._home.time() + self._home.options.ping_interval.total_seconds()
                self._reckon()
        elif kind is Kind.CLOSE:
            self._finish("transport close", packet.NOOP)
        # The others say nothing in an open session.

    def _enqueue(self, joined: bytes, frames: list[bytes]) -> None:
        """Be `transmit` while the client polls."""
        self._queue += frames
        self._queued += len(joined)
        if self._poll is not None and self._hold == inf:
            self._answer()
        options = self._home.options
        if self._queued > options.max_queue or len(self._queue) > options.max_queue_packets:
            self.turn.overflows += 1
            self._finish("transport error", packet.CLOSE)

    def _answer(self) -> None:
        """Answer the GET that waits with what waits for it, if there are both."""
        if self._poll is None or not self._queue:
            return
        most = self._home.options.response_packets
        if len(self._queue) <= most:
            frames, self._queue, self._queued = self._queue, [], 0
        else:
            frames, self._queue = self._queue[:most], self._queue[most:]
            self._queued -= sum(map(len, frames))
        self._answer_with(frames)
        if self._state is _State.CLOSING and not self._queue:
            self._end()

    def _answer_with(self, frames: list[bytes]) -> None:
        poll, self._poll, self._hold = self._poll, None, inf
        if poll is not None:
            script = poll.jsonp
            body, binary = payload.encode(self.version, frames, base64=self._base64 or script is not None)
            poll.answer(body if script is None else payload.jsonp(script, body), binary=binary)

    def _upgrade(self, connection: Outbox) -> None:
        """Make the WebSocket the transport; what has waited goes first."""
        self._probe, self._probed, self._probe_by = None, False, inf
        poll, self._poll, self._hold = self._poll, None, inf
        if poll is not None:
            poll.refuse(BAD_REQUEST)
        self._connection = connection
        self.transmit = connection.transmit
        connection.flush()  # the answer to the probe
        frames, self._queue, self._queued = self._queue, [], 0
        if frames:
            connection.transmit(b"".join(frames), frames)
        self._reckon()

    def _drop_probe(self) -> None:
        """Give up the upgrade; polling goes on."""
        connection, self._probe = self._probe, None
        self._probed, self._probe_by, self._hold = False, inf, inf
        self._reckon()
        if connection is not None:
            connection.close()
        if self._state is _State.OPEN:
            self._answer()

    def _reckon(self) -> None:
        self.due = min(self._beat, self._hold, self._probe_by, self._alarm_at)

    def _expire(self, now: float) -> None:
        """Act on deadlines that have passed. Each counts from the one before, however late somebody looks."""
        if self._beat <= now:
            if self._state is _State.CLOSING:
                self._end()
                return
            if self._pinged or self.version == OLD:
                self._finish("ping timeout", packet.CLOSE)
                return
            self._pinged = True
            self._beat += self._home.options.ping_timeout.total_seconds()
            self.put(packet.PING)
        if self._hold <= now:
            self._hold = inf
            if self._queue:
                self._answer()
            else:
                self._answer_with([packet.NOOP])
        if self._probe_by <= now:
            self._drop_probe()
        if self._alarm_at <= now:
            call, self._alarm, self._alarm_at = self._alarm, None, inf
            try:
                if call is not None:
                    call()
            except Exception:
                log_fault("alarm")
                self.close(INTERNAL_ERROR, "server error")
        if self._state is not _State.ENDED:
            self._reckon()

    def _finish(self, reason: str, last: bytes = packet.NOOP) -> None:
        """End because of the client; a GET that waits is answered with a last packet."""
        if self._state is _State.ENDED:
            return
        self._reason = reason
        self._answer_with([last])
        connection = self._connection
        self._end()
        if connection is not None:
            connection.close(*((INTERNAL_ERROR, reason) if reason == "ping timeout" else (1000, "")))

    def _end(self) -> None:
        self._state = _State.ENDED
        self.transmit = _discard
        self._queue, self._queued = [], 0
        self._connection = self._alarm = None
        self._beat = self._alarm_at = inf
        self._drop_probe()
        self.due = inf
        self._tell()
        self._home.ended(self)

    def _tell(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._home.soon(partial(_tell_end, listener, self._reason))


def _tell_end(listener: EngineListener, reason: str) -> None:
    try:
        listener.on_close(reason)
    except Exception:
        log_fault("listener")
