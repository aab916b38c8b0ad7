"""What YouTube's ids, addresses and durations look like; for every driver that speaks of YouTube."""

import re
from urllib.parse import SplitResult, parse_qs, urlsplit

from hubbub.core.playlist import Media
from hubbub.media.contract import clean

MAX_URL = 2048
MAX_TITLE = 500
"""YouTube allows 100 characters; escaped for HTML they are up to six times that."""
MAX_DESCRIPTION = 5000  # as YouTube has it, in bytes
MAX_NAME = 200
MAX_PARAMETERS = 50

ID = re.compile(r"[A-Za-z0-9_-]{11}")
ID_AT_START = re.compile(r"([A-Za-z0-9_-]{11})(?![A-Za-z0-9_-])")
"""People write watch?v=ID?t=10 and youtu.be/ID&t=10, and YouTube bears it."""
RESERVED = frozenset({"videoseries", "live_stream"})
"""Of an id's form, but /embed/ takes them for a playlist and for a channel."""

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
SHORT_HOST = "youtu.be"
HOSTS = frozenset({"youtube.com", "youtube-nocookie.com"})
PREFIXES = ("www.", "m.", "music.", "gaming.")
FOLDERS = frozenset({"watch", "embed", "shorts", "live", "v", "e"})

CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")
HANDLE = re.compile(r"@[^\s/?#]{1,100}")

DURATION = re.compile(
    r"P(?:([0-9]{1,3})W)?(?:([0-9]{1,4})D)?"
    r"(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})(?:\.[0-9]+)?S)?)?"
)
"""ISO 8601 without years and months, whose length nobody knows."""
SECONDS = (7 * 24 * 3600, 24 * 3600, 3600, 60, 1)


def is_id(text: str) -> bool:
    """Tell whether a text has the form of a video's id; there need not be such a video."""
    return ID.fullmatch(text) is not None and text not in RESERVED


def find_id(text: str) -> str | None:
    """Read the id out of the address of a video, or a bare id; None when it is neither.

    The address may lack its scheme, and may be of watch, youtu.be, shorts, embed or live, on any of YouTube's hosts,
    with whatever other parameters.
    """
    text = text.strip()
    if is_id(text):
        return text
    if len(text) > MAX_URL or any(sign.isspace() for sign in text):
        return None
    found = _in_address(text)
    if found is None:
        return None
    match = ID_AT_START.match(found)
    return match[1] if match and match[1] not in RESERVED else None


def _in_address(text: str) -> str | None:
    """Give what stands where an address has its id."""
    try:
        parts = urlsplit(text if SCHEME.match(text) else "https://" + text.lstrip("/"))
        host = (parts.hostname or "").removesuffix(".")
        parameters = parse_qs(parts.query.replace("&amp;", "&"), max_num_fields=MAX_PARAMETERS)
    except ValueError:  # brackets that hold no address, too many parameters
        return None
    if parts.scheme not in ("http", "https"):
        return None
    for prefix in PREFIXES:
        if host.startswith(prefix):
            host = host.removeprefix(prefix)
            break
    if host == SHORT_HOST:
        return _segments(parts)[0]
    if host not in HOSTS:
        return None
    folder, name = _segments(parts)
    if folder == "attribution_link":  # what the "share" of old gave: the real address is a parameter
        inner = parameters.get("u", [""])[0]
        return _in_address("youtube.com" + inner) if inner.startswith("/watch?") else None
    if folder not in FOLDERS:
        return None
    return (parameters.get("v", [None])[0] if folder == "watch" else None) or name or None


def _segments(parts: SplitResult) -> tuple[str, str]:
    first, second, *_ = [*(part for part in parts.path.split("/") if part), "", ""]
    return first, second


def short_link(media_id: str) -> str:
    """Give the address of a video to show people."""
    return f"https://youtu.be/{media_id}"


def watch_link(media_id: str) -> str:
    """Give the address of a video in full."""
    return f"https://www.youtube.com/watch?v={media_id}"


def thumbnail(media_id: str) -> str:
    """Give the address of a video's still of 320 by 180, which every video has."""
    return f"https://i.ytimg.com/vi/{media_id}/mqdefault.jpg"


def channel_link(channel: str) -> str:
    """Give the address of a channel, by its id or handle; nothing when it is only a name."""
    if CHANNEL_ID.fullmatch(channel):
        return f"https://youtube.com/channel/{channel}"
    return f"https://youtube.com/{channel}" if HANDLE.fullmatch(channel) else ""


def read_duration(text: str) -> int | None:
    """Read the seconds of a duration such as PT1H2M3S; None when it makes no sense or is nothing (P0D, of the live)."""
    match = DURATION.fullmatch(text)
    return (
        sum(int(number or 0) * unit for number, unit in zip(match.groups(), SECONDS, strict=True)) or None
        if match
        else None
    )


def make_media(
    media_id: str, *, title: str, channel: str = "", description: str = "", still: str = "", duration: int | None = None
) -> Media:
    """Put together what is known of a video; `still` is the address of its picture, where the provider named one."""
    return Media(
        media_id=media_id,
        title=clean(title, MAX_TITLE),
        link=short_link(media_id),
        thumbnail=still if is_picture(still) else thumbnail(media_id),
        channel=clean(channel, MAX_NAME),
        description=clean(description, MAX_DESCRIPTION),
        duration=duration,
    )


def is_picture(address: str) -> bool:
    """Tell whether an address may be shown as a picture to everybody."""
    return address.startswith("https://") and len(address) <= MAX_URL and address.isascii() and address.isprintable()
