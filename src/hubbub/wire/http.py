"""The little of HTTP that endpoints without a framework need: what a request says, its body, a whole response."""

from typing import Final
from urllib.parse import unquote_to_bytes

from .connection import Receive, Scope, Send

_MOST_FIELDS: Final = 100  # of a query: clients send five, and what the application adds

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

Header = tuple[bytes, bytes]


def header(scope: Scope, name: bytes) -> bytes | None:
    """Find the first header of a name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes | None:
    """Read a body, of one that is too big only so much that it shows; None when the client has left."""
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdigit() and int(declared[:20]) > most:
        return bytes(most + 1)
    parts = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        part: bytes = event.get("body", b"")
        more = event.get("more_body", False)
        if not more and not parts:
            return part
        parts += part
        if len(parts) > most or not more:
            return bytes(parts)


async def respond(send: Send, status: int, headers: list[Header], body: bytes) -> None:
    """Send a whole response; `headers` gets the length."""
    headers.append((b"content-length", b"%d" % len(body)))
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    except OSError:
        pass  # the client has left


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
