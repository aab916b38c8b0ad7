"""The few WebSocket frames that the load client sends and reads (RFC 6455), without I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

# The key and its answer are the example of RFC 6455 section 1.3: one fixed pair spares a hash per connection.
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT: Final = b"s3pplmbitxaq9kygzzhzrbk+xoo="

encode: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder().decode


def request(host: str, path: str) -> bytes:
    """Give the opening handshake of a client; no extension is offered."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Give one client frame with the mask key 0, under which masking changes nothing (section 5.3)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Split what a server sent into whole frames (first byte, payload) and the rest.

    The first byte is left as it is: 0x81 is a whole text frame, anything else is rare and the caller's matter.
    """
    frames: list[tuple[int, bytes]] = []
    start, end = 0, len(data)
    while end - start >= 2:
        size = data[start + 1]
        body = start + 2
        if size == 126:
            body += 2
            size = int.from_bytes(data[start + 2 : body], "big")
        elif size == 127:
            body += 8
            size = int.from_bytes(data[start + 2 : body], "big")
        if body + size > end:
            break
        frames.append((data[start], data[body : body + size]))
        start = body + size
    return frames, data[start:]
