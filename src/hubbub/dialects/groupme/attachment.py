"""Attachments: what clients of this dialect attach to messages, and what they see of others.

Source: protocols/groupme.md 2.4.

They are kept as they came, without nulls. Files of other dialects have an address, a name and a media type.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hubbub.core.chat import MAX_ATTACHMENTS
from hubbub.core.model import User
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import EVERYONE, parse

Json = dict[str, Any]

MAX_URL = 2000
MAX_ATTACHMENT = 10_000
"""Bytes of JSON of one."""
NEEDED: dict[str, tuple[str, ...]] = {
    "image": ("url",),
    "linked_image": ("url",),
    "video": ("url",),
    "file": ("file_id",),
    "location": ("lat", "lng"),
    "split": ("token",),
    "emoji": ("placeholder", "charmap"),
    "mentions": ("user_ids", "loci"),
    "reply": ("reply_id",),
    "poll": ("poll_id",),
    "event": ("event_id",),
}
"""What each must have."""
SHOWN: dict[str, frozenset[str]] = {
    "image": frozenset({"url", "source_url", "file_id"}),
    "location": frozenset({"lat", "lng", "name", "foursqure_venue_id"}),
    "mentions": frozenset({"user_ids", "loci"}),
    "emoji": frozenset({"placeholder", "charmap"}),
}
"""Of these, a client that is told anything else breaks."""
TEXTS = frozenset({"lat", "lng"})
"""What clients expect as texts, and some send as numbers."""
LISTS = frozenset({"user_ids", "loci", "charmap"})


def read_attachments(given: object) -> tuple[Json, ...]:
    """Read the attachments of a message. Raises RefusedError with what is wrong."""
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MAX_ATTACHMENTS:
        raise RefusedError(400, f"attachments: a list of at most {MAX_ATTACHMENTS} is expected")
    return tuple(_read(one) for one in given)


def _read(given: object) -> Json:
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(kind, str) or not 0 < len(kind) <= 50:
        raise RefusedError(400, "attachments: each is an object with a type")
    kept = {name: value for name, value in given.items() if value is not None and isinstance(name, str)}
    if missing := _missing(kind, kept):
        raise RefusedError(400, f"attachments: {kind} lacks {', '.join(missing)}")
    for name in TEXTS & kept.keys():
        if isinstance(kept[name], int | float) and not isinstance(kept[name], bool):
            kept[name] = str(kept[name])
    for name in ("url", "lat", "lng", "name"):
        if name in kept and not isinstance(kept[name], str):
            raise RefusedError(400, f"attachments: {name} of {kind} is a text")
    for name in LISTS & kept.keys():
        if not isinstance(kept[name], list):
            raise RefusedError(400, f"attachments: {name} of {kind} is a list")
    try:
        if len(msgspec.json.encode(kept)) > MAX_ATTACHMENT:
            raise RefusedError(400, f"attachments: each has at most {MAX_ATTACHMENT} bytes")
    except (UnicodeEncodeError, RecursionError):
        raise RefusedError(400, "attachments: something in it cannot be kept") from None
    return kept


def _missing(kind: str, attachment: Json) -> list[str]:
    """Name what an attachment of a kind lacks, without which a client breaks."""
    return [name for name in NEEDED.get(kind, ()) if name not in attachment]


def mentioned(attachments: Sequence[Json]) -> tuple[tuple[int, ...], bool]:
    """Give whom attachments mention: users, and whether it is everyone."""
    lists = [one.get("user_ids") for one in attachments if one.get("type") == "mentions"]
    named = [user for users in lists if isinstance(users, list) for user in users]
    users = dict.fromkeys(identity for user in named if (identity := parse(user)))
    return tuple(users), EVERYONE in named


def write_attachments(attachments: Iterable[Json], site: str) -> list[Json]:
    """Write the attachments of a message; addresses of this server get the site that it is reached at."""
    return [_write(attachment, site) for attachment in attachments]


def _write(attachment: Json, site: str) -> Json:
    kind = attachment.get("type")
    if not isinstance(kind, str) or _missing(kind, attachment):  # of another dialect
        media, url = str(attachment.get("mimeType", "")), attachment.get("url")
        if media.startswith("image/"):
            return {"type": "image", "url": address(url, site)}
        name = attachment.get("name") or ""
        return {"type": "file", "file_id": address(url, site), "url": address(url, site), "name": name}
    shown = SHOWN.get(kind)
    found = {name: value for name, value in attachment.items() if shown is None or name in shown or name == "type"}
    if "url" in found:
        found["url"] = address(found["url"], site)
    return found


def address(url: object, site: str) -> str:
    """Give an address of the web; what is on this server is told with the host that it is reached at."""
    if not isinstance(url, str):
        return ""
    host = "/".join(site.split("/", 3)[:3])  # the prefix is this dialect's alone
    return f"{host}{url}" if url.startswith("/") and not url.startswith("//") else url


def checked_picture(url: str, field: str) -> str:
    """Give the address of an image that somebody sent, empty for none. Raises RefusedError."""
    if url and (len(url) > MAX_URL or not url.startswith(("https://", "http://", "/media/"))):
        raise RefusedError(400, f"{field}: the address of an image is expected")
    return url


def picture_of(user: User | None, site: str) -> str | None:
    """Give the address of a user's picture, None when they have none."""
    avatar = user.profile.get("avatar") if user else None
    url = avatar.get("url") if isinstance(avatar, dict) else None
    return address(url, site) or None
