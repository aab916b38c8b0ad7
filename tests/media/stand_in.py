"""YouTube on this machine: it answers as the Data API, oEmbed and the watch page are documented and seen to do.

The shapes are those of https://developers.google.com/youtube/v3/docs (videos, search, errors) and of https://oembed.com.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
IMPATIENT = timedelta(milliseconds=200)
"""For what never comes."""


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


class Question(msgspec.Struct, frozen=True):
    """A request as it came."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    target: str


class Reply(msgspec.Struct, frozen=True):
    """What to send. `silent` sends nothing at all, `stuck` all but the end, `endless` the body again and again."""

    status: int = 200
    body: bytes = b""
    headers: tuple[str, ...] = ()
    silent: bool = False
    stuck: bool = False
    endless: bool = False


def json(content: Any, status: int = 200) -> Reply:
    return Reply(status, msgspec.json.encode(content), ("Content-Type: application/json; charset=UTF-8",))


def refusal(status: int, reason: str, domain: str = "usageLimits", *, detail: str = "") -> Reply:
    """As https://developers.google.com/youtube/v3/docs/errors; `detail` is the newer form of google.rpc.ErrorInfo."""
    error: dict[str, Any] = {
        "code": status,
        "message": f"no: {reason}",
        "errors": [{"message": f"no: {reason}", "domain": domain, "reason": reason}],
    }
    if detail:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": detail, "domain": "googleapis.com"}
        error |= {
            "status": "INVALID_ARGUMENT",
            "details": [{**info, "metadata": {"service": "youtube.googleapis.com"}}],
        }
    return json({"error": error}, status)


def video(media_id: str, **changes: Any) -> dict[str, Any]:
    """Write a resource of videos.list; `changes` replace fields of its parts."""
    still = f"https://i.ytimg.com/vi/{media_id}"
    snippet = {
        "publishedAt": "2009-10-25T06:57:33Z",
        "channelId": "UCuAXFkgsw1L7xaCfnd5JJOw",
        "title": "Songs & Videos",
        "description": "One <line>\nand another",
        "thumbnails": {
            "default": {"url": f"{still}/default.jpg", "width": 120, "height": 90},
            "medium": {"url": f"{still}/mqdefault.jpg?v=5", "width": 320, "height": 180},
        },
        "channelTitle": "A Channel",
        "tags": ["song"],
        "categoryId": "10",
        "liveBroadcastContent": "none",
        "localized": {"title": "Songs & Videos", "description": "One <line>"},
    }
    details = {"duration": "PT3M33S", "dimension": "2d", "definition": "hd", "caption": "true", "contentRating": {}}
    status = {"uploadStatus": "processed", "privacyStatus": "public", "license": "youtube", "embeddable": True}
    parts: dict[str, dict[str, Any]] = {"snippet": snippet, "contentDetails": details, "status": status}
    for name, value in changes.items():
        next(part for part in parts.values() if name in part)[name] = value
    return {"kind": "youtube#video", "etag": "x", "id": media_id, **parts}


def found(media_id: str, title: str = "Songs &amp; Videos") -> dict[str, Any]:
    """Write an item of search.list, whose texts are escaped for HTML."""
    snippet = video(media_id)["snippet"]
    for name in ("tags", "categoryId", "localized"):
        del snippet[name]
    snippet |= {"title": title, "publishTime": "2009-10-25T06:57:33Z"}
    return {
        "kind": "youtube#searchResult",
        "etag": "x",
        "id": {"kind": "youtube#video", "videoId": media_id},
        "snippet": snippet,
    }


def embed(media_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "title": "Songs & Videos",
        "author_name": "A Channel",
        "author_url": "https://www.youtube.com/@achannel",
        "type": "video",
        "height": 113,
        "width": 200,
        "version": "1.0",
        "provider_name": "YouTube",
        "provider_url": "https://www.youtube.com/",
        "thumbnail_height": 360,
        "thumbnail_width": 480,
        "thumbnail_url": f"https://i.ytimg.com/vi/{media_id}/hqdefault.jpg",
        "html": "<iframe></iframe>",
    } | changes


