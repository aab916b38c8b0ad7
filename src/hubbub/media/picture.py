"""Pictures that strangers send: drawn anew, so that nothing of what came but the pixels is kept.

Positions, comments, colour profiles and whatever hides before, in or after a picture are gone; a picture that lies on
its side is stood up. What a picture is, its contents say.
"""

from typing import IO, Any

import msgspec
from PIL import Image, ImageOps

MAX_PIXELS = 50_000_000
"""Of one picture, all its frames together: a phone's largest, 200 MB while it is drawn."""
MAX_FRAMES = 500
MAX_SIDE = 10_000
FORMATS = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "GIF": "gif", "WEBP": "webp"}
"""The endings of what is read, by Pillow's names. No SVG: it is a page with scripts."""

Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow refuses twice as many by itself, wherever a size comes from


class PictureError(Exception):
    """This is no picture that can be drawn."""


class Picture(msgspec.Struct, frozen=True):
    """What was drawn: the ending that says its format, and its sides in pixels."""

    ending: str
    width: int
    height: int


class Size(msgspec.Struct, frozen=True):
    """What to make of a picture: one that is no larger than a box and keeps its shape, or the middle of it (`crop`).

    A crop fills the box, and does not move.
    """

    width: int = MAX_SIDE
    height: int = MAX_SIDE
    crop: bool = False


def redraw(file: IO[bytes], target: IO[bytes], size: Size) -> Picture:
    """Draw a picture anew, in its own format. Raises PictureError; OSError when the target cannot be written.

    It takes up to eight bytes of memory a pixel, and seconds for the largest: call it in a thread, few at once.
    """
    try:
        ending, drawn, more = _draw(file, size)
    except Exception:  # Pillow's readers raise whatever they stumble over
        raise PictureError from None
    try:
        drawn.save(target, _format(ending), **more, **_quality(ending))
    except OSError:
        raise
    except Exception:
        raise PictureError from None
    return Picture(ending, *drawn.size)


def _draw(file: IO[bytes], size: Size) -> tuple[str, Image.Image, dict[str, Any]]:
    """Give the ending, the picture to save, and how its frames follow if it moves."""
    file.seek(0)
    with Image.open(file, formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
        ending = FORMATS[str(image.format)]
        frames = min(getattr(image, "n_frames", 1), MAX_FRAMES) if ending != "jpg" and not size.crop else 1
        if image.width * image.height * frames > MAX_PIXELS:
            raise PictureError
        if frames > 1:
            return ending, *_draw_moving(image, ending, size, frames)
        return ending, _fit(ImageOps.exif_transpose(image), ending, size), {}


def _draw_moving(image: Image.Image, ending: str, size: Size, frames: int) -> tuple[Image.Image, dict[str, Any]]:
    drawn, durations = [], []
    loop = image.info.get("loop")
    for number in range(frames):
        image.seek(number)
        drawn.append(_fit(image.convert("RGBA"), ending, size))
        duration = image.info.get("duration", 0)
        durations.append(int(min(max(duration, 0), 60_000)))
    more = {"save_all": True, "append_images": drawn[1:], "duration": durations}
    return drawn[0], more if loop is None else {**more, "loop": int(loop)}


def _fit(image: Image.Image, ending: str, size: Size) -> Image.Image:
    """Give the pixels and nothing else."""
    transparent = image.has_transparency_data
    modes = ("RGB", "L") if ending == "jpg" else ("RGBA",) if transparent else ("RGB", "L")
    plain = image if image.mode in modes else image.convert(modes[0])
    box = size.width, size.height
    if size.crop:
        plain = ImageOps.fit(plain, box)
    else:
        plain = plain.copy()
        if plain.width > box[0] or plain.height > box[1]:
            plain.thumbnail(box)
    plain.info = {}
    return plain


def _format(ending: str) -> str:
    return {"jpg": "JPEG"}.get(ending, ending.upper())


def _quality(ending: str) -> dict[str, Any]:
    return {"quality": 90} if ending in ("jpg", "webp") else {}
