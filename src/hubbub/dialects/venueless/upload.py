"""Files that people upload and get back: POST /storage/upload/ and GET /media/pub/... (protocols/venueless.md 1.17).

What a file is, its contents say, not its name. Pictures are drawn anew, so nothing of what came but the pixels is kept;
everything else leaves as a download. So no file that somebody uploads can act as a page of ours.
"""

import asyncio
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import msgspec
from litestar import HttpMethod, Request, Response, post, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from hubbub.core.error import Code, Denied, HubbubError, Unavailable, Unknown
from hubbub.core.login import LogIn
from hubbub.core.state import WorldState
from hubbub.core.upload import UploadFile
from hubbub.dialects.request import Throttle, base_url, credentials_of, host_of, world_of
from hubbub.live.community import Community
from hubbub.media.picture import MAX_SIDE, PictureError, Size, redraw
from hubbub.settings import Settings

MEDIA = "/media/pub"
MAX_FIELD = 1024
"""Bytes of one field of the form that is no file."""
MAX_FORM = 65_536
"""Bytes of the form besides the file."""
TIME = timedelta(minutes=5)
"""For one upload."""
PIECE = 262_144
DRAWN_AT_ONCE = 2


class Type(msgspec.Struct, frozen=True):
    """A type of file: how it is called, and how its contents begin; `shown` in the browser or else downloaded."""

    name: str
    begins: Callable[[bytes], bool]
    shown: bool = False
    picture: bool = False


