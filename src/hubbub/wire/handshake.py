"""The opening handshake (RFC 6455 4.2) without I/O: a request in, a response out."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import msgspec

Headers = list[tuple[bytes, bytes]]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_SWITCH: Final = (b"upgrade", b"websocket"), (b"connection", b"Upgrade")


class Request(msgspec.Struct, frozen=True):
    """A valid request for a WebSocket."""

    target: bytes
    """Path and query, as sent."""
    headers: Headers
    """Names in lower case, in the order sent."""
    key: bytes
    subprotocols: list[str]


class Refusal(msgspec.Struct, frozen=True):
    """Why a request cannot be served."""

    status: int
    reason: str
    headers: Headers = []


def parse(data: bytes) -> Request | Refusal:
    """Read a whole request head, up to the blank line, in any case."""
    lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    start = lines[0].split(b" ")
    # RFC 6455 4.2.1 (1): a GET of HTTP/1.1 or later, with a path.
    if len(start) != 3 or start[0] != b"GET" or not start[1].startswith(b"/") or start[2] != b"HTTP/1.1":
        return Refusal(400, "expected a GET request of HTTP/1.1")
    headers: Headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip() or not name.isascii():
            return Refusal(400, "malformed header")
        headers.append((name.lower(), value.strip(b" \t")))
    if len(_values(headers, b"host")) != 1:
        return Refusal(400, "expected one Host header")  # 4.2.1 (2)
    if b"websocket" not in _tokens(headers, b"upgrade"):
        return Refusal(400, "expected Upgrade: websocket")  # 4.2.1 (3)
    if b"upgrade" not in _tokens(headers, b"connection"):
        return Refusal(400, "expected Connection: Upgrade")  # 4.2.1 (4)
    versions = _values(headers, b"sec-websocket-version")
    if versions != [b"13"]:
        if len(versions) != 1 or not versions[0].isdigit():
            return Refusal(400, "expected one Sec-WebSocket-Version header")  # 4.2.1 (6)
        return Refusal(426, "expected Sec-WebSocket-Version: 13", [(b"sec-websocket-version", b"13")])  # 4.4
    keys = _values(headers, b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        return Refusal(400, "expected one Sec-WebSocket-Key header of 16 bytes in base64")  # 4.2.1 (5)
    # 4.2.1 (9): Sec-WebSocket-Extensions is left unread, so that every extension is declined: a deflated frame could
    # not be shared between receivers.
    offered = [value.split(b",") for value in _values(headers, b"sec-websocket-protocol")]
    subprotocols = [name.strip().decode("latin-1") for names in offered for name in names if name.strip()]
    return Request(start[1], headers, keys[0], subprotocols)


def accept(request: Request, subprotocol: str | None, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Make the response that opens the connection (RFC 6455 4.2.2)."""
    digest = hashlib.sha1(request.key + _GUID, usedforsecurity=False).digest()
    switch = [*_SWITCH, (b"sec-websocket-accept", base64.b64encode(digest))]
    if subprotocol is not None:
        switch.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
    return _head(101, [*switch, *headers])


def respond(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Make a response that rejects the connection; it is the last one on it."""
    fields = [(name, value) for name, value in headers if name.lower() not in {b"content-length", b"connection"}]
    return _head(status, [*fields, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]) + body


def refuse(refusal: Refusal, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Make the response to a request that cannot be served."""
    kind = (b"content-type", b"text/plain; charset=utf-8")
    return respond(refusal.status, [kind, *refusal.headers, *headers], refusal.reason.encode() + b"\n")


def _head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}".encode(), *(name + b": " + value for name, value in headers)]
    # A header of the application with a line break would let its source write headers of its own.
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise ValueError("a response header has a line break")
    return b"\r\n".join([*lines, b"", b""])


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _tokens(headers: Headers, name: bytes) -> set[bytes]:
    return {token.strip().lower() for value in _values(headers, name) for token in value.split(b",")}


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False
