"""WebSocket frames (RFC 6455) as an object without I/O: bytes in, events out."""

import struct
from typing import Final

import msgspec

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled wheel
    from websockets.utils import apply_mask

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

NO_CODE: Final = 1005
"""Stands for a close frame without a code; never on the wire (RFC 6455 7.4.1)."""
LOST: Final = 1006
"""Stands for a connection that ended without a close frame; never on the wire."""

# RFC 6455 7.4.1 and the IANA registry built on it; 1004 is reserved, 1005, 1006 and 1015 are never sent.
_REGISTERED_CODES: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_CONTROL_LIMIT: Final = 125  # RFC 6455 5.5


class Ping(msgspec.Struct, frozen=True):
    """A ping of the peer; the caller owes a pong with the same payload."""

    payload: bytes


class Pong(msgspec.Struct, frozen=True):
    """A pong of the peer, asked for or not."""

    payload: bytes


class Close(msgspec.Struct, frozen=True):
    """The peer's close frame; `code` is 1005 when it carries none."""

    code: int
    reason: str


class Fault(msgspec.Struct, frozen=True):
    """A breach by the peer; the caller owes a close frame with this code."""

    code: int
    reason: str


Event = str | bytes | Ping | Pong | Close | Fault
"""What a parser yields: a whole text (str) or binary (bytes) message, or a frame of control."""


def text(payload: bytes) -> bytes:
    """Make a whole text frame of a payload that is UTF-8."""
    return _frame(TEXT, payload)


def binary(payload: bytes) -> bytes:
    """Make a whole binary frame."""
    return _frame(BINARY, payload)


def ping(payload: bytes = b"") -> bytes:
    """Make a ping frame; the payload has at most 125 bytes."""
    return _control(PING, payload)


def pong(payload: bytes = b"") -> bytes:
    """Make a pong frame; the payload has at most 125 bytes."""
    return _control(PONG, payload)


def close(code: int = 1000, reason: str = "") -> bytes:
    """Make a close frame, without a code for 1005; a long reason is cut.

    Raises:
        ValueError: The code must not be sent (RFC 6455 7.4).
    """
    if code == NO_CODE:
        return _control(CLOSE, b"")
    if not _is_code(code):
        raise ValueError(f"{code} is no close code that may be sent")
    words = reason.encode("utf-8", "replace")[: _CONTROL_LIMIT - 2]
    # The cut may have gone through a character: its first bytes go too.
    return _control(CLOSE, code.to_bytes(2, "big") + words.decode("utf-8", "ignore").encode())


def opcode(frame: bytes) -> int:
    """Tell the opcode of a prepared server frame."""
    return frame[0] & 0x0F


def payload(frame: bytes) -> bytes:
    """Strip the header of a prepared server frame."""
    length = frame[1]
    return frame[2 if length < 126 else 4 if length == 126 else 10 :]


def _control(kind: int, payload: bytes) -> bytes:
    if len(payload) > _CONTROL_LIMIT:
        raise ValueError("a control frame holds at most 125 bytes")
    return _frame(kind, payload)


def _frame(kind: int, payload: bytes) -> bytes:
    # RFC 6455 5.2: FIN is set, no RSV bits, and the length takes as few bytes as it can. 5.1: a server does not mask.
    length = len(payload)
    if length < 126:
        return bytes((0x80 | kind, length)) + payload
    if length < 0x10000:
        return struct.pack("!BBH", 0x80 | kind, 126, length) + payload
    return struct.pack("!BBQ", 0x80 | kind, 127, length) + payload


def _is_code(code: int) -> bool:
    # RFC 6455 7.4.2: 3000 to 3999 are for libraries and frameworks, 4000 to 4999 for private use.
    return code in _REGISTERED_CODES or 3000 <= code < 5000


