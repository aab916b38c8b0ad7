"""YouTube through its Data API, version 3, which wants a key.

https://developers.google.com/youtube/v3/docs: a look at a video is `videos.list` (one unit of the 10,000 a day), a
search is `search.list`, of which there are about 100 a day. Several keys are used one after another: each until it has
no quota left or is refused, then it rests, and the first that does not rest is used.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from hubbub.core.id import Clock
from hubbub.core.playlist import Media
from hubbub.media.contract import MAX_QUERY, MAX_RESULTS, Provider, ProviderUnavailable, QuotaExceeded, clean
from hubbub.media.http import PATIENCE, SENSELESS, Http
from hubbub.media.youtube import find_id, is_id, make_media, read_duration

logger = logging.getLogger(__name__)

BASE = "https://www.googleapis.com/youtube/v3"
MAX_ANSWER = 1024 * 1024
"""Bytes. Fifty results of a search are some 100 KiB."""

VIDEOS, SEARCH = "videos", "search"
METHODS = (VIDEOS, SEARCH)

QUOTA = frozenset({"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"})
RATE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
KEY = frozenset({"keyInvalid", "keyExpired", "API_KEY_INVALID"})
"""Why a key is refused with status 400; refusals with 401 and 403 are about the key in any case."""
ABSENT = "videoNotFound"

QUOTA_REST = timedelta(hours=1)
"""Quotas are given anew at midnight in California. Asking each hour finds that out, and costs next to nothing."""
RATE_REST = timedelta(minutes=1)
REFUSED_REST = timedelta(hours=1)
"""The operator may mend a key's restrictions at Google while we run."""

T = TypeVar("T")


class Thumbnail(msgspec.Struct, frozen=True):
    """A still of a video, in one of its sizes."""

    url: str = ""


class Snippet(msgspec.Struct, frozen=True, rename="camel"):
    """What people see of a video. In search results, title and description are escaped for HTML."""

    title: str = ""
    description: str = ""
    channel_id: str = ""
    thumbnails: dict[str, Thumbnail] = {}
    live_broadcast_content: str = "none"


class ContentDetails(msgspec.Struct, frozen=True):
    """How long it is; P0D or nothing while it is broadcast."""

    duration: str = ""


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """Who may see it, and where."""

    embeddable: bool = True
    privacy_status: str = "public"
    upload_status: str = "processed"


class Video(msgspec.Struct, frozen=True, rename="camel"):
    """An item of videos.list."""

    id: str = ""
    snippet: Snippet = Snippet()
    content_details: ContentDetails = ContentDetails()
    status: Status = Status()


class VideoList(msgspec.Struct, frozen=True):
    """The answer to videos.list. A video that there is not, or that is private, is not in it."""

    items: list[Video] = []


class ResultId(msgspec.Struct, frozen=True, rename="camel"):
    """What an item of search.list is about."""

    video_id: str = ""


class Result(msgspec.Struct, frozen=True):
    """An item of search.list."""

    id: ResultId = ResultId()
    snippet: Snippet = Snippet()


class ResultList(msgspec.Struct, frozen=True):
    """The answer to search.list."""

    items: list[Result] = []


