"""Pictures of people: PUT /api/user/<id>/uploadImage (protocols/jumpin.md 2). They are drawn anew, as every upload."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from litestar import Response, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hubbub.core.error import Code, HubbubError, Unavailable
from hubbub.core.upload import UploadFile
from hubbub.core.user import UpdateProfile
from hubbub.dialects.jumpin.answer import HttpRefused, answer, refused
from hubbub.dialects.jumpin.caller import Asked, Caller, caller_of
from hubbub.dialects.place import EVERYWHERE
from hubbub.dialects.venueless.upload import MEDIA, TIME, TYPES, RefusedError, ending_of, keep, read_form

SIDE = 256
"""Pixels: the box that a picture of somebody is made to fit into."""
MAX_PICTURE = 5 * 1024 * 1024
"""Bytes; less where the settings allow less."""

REFUSALS = {
    "file.size": (400, "ERR_FILE_LIMIT", f"A picture has at most {MAX_PICTURE // 1024**2} MiB."),
    "file.type": (400, "ERR_FILE_TYPE", "A picture is a PNG, JPEG, GIF or WebP file."),
    "file.picture.invalid": (400, "ERR_FILE_TYPE", "This picture cannot be read."),
    "file.missing": (415, "ERR_FILE_TYPE", "Send a form (multipart/form-data) with one picture."),
}
"""By what an upload is refused for."""


@put("/user/{user:str}/uploadImage", door="account", request_max_body_size=None)
async def change_picture(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Take a form with a picture, whatever its field is called, and show it with the account from now on."""
    caller = caller_of(request)
    own = caller.own(user)
    caller.desk.uploads.take(own.id)
    try:
        async with asyncio.timeout(TIME.total_seconds()):
            path, size = await _receive(request, caller)
    except RefusedError as error:
        raise refused(*REFUSALS[str(error)]) from None
    except TimeoutError:
        raise HttpRefused(408) from None
    try:
        await caller.do(UploadFile(path=path, type=TYPES[path.rpartition(".")[2]].name, size=size))
        url = f"{_media_url(caller)}/{path}"
        await caller.do(UpdateProfile(profile={**caller.account.profile, "avatar": {"url": url}}))
    except HubbubError:
        await asyncio.to_thread((Path(caller.desk.settings.media) / path).unlink, missing_ok=True)
        raise
    return answer({"url": url})


async def _receive(request: Asked, caller: Caller) -> tuple[str, int]:
    settings = caller.desk.settings
    content_type = request.headers.get("content-type", "")
    try:
        with tempfile.TemporaryFile() as file:
            most = min(settings.max_upload, MAX_PICTURE)
            form = await read_form(request.stream(), content_type, file, most=most, field="")
            if not TYPES[ending_of(form.name, form.type)].picture:
                raise RefusedError("file.type")
            async with caller.desk.drawing:
                name = caller.state.world.name
                return await asyncio.to_thread(keep, form, Path(settings.media), name, (SIDE, SIDE))
    except OSError as error:
        raise Unavailable(Code.UNAVAILABLE, "The picture could not be kept. Try again.") from error


def _media_url(caller: Caller) -> str:
    """Say where files are given back: where the dialect that takes them is."""
    place = caller.desk.settings.dialects.get("venueless", EVERYWHERE)
    scheme, _, host = caller.site.partition("://")
    return f"{scheme}://{place.host or host}{place.prefix}{MEDIA}"


@put("/user/{user:str}/uploadUserIcon", door="account")
async def change_icon(request: Asked, user: FromPath[str]) -> Response[Any]:
    """Refuse: nobody here pays for a sign beside their name."""
    caller_of(request).own(user)
    raise refused(501, "ERR_NOT_SUPPORTED", "There are no icons beside names here.")


HANDLERS: list[HTTPRouteHandler] = [change_picture, change_icon]
