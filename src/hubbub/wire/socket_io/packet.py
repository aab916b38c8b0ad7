"""Packets of the Socket.IO protocols 4 and 5; they travel as messages of Engine.IO 3 and 4."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from .. import frame
from ..engine_io.packet import NEW, Malformed
from ..json import dump, load, utf8


class Kind(IntEnum):
    """What a packet says; its number is the first character of the packet."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    ERROR = 4
    """A refusal: of anything in protocol 4, of a connect in protocol 5."""
    BINARY_EVENT = 5
    BINARY_ACK = 6


class Packet(msgspec.Struct, frozen=True):
    """A packet of the client."""

    kind: Kind
    namespace: str
    id: int | None
    """Which ack is wanted, or was wanted."""
    data: Any
    """The JSON; `msgspec.UNSET` when there is none."""
    attachments: int = 0
    """How many binary messages belong to it and follow; the data has placeholders for them."""
    query: str = ""
    """Protocol 4, when connecting: what followed the namespace's name."""


MOST_ATTACHMENTS: Final = 10
"""As in socket.io-parser."""
_MOST_DIGITS: Final = 16  # of an ack's id: JavaScript counts to 2^53
_MOST_NAME: Final = 256  # characters of a namespace with its query
_DIGITS: Final = frozenset("0123456789")
_EVENTS: Final = (Kind.EVENT, Kind.BINARY_EVENT)
_KINDS: Final = {str(kind.value): kind for kind in Kind}
_RESERVED: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Events that clients make up themselves; socket.io-parser lets nobody send them."""


def event_frame(name: str, *arguments: object, namespace: str = "/") -> bytes:
    """Prepare an event as a WebSocket frame that may be put into the outboxes of clients of both protocols.

    Raises:
        TypeError: An argument holds bytes, which each client is sent in another way, or is no JSON.
    """
    if has_binary(arguments):
        raise TypeError("bytes cannot be shared: emit them to each socket")
    return frame.text(b"4" + encode(Kind.EVENT, namespace, (name, *arguments)))


def encode(
    kind: Kind, namespace: str, data: object = msgspec.UNSET, number: int | None = None, attachments: int = 0
) -> bytes:
    """Write a packet without its binary attachments; `number` is that of an ack."""
    words = [str(kind.value)]
    if kind >= Kind.BINARY_EVENT:
        words.append(f"{attachments}-")
    if namespace != "/":
        words.append(f"{namespace},")
    if number is not None:
        words.append(str(number))
    head = utf8("".join(words))
    return head if data is msgspec.UNSET else head + dump(data)


def encode_all(
    kind: Kind, namespace: str, data: Sequence[object], number: int | None = None
) -> tuple[bytes, list[bytes]]:
    """Write an event or an ack, and the binary attachments that follow it."""
    if not has_binary(data):
        return encode(kind, namespace, data, number), []
    found: list[bytes] = []
    lifted = _lift(data, found)
    kind = Kind.BINARY_EVENT if kind in _EVENTS else Kind.BINARY_ACK
    return encode(kind, namespace, lifted, number, len(found)), found


def has_binary(value: object) -> bool:
    """Tell whether there are bytes in lists, tuples and dicts."""
    if isinstance(value, list | tuple):
        return any(map(has_binary, value))
    if isinstance(value, dict):
        return any(map(has_binary, value.values()))
    return isinstance(value, bytes | bytearray | memoryview)


def decode(version: int, text: str) -> Packet:
    """Read a packet of the client.

    Protocol 5 is strict, as socket.io-parser 4 is; protocol 4 lets through what socket.io 2 does.

    Args:
        version: Of Engine.IO: 3 means protocol 4, and 4 means protocol 5.
        text: The message.

    Raises:
        Malformed: The connection must be closed.
    """
    kind = _KINDS.get(text[:1])
    if kind is None:
        raise Malformed("unknown type")
    position, attachments, namespace, query = 1, 0, "/", ""
    if kind >= Kind.BINARY_EVENT:
        dash = text.find("-", 1, 4)
        count = text[1:dash]
        if dash < 0 or not _is_number(count) or int(count) > MOST_ATTACHMENTS:
            raise Malformed("attachments")
        attachments, position = int(count), dash + 1
    if text.startswith("/", position):
        comma = text.find(",", position, position + _MOST_NAME + 1)
        if comma < 0 and len(text) - position > _MOST_NAME:
            raise Malformed("namespace too long")
        namespace = text[position:comma] if comma >= 0 else text[position:]
        position = comma + 1 if comma >= 0 else len(text)
        if version != NEW:
            namespace, _, query = namespace.partition("?")
    start = position
    while text[position : position + 1] in _DIGITS and position - start <= _MOST_DIGITS:
        position += 1
    if position - start > _MOST_DIGITS:
        raise Malformed("id too long")
    id_ = int(text[start:position]) if position > start else None
    data = _load(text[position:]) if position < len(text) else msgspec.UNSET
    _check(version, kind, data)
    return Packet(kind, namespace, id_, data, attachments, query)


def fill(data: Any, attachments: list[bytes]) -> Any:
    """Put the attachments where the placeholders are.

    Raises:
        Malformed: A placeholder is for an attachment that there is not.
    """
    if isinstance(data, list):
        return [fill(one, attachments) for one in data]
    if isinstance(data, dict):
        if data.get("_placeholder") is not True:
            return {key: fill(one, attachments) for key, one in data.items()}
        number = data.get("num")
        if type(number) is not int or not 0 <= number < len(attachments):
            raise Malformed("placeholder")
        return attachments[number]
    return data


def _is_number(text: str) -> bool:
    return text.isdigit() and text.isascii()


def _load(text: str) -> Any:
    try:
        return load(text)
    except ValueError as error:
        raise Malformed("no JSON") from error


def _check(version: int, kind: Kind, data: Any) -> None:
    if version != NEW:
        # socket.io 2 asks for a list wherever there is anything, except in errors, and for no more.
        if data is not msgspec.UNSET and kind is not Kind.ERROR and not isinstance(data, list):
            raise Malformed("no list")
    elif kind is Kind.CONNECT:
        if data is not msgspec.UNSET and not isinstance(data, dict):
            raise Malformed("no object")
    elif kind is Kind.DISCONNECT:
        if data is not msgspec.UNSET:
            raise Malformed("a payload")
    elif kind is not Kind.ERROR:
        if not isinstance(data, list):
            raise Malformed("no list")
        if kind in _EVENTS and (not data or not is_name(data[0]) or data[0] in _RESERVED):
            raise Malformed("no name")


def is_name(value: object) -> bool:
    """Tell whether something can be the name of an event: text or a number."""
    return type(value) in (str, int, float)


def _lift(value: object, found: list[bytes]) -> object:
    """Copy data with a placeholder for each bytes in it."""
    if isinstance(value, list | tuple):
        return [_lift(one, found) for one in value]
    if isinstance(value, dict):
        return {key: _lift(one, found) for key, one in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        found.append(bytes(value))
        return {"_placeholder": True, "num": len(found) - 1}
    return value