class Parser:
    """Turn the bytes of a client into events.

    The caller feeds whatever arrived and handles the events in order. A breach never raises: it comes as a `Fault`,
    always the last event. After a `Fault` or a `Close` everything further is discarded and `done` is true (RFC 6455
    1.4, 7.1.7).

    Between messages the parser holds no buffer. A message over the limit is refused from its frame's header, before
    any of it is buffered.
    """

    __slots__ = ("_buffer", "_is_text", "_limit", "_message", "_needed", "done")

    def __init__(self, limit: int) -> None:
        """Make a parser; `limit` is the most bytes of a message, at least 125."""
        if limit < _CONTROL_LIMIT:
            raise ValueError("the limit of a message must be at least 125 bytes")
        self._limit = limit
        self._buffer: bytearray | None = None  # the beginning of a frame that is not whole yet
        self._needed = 0  # how long the buffer must be before another look at it pays
        self._message: bytearray | None = None  # fragments of an unfinished message
        self._is_text = False
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes of the client and return the events that they complete."""
        events: list[Event] = []
        if self.done:
            return events
        if self._buffer is not None:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return events
            data, self._buffer = bytes(self._buffer), None
        position, end, needed = 0, len(data), 2
        while end - position >= 2:
            first, second = data[position], data[position + 1]
            if first == 0x81 and 0x80 <= second < 0xFE and self._message is None:
                # The common case, a small text message in one frame: nothing to check but its size and its UTF-8.
                start = position + 6
                stop = start + second - 0x80
            else:
                extent = self._measure(data, position)
                if isinstance(extent, Fault):
                    return self._finish(events, extent)
                start, stop = extent
            if stop > end:
                needed = stop - position
                break
            content = apply_mask(data[start:stop], data[start - 4 : start])  # RFC 6455 5.3
            position, needed = stop, 2
            event = _decode(content) if first == 0x81 else self._take(first, content)
            if event is not None:
                if isinstance(event, Close | Fault):
                    return self._finish(events, event)
                events.append(event)
        if position < end:
            self._buffer = bytearray(data[position:])
            self._needed = needed
        return events

    def _finish(self, events: list[Event], last: Event) -> list[Event]:
        self.done = True
        self._buffer = self._message = None
        events.append(last)
        return events

    def _measure(self, data: bytes, position: int) -> tuple[int, int] | Fault:
        """Check a frame's header; tell where its payload begins and ends.

        A header that is not whole yet seems to end where the missing part would.
        """
        first, length = data[position], data[position + 1] & 0x7F
        kind = first & 0x0F
        if first & 0x70:
            return Fault(1002, "reserved bits")  # RFC 6455 5.2: no extension is negotiated
        if BINARY < kind < CLOSE or kind > PONG:
            return Fault(1002, "unknown opcode")  # RFC 6455 5.2
        if data[position + 1] < 0x80:
            return Fault(1002, "unmasked frame")  # RFC 6455 5.1
        if kind >= CLOSE and (length > _CONTROL_LIMIT or first < 0x80):
            return Fault(1002, "control frame too long or fragmented")  # RFC 6455 5.5
        if kind < CLOSE and (kind == CONTINUATION) == (self._message is None):
            return Fault(1002, "fragments out of order")  # RFC 6455 5.4
        start = position + 6
        if length > 125:
            wide = 2 if length == 126 else 8
            start += wide
            if len(data) < position + 2 + wide:
                return start, start  # more than there is: the caller waits for it
            least = 126 if wide == 2 else 0x10000
            length = int.from_bytes(data[position + 2 : position + 2 + wide], "big")
            if length < least or length >> 63:
                return Fault(1002, "malformed length")  # RFC 6455 5.2
        if kind < CLOSE and length + len(self._message or b"") > self._limit:
            return Fault(1009, "message too big")  # RFC 6455 7.4.1
        return start, start + length

    def _take(self, first: int, content: bytes) -> Event | None:
        """Turn the content of a checked frame into the event that it completes."""
        kind = first & 0x0F
        if kind >= CLOSE:  # RFC 6455 5.4: also in the middle of a fragmented message
            return Ping(content) if kind == PING else Pong(content) if kind == PONG else _decode_close(content)
        if kind != CONTINUATION:
            if first >= 0x80:
                return _decode(content) if kind == TEXT else content
            self._message, self._is_text = bytearray(content), kind == TEXT
            return None
        assert self._message is not None  # `_measure` has refused any other
        self._message += content
        if first < 0x80:
            return None
        message, self._message = bytes(self._message), None
        # RFC 6455 5.6: a fragment may end within a character, so only the whole message is decoded.
        return _decode(message) if self._is_text else message


def _decode(content: bytes) -> str | Fault:
    try:
        return str(content, "utf-8")
    except UnicodeDecodeError:
        return Fault(1007, "invalid UTF-8")  # RFC 6455 8.1


def _decode_close(content: bytes) -> Close | Fault:
    # RFC 6455 5.5.1: empty, or a code of two bytes and then a reason in UTF-8.
    if not content:
        return Close(NO_CODE, "")
    if len(content) == 1:
        return Fault(1002, "malformed close frame")
    code, reason = int.from_bytes(content[:2], "big"), _decode(content[2:])
    if isinstance(reason, Fault):
        return reason
    return Close(code, reason) if _is_code(code) else Fault(1002, "invalid close code")
