"""Packets of Engine.IO 3 and 4: one message, or one word about the session."""

import binascii
from enum import IntEnum
from typing import Final

from .. import frame
from ..json import utf8

OLD: Final = 3
"""Engine.IO 3, spoken by Socket.IO clients before 3.0."""
NEW: Final = 4
"""Engine.IO 4, spoken by Socket.IO clients since 3.0."""


class Kind(IntEnum):
    """What a packet says; its number is the first character of the packet."""

    OPEN = 0
    CLOSE = 1
    PING = 2
    PONG = 3
    MESSAGE = 4
    UPGRADE = 5
    NOOP = 6


class Malformed(ValueError):
    """What came is no packet, or no payload of packets; what it says has nothing of the content in it."""


PING: Final = frame.text(b"2")
NOOP: Final = frame.text(b"6")
CLOSE: Final = frame.text(b"1")
PROBE: Final = "2probe"
PROBED: Final = frame.text(b"3probe")
UPGRADE: Final = "5"

_KINDS: Final = {str(kind.value): kind for kind in Kind}
_OLD_BINARY: Final = bytes((Kind.MESSAGE,))


def message(version: int, content: str | bytes, *, base64: bool = False) -> bytes:
    """Prepare a message as a WebSocket frame.

    Text is the same in both versions and may be shared by everybody; binary is not.

    Args:
        version: 3 or 4.
        content: str is text, bytes is binary.
        base64: The client of version 3 asked for text alone.
    """
    if isinstance(content, str):
        return frame.text(b"4" + utf8(content))
    if version == NEW:
        return frame.binary(content)
    if base64:
        return frame.text(b"b4" + binascii.b2a_base64(content, newline=False))
    return frame.binary(_OLD_BINARY + content)


def pong(payload: str) -> bytes:
    """Prepare the answer to a ping, with the payload that came with it."""
    return frame.text(b"3" + utf8(payload))


def decode(version: int, raw: str | bytes) -> tuple[Kind, str | bytes]:
    """Read one packet, from a frame or out of a payload.

    Returns:
        The kind and what follows it; a message is bytes when it is binary, everything else is text.

    Raises:
        Malformed: It is empty, of no known kind, or not what it says it is.
    """
    if isinstance(raw, bytes):
        if version == NEW:
            return Kind.MESSAGE, raw
        if raw[:1] != _OLD_BINARY:
            raise Malformed("binary, but no message")
        return Kind.MESSAGE, raw[1:]
    kind = _KINDS.get(raw[:1])
    if kind is not None:
        return kind, raw[1:]
    # Version 4 has no such thing in a frame, but what is base64 can be nothing else there.
    prefix = "b" if version == NEW else "b4"
    if not raw.startswith(prefix):
        raise Malformed("unknown kind")
    try:
        return Kind.MESSAGE, binascii.a2b_base64(raw[len(prefix) :].encode("ascii"), strict_mode=True)
    except ValueError as error:  # binascii.Error among others
        raise Malformed("no base64") from error