def page(head: str = '<meta itemprop="duration" content="PT3M33S">', script: str = '"lengthSeconds":"212"') -> bytes:
    return f"<!DOCTYPE html><html><body>{head}<script>var x = {{{script}}};</script></body></html>".encode()


class Youtube:
    """Answer with the next of `replies`, then as the one that it stands in for.

    `refused` maps keys to what they get, for every method or for one ("search:key"). With `gate`, nothing is answered
    until it is set.
    """

    def __init__(self) -> None:
        self.base = ""
        self.videos: dict[str, dict[str, Any]] = {}
        self.results: list[dict[str, Any]] = []
        self.embeds: dict[str, Reply] = {}
        self.pages: dict[str, Reply] = {}
        self.refused: dict[str, Reply] = {}
        self.replies: list[Reply] = []
        self.questions: list[Question] = []
        self.came = asyncio.Event()
        self.gate: asyncio.Event | None = None

    @property
    def paths(self) -> list[str]:
        return [question.path for question in self.questions]

    @property
    def keys(self) -> list[str]:
        return [question.headers.get("x-goog-api-key", "") for question in self.questions]

    def answer(self, question: Question) -> Reply:
        if self.replies:
            return self.replies.pop(0)
        routes: dict[str, Callable[[Question], Reply]] = {
            "/videos": self._list_videos,
            "/search": self._search,
            "/oembed": self._embed,
            "/watch": self._watch,
        }
        return routes[question.path](question) if question.path in routes else Reply(404, b"<html>no</html>")

    def _refuse(self, question: Question) -> Reply | None:
        key = question.headers.get("x-goog-api-key", "")
        if not key:
            return refusal(403, "forbidden", "global")
        return self.refused.get(key) or self.refused.get(f"{question.path[1:]}:{key}")

    def _list_videos(self, question: Question) -> Reply:
        parts = question.parameters["part"].split(",")
        there = self.videos.get(question.parameters["id"])
        items = [{k: v for k, v in there.items() if k in ("kind", "etag", "id", *parts)}] if there else []
        about = {"totalResults": len(items), "resultsPerPage": len(items)}
        return self._refuse(question) or json(
            {"kind": "youtube#videoListResponse", "etag": "x", "items": items, "pageInfo": about}
        )

    def _search(self, question: Question) -> Reply:
        assert question.parameters["part"] == "snippet"
        assert question.parameters["type"] == "video"
        most = int(question.parameters["maxResults"])
        assert 0 <= most <= 50, "the API refuses others"
        about = {"totalResults": 1_000_000, "resultsPerPage": most}
        return self._refuse(question) or json(
            {"kind": "youtube#searchListResponse", "items": self.results[:most], "pageInfo": about, "regionCode": "DE"}
        )

    def _embed(self, question: Question) -> Reply:
        assert question.parameters["format"] == "json"
        address = question.parameters["url"]
        return self.embeds.get(address.removeprefix("https://www.youtube.com/watch?v="), Reply(404, b"Not Found"))

    def _watch(self, question: Question) -> Reply:
        return self.pages.get(question.parameters["v"], Reply(200, page("", "")))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {name.lower(): value for line in head[1:-2] for name, value in [line.split(": ", 1)]}
                parts = urlsplit(target)
                parameters = {name: value[0] for name, value in parse_qs(parts.query, keep_blank_values=True).items()}
                question = Question(method, parts.path, parameters, headers, target)
                self.questions.append(question)
                self.came.set()
                if self.gate:
                    await self.gate.wait()
                await self._send(self.answer(question), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _send(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reply.silent:
            await reader.read()  # until the client has had enough
        length = "Transfer-Encoding: chunked" if reply.endless else f"Content-Length: {len(reply.body) + reply.stuck}"
        writer.write("\r\n".join((f"HTTP/1.1 {reply.status} Whatever", length, *reply.headers, "", "")).encode())
        while reply.endless:
            writer.write(f"{len(reply.body):x}\r\n".encode() + reply.body + b"\r\n")
            await writer.drain()
        writer.write(reply.body)
        await writer.drain()
        if reply.stuck:
            await reader.read()


@asynccontextmanager
async def youtube() -> AsyncIterator[Youtube]:
    service = Youtube()
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.get_running_loop().create_task(service.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    service.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
