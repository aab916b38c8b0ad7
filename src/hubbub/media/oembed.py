"""YouTube without a key: title, channel and still by oEmbed (https://oembed.com), the duration from the watch page.

The watch page is made for people and promises nothing: where it shows something else (a question about cookies, "are
you a robot"), the duration is not known. There is no search by words.
"""

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from hubbub.core.id import Clock
from hubbub.core.playlist import Media
from hubbub.media.contract import Provider, ProviderUnavailable, QuotaExceeded
from hubbub.media.http import PATIENCE, Answer, Http
from hubbub.media.youtube import CHANNEL_ID, HANDLE, find_id, is_id, make_media, read_duration, watch_link

BASE = "https://www.youtube.com"
MAX_ANSWER = 1024 * 1024
MAX_PAGE = 512 * 1024
"""Bytes of a watch page that are read. It is longer, but what we look for is before that."""
RATE_REST = timedelta(minutes=1)

ABSENT = frozenset({400, 401, 403, 404})
"""No such id, embedding forbidden, private, deleted."""
ABSENT_TEXTS = frozenset({b"Bad Request", b"Unauthorized", b"Forbidden", b"Not Found"})
"""There were times when oEmbed said so with status 200."""

LIVE = re.compile(rb'"isLive(?:Now)?":\s*true')
DURATION = re.compile(rb'itemprop="duration"\s+content="(P[0-9A-Z.]{1,40})"')
LENGTH = re.compile(rb'"lengthSeconds":\s*"([0-9]{1,8})"')
# Nobody gets these into a page by a title: there, quotes are written as \" or &quot;.


class Embed(msgspec.Struct, frozen=True):
    """What oEmbed says (2.3.4.1 and 2.3.4.2 of its specification)."""

    title: str = ""
    author_name: str = ""
    author_url: str = ""
    thumbnail_url: str = ""


class OEmbed(Provider):
    """Ask YouTube as any page does that shows a video."""

    def __init__(self, *, clock: Clock, base: str = BASE, patience: timedelta = PATIENCE) -> None:
        self._clock = clock
        self._http = Http(base, patience=patience)
        self._rests_until: datetime | None = None

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def details(self, media_id: str) -> Media | None:
        if not is_id(media_id):
            return None
        self._check_rest()
        answer = await self._http.get("oembed", {"url": watch_link(media_id), "format": "json"}, most=MAX_ANSWER)
        if answer.status in ABSENT or (answer.status == 200 and answer.body.strip() in ABSENT_TEXTS):
            return None
        if answer.status == 429:
            self._rests_until = self._clock() + (answer.retry_after or RATE_REST)
            self._check_rest()
        if answer.status != 200:
            raise self._http.refuse(answer)
        embed = self._http.decode(answer, Embed)
        return make_media(
            media_id,
            title=embed.title,
            channel=_channel(embed),
            still=embed.thumbnail_url,
            duration=await self._duration(media_id),
        )

    async def search(self, query: str, limit: int = 10) -> list[Media]:
        media_id = find_id(query)
        media = await self.details(media_id) if media_id and limit > 0 else None
        return [media] if media else []

    def _check_rest(self) -> None:
        wait = self._rests_until - self._clock() if self._rests_until else timedelta()
        if wait > timedelta():
            raise QuotaExceeded(
                "YouTube does not answer any more questions for now. Try again later.",
                advice="YouTube's oEmbed answers with status 429: set youtube_keys",
                retry_after=wait,
            )

    async def _duration(self, media_id: str) -> int | None:
        try:
            page = await self._http.get("watch", {"v": media_id}, most=MAX_PAGE, cut=True)
        except ProviderUnavailable:
            return None
        return _read_page(page)


def _read_page(page: Answer) -> int | None:
    if page.status != 200 or LIVE.search(page.body):
        return None
    found = DURATION.search(page.body)
    if found:
        return read_duration(found[1].decode())
    found = LENGTH.search(page.body)
    return int(found[1]) or None if found else None


def _channel(embed: Embed) -> str:
    try:
        parts = urlsplit(embed.author_url).path.strip("/").split("/")
    except ValueError:
        parts = []
    return next((part for part in parts if CHANNEL_ID.fullmatch(part) or HANDLE.fullmatch(part)), embed.author_name)
