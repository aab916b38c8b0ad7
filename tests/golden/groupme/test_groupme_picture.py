"""The image service (protocols/groupme.md 2.7)."""

import io
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.golden.groupme.person import Person
from tests.golden.jumpin.place import Place

from hubbub.core.user import SilenceUser
from hubbub.dialects.groupme.picture import open_picture
from hubbub.live.rate import Rate
from hubbub.media.picture import redraw
from hubbub.transfer.manifest import PATH

SCRIPT = b"<script>alert(document.cookie)</script>"
NAME = r"[0-9]+x[0-9]+\.(png|jpeg|gif|webp)\.[0-9a-f]{32}"


def picture(size: tuple[int, int] = (40, 20), kind: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, kind, **more)
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Draw a black square that is small on the wire and large in memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    data = zlib.compress(b"\0" * (1 + width // 8) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def stored(place: Place) -> set[Path]:
    return {path for path in Path(place.settings.media).rglob("*") if path.is_file()}


def upload(who: Person, content: bytes = b"", **more: Any) -> str:
    answer = who.fetch("POST", "/pictures", content=content or picture(), **more)
    assert answer.status_code == 200, answer.text
    payload = answer.json()["payload"]
    assert answer.json() == {"payload": {"url": payload["url"], "picture_url": payload["url"]}}
    url: str = payload["url"]
    assert re.fullmatch(re.escape(f"{who.place.url}/i/") + NAME, url)
    return url


def shown(url: str) -> Image.Image:
    return Image.open(io.BytesIO(httpx.get(url, trust_env=False).content))


@pytest.mark.parametrize(
    ("kind", "form"),
    [("PNG", "png"), ("JPEG", "jpeg"), ("GIF", "gif"), ("WEBP", "webp")],
    ids=["png", "jpg", "gif", "webp"],
)
def test_a_picture_is_given_back_to_anybody(ada: Person, kind: str, form: str) -> None:
    url = upload(ada, picture(kind=kind), headers={"Content-Type": "application/json"})
    assert f"/40x20.{form}." in url
    answer = httpx.get(url, trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"image/{form}")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"] and "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["access-control-allow-origin"] == "*" and answer.headers["content-disposition"] == "inline"
    assert Image.open(io.BytesIO(answer.content)).size == (40, 20)
    head = httpx.head(url, trust_env=False)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(answer.content)), b"")
    part = httpx.get(url, headers={"Range": "bytes=0-3"}, trust_env=False)
    assert (part.status_code, part.content) == (206, answer.content[:4])


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_the_token_may_be_in_the_query(ada: Person, field: str) -> None:
    upload(ada, signed=False, params={field: ada.token})


def test_a_form_is_as_good(ada: Person) -> None:
    answer = ada.fetch("POST", "/pictures", files={"file": ("file.jpg", picture(kind="JPEG"), "image/jpeg")})
    assert answer.json()["payload"]["url"].startswith(f"{ada.place.url}/i/40x20.jpeg.")
    assert ada.refusal("POST", "/pictures", files={"file": ("a", b"", "x/y")})[0] == 400
    answer = ada.fetch("POST", "/pictures", content=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()["meta"]["errors"]) == (400, ["The form has no file."])


@pytest.mark.parametrize(
    ("suffix", "size"),
    [("avatar", (60, 60)), ("preview", (200, 200)), ("large", (960, 480))],
    ids=str,
)
def test_smaller_sizes(ada: Person, suffix: str, size: tuple[int, int]) -> None:
    url = upload(ada, picture((1200, 600), "JPEG"))
    before = stored(ada.place)
    assert shown(f"{url}.{suffix}").size == size
    assert shown(f"{url}.{suffix}").size == size
    assert len(stored(ada.place) - before) == 1, "it is drawn once"


def test_a_size_that_many_want_is_drawn_once(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, drawn, all_looked = [], [], threading.Event()

    def look(path: Path) -> Any:
        looked.append(path)
        if len(looked) == 4:
            all_looked.set()
        return open_picture(path)

    def draw(*given: Any) -> Any:
        assert all_looked.wait(10)
        drawn.append(given)
        return redraw(*given)

    url = upload(ada)
    monkeypatch.setattr("hubbub.dialects.groupme.picture.open_picture", look)
    monkeypatch.setattr("hubbub.dialects.groupme.picture.redraw", draw)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: httpx.get(f"{url}.avatar", trust_env=False).content, range(4)))
    assert len(drawn) == 1 and len(set(found)) == 1


