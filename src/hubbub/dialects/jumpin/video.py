"""Videos over HTTP: what a room watches, and finding more (/api/youtube/...; protocols/jumpin.md 2)."""

from typing import Any
from urllib.parse import unquote_to_bytes

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.model import PlaylistItem
from hubbub.core.playlist import ListPlaylist, Media
from hubbub.dialects.jumpin.account import READ
from hubbub.dialects.jumpin.answer import answer, refused
from hubbub.dialects.jumpin.body import Json
from hubbub.dialects.jumpin.caller import Asked, Caller, caller_of
from hubbub.dialects.jumpin.encode import picture_of, username_of
from hubbub.dialects.jumpin.id import Kind, render
from hubbub.media.contract import MAX_QUERY
from hubbub.media.youtube import channel_link, short_link, thumbnail

MARK = b"/youtube/search/"


@route("/youtube/{room:str}/playlist", http_method=READ, door="session")
async def read_playlist(request: Asked, room: FromPath[str]) -> Response[Any]:
    """Give what plays in a room and what waits, with who put it there."""
    caller = caller_of(request)
    items: list[PlaylistItem] = await caller.look(ListPlaylist(room=caller.room(room).id))
    return answer([caller.jumpin.video(item) | {"startedBy": _starter(caller, item)} for item in items])


def _starter(caller: Caller, item: PlaylistItem) -> Json:
    user = caller.state.users.get(item.by)
    return {
        "userId": render(item.by, Kind.USER) if item.by else None,
        "username": (username_of(user) or user.display_name) if user else None,
        "pic": picture_of(user),
    }


@route("/youtube/search/{wanted:path}", http_method=READ, door="account")
async def search(request: Asked, wanted: FromPath[str]) -> Response[Any]:
    """Find videos by words, an address or an id, as far as the media provider understands them."""
    caller, words = caller_of(request), query_of(request)
    if not words:
        raise refused(400, "ERR_INVALID_PARAMS", "Not a video URL or ID")
    if not caller.may("world:view"):
        raise refused(403, "ERR_NO_PERMISSION", "Permission denied.")
    caller.desk.searches.take(caller.account.id)
    found = await caller.desk.media.search(words[:MAX_QUERY])
    return answer([_found(media) for media in found])


def query_of(request: Asked) -> str:
    """Give what is searched for as it was sent: an address has slashes in a row, which paths lose on the way."""
    raw: bytes = request.scope.get("raw_path") or b""
    _, _, last = raw.partition(b"?")[0].partition(MARK)
    return unquote_to_bytes(last).decode("utf-8", "replace").strip()


def _found(media: Media) -> Json:
    return {
        "title": media.title,
        "videoId": media.media_id,
        "thumb": {"url": media.thumbnail or thumbnail(media.media_id), "width": 320, "height": 180},
        "channelId": media.channel,
        "urls": {"video": media.link or short_link(media.media_id), "channel": channel_link(media.channel)},
    }


HANDLERS: list[HTTPRouteHandler] = [read_playlist, search]
