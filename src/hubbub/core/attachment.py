"""Attachments: how they read to clients that did not make them.

They are kept as clients write them. All that is known of every one is what many agree on: the address of a file in
`url`, a `name`, of a place also `lat` and `lng`, and what it is in `type`.
"""

import re
from typing import Any

from hubbub.core.model import Message

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
CALL = "Started a call"
"""What is said of one where clients cannot join it."""


def link_of(attachment: dict[str, Any]) -> str:
    """Give the address that an attachment is at; empty when it has none."""
    url = attachment.get("url")
    return url if isinstance(url, str) else ""


def is_harmless(attachment: dict[str, Any]) -> bool:
    """Tell whether a client can lead people to where an attachment is: to the web or this server, and to no script.

    Browsers leave out control characters and blanks before they look.
    """
    link = "".join(sign for sign in link_of(attachment) if sign > " ")
    scheme = SCHEME.match(link)
    return scheme is None or scheme[1].lower() in ("http", "https")


def words_of(attachment: dict[str, Any]) -> str:
    """Say in words what is attached: a place by its name and where it is, all else by its name or what it is."""
    name, kind, lat, lng = (
        value if isinstance(value := attachment.get(field), str) else "" for field in ("name", "type", "lat", "lng")
    )
    if lat and lng:
        return f"{name} ({lat}, {lng})" if name else f"{lat}, {lng}"
    return name or kind


def text_of(message: Message) -> str:
    """Give the text of a message; a call has none of its own."""
    return CALL if message.kind == "call" and not message.body and not message.deleted else message.body


def plain(message: Message) -> str:
    """Say in words what a message says: with the addresses of its files, and the rest only where there is no text."""
    links = [link for attachment in message.attachments if (link := link_of(attachment))]
    text = text_of(message)
    said = [text, *links] if text or links else [words_of(one) for one in message.attachments]
    return " ".join(part for part in said if part)