def _starts(*signs: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda head: head[at:].startswith(signs)


def _anything(head: bytes) -> bool:
    return True


def _picture(name: str) -> Type:
    return Type(name=name, begins=_anything, shown=True, picture=True)  # Pillow looks closer than the first bytes


TYPES: dict[str, Type] = {
    "png": _picture("image/png"),
    "jpg": _picture("image/jpeg"),
    "gif": _picture("image/gif"),
    "webp": _picture("image/webp"),
    "pdf": Type(name="application/pdf", begins=_starts(b"%PDF-")),
    "txt": Type(name="text/plain", begins=_anything),
    "mp3": Type(name="audio/mpeg", begins=_starts(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")),
    "m4a": Type(name="audio/mp4", begins=_starts(b"ftyp", at=4)),
    "ogg": Type(name="audio/ogg", begins=_starts(b"OggS")),
    "wav": Type(name="audio/wav", begins=_starts(b"RIFF")),
    "mp4": Type(name="video/mp4", begins=_starts(b"ftyp", at=4)),
    "webm": Type(name="video/webm", begins=_starts(b"\x1a\x45\xdf\xa3")),
}
"""By the ending that the file gets. No SVG: it is a page with scripts (and no HEIC, which Pillow does not read)."""

ENDINGS = {ending: ending for ending in TYPES} | {"jpeg": "jpg"}
NAMES = {kind.name: ending for ending, kind in TYPES.items()} | {"image/jpg": "jpg", "audio/mp3": "mp3"}

_PATH = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}/[A-Za-z0-9_-]{22,64}\.([a-z0-9]{3,4})")
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


class RefusedError(Exception):
    """An upload that is refused, with the code that this dialect's clients know."""


class Form(msgspec.Struct):
    """What has come of an upload so far."""

    file: IO[bytes]
    name: str = ""
    type: str = ""
    size: int = 0
    found: bool = False
    fields: dict[str, str] = {}


# Receiving


async def read_form(
    chunks: AsyncIterator[bytes], content_type: str, file: IO[bytes], *, most: int, field: str = "file"
) -> Form:
    """Read a form as it comes, its file into `file`, `most` bytes of it. Raises RefusedError.

    The file is in `field`, or in whichever field has one when that is empty.
    """
    kind, options = parse_options_header(content_type)
    form = Form(file=file)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise RefusedError("file.missing")
    received, waiting, segment = 0, bytearray(), None
    try:
        with PushMultipartParser(options["boundary"], max_segment_count=20, strict=True) as parser:
            async for chunk in chunks:
                received += len(chunk)
                if received > 2 * most + MAX_FORM:  # up to here we listen politely, so that the client hears why
                    raise RefusedError("file.size")
                for part in parser.parse(chunk) if chunk else ():
                    if isinstance(part, MultipartSegment):
                        segment = part
                        _begin(form, part, field)
                    elif segment and part:
                        _take(form, segment, part, waiting, most, field)
                    if len(waiting) >= PIECE:
                        await asyncio.to_thread(file.write, bytes(waiting))
                        waiting.clear()
    except (MultipartError, UnicodeError, ValueError):
        raise RefusedError("file.missing") from None
    if form.size > most:
        raise RefusedError("file.size")
    if not form.found:
        raise RefusedError("file.missing")
    await asyncio.to_thread(file.write, bytes(waiting))
    return form


def _is_file(segment: MultipartSegment, field: str) -> bool:
    return field in ("", segment.name) and segment.filename is not None


def _begin(form: Form, segment: MultipartSegment, field: str) -> None:
    if _is_file(segment, field):
        if form.found:
            raise RefusedError("file.missing")
        form.found, form.name, form.type = True, segment.filename, segment.content_type or ""


def _take(
    form: Form, segment: MultipartSegment, data: bytes | bytearray, waiting: bytearray, most: int, field: str
) -> None:
    if _is_file(segment, field):
        form.size += len(data)
        if form.size <= most:
            waiting += data
    else:
        text = form.fields.get(segment.name or "", "") + bytes(data).decode("latin-1")
        form.fields[segment.name or ""] = text[:MAX_FIELD]


def ending_of(name: str, content_type: str) -> str:
    """Say what a file claims to be: by the ending of its name, else by its type. Raises RefusedError."""
    suffix = Path(name.replace("\\", "/").rpartition("/")[2]).suffix.lower().removeprefix(".")
    found = ENDINGS.get(suffix) if suffix else NAMES.get(content_type.partition(";")[0].strip().lower())
    if found is None:
        raise RefusedError("file.type")
    return found


def side(fields: dict[str, str], name: str) -> int:
    """Read a length in pixels; MAX_SIDE when it is not given. Raises RefusedError."""
    text = fields.get(name, "").strip()
    if not text:
        return MAX_SIDE
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise RefusedError("file.picture.invalid")
    return min(int(text), MAX_SIDE)


# Checking


def check_file(file: IO[bytes], ending: str) -> None:
    """Raise RefusedError unless the contents are of the type that they claim to be."""
    file.seek(0)
    head = file.read(64)
    if not head or not TYPES[ending].begins(head):
        raise RefusedError("file.type")
    if ending == "txt":
        file.seek(0)
        try:
            if "\0" in file.read().decode():
                raise RefusedError("file.type")
        except UnicodeDecodeError:
            raise RefusedError("file.type") from None


def draw(file: IO[bytes], target: IO[bytes], box: tuple[int, int]) -> str:
    """Draw a picture anew, no larger than the box, and give the ending of what it is. Raises RefusedError."""
    try:
        return redraw(file, target, Size(*box)).ending
    except PictureError:
        raise RefusedError("file.picture.invalid") from None


def keep(form: Form, media: Path, world: str, box: tuple[int, int]) -> tuple[str, int]:
    """Check a file and put it where it is served from; give its path in the media folder, and its size.

    Raises RefusedError; OSError when it cannot be kept.
    """
    ending = ending_of(form.name, form.type)
    check_file(form.file, ending)

    def write(target: IO[bytes]) -> str:
        drawn = draw(form.file, target, box) if TYPES[ending].picture else ""
        if not drawn:
            form.file.seek(0)
            shutil.copyfileobj(form.file, target, PIECE)
        return f"{world}/{secrets.token_urlsafe(24)}.{drawn or ending}"

    return put(media, write)


def put(media: Path, write: Callable[[IO[bytes]], str]) -> tuple[str, int]:
    """Put a file into the media folder, whole or not at all; give its path there, which `write` gives, and its size.

    Raises what `write` raises; OSError when it cannot be kept.
    """
    media.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=media, prefix=".incoming-", delete=False) as target:
        try:
            path = write(target)
            target.flush()
            os.fsync(target.fileno())
            size = os.fstat(target.fileno()).st_size
            (media / path).parent.mkdir(parents=True, exist_ok=True)
            Path(target.name).rename(media / path)
        except BaseException:
            Path(target.name).unlink(missing_ok=True)
            raise
    return path, size


# The routes


async def uploader(request: Request[Any, Any, Any], community: Community, state: WorldState) -> int:
    """Find out whose upload it is. Raises HubbubError.

    A token's holder becomes a user of the world, as with any first login. A guest must be one already: an id that the
    client made up is worth nothing else.
    """
    scheme, value = credentials_of(request)
    command = LogIn()
    if scheme == "bearer":
        command = LogIn(token=value)
    elif scheme == "client" and value in state.by_client_id:
        command = LogIn(client_id=value)
    return int((await community.call(state, command)).id)


def create_upload(community: Community, settings: Settings) -> HTTPRouteHandler:
    """Make the route that takes files."""
    throttle = Throttle(community, "upload")
    drawing = asyncio.Semaphore(DRAWN_AT_ONCE)
    media = Path(settings.media)

    async def receive(request: Request[Any, Any, Any], name: str) -> tuple[str, int]:
        try:
            with tempfile.TemporaryFile() as file:
                content_type = request.headers.get("content-type", "")
                form = await read_form(request.stream(), content_type, file, most=settings.max_upload)
                box = side(form.fields, "width"), side(form.fields, "height")
                async with drawing:
                    return await asyncio.to_thread(keep, form, media, name, box)
        except OSError as error:
            raise Unavailable(Code.UNAVAILABLE, "The file could not be kept. Try again.") from error

    @post("/storage/upload", request_max_body_size=None, summary="Upload a file", tags=["Venueless"])
    async def upload(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
        """Take a multipart form with `file`, and `width` and `height` that a picture is made to fit into."""
        try:
            state = world_of(community, host_of(request), settings.world)
            user = await uploader(request, community, state)
        except (Denied, Unknown):
            return _refused(403, "denied")
        throttle.take(user)
        try:
            async with asyncio.timeout(TIME.total_seconds()):
                path, size = await receive(request, state.world.name)
        except RefusedError as error:
            return _refused(400, str(error))
        except TimeoutError:
            return _refused(408, "timeout")
        command = UploadFile(path=path, type=TYPES[path.rpartition(".")[2]].name, size=size)
        try:
            await community.call(state, command, user=user)
        except HubbubError as error:
            await asyncio.to_thread((media / path).unlink, missing_ok=True)
            if isinstance(error, Denied):
                return _refused(403, "denied")
            raise
        return Response({"url": f"{base_url(request, settings.url)}{MEDIA}/{path}"}, status_code=201)

    return upload


def _refused(status: int, code: str) -> Response[dict[str, str]]:
    return Response({"error": code}, status_code=status)


def create_download(settings: Settings) -> HTTPRouteHandler:
    """Make the route that gives files back."""
    media = Path(settings.media)

    @route(f"{MEDIA}/{{path:path}}", http_method=[HttpMethod.GET, HttpMethod.HEAD], include_in_schema=False)
    async def download(request: Request[Any, Any, Any], path: FromPath[str]) -> Stream:
        """Give a file that was uploaded, or one range of its bytes."""
        found = _PATH.fullmatch(path.lstrip("/"))
        kind = TYPES.get(found[1]) if found else None
        if not found or not kind:
            raise NotFoundException("There is no such file.")
        try:
            file = await asyncio.to_thread((media / found[0]).open, "rb")
        except OSError:
            raise NotFoundException("There is no such file.") from None
        name = "" if kind.shown else found[0].rpartition("/")[2]
        return give(file, kind.name, range_=request.headers.get("range", ""), name=name)

    return download


def give(file: IO[bytes], media_type: str, *, range_: str = "", name: str = "") -> Stream:
    """Give a file that somebody uploaded and that never changes, or one range of its bytes; it is closed after.

    With a `name`, of any characters, it is for downloading and not for showing.
    """
    size = os.fstat(file.fileno()).st_size
    first, last = _range(range_, size)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)  # for clients that cannot read the other (RFC 6266 D)
    named = f'filename="{plain}"' + (f"; filename*=UTF-8''{quote(name, safe='')}" if name != plain else "")
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Disposition": f"attachment; {named}" if name else "inline",
        "Content-Length": str(last - first + 1),
        "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    partial = (first, last) != (0, size - 1)
    if partial:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Stream(
        _pieces(file, first, last - first + 1),
        headers=headers,
        media_type=media_type,  # Litestar adds the charset to text
        status_code=206 if partial else 200,
    )


def _range(header: str, size: int) -> tuple[int, int]:
    """Give the first and the last byte that are wanted; all when that makes no sense (RFC 9110 14.2 lets us)."""
    found = _RANGE.fullmatch(header)
    if not found or not (found[1] or found[2]):
        return 0, size - 1
    if not found[1]:
        first, last = max(0, size - int(found[2])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
    return (first, last) if first <= last else (0, size - 1)


async def _pieces(file: IO[bytes], start: int, length: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while length > 0 and (piece := await asyncio.to_thread(file.read, min(PIECE, length))):
            length -= len(piece)
            yield piece
