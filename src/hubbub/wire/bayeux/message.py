"""Messages of Bayeux 1.0: JSON objects, each with the channel that it is for."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from .. import frame
from ..json import dump, load

HANDSHAKE: Final = "/meta/handshake"
CONNECT: Final = "/meta/connect"
SUBSCRIBE: Final = "/meta/subscribe"
UNSUBSCRIBE: Final = "/meta/unsubscribe"
DISCONNECT: Final = "/meta/disconnect"
VERSION: Final = "1.0"

BLANK: Final = b"\xff\xff\xff\xff"
"""Stands in a prepared frame for the name of each client's own channel. It is in no UTF-8, and in no header of a frame
of less than 4 GiB (RFC 6455 5.2)."""
OWN_WIDTH: Final = 24
"""Bytes that such a name takes, with its quotation marks; a shorter one is followed by blanks, as JSON allows."""

_MOST_ID: Final = 128  # characters of a message's id
_MOST_QUOTED: Final = 64  # characters of the client's that an error repeats
_SEGMENT: Final = r"/[A-Za-z0-9\-_!~()$@]+"  # 2.1 and 2.2
_CHANNEL: Final = re.compile(rf"(?:{_SEGMENT})+")
_PATTERN: Final = re.compile(rf"(?:{_SEGMENT})*/\*\*?")

Id = str | int | float


class Malformed(ValueError):
    """What came is no message; what this says has nothing of the content in it."""


class Message(msgspec.Struct, frozen=True):
    """A message of a client."""

    channel: str
    """What it is for; "" when that is no text."""
    client: str
    """The clientId, a secret; "" when there is none."""
    id: Id | None
    """By which the client knows the reply; it goes back as it came."""
    fields: dict[str, Any]
    """All of it, as it came."""

    @property
    def ext(self) -> Any:
        """What the application's clients send besides; None when there is nothing."""
        return self.fields.get("ext")


def decode(text: str, most: int) -> list[Message]:
    """Read a list of messages, or a single one.

    Halves of surrogate pairs become U+FFFD, so that nobody is sent what cannot be read.

    Raises:
        Malformed: It is no JSON, no object or list of them, nested too deeply, more than `most`, or has a strange id.
    """
    data = _load(text)
    objects = data if isinstance(data, list) else [data]
    if len(objects) > most:
        raise Malformed("too many messages")
    return [_message(one) for one in objects]


def data_frame(channel: str, data: object, id: Id | None = None) -> bytes:  # noqa: A002
    """Prepare an event as a WebSocket frame, which may be put into the outboxes of many clients.

    Args:
        channel: That they have subscribed to.
        data: JSON.
        id: Of the event, for their logs.

    Raises:
        TypeError: The data is no JSON.
    """
    words: dict[str, object] = {"channel": channel, "data": data}
    if id is not None:
        words["id"] = id
    return frame.text(join([dump(words)]))


def own_frame(data: object) -> bytes:
    """Prepare an event that each client hears on a channel of its own, as a frame that is the same for all of them.

    It is put as any other. A `BayeuxClient` fills in its `own` channel, and misses the frame when it has none.

    Raises:
        TypeError: The data is no JSON.
    """
    before, after = b'[{"channel":', b',"data":%b}]' % dump(data)
    whole = frame.text(before + bytes(OWN_WIDTH) + after)
    return whole[: -OWN_WIDTH - len(after)] + BLANK + after


def own_name(channel: str) -> bytes:
    """Write a channel as it is filled in: all are equally long, so that one header is right for all.

    Raises:
        ValueError: The name is too long.
    """
    name = dump(channel).ljust(OWN_WIDTH)
    if len(name) > OWN_WIDTH:
        raise ValueError("the name of an own channel is too long")
    return name


@lru_cache(maxsize=1)
def cut(joined: bytes) -> list[bytes]:
    """Cut frames where an own channel is to be filled in, once for all who are sent the same."""
    return joined.split(BLANK)


def filled(frames: Iterable[bytes], own: bytes) -> Iterator[bytes]:
    """Give frames with the own channel filled in; without one, only those that want none."""
    for one in frames:
        if own or BLANK not in one:
            yield one.replace(BLANK, own)


def reply(message: Message, error: str = "", **more: object) -> bytes:
    """Write the reply to a message; with an error it is a refusal."""
    words: dict[str, object] = {}
    if message.id is not None:
        words["id"] = message.id
    words["channel"] = message.channel
    words["successful"] = not error
    if error:
        words["error"] = error
    return dump(words | more)


def join(objects: Sequence[bytes]) -> bytes:
    """Make a list of messages."""
    return b"[%b]" % b",".join(objects)


def bare(prepared: bytes) -> bytes:
    """Take the messages out of a prepared frame, without header and brackets."""
    return frame.payload(prepared)[1:-1]


def error(code: int, words: str, *arguments: str) -> str:
    """Write an error as 3.14 has it: "403:/foo:Forbidden channel"."""
    return f"{code}:{','.join(one[:_MOST_QUOTED] for one in arguments)}:{words}"


def missing(field: str) -> str:
    """Write the error of a message that lacks a field."""
    return error(402, "Missing required parameter", field)


def is_channel(name: str) -> bool:
    """Tell whether a name is one of a channel."""
    return _CHANNEL.fullmatch(name) is not None


def is_pattern(name: str) -> bool:
    """Tell whether a name stands for many channels, as "/foo/**"."""
    return _PATTERN.fullmatch(name) is not None


def _message(data: Any) -> Message:
    if not isinstance(data, dict):
        raise Malformed("no object")
    channel, client, id_ = data.get("channel"), data.get("clientId"), data.get("id")
    if id_ is not None and type(id_) not in (str, int, float):
        raise Malformed("strange id")
    if len(str(id_)) > _MOST_ID:
        raise Malformed("id too long")
    return Message(channel if isinstance(channel, str) else "", client if isinstance(client, str) else "", id_, data)


def _load(text: str) -> Any:
    try:
        return load(text)
    except ValueError as fault:
        raise Malformed("no JSON") from fault