class Reason(msgspec.Struct, frozen=True):
    """Why something was refused, in one word."""

    reason: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Google says it twice: `errors` is the older form, `details` the newer and the only one to tell a bad key."""

    errors: list[Reason] = []
    details: list[Reason] = []


class Refused(msgspec.Struct, frozen=True):
    """The body of an answer that is not 200."""

    error: Refusal = Refusal()


class Rest(msgspec.Struct, frozen=True):
    """Until when a key is not used for a method, and whether that is for its quota."""

    until: datetime
    quota: bool


class YoutubeApi(Provider):
    """Ask the Data API with these keys. Raises ValueError when one of them cannot be a key, or there is none."""

    def __init__(self, keys: Sequence[str], *, clock: Clock, base: str = BASE, patience: timedelta = PATIENCE) -> None:
        if not keys:
            raise ValueError("YouTube's Data API needs a key: set youtube_keys, or videos to oembed")
        for number, key in enumerate(keys, 1):
            if not (key and key.isascii() and key.isprintable() and " " not in key):
                raise ValueError(f"key {number} of youtube_keys cannot be a key: it is empty or has strange characters")
        self._keys = tuple(dict.fromkeys(keys))
        self._clock = clock
        self._http = Http(base, patience=patience)
        self._rests: dict[tuple[str, int], Rest] = {}

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def details(self, media_id: str) -> Media | None:
        if not is_id(media_id):
            return None
        parameters = {"part": "snippet,contentDetails,status", "id": media_id}
        found = await self._ask(VIDEOS, parameters, VideoList)
        video = next((item for item in found.items if item.id == media_id), None)
        if video is None or not _is_open(video.status):
            return None
        snippet = video.snippet
        live = snippet.live_broadcast_content != "none"
        duration = None if live else read_duration(video.content_details.duration)
        return _media(media_id, snippet, duration)

    async def search(self, query: str, limit: int = 10) -> list[Media]:
        query = clean(query, MAX_QUERY)
        media_id = find_id(query)
        if media_id:
            media = await self.details(media_id)
            if media or media_id != query:
                return [media][:limit] if media and limit > 0 else []
        if not query or limit < 1:
            return []
        most = min(limit, MAX_RESULTS)
        parameters = {
            "part": "snippet",
            "type": "video",
            "videoEmbeddable": "true",
            "q": query,
            "maxResults": str(most),
        }
        found = await self._ask(SEARCH, parameters, ResultList)
        good = (item for item in found.items if is_id(item.id.video_id))
        return [_media(item.id.video_id, item.snippet, None) for item in good][:most]

    async def _ask(self, method: str, parameters: dict[str, str], kind: type[T]) -> T:
        """Ask with one key after another until one is good."""
        for number, key in enumerate(self._keys):
            rest = self._rests.get((method, number))
            if rest and rest.until > self._clock():
                continue
            # In a header, and not in the address, so that no log on the way has it.
            # https://cloud.google.com/apis/docs/system-parameters
            headers = [("X-Goog-Api-Key", key)]
            answer = await self._http.get(method, parameters, headers=headers, most=MAX_ANSWER)
            if answer.status == 200:
                return self._http.decode(answer, kind)
            reasons = _reasons(answer.body)
            if ABSENT in reasons:
                return kind()
            if reasons & QUOTA:
                self._let_rest(number, (method,), QUOTA_REST, quota=True)
            elif reasons & RATE or answer.status == 429:
                self._let_rest(number, (method,), answer.retry_after or RATE_REST, quota=True)
            elif reasons & KEY or answer.status in (401, 403):
                self._let_rest(number, METHODS, REFUSED_REST, quota=False)
            else:
                raise self._http.refuse(answer)
        raise self._exhausted(method)

    def _let_rest(self, number: int, methods: Sequence[str], length: timedelta, *, quota: bool) -> None:
        now = self._clock()
        if not all((rest := self._rests.get((method, number))) and rest.until > now for method in methods):
            why = "has no quota left" if quota else "is refused: see its restrictions at Google, or mend youtube_keys"
            logger.warning("key %d of youtube_keys %s (%s)", number + 1, why, methods[0])
        for method in methods:
            self._rests[method, number] = Rest(now + length, quota)

    def _exhausted(self, method: str) -> ProviderUnavailable:
        rests = [rest for number in range(len(self._keys)) if (rest := self._rests.get((method, number)))]
        waits = [rest.until - self._clock() for rest in rests if rest.quota]
        if waits:
            return QuotaExceeded(
                "YouTube does not answer any more questions for now. Try again later.",
                advice="no key of youtube_keys has quota left: add one, or ask Google for more",
                retry_after=min(waits),
            )
        return ProviderUnavailable(advice="every key of youtube_keys is refused: mend them")


def _reasons(body: bytes) -> frozenset[str]:
    try:
        error = msgspec.json.decode(body, type=Refused).error
    except SENSELESS:
        return frozenset()
    return frozenset(one.reason for one in (*error.errors, *error.details))


def _is_open(status: Status) -> bool:
    return (
        status.embeddable
        and status.privacy_status != "private"
        and status.upload_status not in ("deleted", "failed", "rejected")
    )


def _media(media_id: str, snippet: Snippet, duration: int | None) -> Media:
    stills = snippet.thumbnails
    still = stills.get("medium") or stills.get("default") or Thumbnail()
    return make_media(
        media_id,
        title=snippet.title,
        channel=snippet.channel_id,
        description=snippet.description,
        still=still.url,
        duration=duration,
    )
