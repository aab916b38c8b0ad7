"""The image service: pictures are sent as they are, drawn anew, and given back to anybody, also in smaller sizes.

Source: protocols/groupme.md 2.7. Clients read the size and the format out of an address. Its last part is random, and
all that keeps a picture from strangers; no address ever shows another picture.
"""

import asyncio
import re
import secrets
from pathlib import Path
from typing import IO, Any

from litestar import HttpMethod, Response

from hubbub.core.error import Code, Unavailable
from hubbub.dialects.groupme.answer import CORS, Reply, Route, get, post
from hubbub.dialects.groupme.caller import Caller
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.upload import receive
from hubbub.dialects.venueless.upload import give, put
from hubbub.media.picture import PictureError, Size, redraw

PATH = "/i"
FOLDER = "_picture"
"""In the media folder; no world is called so."""
SIZES = {
    "large": Size(960, 960),
    "preview": Size(200, 200, crop=True),
    "avatar": Size(60, 60, crop=True),
}
"""By what is put behind the address of a picture. Source: groupme-js/GroupMeCommunityDocs, docs/images.md."""
FORMATS = {"jpg": "jpeg"}
"""How endings are called in addresses, where they are called otherwise."""

_NAME = re.compile(r"([1-9][0-9]{0,4}x[1-9][0-9]{0,4}\.(png|jpeg|gif|webp)\.[0-9a-f]{32})(?:\.(large|preview|avatar))?")


async def take(caller: Caller) -> Reply:
    """Take a picture. There is no envelope around the answer."""
    if caller.query.get("url"):
        raise RefusedError(501, "Pictures are not fetched from elsewhere. Send the picture itself.")
    path = await receive(caller, _keep)
    url = f"{caller.site}{PATH}/{path.removeprefix(f'{FOLDER}/')}"
    return Reply(response={"payload": {"url": url, "picture_url": url}}, bare=True)


def _keep(file: IO[bytes], media: Path) -> tuple[str, str, int]:
    form = ""

    def write(target: IO[bytes]) -> str:
        nonlocal form
        drawn = redraw(file, target, Size())
        form = FORMATS.get(drawn.ending, drawn.ending)
        return f"{FOLDER}/{drawn.width}x{drawn.height}.{form}.{secrets.token_hex(16)}"

    try:
        path, size = put(media, write)
    except PictureError:
        raise RefusedError(400, "This is no picture that can be read: send a PNG, JPEG, GIF or WebP file.") from None
    return path, f"image/{form}", size


async def show(caller: Caller) -> Response[Any]:
    """Give a picture, or a smaller size of it, which is drawn when it is first asked for."""
    found = _NAME.fullmatch(caller.path["name"])
    folder = Path(caller.desk.settings.media) / FOLDER
    if not found:
        raise RefusedError(404)
    try:
        file = await asyncio.to_thread(open_picture, folder / found[0])
        if file is None and found[3]:
            async with caller.desk.drawing:
                file = await asyncio.to_thread(_open_size, folder, found[1], found[3])
    except OSError as error:
        raise Unavailable(Code.UNAVAILABLE, "The picture cannot be read. Try again.") from error
    if file is None:
        raise RefusedError(404)
    answer = give(file, f"image/{found[2]}", range_=caller.request.headers.get("range", ""))
    answer.headers["Access-Control-Allow-Origin"] = CORS["Access-Control-Allow-Origin"]
    return answer


def open_picture(path: Path) -> IO[bytes] | None:
    """Open a picture; None when it is not there."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _open_size(folder: Path, name: str, size: str) -> IO[bytes] | None:
    """Open a smaller size of a picture, which is drawn before unless somebody else has done that by now."""
    original, path = folder / name, folder / f"{name}.{size}"
    if original.exists() and not path.exists():
        with original.open("rb") as file:

            def write(target: IO[bytes]) -> str:
                redraw(file, target, SIZES[size])
                return f"{FOLDER}/{path.name}"

            put(folder.parent, write)
    return open_picture(path)


ROUTES: tuple[Route, ...] = (
    post("/pictures", take, large=True),
    get(f"{PATH}/{{name:str}}", show),
    Route(HttpMethod.HEAD, f"{PATH}/{{name:str}}", show),
)
