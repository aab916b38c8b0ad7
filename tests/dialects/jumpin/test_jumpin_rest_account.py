"""Sessions, accounts and what people prefer, over /api/user/."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.dialects.jumpin.browser import PASSWORD, Browser, add_room, enter, pass_time
from tests.web.site import Site, open_site

from hubbub.core.account import RESERVED
from hubbub.core.room import RoomSettings, UpdateRoom
from hubbub.core.user import BanUser, DeleteUser, GrantRole, UpdateUser
from hubbub.core.world import UpdateWorld
from hubbub.dialects.jumpin.id import Kind, render
from hubbub.dialects.jumpin.identity import SESSION_LIFE, read_session

USER_KEYS = {
    *("user_id", "username", "isAdmin", "isSiteMod", "isSupporter", "isGold", "userIcon", "settings", "videoQuality"),
}
SETTINGS = {
    "playYtVideos": True,
    "allowPrivateMessages": True,
    "pushNotificationsEnabled": False,
    "receiveUpdates": False,
    "receiveMessageNotifications": True,
    "darkTheme": False,
    "wideLayout": False,
    "videoQuality": "VIDEO_240",
    "userIcon": None,
    "ignoreList": [],
}
MISSING = {"error": "Identification token missing"}


def session_of(browser: Browser) -> Any:
    answer = browser.post("/api/user/session")
    assert answer.status_code == 200
    return answer.json()


# Sessions


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"Content-Type": "application/octet-stream", "Content-Length": "0"}},
        {"headers": {"Sec-WebSocket-Protocol": "janus-protocol"}},
        {"json": {"fp": "a fingerprint"}},
        {"json": [1]},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"\xff" * 1000},
    ],
)
def test_a_guest_gets_a_token_and_nothing_else(site: Site, more: dict[str, Any]) -> None:
    browser, users = Browser(site), len(site.world.users)
    answer = browser.ask("POST", "/api/user/session", **more)
    assert answer.status_code == 200
    assert answer.json().keys() == {"token"}
    assert browser.client.cookies["jic.activity"] == answer.json()["token"]
    assert read_session(site.world, answer.json()["token"], site.community.clock()).session
    assert len(site.world.users) == users, "who only has a session is nobody yet"


def test_an_account_is_told_who_it_is(site: Site, ada: Browser) -> None:
    found = session_of(ada)
    assert found.keys() == {"token", "user"}
    user = found["user"]
    assert user.keys() == USER_KEYS
    assert (user["user_id"], user["username"], user["isAdmin"]) == (ada.id, "Ada", False)
    assert user["settings"] == SETTINGS
    quality = {"id": "VIDEO_240", "label": "240p", "dimensions": {"width": 320, "height": 240}}
    assert user["videoQuality"] == {**quality, "frameRate": 15, "bitRate": 128_000}
    assert all(user[key] in (None, False) for key in ("isSiteMod", "isSupporter", "isGold", "userIcon"))
    assert ada.user
    site.do(GrantRole(user=ada.user.id, role="admin"))
    assert session_of(ada)["user"]["isAdmin"] is True


def test_the_session_stays_the_same_and_lives_on(site: Site, browser: Browser) -> None:
    now = site.community.clock

    def session() -> str:
        return read_session(site.world, session_of(browser)["token"], now()).session

    first = session()
    pass_time(site, SESSION_LIFE - timedelta(minutes=1))
    assert session() == first
    pass_time(site, SESSION_LIFE - timedelta(minutes=1))
    assert session() == first
    pass_time(site, SESSION_LIFE)
    assert session() != first


def test_logging_in_keeps_the_session(site: Site, browser: Browser) -> None:
    now = site.community.clock()
    before = read_session(site.world, session_of(browser)["token"], now)
    browser.log_in("Ada")
    after = read_session(site.world, session_of(browser)["token"], now)
    assert (after.session, before.user) == (before.session, 0)
    assert browser.user and after.user == browser.user.id


def test_a_cookie_that_is_no_session(site: Site) -> None:
    for cookie in ("", "x", "x.y.z", "x" * 20_000, '{"a": 1}', "\x7f", "=;="):
        headers = {"Cookie": f"jic.activity={cookie}"}
        answer = Browser(site).get("/api/janus/token", headers=headers)
        assert (answer.status_code, answer.content) == (403 if cookie else 401, b"")
        assert Browser(site).post("/api/user/session", headers=headers).status_code == 200


def test_without_a_session(site: Site) -> None:
    answer = Browser(site).get("/api/janus/token")
    assert (answer.status_code, answer.content) == (401, b"")


def test_a_session_of_another_world_is_none(site: Site) -> None:
    site.add_world("other", domain="other.test")
    answer = Browser(site).ask("POST", "/api/user/session", headers={"Host": "other.test"})
    browser = Browser(site)
    browser.client.cookies["jic.activity"] = answer.json()["token"]
    assert browser.get("/api/janus/token").status_code == 403


def test_cookies_of_other_programs_do_not_matter(site: Site, ada: Browser) -> None:
    own = "; ".join(f"{name}={value}" for name, value in ada.client.cookies.items())
    odd = f'a[b]={{"x": 1}}; nonsense; =; x y="z; {own}; jic=1'
    answer = Browser(site).get(f"/api/message/{ada.id}/unread", headers={"Cookie": odd})
    assert answer.json() == {"unread": 0}


def test_a_socket_is_bound_to_its_session(site: Site, ada: Browser, browser: Browser) -> None:
    path = "/api/user/socket/old/aaaa/new/bbbb"
    assert Browser(site).put(path).status_code == 401
    assert (browser.put(path).status_code, ada.put(path).status_code) == (403, 403)
    assert ada.user
    enter(site, ada.user.id, add_room(site).id)
    answer = ada.put(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert browser.put(path).status_code == 403


# Making an account


REGISTRATION = {
    "username": "Bob",
    "email": "bob@example.org",
    "password": PASSWORD,
    "settings": {"receiveUpdates": False},
    "ip": "192.0.2.1",
    "fingerprint": "",
}


def test_registering_makes_an_account_and_its_room(site: Site) -> None:
    browser = Browser(site)
    answer = browser.post("/api/user/register", REGISTRATION)
    assert answer.status_code == 201
    body = answer.json()
    assert body.keys() == {"error", "data", "message"} and body["error"] is body["message"] is None
    assert body["data"].keys() == {"user", "room", "token"}
    assert body["data"]["user"].keys() == USER_KEYS
    assert (body["data"]["room"]["name"], body["data"]["room"]["attrs"]["owner"]) == (
        "bob",
        body["data"]["user"]["user_id"],
    )
    assert "hash" not in answer.text and PASSWORD not in answer.text
    assert session_of(browser)["user"]["username"] == "Bob"
    again = Browser(site).get(f"/api/user/{'bob'}", headers={"Authorization": body["data"]["token"]})
    assert again.json() == {"userId": body["data"]["user"]["user_id"], "username": "Bob"}


def test_a_name_that_is_taken(site: Site, ada: Browser) -> None:
    answer = Browser(site).post("/api/user/register", {**REGISTRATION, "username": "aDA"})
    assert (answer.status_code, answer.json()) == (403, {"error": None, "data": {}, "message": "ERR_USER_EXISTS"})


WRONG_REGISTRATIONS: list[dict[str, Any]] = [
    *({"username": "a b"}, {"username": ""}, {"username": 5}, {"username": None}, {"username": "x" * 17}),
    *({"username": "admin"}, {"username": "Änne"}, {"password": "short"}, {"password": ["x"]}, {"password": None}),
    {"password": "x" * 1000},
]


def test_what_cannot_be_registered(site: Site) -> None:
    users = len(site.world.users)
    for wrong in WRONG_REGISTRATIONS:
        answer = Browser(site).post("/api/user/register", {**REGISTRATION, **wrong})
        assert answer.status_code == 400, wrong
        assert answer.json()["message"] == "ERR_INPUT_VALIDATION"
        assert answer.json()["error"]["message"]
    assert len(site.world.users) == users


def test_no_room_is_taken_from_somebody(site: Site) -> None:
    room = add_room(site, "Bob")
    body = Browser(site).post("/api/user/register", REGISTRATION).json()
    assert body["data"]["room"] is None
    assert site.world.granted_roles(site.world.by_login["bob"], room.id) == ()


def test_where_people_make_no_accounts(site: Site) -> None:
    site.do(UpdateWorld(config={"registration": False}))
    answer = Browser(site).post("/api/user/register", REGISTRATION)
    assert (answer.status_code, answer.json()["message"]) == (403, "ERR_REGISTRATION_CLOSED")


def test_registering_is_limited(site: Site) -> None:
    browser = Browser(site)
    found = [browser.post("/api/user/register", {}).status_code for _ in range(11)]
    assert found == [400] * 10 + [429]
    answer = browser.post("/api/user/login", {})
    assert answer.status_code == 429 and answer.headers["content-type"].startswith("text/plain")


def test_names_that_are_free(site: Site) -> None:
    for name in ("bob", "B0b", "x" * 16):
        answer = Browser(site).get(f"/api/user/checkusername/{name}")
        assert (answer.status_code, answer.content) == (200, b"")


def test_names_that_nobody_can_have(site: Site, ada: Browser) -> None:
    for name in (*sorted(RESERVED)[:3], "ADMIN", "x" * 17, "a%20b", "a-b", "%C3%A4", "%00", "ada"):
        answer = Browser(site).get(f"/api/user/checkusername/{name}")
        assert answer.status_code == 400
        assert answer.json()["error"] == ("ERR_USER_EXISTS" if name == "ada" else "ERR_VALIDATION")
        assert answer.json()["message"]


# Logging in and out by the API


def test_logging_in_gives_a_token_that_can_be_shown(site: Site, ada: Browser) -> None:
    browser = Browser(site)
    answer = browser.post("/api/user/login", {"username": "ADA", "password": PASSWORD})
    body = answer.json()
    assert (answer.status_code, body["error"], body["message"]) == (200, None, None)
    assert body["data"]["user"]["user_id"] == ada.id
    token = body["data"]["token"]
    for shown in (token, f"Bearer {token}"):
        answer = Browser(site).get(f"/api/message/{ada.id}/unread", headers={"Authorization": shown})
        assert answer.json() == {"unread": 0}
    assert Browser(site).post("/api/user/logout", headers={"Authorization": token}).status_code == 200
    answer = Browser(site).get(f"/api/message/{ada.id}/unread", headers={"Authorization": token})
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid user"})


def test_logging_in_wrongly(site: Site, ada: Browser) -> None:
    for body, status, message in (
        ({"username": "Ada", "password": "wrong horse"}, 401, "ERR_BAD_PASS"),
        ({"username": "Nobody", "password": PASSWORD}, 401, "ERR_BAD_PASS"),
        ({"username": "Ada"}, 400, "ERR_VALIDATION"),
        ({"username": {"$gt": ""}, "password": {"$gt": ""}}, 400, "ERR_VALIDATION"),
        ([], 400, "ERR_VALIDATION"),
        (None, 400, "ERR_VALIDATION"),
    ):
        answer = Browser(site).post("/api/user/login", body)
        assert (answer.status_code, answer.json()) == (status, {"error": None, "data": {}, "message": message})
        assert not answer.headers.get_list("set-cookie")


def test_who_is_banned_does_not_log_in(site: Site, ada: Browser) -> None:
    assert ada.user
    site.do(BanUser(user=ada.user.id))
    answer = Browser(site).post("/api/user/login", {"username": "Ada", "password": PASSWORD})
    assert (answer.status_code, answer.json()["message"]) == (403, "ERR_USER_BANNED")


def test_logging_out(site: Site, ada: Browser) -> None:
    access = ada.access()
    answer = ada.post("/api/user/logout")
    assert (answer.status_code, answer.content) == (200, b"")
    assert access not in site.world.tokens and "jic.ident" not in ada.client.cookies
    assert session_of(ada).keys() == {"token"}, "the session's own token is worth no account any more"
    assert Browser(site).post("/api/user/logout").status_code == 200


# Who may ask


ACCOUNT_ONLY = [
    ("GET", "/api/user/ada"),
    ("POST", "/api/user/{id}/settings"),
    ("PUT", "/api/user/{id}/theme?dark=true"),
    ("PUT", "/api/user/setLayout"),
    ("PUT", "/api/user/setBroadcastQuality?quality=VIDEO_480"),
    ("PUT", "/api/user/{id}/setnotifications"),
    ("PUT", "/api/user/{id}/changeEmail"),
    ("PUT", "/api/user/{id}/uploadImage"),
    ("PUT", "/api/user/{id}/uploadUserIcon"),
    ("POST", "/api/user/hasremindedverify"),
    ("GET", "/api/youtube/search/x"),
    ("GET", "/api/message/{id}/unread"),
    ("GET", "/api/message/{id}"),
    ("POST", "/api/message/{id}"),
    ("PUT", "/api/message/read"),
    ("PUT", "/api/rooms/lobby/settings"),
    ("GET", "/api/rooms/lobby/settings"),
    ("PUT", "/api/rooms/lobby/inforead"),
    ("PUT", "/api/rooms/lobby/setAgeRestricted"),
    ("POST", "/api/role/enroll"),
    ("POST", "/api/role/"),
    ("PUT", "/api/role/room/lobby"),
    ("GET", "/api/role/room/lobby/enrollments"),
    ("POST", "/api/admin/siteban"),
    ("POST", "/api/admin/rooms/lobby/close"),
    ("DELETE", "/api/user/{id}/remove"),
]
SESSION_ONLY = [
    ("GET", "/api/user/{id}/profile"),
    ("GET", "/api/rooms/lobby"),
    ("POST", "/api/rooms/lobby/password"),
    ("POST", "/api/rooms/confirmAge"),
    ("GET", "/api/rooms/push/publickey"),
    ("POST", "/api/rooms/push/x/register"),
    ("GET", "/api/youtube/lobby/playlist"),
    ("PUT", "/api/youtube/playvideos?play=true"),
    ("GET", "/api/role/room/lobby/all"),
    ("GET", "/api/role/user/lobby/x"),
    ("GET", "/api/janus/endpoints"),
    ("GET", "/api/janus/token"),
]


def test_what_only_accounts_may(site: Site, ada: Browser, browser: Browser) -> None:
    for method, form in ACCOUNT_ONLY:
        path = form.format(id=ada.id)
        answer = browser.ask(method, path, json={})
        assert (answer.status_code, answer.json()) == (401, MISSING), path
        for headers in ({"Authorization": "nonsense"}, {"Authorization": "Bearer x.y.z"}, {"Cookie": "jic.ident=x"}):
            answer = Browser(site).ask(method, path, json={}, headers=headers)
            assert (answer.status_code, answer.json()) == (401, {"error": "Invalid user"}), path
        assert ada.ask(method, path, json={}).status_code != 401, path


def test_what_needs_a_session(site: Site, ada: Browser, browser: Browser) -> None:
    for method, form in SESSION_ONLY:
        path = form.format(id=ada.id)
        answer = Browser(site).ask(method, path, json={})
        assert (answer.status_code, answer.content) == (401, b""), path
        answer = Browser(site).ask(method, path, json={}, headers={"Cookie": "jic.activity=x"})
        assert (answer.status_code, answer.content) == (403, b""), path
        assert browser.ask(method, path, json={}).status_code != 401, path


UNSAFE = [(method, path) for method, path in (*ACCOUNT_ONLY, *SESSION_ONLY) if method != "GET"]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_no_other_site_changes_anything(ada: Browser, headers: dict[str, str]) -> None:
    before = ada.site.world.version, dict(ada.site.world.users), dict(ada.site.world.rooms)
    for method, path in UNSAFE:
        answer = ada.ask(method, path.format(id=ada.id), json={}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "ERR_NO_PERMISSION"), path
    assert (ada.site.world.version, ada.site.world.users, ada.site.world.rooms) == before


OWN = [one for one in ACCOUNT_ONLY if "{id}" in one[1] and one != ("POST", "/api/message/{id}")]


def test_what_is_somebody_elses(site: Site, ada: Browser) -> None:
    bob = Browser(site).log_in("Bob")
    for method, path in OWN:
        for wrong in (ada.id, "x", "0" * 24, render(bob.user.id if bob.user else 0, Kind.ROOM), "%00", "null"):
            answer = bob.ask(method, path.format(id=wrong), json={})
            assert (answer.status_code, answer.json()["error"]) == (403, "ERR_NO_PERMISSION"), path
    assert ada.user and not site.world.users[ada.user.id].deleted


def test_a_token_ends(site: Site, ada: Browser) -> None:
    pass_time(site, timedelta(days=181))
    answer = ada.get(f"/api/message/{ada.id}/unread")
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid user"})


def test_who_is_banned_from_the_world_may_nothing(site: Site, ada: Browser) -> None:
    assert ada.user
    site.do(BanUser(user=ada.user.id))
    for method, path, body in (
        ("POST", f"/api/user/{ada.id}/settings", {"darkTheme": True}),
        ("DELETE", f"/api/user/{ada.id}/remove", None),
        ("GET", "/api/user/ada", None),
        ("GET", "/api/youtube/search/x", None),
    ):
        assert ada.ask(method, path, json=body).status_code == 403
    assert session_of(ada)["user"]["user_id"] == ada.id, "joining a room is where they are told"


# Looking people up


def test_finding_somebody_by_name(site: Site, ada: Browser) -> None:
    bob = Browser(site).log_in("Bob")
    assert bob.get("/api/user/ADA").json() == {"userId": ada.id, "username": "Ada"}
    for name in ("nobody", "%00", "x" * 5000, "lobby"):
        answer = bob.get(f"/api/user/{name}")
        assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/plain")


def test_a_profile(site: Site, ada: Browser, browser: Browser) -> None:
    assert ada.user
    site.do(UpdateUser(user=ada.user.id, profile={"display_name": "Ada", "location": "London"}))
    answer = browser.get(f"/api/user/{ada.id}/profile")
    assert answer.json() == {
        "username": "Ada",
        "joinDate": "2026-03-01T12:00:00.000Z",
        "lastActive": "2026-03-01T12:00:00.000Z",
        "location": "London",
        "pic": "user-avatar/avatar-blank.png",
        "trophies": [],
        "trophyCount": 0,
        "userType": "registered user",
    }
    assert browser.guest() is None, "looking makes nobody a user"
    for role, kind in (("moderator", "site moderator"), ("admin", "site administrator"), ("owner", None)):
        site.do(GrantRole(user=ada.user.id, role=role))
        assert browser.get(f"/api/user/{ada.id}/profile").json()["userType"] == (kind or "site administrator")


def test_profiles_that_there_are_not(site: Site, ada: Browser, browser: Browser) -> None:
    browser.post("/api/rooms/confirmAge")
    guest = browser.guest()
    assert guest and ada.user
    site.do(DeleteUser(user=ada.user.id))
    for wrong in (render(guest.id, Kind.USER), ada.id, "0" * 24, "x", "%00", render(ada.user.id, Kind.VISIT)):
        answer = browser.get(f"/api/user/{wrong}/profile")
        assert (answer.status_code, answer.json()["error"]) == (404, "ERR_NO_USER")


# What people prefer


def test_switches(ada: Browser) -> None:
    answer = ada.post(f"/api/user/{ada.id}/settings", {"allowPrivateMessages": False, "darkTheme": True, "more": 1})
    assert (answer.status_code, answer.content) == (200, b"")
    changed = {**SETTINGS, "allowPrivateMessages": False, "darkTheme": True}
    assert session_of(ada)["user"]["settings"] == changed
    assert ada.user and ada.site.world.users[ada.user.id].preferences["private_messages"] is False
    assert ada.put(f"/api/user/{ada.id}/theme?dark=false").json() == {"darkTheme": False}
    assert ada.put("/api/user/setLayout", {"wideLayout": True}).content == b""
    assert ada.put(f"/api/user/{ada.id}/setnotifications", {"enabled": True}).content == b""
    assert ada.put("/api/youtube/playvideos?play=false").json() == {"playVideos": False}
    assert ada.put("/api/user/setBroadcastQuality?quality=VIDEO_720_60").json()["frameRate"] == 60
    found = session_of(ada)["user"]
    assert found["videoQuality"]["label"] == "720p 60fps"
    assert found["settings"] == {
        **changed,
        **{"darkTheme": False, "wideLayout": True, "pushNotificationsEnabled": True, "playYtVideos": False},
        "videoQuality": "VIDEO_720_60",
    }


def test_preferences_that_make_no_sense(ada: Browser) -> None:
    for method, path, body, error in (
        ("POST", "{id}/settings", {"darkTheme": "yes"}, "ERR_INVALID_BODY"),
        ("POST", "{id}/settings", {"darkTheme": None}, "ERR_INVALID_BODY"),
        ("PUT", "{id}/theme", None, "ERR_INVALID_PARAMS"),
        ("PUT", "{id}/theme?dark=maybe", None, "ERR_INVALID_PARAMS"),
        ("PUT", "setLayout", {"wideLayout": 1}, "ERR_INVALID_BODY"),
        ("PUT", "setLayout", {}, "ERR_INVALID_BODY"),
        ("PUT", "{id}/setnotifications", {"enabled": []}, "ERR_INVALID_BODY"),
        ("PUT", "setBroadcastQuality", None, "ERR_INVALID_PARAMS"),
        ("PUT", "setBroadcastQuality?quality=VIDEO_9000", None, "ERR_INVALID_PARAMS"),
    ):
        answer = ada.ask(method, f"/api/user/{path.format(id=ada.id)}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, error), path
    assert ada.user and ada.site.world.users[ada.user.id].preferences == {}


def test_a_guest_remembers_for_themselves(browser: Browser) -> None:
    answer = browser.put("/api/youtube/playvideos?play=false")
    assert (answer.status_code, answer.content, browser.guest()) == (200, b"", None)


# Broadcasting


def test_who_may_broadcast(site: Site, browser: Browser) -> None:
    room = add_room(site)
    for path in ("", "/club", "/CLUB"):
        found = browser.get(f"/api/user/checkCanBroadcast{path}").json()["videoOptions"]
        assert [one["id"] for one in found][:2] == ["VIDEO_240", "VIDEO_480"] and len(found) == 6
    assert Browser(site).get("/api/user/checkCanBroadcast/club").status_code == 200
    assert browser.get("/api/user/checkCanBroadcast/nowhere").json()["error"] == "ERR_NO_ROOM"
    site.do(UpdateRoom(room=room.id, settings=RoomSettings(age_restricted=True)))
    answer = browser.get("/api/user/checkCanBroadcast/club")
    assert (answer.status_code, answer.text) == (403, "ERR_AGE_RESTRICTED")
    browser.post("/api/rooms/confirmAge")
    assert browser.get("/api/user/checkCanBroadcast/club").status_code == 200
    site.do(UpdateRoom(room=room.id, settings=RoomSettings(age_restricted=False, trait_grants={"viewer": []})))
    answer = browser.get("/api/user/checkCanBroadcast/club")
    assert (answer.status_code, answer.text) == (403, "You do not have permission to do this: broadcast")


# Upkeep


def test_a_reminder_is_remembered(ada: Browser) -> None:
    answer = ada.post("/api/user/hasremindedverify")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "jic.verifyReminder" in ada.client.cookies


def test_what_there_is_not(ada: Browser) -> None:
    for path in ("changeEmail", "uploadUserIcon"):
        answer = ada.put(f"/api/user/{ada.id}/{path}", {"email": "a@example.org"})
        assert (answer.status_code, answer.json()["error"]) == (501, "ERR_NOT_SUPPORTED")


def test_leaving_for_good(site: Site, ada: Browser) -> None:
    assert ada.user
    answer = ada.delete(f"/api/user/{ada.id}/remove")
    assert (answer.status_code, answer.content) == (204, b"")
    assert site.world.users[ada.user.id].deleted and "ada" not in site.world.by_login
    assert not {"jic.ident", "jic.activity"} & set(ada.client.cookies)
    assert Browser(site).log_in("Ada").id != ada.id


def test_an_owner_does_not_leave_by_mistake(site: Site, ada: Browser) -> None:
    assert ada.user
    site.do(GrantRole(user=ada.user.id, role="owner"))
    answer = ada.delete(f"/api/user/{ada.id}/remove")
    assert answer.status_code == 403 and "owner" in answer.json()["message"]


# Pictures


def picture(size: tuple[int, int] = (600, 300), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, kind)
    return file.getvalue()


def upload(browser: Browser, content: bytes, name: str = "me.png", field: str = "image") -> httpx.Response:
    return browser.put(f"/api/user/{browser.id}/uploadImage", files={field: (name, content)})


def test_a_picture_is_drawn_anew_and_shown(site: Site, ada: Browser, browser: Browser) -> None:
    answer = upload(ada, picture() + b"<script>")
    assert answer.status_code == 200, answer.text
    url = answer.json()["url"]
    assert url.startswith("http://hubbub.test/media/pub/main/")
    assert browser.get(f"/api/user/{ada.id}/profile").json()["pic"] == url
    shown = browser.get(httpx.URL(url).path)
    assert shown.headers["content-type"] == "image/png" and b"<script>" not in shown.content
    assert Image.open(io.BytesIO(shown.content)).size == (256, 128)
    assert upload(ada, picture(kind="JPEG"), "me.jpg", field="file").status_code == 200
    assert ada.user and site.world.users[ada.user.id].display_name == "Ada"


def test_what_is_no_picture(site: Site, ada: Browser) -> None:
    for content, name, error in (
        (b"<svg/>", "me.svg", "ERR_FILE_TYPE"),
        (b"%PDF-1.4", "me.pdf", "ERR_FILE_TYPE"),
        (b"nothing", "me.png", "ERR_FILE_TYPE"),
        (b"", "me.png", "ERR_FILE_TYPE"),
        (b"x" * (5 * 1024**2 + 1), "me.png", "ERR_FILE_LIMIT"),
    ):
        answer = upload(ada, content, name)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert not [path for path in site.media.rglob("*") if path.is_file()]


def test_what_is_no_form(ada: Browser) -> None:
    forms: list[dict[str, Any]] = [
        {"content": b"x"},
        {"json": {}},
        {"data": {"a": "b"}},
        {"files": {"a": "b", "c": "d"}},
    ]
    for more in forms:
        answer = ada.ask("PUT", f"/api/user/{ada.id}/uploadImage", **more)
        assert answer.status_code in (400, 415) and answer.json()["error"] == "ERR_FILE_TYPE"


def test_pictures_are_where_files_are(tmp_path: Path) -> None:
    where = {"venueless": {"prefix": "/v"}}
    from hubbub.dialects.place import Place

    places = {name: Place(**place) for name, place in where.items()}
    with open_site(tmp_path, videos="off", dialects=places) as site:
        ada = Browser(site).log_in("Ada")
        url = httpx.URL(upload(ada, picture()).json()["url"])
        assert url.path.startswith("/v/media/pub/main/") and ada.get(url.path).status_code == 200
