"""REST and uploads (1.17)."""

import struct
import zlib
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from tests.golden.placeholder import a_number, a_uuid, anything
from tests.golden.venueless.world import OPEN, PAGE, STREAM, UNKNOWN_ROOM, Json, World, chat, room

undisturbed = pytest.mark.world(shared="undisturbed")

uploading = pytest.mark.world(shared="uploading")

ROOM_KEYS = {
    "id",
    "deleted",
    "trait_grants",
    "module_config",
    "name",
    "description",
    "sorting_priority",
    "pretalx_id",
    "schedule_data",
}
LIMIT = 10 * 2**20  # bytes of an upload


def names(rooms: list[Json]) -> list[str]:
    return [shown["name"] for shown in rooms]


def room_path(world: World, name: str) -> str:
    return f"{world.api}/rooms/{world.member('crew').room(name)}/"


# Who may


@undisturbed
@pytest.mark.parametrize("path", ["/", "/rooms/"])
def test_rest_wants_a_token_that_may_use_it(world: World, browser: httpx.Client, path: str) -> None:
    url = world.api + path
    assert browser.get(url).status_code in {401, 403}
    assert browser.get(url, headers={"Authorization": "Bearer rubbish"}).status_code in {401, 403}
    forged = world.token("api", secret="not-the-secret-of-this-golden-world")
    assert browser.get(url, headers={"Authorization": f"Bearer {forged}"}).status_code in {401, 403}
    assert browser.get(url, headers={"Authorization": "Client somebody"}).status_code in {401, 403}
    assert browser.get(url, headers=world.bearer()).status_code == 403
    assert browser.get(url, headers=world.bearer("admin")).status_code == 403
    assert browser.get(url, headers=world.bearer("api")).status_code == 200


@undisturbed
def test_the_secrets_of_a_world_are_a_permission_of_their_own(world: World, browser: httpx.Client) -> None:
    assert browser.get(f"{world.api}/", headers=world.bearer("schedule")).status_code == 403


@undisturbed
def test_a_token_opens_no_other_world(world: World, browser: httpx.Client) -> None:
    response = browser.get("/api/v1/worlds/nosuchworld/", headers=world.bearer("api"))
    assert response.status_code in {401, 403, 404}


# World


@undisturbed
def test_reading_a_world(world: World, browser: httpx.Client) -> None:
    shown = browser.get(f"{world.api}/", headers=world.bearer("api")).json()
    assert shown == {
        "id": world.id,
        "title": world.title,
        "config": anything(),
        "trait_grants": world.config["trait_grants"],
        "roles": world.config["roles"],
        "domain": anything(),
    }
    assert shown["config"]["JWT_secrets"] == world.config["world"]["JWT_secrets"]


def test_changing_a_world(world: World, browser: httpx.Client) -> None:
    guest = world.guest()
    url = f"{world.api}/"
    assert browser.patch(url, json={"title": "Democon"}, headers=world.bearer("schedule")).status_code == 403
    assert browser.patch(url, json={"title": "Democon"}, headers=world.bearer()).status_code == 403
    guest.silence()
    response = browser.patch(url, json={"title": "Democon"}, headers=world.bearer("api"))
    assert response.status_code == 200
    assert response.json()["title"] == "Democon"
    assert guest.expect("world.updated")["world"]["title"] == "Democon"
    assert browser.get(url, headers=world.bearer("api")).json()["title"] == "Democon"


@undisturbed
def test_a_world_cannot_be_deleted(world: World, browser: httpx.Client) -> None:
    assert browser.delete(f"{world.api}/", headers=world.bearer("api")).status_code in {403, 405}
    world.guest().silence()


# Rooms


@undisturbed
def test_listing_rooms(world: World, browser: httpx.Client) -> None:
    page = browser.get(f"{world.api}/rooms/", headers=world.bearer("api")).json()
    assert page.keys() == {"count", "next", "previous", "results"}
    assert (page["count"], page["next"], page["previous"]) == (5, None, None)
    assert names(page["results"]) == ["About", "Main Stage", "Workshop", "Lounge", "Backstage"]
    stage = page["results"][1]
    assert stage == {
        "id": a_uuid(),
        "deleted": False,
        "trait_grants": OPEN,
        "module_config": [STREAM, chat(volatile=True)],
        "name": "Main Stage",
        "description": "About Main Stage",
        "sorting_priority": a_number(),
        "pretalx_id": 130,
        "schedule_data": None,
    }
    assert browser.get(room_path(world, "Main Stage"), headers=world.bearer("api")).json() == stage


