"""Payloads: the packets that one HTTP request or response carries."""

import re
from binascii import b2a_base64
from collections.abc import Sequence
from typing import Final

import msgspec

from .. import frame
from .packet import NEW, Malformed

_SEPARATOR: Final = "\x1e"
_END_OF_LENGTH: Final = 0xFF
_MOST_DIGITS: Final = 10  # of a length: more than any payload may have
_DIGITS: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_NEWLINE: Final = re.compile(r"(\\)?\\n")
_to_json: Final = msgspec.json.Encoder().encode


def encode(version: int, frames: Sequence[bytes], *, base64: bool = False) -> tuple[bytes, bool]:
    """Join prepared WebSocket frames to the body of a response.

    Args:
        version: 3 or 4.
        frames: Whole frames of text, or binary ones as `packet.message` makes them for this version.
        base64: The body must be text; version 4 is always.

    Returns:
        The body, UTF-8 if it is text, and whether it is binary.
    """
    if version == NEW:
        if len(frames) == 1 and frame.opcode(frames[0]) == frame.TEXT:
            return frame.payload(frames[0]), False
        return b"\x1e".join([_as_text(NEW, one) for one in frames]), False
    if not base64 and any(frame.opcode(one) == frame.BINARY for one in frames):
        return b"".join([_as_bytes(one) for one in frames]), True
    return b"".join([b"%d:%b" % (_units(text), text) for text in [_as_text(version, one) for one in frames]]), False


def decode(version: int, body: bytes, most: int) -> list[str | bytes]:
    """Take apart a body of text; what `packet.decode` reads comes out.

    Raises:
        Malformed: It is not UTF-8, its lengths are wrong, or it has more than `most` packets.
    """
    try:
        text = str(body, "utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("no UTF-8") from error
    if version == NEW:
        if text.count(_SEPARATOR) >= most:
            raise Malformed("too many packets")
        return [*text.split(_SEPARATOR)]
    if not text:
        raise Malformed("empty payload")
    # A length counts UTF-16 code units. Without characters beyond U+FFFF these are the characters.
    units = b"" if text.isascii() else text.encode("utf-16-le")
    return _cut_units(units, most) if len(units) > 2 * len(text) else _cut_text(text, most)


def decode_binary(body: bytes, most: int) -> list[str | bytes]:
    """Take apart the binary body that only version 3 has.

    Raises:
        Malformed: Its lengths are wrong, its text is no UTF-8, or it has more than `most` packets.
    """
    packets: list[str | bytes] = []
    position, end = 0, len(body)
    while position < end:
        stop = body.find(_END_OF_LENGTH, position + 1, position + 2 + _MOST_DIGITS)
        digits = body[position + 1 : stop] if stop > 0 else b""
        if body[position] > 1 or not digits or max(digits) > 9 or len(packets) >= most:
            raise Malformed("no length, or too many packets")
        start, is_text = stop + 1, body[position] == 0
        position = start + int(bytes(48 + digit for digit in digits))
        if position > end:
            raise Malformed("shorter than it says")
        try:
            packets.append(str(body[start:position], "utf-8") if is_text else body[start:position])
        except UnicodeDecodeError as error:
            raise Malformed("no UTF-8") from error
    if not packets:
        raise Malformed("empty payload")
    return packets


def jsonp(index: str, body: bytes) -> bytes:
    """Wrap a body of text in the call that a script tag waits for; `index` has but digits."""
    literal = _to_json(body.decode()).replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return b"___eio[%b](%b);" % (index.encode("ascii"), literal)


def from_form(data: str) -> str:
    """Undo what a script does to a payload that goes through a form, which would change its newlines."""
    return _NEWLINE.sub(lambda match: "\\n" if match[1] else "\n", data)


def _as_text(version: int, one: bytes) -> bytes:
    content = frame.payload(one)
    if frame.opcode(one) == frame.TEXT:
        return content
    if version == NEW:
        return b"b" + b2a_base64(content, newline=False)
    return b"b4" + b2a_base64(content[1:], newline=False)


def _as_bytes(one: bytes) -> bytes:
    content = frame.payload(one)
    length = str(len(content)).encode().translate(_DIGITS)
    return b"%c%b\xff%b" % (frame.opcode(one) == frame.BINARY, length, content)


def _units(text: bytes) -> int:
    """Count the UTF-16 code units of UTF-8 text."""
    return len(text) if text.isascii() else len(text.decode().encode("utf-16-le")) // 2


def _length(digits: str | bytes) -> int:
    if not digits.isdigit() or not digits.isascii():
        raise Malformed("no length")
    return int(digits)


def _cut_text(text: str, most: int) -> list[str | bytes]:
    packets: list[str | bytes] = []
    position, end, count = 0, len(text), 0
    while position < end:
        colon = text.find(":", position, position + _MOST_DIGITS + 1)
        start = colon + 1
        length = _length(text[position:colon] if colon > 0 else "")
        position = start + length
        count += 1
        if position > end or count > most:
            raise Malformed("shorter than it says, or too many packets")
        if length:  # the empty payload is "0:"
            packets.append(text[start:position])
    return packets


def _cut_units(units: bytes, most: int) -> list[str | bytes]:
    """Do what `_cut_text` does, on UTF-16."""
    packets: list[str | bytes] = []
    position, end, count = 0, len(units), 0
    while position < end:
        # A colon is two bytes; one that is found between two characters is none.
        colon = units.find(b":\0", position, position + 2 * _MOST_DIGITS + 2)
        while colon > 0 and (colon - position) % 2:
            colon = units.find(b":\0", colon + 1, position + 2 * _MOST_DIGITS + 2)
        start = colon + 2
        length = _length(units[position:colon].decode("utf-16-le", "replace") if colon > 0 else "")
        position = start + 2 * length
        count += 1
        if position > end or count > most:
            raise Malformed("shorter than it says, or too many packets")
        if length:
            try:
                packets.append(units[start:position].decode("utf-16-le"))
            except UnicodeDecodeError as error:
                raise Malformed("a length that cuts through a character") from error
    return packets