def test_nothing_but_the_pixels_is_kept(ada: Person) -> None:
    exif = Image.Exif()
    exif[0x010E] = SCRIPT.decode()
    exif[0x0112] = 6  # lying on its side
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    before = stored(ada.place)
    for kind in ("JPEG", "PNG", "WEBP"):
        image = shown(upload(ada, picture(kind=kind, exif=exif.tobytes()) + SCRIPT))
        assert image.size == (20, 40) and not image.getexif()
    for path in stored(ada.place) - before:
        assert SCRIPT not in path.read_bytes() and b"Exif" not in path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        SCRIPT,
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"GIF89a" + SCRIPT,
        picture((400, 400))[:-60],
        picture(kind="BMP"),
        bomb(8_000, 8_000),
        b'{"url": "http://127.0.0.1/"}',
    ],
    ids=["html", "svg", "polyglot", "cut", "bmp", "bomb", "json"],
)
def test_what_is_no_picture(ada: Person, content: bytes) -> None:
    before = stored(ada.place)
    status, errors = ada.refusal("POST", "/pictures", content=content)
    assert status == 400 and "no picture" in errors[0]
    assert stored(ada.place) == before


def test_nothing_at_all(ada: Person) -> None:
    assert ada.refusal("POST", "/pictures") == (400, ["Nothing was sent."])


def test_pictures_are_not_fetched_from_elsewhere(ada: Person) -> None:
    assert ada.refusal("POST", "/pictures", params={"url": "http://127.0.0.1/x.png"})[0] == 501


@pytest.fixture
def small(tmp_path: Path, http: httpx.Client) -> Iterator[Callable[[], Person]]:
    """Give a function that makes somebody at a server that takes little."""
    place = Place(tmp_path, max_upload=1000, rates={"upload": Rate(0.001, 4)})
    place.start()
    yield lambda: Person(place, http, place.account())
    place.stop()


def test_too_much(small: Callable[[], Person]) -> None:
    who = small()
    for size in (1001, 60_000):
        assert who.refusal("POST", "/pictures", content=b"x" * size) == (413, ["A file has at most 1000 bytes."])
    upload(who)
    upload(who)
    assert who.refusal("POST", "/pictures", content=picture())[0] == 429
    upload(small())
    assert len(stored(who.place)) == 3


def test_who_may_not_upload(ada: Person) -> None:
    before = stored(ada.place)
    assert ada.refusal("POST", "/pictures", content=picture(), signed=False) == (401, ["unauthorized"])
    assert ada.refusal("POST", "/pictures", content=picture(), headers={"X-Access-Token": "x"})[0] == 401
    ada.place.do(SilenceUser(user=ada.number))
    assert ada.refusal("POST", "/pictures", content=picture())[0] == 403
    assert stored(ada.place) == before


def test_who_uploaded_it_is_noted(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    community = ada.place.application.community
    found, submit = [], community.store.submit

    def noted(events: Any) -> Any:
        found.extend(events)
        return submit(events)

    monkeypatch.setattr(community.store, "submit", noted)
    url = upload(ada)
    (event,) = [event for event in found if type(event).__name__ == "FileUploaded"]
    path = Path(ada.place.settings.media) / event.upload.path
    assert path.name == url.rpartition("/")[2]
    assert (event.upload.user, event.upload.type, event.upload.size) == (ada.number, "image/png", path.stat().st_size)
    assert PATH.fullmatch(event.upload.path), "it could not be exported"


@pytest.mark.parametrize(
    "name",
    [
        "40x20.png." + "0" * 32,
        "40x20.png." + "0" * 32 + ".avatar",
        "{name}.huge",
        "{name}.avatar.avatar",
        "{name}.",
        "{name}%00",
        "..%2f..%2fhubbub.db",
        "..%2f_picture%2f{name}",
        "%2e%2e",
        "x" * 3000,
    ],
    ids=["unknown", "size-of-unknown", "size", "twice", "dot", "nul", "up", "around", "dots", "long"],
)
def test_nothing_else_is_served(ada: Person, name: str) -> None:
    own = upload(ada).rpartition("/")[2]
    before = stored(ada.place)
    assert ada.fetch("GET", f"/i/{name.format(name=own)}").status_code == 404
    assert stored(ada.place) == before


def test_a_picture_is_an_avatar_and_an_attachment(ada: Person) -> None:
    url = upload(ada)
    assert ada.post("/v3/users/update", {"avatar_url": url})["image_url"] == url