@pytest.mark.world(rooms=[room(f"r{number}", f"Room {number:03}") for number in range(55)])
def test_rooms_come_in_pages_of_fifty(world: World, browser: httpx.Client) -> None:
    first = browser.get(f"{world.api}/rooms/", headers=world.bearer("api")).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (55, 50, None)
    following = urlsplit(first["next"])
    assert following.path == f"{world.api}/rooms/"
    second = browser.get(f"{following.path}?{following.query}", headers=world.bearer("api")).json()
    assert (second["count"], len(second["results"]), second["next"]) == (55, 5, None)
    assert urlsplit(second["previous"]).path == f"{world.api}/rooms/"
    assert names(first["results"] + second["results"]) == [f"Room {number:03}" for number in range(55)]


def test_creating_a_room(world: World, browser: httpx.Client) -> None:
    guest = world.guest()
    url = f"{world.api}/rooms/"
    body = {
        "name": "Forum",
        "description": "Talk",
        "sorting_priority": 100,
        "trait_grants": OPEN,
        "module_config": [PAGE],
    }
    assert browser.post(url, json=body, headers=world.bearer()).status_code == 403
    assert browser.post(url, json=body, headers=world.bearer("schedule")).status_code == 403
    guest.silence()
    response = browser.post(url, json=body, headers=world.bearer("api"))
    assert response.status_code == 201
    made = response.json()
    assert made.keys() == ROOM_KEYS
    assert {key: made[key] for key in body} == body
    assert names(guest.hear("world.updated")["rooms"])[-1] == "Forum"
    assert browser.get(f"{url}{made['id']}/", headers=world.bearer("api")).json() == made


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_changing_a_room(world: World, browser: httpx.Client, method: str) -> None:
    guest = world.guest()
    url = room_path(world, "Lounge")
    before = browser.get(url, headers=world.bearer("api")).json()
    body = {"name": "Forum"} if method == "PATCH" else {**before, "name": "Forum"}
    assert browser.request(method, url, json=body, headers=world.bearer("schedule")).status_code == 403
    guest.silence()
    response = browser.request(method, url, json=body, headers=world.bearer("api"))
    assert response.status_code == 200
    assert response.json() == {**before, "name": "Forum"}
    assert "Forum" in names(guest.expect("world.updated")["rooms"])
    assert browser.get(url, headers=world.bearer("api")).json()["name"] == "Forum"


def test_deleting_a_room_is_final(world: World, browser: httpx.Client) -> None:
    admin = world.member("admin")
    url, lounge = room_path(world, "Lounge"), admin.room("Lounge")
    assert browser.delete(url, headers=world.bearer("schedule")).status_code == 403
    admin.silence()
    assert browser.delete(url, headers=world.bearer("api")).status_code == 204
    assert "Lounge" not in names(admin.hear("world.updated")["rooms"])
    admin.drain()
    assert browser.get(url, headers=world.bearer("api")).status_code == 404
    assert browser.delete(url, headers=world.bearer("api")).status_code == 404
    assert admin.refused("room.config.get", {"room": lounge}) == UNKNOWN_ROOM
    listed = browser.get(f"{world.api}/rooms/", headers=world.bearer("api")).json()
    assert "Lounge" not in names(listed["results"])


@undisturbed
@pytest.mark.parametrize(
    "body", [b"rubbish", b"[]", b'"x"', b'{"name": null}', b'{"name": []}', b'{"trait_grants": 5}']
)
def test_a_bad_body_is_a_bad_request(world: World, browser: httpx.Client, body: bytes) -> None:
    headers = {**world.bearer("api"), "Content-Type": "application/json"}
    guest = world.guest()
    assert browser.patch(room_path(world, "Lounge"), content=body, headers=headers).status_code == 400
    guest.silence()


