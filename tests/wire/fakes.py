"""A loop with a clock to be turned by hand, and a transport that remembers."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from websockets.frames import Frame, Opcode


class FakeLoop:
    def __init__(self) -> None:
        self.now = 1000.0
        self.ready: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self.timers: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []

    @property
    def real(self) -> asyncio.AbstractEventLoop:
        return cast(asyncio.AbstractEventLoop, self)

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> None:
        self.ready.append((callback, args))

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None) -> object:
        heapq.heappush(self.timers, (self.now + delay, len(self.timers), callback, args))
        return object()

    def turn(self) -> None:
        """Run what was ready at the start of one loop turn."""
        for _ in range(len(self.ready)):
            callback, args = self.ready.popleft()
            callback(*args)

    def settle(self) -> None:
        while self.ready:
            self.turn()

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        self.settle()
        while self.timers and self.timers[0][0] <= end:
            self.now, _, callback, args = heapq.heappop(self.timers)
            callback(*args)
            self.settle()
        self.now = end


class FakeTransport(asyncio.Transport):
    """Writes at once, or when `stuck` keeps everything in its buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: asyncio.Protocol | None = None
        self.writes: list[bytes] = []
        self.stuck = False
        self.waiting = 0
        self.high = 0
        self.reading = True
        self.half_closed = False
        self.closing = False
        self.aborts = 0
        self.tls = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.half_closed
        self.writes.append(bytes(data))
        if self.stuck:
            before, self.waiting = self.waiting, self.waiting + len(data)
            if self.protocol is not None and before <= self.high < self.waiting:
                self.protocol.pause_writing()

    def unstick(self) -> None:
        self.stuck, self.waiting = False, 0
        assert self.protocol is not None
        self.protocol.resume_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return not self.tls

    def write_eof(self) -> None:
        self.half_closed = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True
        self.aborts += 1


class Recorder:
    """A listener that remembers, and fails when told to."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.codes: list[int] = []
        self.hook: Callable[[str | bytes], None] = lambda message: None

    def on_message(self, message: str | bytes) -> None:
        self.messages.append(message)
        self.hook(message)

    def on_close(self, code: int) -> None:
        self.codes.append(code)


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """Make a client's frame with the `websockets` library."""
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def text(words: str) -> bytes:
    return masked(Opcode.TEXT, words.encode())
