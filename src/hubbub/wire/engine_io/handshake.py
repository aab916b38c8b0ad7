"""The first request of a session, kept for its life."""

from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from ..connection import Scope

_NAMES: Final = {
    name.encode(): name
    for name in (
        *(
            "accept",
            "accept-encoding",
            "accept-language",
            "authorization",
            "cache-control",
            "connection",
            "content-length",
        ),
        *("content-type", "cookie", "host", "origin", "pragma", "priority", "referer", "sec-ch-ua", "sec-ch-ua-mobile"),
        *("sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-websocket-extensions"),
        *("sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version", "upgrade", "user-agent"),
        *(
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "EIO",
            "transport",
            "sid",
            "t",
            "b64",
            "j",
            "token",
        ),
    )
}
"""Names that are there once, not once a session: that is 800 bytes of each."""
_MOST_FIELDS: Final = 100  # of a query: clients send five, and what the application adds


class Handshake(msgspec.Struct, frozen=True):
    """What a client said when it came.

    A browser cannot set headers on a WebSocket, and a bot may send its cookies with the first request alone: so what
    counts is what came first, whichever transport that was.
    """

    version: int
    """3 or 4: the EIO of the query. Later requests may say what they like."""
    query: dict[str, str]
    """The first value of each field."""
    headers: dict[str, str]
    """Names are in lower case, values latin-1; those of a repeated one are joined by a comma, of cookies by "; "."""
    address: str
    """Of the peer, as the server and its proxies tell; "" when they do not."""


def parse_query(query: bytes) -> dict[str, str] | None:
    """Read a query or a form; None when it has too many fields."""
    parts = query.split(b"&", _MOST_FIELDS)
    if len(parts) > _MOST_FIELDS:
        return None
    fields: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition(b"=")
        if name:
            fields.setdefault(_NAMES.get(name) or _plain(name), _plain(value))
    return fields


def parse_headers(scope: Scope) -> dict[str, str]:
    """Read the headers of an ASGI scope."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = _NAMES.get(raw) or raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        if name in headers:
            text = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{text}"
        headers[name] = text
    return headers


def address_of(scope: Scope) -> str:
    """Tell the peer's address."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _plain(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    return raw.decode("utf-8", "replace")
