"""A session's surroundings: a clock to be turned by hand, GETs and WebSockets that remember."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import msgspec
from tests.wire.fakes import FakeLoop

from hubbub.wire import frame
from hubbub.wire.engine_io.error import Error
from hubbub.wire.engine_io.handshake import Handshake
from hubbub.wire.engine_io.option import Options
from hubbub.wire.engine_io.session import Session
from hubbub.wire.outbox import Outbox, Turn

INTERVAL, TIMEOUT = 25.0, 20.0
OLD_TIMEOUT = 5.0


class Home:
    def __init__(self, options: Options | None = None, **limits: int) -> None:
        self.loop = FakeLoop()
        self.turn = Turn(self.loop.real, **limits)
        self.options = options or Options()
        self.hurried: list[Session] = []
        self.forgotten: list[Session] = []

    def time(self) -> float:
        return self.loop.now

    def soon(self, call: Callable[[], None]) -> None:
        self.loop.call_soon(call)

    def hurry(self, session: Session) -> None:
        self.hurried.append(session)

    def ended(self, session: Session) -> None:
        self.forgotten.append(session)

    def session(
        self, version: int = 4, connection: Outbox | None = None, query: dict[str, str] | None = None
    ) -> "Guest":
        handshake = Handshake(version, {"EIO": str(version), **(query or {})}, {}, "192.0.2.1")
        return Guest(self, Session(self, "s" * 20, handshake, connection))


class Ear:
    """A listener that remembers, and fails when told to."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.reasons: list[str] = []
        self.hook: Callable[[str | bytes], None] = lambda message: None

    def on_message(self, message: str | bytes) -> None:
        self.messages.append(message)
        self.hook(message)

    def on_close(self, reason: str) -> None:
        self.reasons.append(reason)


class Get:
    def __init__(self, jsonp: str | None = None) -> None:
        self.jsonp = jsonp
        self.answers: list[bytes | Error] = []
        self.binary = False

    def answer(self, body: bytes, *, binary: bool) -> None:
        self.answers.append(body)
        self.binary = binary

    def refuse(self, error: Error) -> None:
        self.answers.append(error)

    def waits(self) -> bool:
        return not self.answers

    @property
    def body(self) -> Any:
        """What was answered; None while it waits."""
        assert len(self.answers) <= 1
        return self.answers[0] if self.answers else None


class Wire(Outbox):
    """A WebSocket connection's outbox."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self.frames: list[bytes] = []
        self.writes: list[bytes] = []
        self.closed: list[tuple[int, str]] = []

    def transmit(self, joined: bytes, frames: Iterable[bytes]) -> None:
        several = list(frames)
        assert joined == b"".join(several)
        if not self.closed:
            self.writes.append(joined)
            self.frames += several

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.flush()
        if not self.closed:
            self.closed.append((code, reason))

    @property
    def texts(self) -> list[str]:
        return [frame.payload(one).decode() for one in self.frames]


class Guest:
    """A session with its client's moves; the open packet has been collected."""

    def __init__(self, home: Home, session: Session) -> None:
        self.home = home
        self.session = session
        self.ear = Ear()
        session.listen(self.ear)
        session.flush()

    def open(self) -> Any:
        """Collect the open packet."""
        first = self.get()
        return msgspec.json.decode(first.body.split(b":", 1)[-1][1:] if self.session.version == 3 else first.body[1:])

    def get(self, jsonp: str | None = None) -> Get:
        """Make a GET, and let the loop turn."""
        get = Get(jsonp)
        self.session.get(get)
        self.home.loop.settle()
        return get

    def post(self, *packets: str) -> Error | None:
        if self.session.version == 3:
            body = "".join(f"{len(one.encode('utf-16-le')) // 2}:{one}" for one in packets)
        else:
            body = "\x1e".join(packets)
        return self.post_raw(body.encode())

    def post_raw(self, body: bytes, *, binary: bool = False) -> Error | None:
        error = self.session.begin_post() or self.session.post(body, binary=binary)
        self.home.loop.settle()
        return error

    def send(self, *messages: str | bytes) -> None:
        for message in messages:
            self.session.send(message)
        self.home.loop.settle()

    def wait(self, seconds: float, *, looking: bool = True) -> None:
        """Let time pass, with the server looking at deadlines, or too busy for that."""
        end = self.home.loop.now + seconds
        while looking and self.session.due <= end:
            self.home.loop.now = max(self.session.due, self.home.loop.now)
            self.session.check()
            self.home.loop.settle()
        self.home.loop.now = end

    def probing(self) -> Wire:
        """Bring a WebSocket as far as the answer to its probe."""
        wire = Wire(self.home.turn)
        assert self.session.probe(wire)
        self.session.hear(wire, "2probe")
        self.home.loop.settle()
        return wire

    def upgraded(self) -> Wire:
        wire = self.probing()
        self.session.hear(wire, "5")
        self.home.loop.settle()
        return wire

    def is_slow(self) -> bool:
        return self.session.slow

    def is_alive(self) -> bool:
        return not self.home.forgotten


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
