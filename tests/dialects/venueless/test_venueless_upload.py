"""Files that people upload, and what becomes of those that should not be."""

import io
import re
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.web.site import Site, open_site

from hubbub.core.user import BanUser, SilenceUser
from hubbub.live.rate import Rate
from hubbub.media import picture as module

SCRIPT = b"<script>alert(document.cookie)</script>"


def picture(size: tuple[int, int] = (40, 20), kind: str = "PNG", mode: str = "RGB", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **more)
    return file.getvalue()


def moving(kind: str = "GIF", frames: int = 3) -> bytes:
    file = io.BytesIO()
    drawn = [Image.new("RGB", (30, 30), (80 * number, 0, 0)) for number in range(frames)]
    drawn[0].save(file, kind, save_all=True, append_images=drawn[1:], duration=70, loop=0)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """Draw a black square that is small on disk and large in memory."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(b"\0" * (1 + width // 8)) for _ in range(height)) + rows.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def send(
    site: Site, name: str, content: bytes, kind: str = "", *, who: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    files = {"file": (name, content, kind) if kind else (name, content)}
    headers = site.bearer() if who is None else who
    return site.ask("POST", "/storage/upload/", files=files, data=fields, headers=headers)


def stored(site: Site) -> list[Path]:
    return sorted(path for path in site.media.rglob("*") if path.is_file())


def fetch(site: Site, answer: httpx.Response, **headers: str) -> httpx.Response:
    assert answer.status_code == 201, answer.text
    return site.ask("GET", httpx.URL(answer.json()["url"]).path, headers=headers)


def refused(site: Site, answer: httpx.Response, error: str) -> None:
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert stored(site) == []


# Pictures


@pytest.mark.parametrize(
    ("content", "name", "type_"),
    [
        (picture(), "a.png", "image/png"),
        (picture(mode="RGBA"), "a.PNG", "image/png"),
        (picture(mode="P"), "a.png", "image/png"),
        (picture(mode="1"), "a.png", "image/png"),
        (picture(mode="LA"), "a.png", "image/png"),
        (picture(kind="JPEG"), "a.jpeg", "image/jpeg"),
        (picture(kind="JPEG", mode="CMYK"), "a.jpg", "image/jpeg"),
        (picture(kind="JPEG", mode="L"), "a.png", "image/jpeg"),  # what it is, not what it is called
        (picture(kind="GIF"), "a.gif", "image/gif"),
        (picture(kind="WEBP", mode="RGBA"), "a.webp", "image/webp"),
        (moving("GIF"), "a.gif", "image/gif"),
        (moving("WEBP"), "a.webp", "image/webp"),
        (moving("PNG"), "a.png", "image/png"),
    ],
)
def test_pictures(site: Site, content: bytes, name: str, type_: str) -> None:
    answer = send(site, name, content)
    assert re.fullmatch(r"http://hubbub\.test/media/pub/main/[A-Za-z0-9_-]{32}\.[a-z]+", answer.json()["url"])
    shown = fetch(site, answer)
    assert (shown.status_code, shown.headers["content-type"]) == (200, type_)
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert "immutable" in shown.headers["cache-control"]
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(shown.content))
    assert before.size == after.size
    assert getattr(before, "n_frames", 1) == getattr(after, "n_frames", 1)


def test_a_picture_without_a_name(site: Site) -> None:
    assert fetch(site, send(site, "blob", picture(), "image/png")).headers["content-type"] == "image/png"


def test_who_uploaded_it_is_noted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    commit = site.community.store.submit

    def submit(events: Any) -> Any:
        found.extend(events)
        return commit(events)

    monkeypatch.setattr(site.community.store, "submit", submit)
    user = site.guest("g")
    send(site, "a.png", picture(), who={"Authorization": "Client g"})
    (event,) = [event for event in found if type(event).__name__ == "FileUploaded"]
    (file,) = stored(site)
    assert (event.upload.user, event.upload.type, event.upload.size) == (user, "image/png", file.stat().st_size)
    assert site.media / event.upload.path == file


def test_nothing_but_the_pixels_is_kept(site: Site) -> None:
    exif = Image.Exif()
    exif[0x010E] = SCRIPT.decode()
    exif[0x0112] = 6  # lying on its side
    for content, name in (
        (picture(kind="JPEG", exif=exif.tobytes()) + SCRIPT, "a.jpg"),
        (picture(exif=exif.tobytes()) + SCRIPT, "a.png"),
        (picture(kind="GIF", comment=SCRIPT) + SCRIPT, "a.gif"),
        (picture(kind="WEBP", exif=exif.tobytes()) + SCRIPT, "a.webp"),
    ):
        shown = fetch(site, send(site, name, content)).content
        assert SCRIPT not in shown
        assert b"Exif" not in shown
        expected = (40, 20) if name == "a.gif" else (20, 40)
        assert Image.open(io.BytesIO(shown)).size == expected, name


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": "20", "height": "20"}, (20, 10)),
        ({"width": "10"}, (10, 5)),
        ({"height": "5"}, (10, 5)),
        ({"width": "4000", "height": "4000"}, (40, 20)),
        ({"width": "999999999"}, (40, 20)),
        ({"width": "", "height": ""}, (40, 20)),
    ],
)
def test_a_picture_is_made_to_fit(site: Site, fields: dict[str, str], size: tuple[int, int]) -> None:
    shown = fetch(site, send(site, "a.png", picture(), who=None, **fields))
    assert Image.open(io.BytesIO(shown.content)).size == size


@pytest.mark.parametrize("width", ["0", "-1", "x", "1e9", "5.5", "٣", "9" * 100, "NaN", "1" * 2000])
def test_a_length_that_is_none(site: Site, width: str) -> None:
    refused(site, send(site, "a.png", picture(), width=width), "file.picture.invalid")


def test_bombs_do_not_go_off(site: Site) -> None:
    for width, height in ((8_000, 8_000), (30_000, 30_000), (2**31 - 1, 1)):
        content = bomb(width, min(height, 9_000)) if height > 1 else bomb(8, 1)
        if (width, height) != (8_000, 8_000):
            header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
            content = content[:8] + header + content[8 + len(header) :]
        assert len(content) < 500_000
        refused(site, send(site, "a.png", content), "file.picture.invalid")


def test_a_picture_of_many_frames_is_one_picture(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 30 * 30 * 4)
    refused(site, send(site, "a.gif", moving(frames=5)), "file.picture.invalid")
    assert send(site, "a.gif", moving(frames=4)).status_code == 201


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.webp"])
@pytest.mark.parametrize(
    "content",
    [picture()[:40], b"\x89PNG\r\n\x1a\n", SCRIPT, b"GIF89a" + SCRIPT, b"%PDF-1.4", picture(kind="BMP"), b"\0" * 99],
)
def test_what_is_no_picture(site: Site, name: str, content: bytes) -> None:
    refused(site, send(site, name, content), "file.picture.invalid")


# Other files

FILES = [
    ("a.pdf", b"%PDF-1.7\n" + SCRIPT, "application/pdf"),
    ("a.txt", SCRIPT + "ä".encode(), "text/plain; charset=utf-8"),
    ("a.mp3", b"ID3\x04", "audio/mpeg"),
    ("a.mp4", b"\0\0\0\x18ftypmp42" + SCRIPT, "video/mp4"),
    ("a.webm", b"\x1a\x45\xdf\xa3" + SCRIPT, "video/webm"),
    ("a.ogg", b"OggS", "audio/ogg"),
]


@pytest.mark.parametrize(("name", "content", "type_"), FILES)
def test_what_is_no_picture_is_a_download(site: Site, name: str, content: bytes, type_: str) -> None:
    shown = fetch(site, send(site, f"../../{name}", content, "text/html"))
    assert shown.content == content
    assert shown.headers["content-type"] == type_
    assert shown.headers["content-disposition"].startswith("attachment; ")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-length"] == str(len(content))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ("a.html", SCRIPT, "image/png"),
        ("a.png.html", picture(), "image/png"),
        ("a", SCRIPT, "text/html"),
        ("a", SCRIPT, ""),
        ("", picture(), "image/svg+xml"),
        ("a.pdf", SCRIPT, "application/pdf"),
        ("a.mp4", SCRIPT, "video/mp4"),
        ("a.mp3", b"", "audio/mpeg"),
        ("a.txt", b"\xff\xfe", "text/plain"),
        ("a.txt", b"a\0b", "text/plain"),
        ("a.exe", b"MZ", "application/octet-stream"),
    ],
)
def test_what_may_not_be_uploaded(site: Site, name: str, content: bytes, kind: str) -> None:
    answer = send(site, name, content, kind)
    refused(site, answer, "file.type" if name else "file.missing")


def test_a_part_of_a_file(site: Site) -> None:
    content = b"ID3" + bytes(range(97))
    sent = send(site, "a.mp3", content)
    for wanted, status, given in (
        ("bytes=0-9", 206, content[:10]),
        ("bytes=90-", 206, content[90:]),
        ("bytes=-10", 206, content[90:]),
        ("bytes=90-999", 206, content[90:]),
        ("bytes=200-300", 200, content),
        ("bytes=9-3", 200, content),
        ("bytes=-", 200, content),
        ("bytes=0-1,5-6", 200, content),
        ("rubbish", 200, content),
    ):
        shown = fetch(site, sent, Range=wanted)
        assert (shown.status_code, shown.content) == (status, given), wanted
        assert shown.headers["content-length"] == str(len(given))
    assert fetch(site, sent, Range="bytes=1-2").headers["content-range"] == "bytes 1-2/100"


@pytest.mark.parametrize(
    "path",
    [
        "../hubbub.db",
        "..%2fhubbub.db",
        "main/../../hubbub.db",
        "main/%2e%2e/%2e%2e/hubbub.db",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "main",
        "main/",
        ".incoming-abc",
        "main/" + "x" * 32 + ".png",
        "main/" + "x" * 32 + ".png%00",
        "main/" + "x" * 32 + ".html",
        "main\\..\\..\\hubbub.db",
    ],
)
def test_nothing_else_is_served(site: Site, path: str) -> None:
    (site.media / "main").mkdir(parents=True)
    (site.media / "main" / ("x" * 32 + ".html")).write_bytes(SCRIPT)
    assert (site.media.parent / "hubbub.db").exists()
    assert site.ask("GET", f"/media/pub/{path}").status_code == 404


# Who, and where


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer rubbish", "Client", "Client nobody", "Basic eDp5", "client  ", "Bearer " + "x" * 20_000],
)
def test_strangers_upload_nothing(site: Site, value: str) -> None:
    before = dict(site.world.users)
    answer = send(site, "a.png", picture(), who={"Authorization": value})
    assert answer.status_code == 403
    assert site.world.users == before
    assert stored(site) == []


def test_who_is_banned_or_silenced_uploads_nothing(site: Site) -> None:
    for client_id, command in (("one", BanUser), ("two", SilenceUser)):
        user = site.guest(client_id)
        who = {"Authorization": f"Client {client_id}"}
        assert send(site, "a.png", picture(), who=who).status_code == 201
        kept = stored(site)
        site.do(command(user=user))
        assert send(site, "a.png", picture(), who=who).status_code == 403
        assert stored(site) == kept


def test_the_world_is_found_by_the_host(site: Site) -> None:
    other = site.add_world("other", domain="Other.example.org")
    token = site.bearer()
    for host in ("other.example.org", "OTHER.example.org:8420"):
        assert send(site, "a.png", picture(), who={**token, "Host": host}).status_code == 403, host
    assert not other.users
    assert send(site, "a.png", picture(), who={**token, "Host": "elsewhere.example"}).status_code == 201
    assert send(site, "a.png", picture(), who={**token, "Host": "evil/<x>"}).status_code == 400
    assert "evil" not in send(site, "a.png", picture(), who={**token, "Host": "[x@evil"}).json()["url"]


def test_uploading_is_limited(tmp_path: Path) -> None:
    with open_site(tmp_path, rates={"upload": Rate(1, 2)}) as site:
        statuses = [send(site, "a.txt", b"x").status_code for _ in range(3)]
        assert statuses == [201, 201, 429]
        site.guest("other")
        assert send(site, "a.txt", b"x", who={"Authorization": "Client other"}).status_code == 201


# The form


def test_too_large_a_file(tmp_path: Path) -> None:
    with open_site(tmp_path, max_upload=1000) as site:
        assert send(site, "a.txt", b"x" * 1000).status_code == 201
        (kept,) = stored(site)
        for size in (1001, 50_000, 500_000):
            answer = send(site, "a.txt", b"x" * size)
            assert (answer.status_code, answer.json()) == (400, {"error": "file.size"})
        assert stored(site) == [kept]


def test_reading_stops_when_it_is_too_much(tmp_path: Path) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        while read < 100_000_000:
            read += 10_000
            yield b"x" * 10_000

    with open_site(tmp_path, max_upload=100_000) as site:
        headers = {**site.bearer(), "Content-Type": "multipart/form-data; boundary=b"}
        answer = site.ask("POST", "/storage/upload/", content=endless(), headers=headers)
        assert (answer.status_code, answer.json()) == (400, {"error": "file.size"})
        assert read < 1_000_000


def form(*parts: str) -> bytes:
    return "".join(f"--b\r\n{part}\r\n" for part in parts).encode() + b"--b--\r\n"


FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\n",
        b"rubbish",
        form(FILE)[:-8],
        form(FILE, FILE),
        form('Content-Disposition: form-data; name="file"\r\n\r\nx'),
        form('Content-Disposition: form-data; name="other"; filename="a.txt"\r\n\r\nx'),
        form('Content-Disposition: form-data; name="x"\r\n' + "X: y\r\n" * 1000 + "\r\nx"),
        form("\r\nx"),
        form("Content-Disposition: attachment\r\n\r\nx"),
        form(*[f'Content-Disposition: form-data; name="{number}"\r\n\r\nx' for number in range(100)]),
        form('Content-Disposition: form-data; name="' + "x" * 100_000 + '"\r\n\r\nx'),
    ],
)
def test_a_form_without_a_file(site: Site, body: bytes) -> None:
    headers = {**site.bearer(), "Content-Type": "multipart/form-data; boundary=b"}
    refused(site, site.ask("POST", "/storage/upload/", content=body, headers=headers), "file.missing")


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "x" * 5000, "é"]
)
def test_what_is_no_form(site: Site, content_type: str) -> None:
    headers = {**site.bearer(), "Content-Type": content_type.encode().decode("latin-1")}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    refused(site, site.ask("POST", "/storage/upload/", content=form(FILE), headers=encoded), "file.missing")


def test_names_are_not_believed(site: Site) -> None:
    for name in ("../../../etc/passwd.txt", "a\0.txt", "C:\\x\\a.txt", "x" * 3000 + ".txt", "\u202etxt.exe.txt"):
        assert send(site, name, b"x").status_code == 201, name
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}\.txt", path.name) for path in stored(site))
