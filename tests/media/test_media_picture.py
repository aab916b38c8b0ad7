"""Pictures that strangers send: what is drawn, what is left out, what is refused."""

import io
from typing import Any

import pytest
from PIL import Image, ImageDraw

from hubbub.media import picture as module
from hubbub.media.picture import PictureError, Size, redraw

SCRIPT = b"<script>alert(1)</script>"
GPS = 0x8825


def encode(image: Image.Image, kind: str, **more: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def plain(size: tuple[int, int] = (40, 20), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size)


def moving(kind: str, frames: int = 3) -> bytes:
    drawn = [Image.new("RGB", (30, 20), (80 * number, 0, 0)) for number in range(frames)]
    return encode(drawn[0], kind, save_all=True, append_images=drawn[1:], duration=70, loop=0)


def draw(content: bytes, size: Size | None = None) -> tuple[str, Image.Image]:
    target = io.BytesIO()
    drawn = redraw(io.BytesIO(content), target, size or Size())
    image = Image.open(target)
    assert (drawn.width, drawn.height) == image.size
    return drawn.ending, image


@pytest.mark.parametrize(
    ("kind", "mode", "ending"),
    [
        ("PNG", "RGBA", "png"),
        ("PNG", "P", "png"),
        ("JPEG", "CMYK", "jpg"),
        ("GIF", "L", "gif"),
        ("WEBP", "RGB", "webp"),
    ],
    ids=str,
)
def test_a_picture_stays_what_it_is(kind: str, mode: str, ending: str) -> None:
    found, image = draw(encode(plain(mode=mode), kind))
    assert (found, image.size, image.format) == (ending, (40, 20), kind)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_where_it_was_taken_is_gone_and_it_stands_upright(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    exif.get_ifd(GPS)[2] = (52.0, 30.0, 0.0)
    content = encode(plain(), kind, exif=exif.tobytes(), icc_profile=SCRIPT, comment=SCRIPT)
    assert SCRIPT in Image.open(io.BytesIO(content)).info.values()
    assert Image.open(io.BytesIO(content)).getexif().get_ifd(GPS)
    _, image = draw(content + SCRIPT)
    assert image.size == (20, 40) and SCRIPT not in image.info.values()
    assert not image.getexif() and not image.getexif().get_ifd(GPS)
    assert not {"exif", "icc_profile", "comment", "xmp"} & image.info.keys()


def test_comments_are_gone() -> None:
    content = encode(plain(), "GIF", comment=SCRIPT)
    assert SCRIPT in content
    target = io.BytesIO()
    redraw(io.BytesIO(content), target, Size())
    assert SCRIPT not in target.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Size(20, 20), (20, 10)),
        (Size(4000, 4000), (40, 20)),
        (Size(10, 10, crop=True), (10, 10)),
        (Size(60, 60, crop=True), (60, 60)),
    ],
    ids=["smaller", "larger", "crop", "grown"],
)
def test_sizes(size: Size, expected: tuple[int, int]) -> None:
    assert draw(encode(plain(), "PNG"), size)[1].size == expected


def test_a_crop_is_the_middle() -> None:
    image = Image.new("RGB", (300, 100), "red")
    ImageDraw.Draw(image).rectangle((100, 0, 199, 99), fill="blue")
    _, drawn = draw(encode(image, "PNG"), Size(50, 50, crop=True))
    assert {drawn.getpixel((x, 25)) for x in (2, 25, 47)} == {(0, 0, 255)}


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_what_moves_goes_on_moving_but_for_crops(kind: str) -> None:
    assert getattr(draw(moving(kind))[1], "n_frames", 1) == 3
    assert getattr(draw(moving(kind), Size(15, 15))[1], "n_frames", 1) == 3
    assert getattr(draw(moving(kind), Size(15, 15, crop=True))[1], "n_frames", 1) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SCRIPT,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + SCRIPT,
        b"%PDF-1.7",
        encode(plain(), "BMP"),
        encode(plain((400, 400)), "PNG")[:-40],
        encode(Image.effect_noise((200, 200), 50), "JPEG")[:3000],
        moving("GIF")[:60],
    ],
    ids=["empty", "html", "svg", "gif", "pdf", "bmp", "cut-png", "cut-jpeg", "cut-gif"],
)
def test_what_is_no_picture(content: bytes) -> None:
    target = io.BytesIO()
    with pytest.raises(PictureError):
        redraw(io.BytesIO(content), target, Size())
    assert target.getvalue() == b""


def test_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 30 * 20 * 4)
    assert draw(moving("GIF", frames=4))[1].size == (30, 20)
    for content in (moving("GIF", frames=5), encode(plain((49, 50)), "PNG")):
        with pytest.raises(PictureError):
            redraw(io.BytesIO(content), io.BytesIO(), Size())


def test_a_full_disk_is_no_fault_of_the_picture() -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        redraw(io.BytesIO(encode(plain(), "PNG")), Full(), Size())
