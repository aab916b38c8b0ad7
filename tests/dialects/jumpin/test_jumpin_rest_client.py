"""What real clients ask, in the order in which they were seen to ask it (protocols/jumpin.md 4)."""

from pathlib import Path
from typing import Any

from tests.dialects.jumpin.browser import PASSWORD, Browser, add_room
from tests.web.site import Site, open_site

from hubbub.core.account import Register
from hubbub.core.login import LogIn
from hubbub.dialects.jumpin.identity import read_session, visitor_of
from hubbub.dialects.place import Place

PROGRAM = {"User-Agent": "Python aiohttp", "Accept": "*/*", "Sec-WebSocket-Protocol": "janus-protocol"}
WEB = {
    "Accept": "application/json",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Referer": "http://hubbub.test/club",
}


def test_a_bot_logs_in_by_the_form_and_gets_a_session(site: Site) -> None:
    """The bot follows redirects, takes any final status but 200 for the end, and builds an object from the answer."""
    bot = Browser(site)
    site.do(Register(username="Robot", password=PASSWORD), user=0)
    form = {"action": "login", "username": "Robot", "password": PASSWORD}
    answer = bot.ask("POST", "/login", data=form, headers=PROGRAM, follow_redirects=True)
    assert (answer.status_code, answer.request.method, answer.url.path) == (200, "GET", "/")
    headers = {**PROGRAM, "Content-Length": "0", "Content-Type": "application/octet-stream"}
    answer = bot.ask("POST", "/api/user/session", headers=headers)
    assert answer.status_code == 200
    assert answer.json().keys() == {"token", "user"}, "any other key is one too many for the bot"
    token, user = answer.json()["token"], answer.json()["user"]
    visitor = read_session(site.world, token, site.community.clock())
    assert visitor.user == site.world.by_login["robot"], "the socket knows who it is without any cookie"
    assert site.do(LogIn(access=visitor.access), user=0).login == "robot"
    assert user["username"] == "Robot"
    answer = bot.ask("POST", "/logout", headers=PROGRAM, follow_redirects=True)
    assert answer.status_code == 200


def visit(site: Site, browser: Browser, room: str) -> dict[str, Any]:
    """Ask what the web client asks on the way into a room, and give the answers."""
    found: dict[str, Any] = {}

    def ask(method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = browser.ask(method, path, headers=WEB, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        assert answer.headers["cache-control"] == "no-store"
        return answer.json() if answer.content else None

    found["session"] = ask("POST", "/api/user/session", json={"fp": "0123456789abcdef"})
    user = found["session"].get("user")
    if user:
        found["unread"] = ask("GET", f"/api/message/{user['user_id']}/unread")
    found["room"] = ask("GET", f"/api/rooms/{room}")
    found["emoji"] = ask("GET", f"/api/rooms/{room}/emoji")
    found["broadcast"] = ask("GET", f"/api/user/checkCanBroadcast/{room}")
    found["roles"] = ask("GET", f"/api/role/room/{room}/all")
    found["janus"] = ask("GET", "/api/janus/endpoints")
    found["turn"] = ask("GET", "/api/turn/")
    found["token"] = ask("GET", "/api/janus/token")
    found["playlist"] = ask("GET", f"/api/youtube/{room}/playlist")
    if user:
        ask("PUT", f"/api/user/{user['user_id']}/setnotifications", json={"enabled": False})
    return found


def test_the_web_client_as_a_guest(site: Site) -> None:
    add_room(site)
    browser, users = Browser(site), len(site.world.users)
    found = visit(site, browser, "club")
    assert found["session"].keys() == {"token"}
    assert isinstance(found["room"]["attrs"]["janus_id"], str)
    assert all(isinstance(role["tag"], str) for role in found["roles"])
    assert len(site.world.users) == users
    headers = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())}
    by_cookie = visitor_of(site.world, headers, site.community.clock())
    by_token = read_session(site.world, found["session"]["token"], site.community.clock())
    assert by_cookie.session == by_token.session


def test_the_web_client_with_an_account(site: Site, ada: Browser) -> None:
    add_room(site)
    found = visit(site, ada, "club")
    assert found["unread"] == {"unread": 0}
    assert found["session"]["user"]["user_id"] == ada.id
    assert visit(site, ada, "club")["session"]["user"]["settings"]["pushNotificationsEnabled"] is False


def test_behind_a_prefix(tmp_path: Path) -> None:
    with open_site(tmp_path, videos="off", dialects={"jumpin": Place(prefix="/jumpin")}) as site:
        site.do(Register(username="Robot", password=PASSWORD), user=0)
        bot = Browser(site)
        form = {"action": "login", "username": "Robot", "password": PASSWORD}
        for path in ("/jumpin/login", "/login"):
            answer = bot.ask("POST", path, data=form, headers={"Origin": "http://hubbub.test"}, follow_redirects=True)
            assert (answer.status_code, answer.url.path) == (200, "/")
        assert bot.post("/jumpin/api/user/session").json()["user"]["username"] == "Robot"
        assert bot.get("/jumpin/api/rooms/lobby").status_code == 200
        assert bot.get("/jumpin/api/nothing").json()["error"] == "ERR_NOT_FOUND"
        assert bot.get("/api/rooms/lobby").status_code == 404
        assert bot.get("/directory").status_code == 200
