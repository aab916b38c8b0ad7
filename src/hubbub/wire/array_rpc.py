"""Venueless' array RPC: one JSON array a text frame (protocols/venueless.md 1.1, 1.2)."""

from typing import Any, Final

import msgspec

from . import frame


class Request(msgspec.Struct, frozen=True):
    """A command of the client: `[name, id, body]`, or `[name, body]` without an id."""

    name: str
    id: Any
    """The raw JSON of the second of three elements or more, to be echoed; None when there are but two or one."""
    body: Any
    """The third element; the second when there are but two; `msgspec.UNSET` when there is but the name."""
    arity: int
    """How many elements the array has; an error echoes the id only when it has exactly three."""


class Ping(msgspec.Struct, frozen=True):
    """A `["ping", X]` of the client."""

    payload: msgspec.Raw
    """X as it was sent, to be echoed."""


class Fault(msgspec.Struct, frozen=True):
    """A message that is no request."""

    reason: str
    """For the log; it has nothing of the message in it."""


_ECHOED_ARITY: Final = 3
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw])
_name: Final = msgspec.json.Decoder(str)
_body: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.Encoder().encode


def decode(message: str | bytes) -> Request | Ping | Fault:
    """Read one message of the client; never raises, whatever it holds.

    The id keeps the message in memory as long as it lives.
    """
    if not isinstance(message, str):
        return Fault("binary")
    try:
        elements = _elements.decode(message)
        if not elements:
            return Fault("empty array")
        name = _name.decode(elements[0])
        arity = len(elements)
        if name == "ping":
            return Ping(elements[1]) if arity > 1 else Fault("ping without a payload")
        if arity == 1:
            return Request(name, None, msgspec.UNSET, arity)
        if arity == 2:
            return Request(name, None, _body.decode(elements[1]), arity)
        return Request(name, elements[1], _body.decode(elements[2]), arity)
    except RecursionError:
        return Fault("nested too deeply")
    except ValueError:  # msgspec.DecodeError among others
        return Fault("malformed or out of range")


def success(id: Any, result: Any) -> bytes:  # noqa: A002
    """Prepare the reply to a request that was carried out."""
    return frame.text(_encode(("success", id, result)))


def error(id: Any, arity: int, code: str, message: str | None = None, details: Any = None) -> bytes:  # noqa: A002
    """Prepare the reply to a request that was not; empty message and details are left out."""
    body: dict[str, Any] = {"code": code}
    if message:
        body["message"] = message
    if details:
        body["details"] = details
    return frame.text(_encode(("error", id, body) if arity == _ECHOED_ARITY else ("error", body)))


def push(name: str, payload: Any) -> bytes:
    """Prepare an event for any number of receivers."""
    return frame.text(_encode((name, payload)))


def pong(ping: Ping) -> bytes:
    """Prepare the answer to a ping."""
    return frame.text(_encode(("pong", ping.payload)))