@undisturbed
@pytest.mark.parametrize("missing", ["6f8a2b1c-0d3e-4f5a-8b7c-9d0e1f2a3b4c", "not-a-uuid"])
def test_an_unknown_room_is_not_found(world: World, browser: httpx.Client, missing: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        response = browser.request(method, f"{world.api}/rooms/{missing}/", json={}, headers=world.bearer("api"))
        assert response.status_code == 404


# Commands over HTTP


def test_deleting_users(world: World, browser: httpx.Client) -> None:
    url = f"{world.api}/delete_user"
    guest, member = world.guest(client_id="gone"), world.member(uid="5432")
    assert browser.post(url, json={"user_id": guest.id}, headers=world.bearer("schedule")).status_code == 403
    guest.silence()
    assert browser.post(url, json={"user_id": guest.id}, headers=world.bearer("api")).status_code == 204
    assert browser.post(url, json={"token_id": "5432"}, headers=world.bearer("api")).status_code == 204
    assert browser.post(url, json={}, headers=world.bearer("api")).status_code == 400
    assert browser.post(url, json={"user_id": str(uuid4())}, headers=world.bearer("api")).status_code == 404
    assert browser.post(url, json={"token_id": "nobody"}, headers=world.bearer("api")).status_code == 404
    assert world.guest(client_id="gone").id != guest.id
    assert world.member(uid="5432").id != member.id


def test_a_schedule_update_is_told_to_everybody(world: World, browser: httpx.Client) -> None:
    url = f"{world.api}/schedule_update"
    guest = world.guest()
    pretalx = {"domain": "https://pretalx.example/", "event": "golden"}
    assert browser.post(url, json=pretalx, headers=world.bearer()).status_code == 403
    assert browser.post(url, json={"event": "golden"}, headers=world.bearer("schedule")).status_code >= 400
    wrong = {**pretalx, "event": "other"}
    assert browser.post(url, json=wrong, headers=world.bearer("schedule")).status_code >= 400
    guest.silence()
    assert browser.post(url, json=pretalx, headers=world.bearer("schedule")).status_code == 200
    shown = {**guest.expect("world.schedule.updated")}
    assert {key: shown[key] for key in pretalx} == pretalx


# Uploads


def png(padding: int = 0) -> bytes:
    """Draw one black pixel, with as many bytes of comment as wanted."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    comment = chunk(b"tEXt", b"Comment\0" + b"x" * padding) if padding else b""
    return b"\x89PNG\r\n\x1a\n" + header + comment + chunk(b"IDAT", zlib.compress(b"\0\0\0\0")) + chunk(b"IEND", b"")


Upload = Callable[..., httpx.Response]


@pytest.fixture
def upload(world: World, browser: httpx.Client) -> Upload:
    """Return a function that uploads a file to the world as one of its members, or as the headers say."""
    headers = {**world.settle(browser), **world.bearer()}

    def post(name: str, content: bytes, kind: str, **more: str) -> httpx.Response:
        files = {"file": (name, content, kind)}
        return browser.post("/storage/upload/", files=files, headers={**headers, **more})

    return post


def error_of_upload(response: httpx.Response) -> str:
    assert response.status_code == 400, response.text
    assert response.json().keys() == {"error"}
    return str(response.json()["error"])


@uploading
def test_uploading_a_picture_with_a_token(world: World, upload: Upload, browser: httpx.Client) -> None:
    response = upload("dot.png", png(), "image/png")
    assert response.status_code == 201, response.text
    assert response.json().keys() == {"url"}
    url = urlsplit(response.json()["url"])
    shown = browser.get(url.path, headers={"Host": world.domain})
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/png"
    assert shown.content.startswith(b"\x89PNG")


@uploading
def test_uploading_a_picture_with_a_client_id(world: World, upload: Upload) -> None:
    world.guest(client_id="uploader")
    response = upload("dot.png", png(), "image/png", Authorization="Client uploader")
    assert response.status_code == 201, response.text


@uploading
@pytest.mark.parametrize("authorization", ["", "Bearer rubbish", "Client nobody", "Basic eDp5"])
def test_uploading_needs_a_login(world: World, upload: Upload, authorization: str) -> None:
    assert upload("dot.png", png(), "image/png", Authorization=authorization).status_code in {401, 403}


@uploading
def test_uploading_nothing(world: World, browser: httpx.Client) -> None:
    headers = {**world.settle(browser), **world.bearer()}
    files = {"width": (None, b"100")}
    assert error_of_upload(browser.post("/storage/upload/", files=files, headers=headers)) == "file.missing"


@uploading
@pytest.mark.parametrize(
    ("name", "kind"),
    [("virus.exe", "application/x-msdownload"), ("page.html", "text/html"), ("app.js", "text/javascript")],
)
def test_uploading_something_else(world: World, upload: Upload, name: str, kind: str) -> None:
    assert error_of_upload(upload(name, b"<script>alert(1)</script>", kind)) == "file.type"


@uploading
def test_uploading_too_much(world: World, upload: Upload) -> None:
    assert error_of_upload(upload("big.png", png(LIMIT), "image/png")) == "file.size"


@uploading
def test_uploading_a_broken_picture(world: World, browser: httpx.Client) -> None:
    headers = {**world.settle(browser), **world.bearer()}
    files = {"file": ("dot.png", png()[:40], "image/png")}
    response = browser.post("/storage/upload/", files=files, data={"width": "10", "height": "10"}, headers=headers)
    assert error_of_upload(response) == "file.picture.invalid"
