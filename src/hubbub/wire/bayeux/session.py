"""A client of Bayeux without I/O: what it holds, what waits for it, and by which way it gets it."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from typing import Any, Final, Protocol

import msgspec

from .. import frame
from ..connection import log_fault
from ..outbox import TRY_AGAIN_LATER, Outbox, Turn
from . import message
from .message import CONNECT, Id
from .option import Options

LATER: Final = 5000
"""Milliseconds that a client is told to wait which would else come back at once, and again."""


class Refused(Exception):
    """Raised by an application that does not let a client in, or not onto a channel; the client stays."""

    def __init__(self, error: str, *, reconnect: str | None = None) -> None:
        """Refuse; the error is as 3.14 has it.

        Args:
            error: As "403:/user/1:Forbidden".
            reconnect: The advice: "none" for a client that need not try again, "handshake" for one that must begin
                anew. By default that of a refused handshake is to wait, and others have none.
        """
        super().__init__(error)
        self.error = error
        self.reconnect = reconnect


class Handshake(msgspec.Struct, frozen=True):
    """What a client said when it came."""

    headers: dict[str, str]
    """Of the request, or of the one that became a WebSocket; see `engine_io.handshake.Handshake`."""
    query: dict[str, str]
    """The first value of each field; not the messages."""
    address: str
    """Of the peer, as the server and its proxies tell; "" when they do not."""
    ext: Any = None
    """What came with the handshake besides; None when nothing did."""


class BayeuxListener(Protocol):
    """Hears one client. Its methods must not block; what they raise is answered as an internal error."""

    def on_connect(self, ext: Any) -> None:
        """Hear a connect that has an ext; those without are not told. May raise `Refused`."""

    def on_subscribe(self, channel: str, ext: Any) -> None:
        """Let a client onto a channel that it is not on, or raise `Refused`.

        What is delivered from here goes out after the reply, but for a client that polls: it has two requests at once.
        When a message names several channels and one is refused, those before it are taken back by `on_unsubscribe`.
        """

    def on_unsubscribe(self, channel: str, ext: Any) -> None:
        """Hear that a client has left a channel that it was on. May not refuse."""

    def on_publish(self, channel: str, data: Any, ext: Any) -> None:
        """Hear what a client publishes, be it on the channel or not, or raise `Refused`; it is passed on to nobody."""

    def on_disconnect(self, reason: str) -> None:
        """Hear that a client is gone, from all its channels; called exactly once, and later than what caused it."""


class Poll(Protocol):
    """An HTTP request that is to be answered, once."""

    @abstractmethod
    def answer(self, body: bytes) -> None:
        """Answer with a list of messages."""


class Home(Protocol):
    """What a client needs of its server."""

    options: Options
    turn: Turn

    @abstractmethod
    def time(self) -> float:
        """Tell the time in seconds, on the clock that `BayeuxClient.due` is compared with."""

    @abstractmethod
    def soon(self, call: Callable[[], None]) -> object:
        """Call back in a later turn of the event loop."""

    @abstractmethod
    def advice(self, reconnect: str = "retry", interval: int | None = None) -> dict[str, object]:
        """Tell a client how to go on."""

    @abstractmethod
    def ended(self, client: "BayeuxClient") -> None:
        """Forget a client; the last call."""


class BayeuxClient(Outbox):
    """One client, from its handshake on; it is its own outbox.

    Prepared frames of `message.data_frame` and `message.own_frame` are put, whatever brings them to the client. Over a
    WebSocket they are passed on to the connection. While the client polls, or is away, they wait in a bounded queue. On
    a change the queue goes first, so the order stays.

    There is one way at a time, that of the last connect; the one before is given up. Nothing is raised.
    """

    __slots__ = (
        *("_connection", "_ended", "_held", "_home", "_id", "_listener", "_poll", "_queue", "_queued"),
        *("channels", "due", "handshake", "id", "own", "transmit"),
    )

    transmit: Callable[[bytes, Iterable[bytes]], None]  # type: ignore[assignment]
    """Pass on what was put; see `Outbox.transmit`."""

    def __init__(self, home: Home, id: str, handshake: Handshake) -> None:  # noqa: A002
        """Make a client that has shaken hands, and is to connect."""
        super().__init__(home.turn)
        self._home = home
        self.id = id
        """The clientId, a bearer secret: who knows it can be this client. Never shown to others, never logged."""
        self.handshake = handshake
        self.channels: dict[str, None] = {}
        """What it has subscribed to, in order; changed by nobody but its server."""
        self.own = b""
        """The channel of its own, by `message.own_name`; empty while it hears none. For its listener to set."""
        self._listener: BayeuxListener | None = None
        self._ended = False
        self._queue: list[bytes] = []
        self._queued = 0  # bytes of them
        self._connection: Outbox | None = None  # the WebSocket by which it last connected
        self._held = False  # a connect waits for its reply
        self._id: Id | None = None  # of that connect
        self._poll: Poll | None = None  # and the request with it, if it came by HTTP
        self.due = home.time() + home.options.linger.total_seconds()
        """When `check` is to be called, on the home's clock: a connect that is held is over then, or the client is."""
        self.transmit = self._enqueue

    # What the application calls

    @property
    def outbox(self) -> Outbox:
        """Where frames for this client are put; the same for its life. A member of groups."""
        return self

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
    def is_polling(self) -> bool:
        """Whether it is not on a WebSocket."""
        return self._connection is None

    def is_closed(self) -> bool:
        """Tell whether either side has ended it."""
        return self._ended

    def deliver(self, channel: str, data: object) -> None:
        """Send this client alone an event; does nothing when it is gone."""
        self.put(message.data_frame(channel, data))

    def expel(self, channel: str) -> None:
        """Take this client off a channel, without a word: it may subscribe anew, if it is let."""
        self.channels.pop(channel, None)

    def disconnect(self, error: str = "", *, reconnect: str = "handshake") -> None:
        """Send the client away after what was sent before; does nothing when it is gone.

        It is told if a connect of it is held. Else what waits for it is lost, and whatever it sends next is of an
        unknown client.

        Args:
            error: As 3.14 has it; by default that the client is unknown.
            reconnect: The advice: "handshake" lets it come back, "none" does not.
        """
        error = error or message.error(401, "Unknown client", self.id)
        self._end("server disconnect", error, self._home.advice(reconnect, 0))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what is pending, then end it; a connect that is held is answered, and told to come back later."""
        self._end(reason or "closed", "", self._home.advice(interval=LATER), code)

    # What its server calls

    def listen(self, listener: BayeuxListener) -> None:
        """Let a listener hear of the end, also one that has been."""
        self._listener = listener
        if self._ended:
            self._tell("closed")

    @property
    def listener(self) -> BayeuxListener | None:
        """Who hears this client; None when it is gone."""
        return self._listener

    def connect_poll(self, poll: Poll, id: Id | None, seconds: float) -> bool:  # noqa: A002
        """Take a connect that came alone by HTTP; false if it was answered at once. `flush` was called before.

        Args:
            poll: The request.
            id: Of the message.
            seconds: How long it may be held.
        """
        self.leave_line()
        self._take(id, seconds, poll)
        if self._queue or seconds <= 0:
            self._answer()
            return False
        return True

    def collect(self) -> list[bytes]:
        """Take a connect that came by HTTP with others, and so is not held; return what waits, as messages.

        `flush` was called before.
        """
        self.leave_line()
        self._take(None, 0, None)
        self._release()
        frames, self._queue, self._queued = self._queue, [], 0
        return list(map(message.bare, frames))

    def connect_line(self, connection: Outbox, id: Id | None, seconds: float) -> bool:  # noqa: A002
        """Take a connect that came over a WebSocket; false if it is to be answered at once, by the caller.

        `flush` was called before if it is not the WebSocket that the client is on.
        """
        if self.is_on(connection):
            self._take(id, seconds, None)
        else:
            self.leave_line()
            self._take(id, seconds, None)
            connection.flush()  # replies to what came before
            self._connection = connection
            self.transmit = self._pass_on
            frames, self._queue, self._queued = self._queue, [], 0
            for one in frames:
                self.put(one)  # so that the reply to this still goes first
        if seconds <= 0:
            self._release()
            return False
        return True

    def is_on(self, connection: Outbox) -> bool:
        """Tell whether a WebSocket is the client's way."""
        return connection is self._connection

    def put_first(self, prepared: bytes) -> None:
        """Put a frame before whatever else is pending; `flush` was called before that came."""
        if self.pending is None:
            self.pending = self.turn.begin(self)
        self.pending.insert(0, prepared)

    def leave_line(self) -> None:
        """Give up the WebSocket because the client has connected by another way."""
        connection = self._connection
        if connection is not None:
            self._detach()
            connection.close(1000, "connected elsewhere")

    def lose_line(self, connection: Outbox, code: int = 1000) -> None:
        """Hear that a WebSocket is closed, or another client's from now on.

        What a reader that was too slow has missed it must learn of: it is forgotten. Any other may come back.
        """
        if connection is self._connection:
            self._detach()
            if code == TRY_AGAIN_LATER:
                self._end("overflow", "", {})

    def lose_poll(self, poll: Poll) -> None:
        """Hear that the client has aborted a connect that was held."""
        if poll is self._poll:
            self._poll = None
            self._release()

    def say_goodbye(self) -> None:
        """Take a disconnect; the caller replies to it."""
        self._end("client disconnect", "", self._home.advice("none"))

    def check(self) -> bool:
        """Act on what is due; false if the client is gone."""
        if self.due <= self._home.time():
            if self._held:
                self._answer()
            else:
                self._end("timeout", "", {})
        return not self._ended

    def statistics(self) -> tuple[int, int, bool, bool, int]:
        """Tell the frames and bytes that wait, whether a connect is held and there is a WebSocket, and the channels."""
        return len(self._queue), self._queued, self._held, self._connection is not None, len(self.channels)

    # The rest

    def _take(self, id_: Id | None, seconds: float, poll: Poll | None) -> None:
        """Make a connect the one that is held. One that was is answered, so that two that are at odds do not race."""
        if self._held:
            self._reply("", self._home.advice(interval=LATER))
        self._held, self._id, self._poll = True, id_, poll
        self.due = self._home.time() + seconds

    def _release(self) -> None:
        """Hold a connect no longer; from now on the client is away."""
        self._held, self._id, self._poll = False, None, None
        self.due = self._home.time() + self._home.options.linger.total_seconds()

    def _answer(self) -> None:
        """Reply to the connect that is held, by HTTP with what waits."""
        self._reply("", self._home.advice())
        self._release()

    def _reply(self, error: str, advice: dict[str, object]) -> None:
        request = message.Message(CONNECT, self.id, self._id, {})
        words = {"clientId": self.id} if not error else {}
        reply = message.reply(request, error, **words, advice=advice)
        poll, self._poll = self._poll, None
        if poll is not None:
            frames, self._queue, self._queued = self._queue, [], 0
            poll.answer(message.join([reply, *map(message.bare, frames)]))
        elif self._connection is not None:
            self.put(frame.text(message.join([reply])))

    def _pass_on(self, joined: bytes, frames: Iterable[bytes]) -> None:
        """Be `transmit` on a WebSocket."""
        parts = message.cut(joined)
        if len(parts) > 1:
            frames = message.filled(frames, self.own)
            if self.own:
                joined = self.own.join(parts)
            else:
                frames = list(frames)
                joined = b"".join(frames)
        if self._connection is not None and joined:
            self._connection.transmit(joined, frames)

    def _enqueue(self, joined: bytes, frames: Iterable[bytes]) -> None:
        """Be `transmit` while the client polls, or is away."""
        frames = list(message.filled(frames, self.own))
        self._queue += frames
        self._queued += sum(map(len, frames))
        if self._poll is not None and frames:
            self._answer()
        options = self._home.options
        if self._queued > options.max_queue or len(self._queue) > options.max_queue_messages:
            self.turn.overflows += 1
            self._end("overflow", "", {})

    def _keep(self, joined: bytes, frames: Iterable[bytes]) -> None:
        """Be `transmit` at the end."""
        self._queue += message.filled(frames, self.own)

    def _detach(self) -> None:
        self._connection = None
        self.transmit = self._enqueue
        self._release()

    def _end(self, reason: str, error: str, advice: dict[str, object], code: int = 1000) -> None:
        if self._ended:
            return
        self._ended = True
        if self._connection is None:
            self.transmit = self._keep  # so that it goes with the reply
        self.flush()
        if self._held:
            self._reply(error, advice)
            self.flush()
        connection, self._connection = self._connection, None
        self.transmit = _discard
        self._queue, self._queued = [], 0
        self._held, self._poll = False, None
        self.due = inf
        if connection is not None:
            # Later, as replies to what has led to this may still come.
            self._home.soon(partial(connection.close, code, reason))
        self._home.ended(self)
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._home.soon(partial(_tell_end, listener, reason))


def _discard(joined: bytes, frames: Iterable[bytes]) -> None:
    """Lose the frames of a client that is gone."""


def _tell_end(listener: BayeuxListener, reason: str) -> None:
    try:
        listener.on_disconnect(reason)
    except Exception:
        log_fault("listener")
