"""Requests that make no sense: whatever is sent, the answer is this dialect's, and says nothing from inside."""

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dialects.jumpin.browser import Browser, add_room
from tests.web.site import Site

from hubbub.dialects.jumpin import account, chatroom, message, picture, role, video
from hubbub.dialects.jumpin import site as site_module

HANDLERS = [
    handler for module in (account, chatroom, message, picture, role, site_module, video) for handler in module.HANDLERS
]
PLACES = sorted(
    (method, path)
    for handler in HANDLERS
    for path in handler.paths
    for method in sorted(str(getattr(method, "value", method)) for method in handler.http_methods)
    if method != "OPTIONS"
)
"""Every method and path of the interface."""

SECRETS = ("Traceback", 'File "', ".py", "msgspec", "litestar", "sqlite", "KeyError", "Exception")


def check(answer: Any, place: object) -> None:
    """Hold an answer against what is promised of every answer."""
    off = answer.status_code == 503 and "/youtube/search/" in str(place)
    assert answer.status_code < 500 or answer.status_code == 501 or off, (place, answer.status_code, answer.text)
    assert not [word for word in SECRETS if word in answer.text], (place, answer.text)
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.status_code >= 400 and answer.content and answer.headers["content-type"] == "application/json":
        assert answer.json().keys() & {"error", "message"}, (place, answer.text)


def fill(path: str, ids: dict[str, str], other: str) -> str:
    """Put ids, or something else, where a path has room for them."""
    parts = (part.strip("{}").partition(":")[0] if part.startswith("{") else "" for part in path.split("/"))
    return "/".join(ids.get(name, other) if name else part for name, part in zip(parts, path.split("/"), strict=True))


def test_there_are_as_many_as_there_should_be() -> None:
    assert len(PLACES) > 60


BODIES: list[Any] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"5",
    b'"x"',
    b"[" * 30_000,
    b'{"a":' * 60 + b"1" + b"}" * 60,
    b'{"message": "\\ud800", "password": "\\ud800", "username": "\\ud800", "reason": "\\ud800"}',
    b'{"message": 1' + b"0" * 5000 + b"}",
    b"\xff\xfe",
    b'{"message": NaN}',
]


@pytest.mark.parametrize("body", BODIES)
def test_bodies(site: Site, ada: Browser, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    add_room(site)
    ids = {"user": ada.id, "other": ada.id, "recipient": ada.id, "room": "club"}
    for method, path in PLACES:
        if method in ("POST", "PUT") and "remove" not in path:
            for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
                place = f"/api{fill(path, ids, 'x')}"
                answer = ada.ask(method, place, content=body, headers={"Content-Type": kind})
                check(answer, (method, place, kind))
    assert not [record for record in caplog.records if "fault" in record.getMessage()]


def test_bodies_that_are_too_large(site: Site, ada: Browser) -> None:
    body = b'{"message": "' + b"x" * 70_000 + b'"}'
    for path in (f"/api/message/{ada.id}", "/api/user/login", "/api/user/session", "/api/rooms/lobby/settings"):
        answer = ada.ask("PUT" if "settings" in path else "POST", path, content=body)
        assert (answer.status_code, answer.json()["error"]) == (413, "ERR_TOO_LARGE"), path


ODD = ["%00", "%ff%fe", "x" * 5000, "%2e%2e%2f", "'; DROP", "0" * 24, "f" * 24, "null", "%F0%9F%92%A9", "-1"]


def test_names_and_ids(site: Site, ada: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    for method, path in PLACES:
        if "{" in path:
            for odd in ODD:
                place = f"/api{fill(path, {}, odd)}"
                check(ada.ask(method, place, json={} if method in ("POST", "PUT") else None), (method, place))
    assert not [record for record in caplog.records if "fault" in record.getMessage()]
    assert ada.user and not site.world.users[ada.user.id].deleted


QUERIES = ("start=%00", "page=%ff", "page=1&page=2", "start[]=1", "=", "&&&", "page=" + "9" * 400, "next[]=x")


def test_queries(ada: Browser) -> None:
    for path in ("/api/rooms/public", f"/api/message/{ada.id}", f"/api/message/{ada.id}/{ada.id}"):
        for query in QUERIES:
            check(ada.get(f"{path}?{query}"), (path, query))
    for path in ("/directory", "/login"):
        assert all(ada.get(f"{path}?{query}").status_code in (200, 404) for query in QUERIES)


def test_methods(site: Site, ada: Browser) -> None:
    def shape(path: str) -> str:
        return fill(path, {"room": "lobby"}, "x")

    for path in sorted({shape(path) for _, path in PLACES}):
        here = {method for method, other in PLACES if shape(other) == path}
        assert ada.ask("OPTIONS", f"/api{path}").status_code == 204
        for method in sorted({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} - here):
            answer = ada.ask(method, f"/api{path}")
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == here | {"OPTIONS"}, path
            if method != "HEAD":
                assert answer.json()["error"] == "ERR_INVALID_PARAMS"


def test_head_is_get_without_a_body(site: Site, ada: Browser) -> None:
    for path in ("/api/status", "/api/rooms/lobby", "/api/rooms/public", "/api/janus/endpoints", "/api/turn/"):
        shown, head = ada.get(path), ada.ask("HEAD", path)
        assert (head.status_code, head.headers["content-type"]) == (200, shown.headers["content-type"])


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/", "/api", "/api/user/", "/api/rooms/", "/api//", "/api/a/b/c/d"]
)
def test_what_there_is_not(site: Site, path: str) -> None:
    answer = Browser(site).get(path)
    assert answer.status_code == 404
    if path.startswith("/api/"):
        assert answer.json() == {"error": "ERR_NOT_FOUND", "message": "There is nothing here."}


def test_our_own_mistakes_stay_inside(
    ada: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the secret is swordfish")

    monkeypatch.setattr(account, "write_account", fail)
    answer = ada.post("/api/user/session")
    assert (answer.status_code, answer.json()["error"]) == (500, "ERR_SRV")
    assert "swordfish" not in answer.text
    assert answer.json()["message"].removeprefix("Internal error ") in caplog.text
    assert "swordfish" in caplog.text


def test_hosts(ada: Browser) -> None:
    for host in ("", "x" * 300, "a b", "evil.example", "[::1]:80", "@"):
        check(ada.get("/api/status", headers={"Host": host}), host)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    *("username", "password", "settings", "enabled", "wideLayout", "darkTheme", "public", "minAccountAge", "closed"),
    *("message", "roomName", "roleId", "userId", "userListId", "room", "targetId", "reason", "description"),
    *("endpoint", "key", "authSecret", "restrictJoin", "allowPrivateMessages"),
)
WRITES = [place for place in PLACES if place[0] in ("POST", "PUT") and "uploadImage" not in place[1]]


def test_any_value_in_any_field(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.dialects.jumpin.conftest import Plain
    from tests.web.site import open_site

    from hubbub.live.rate import Rate

    monkeypatch.setattr("hubbub.app.Argon2", Plain)
    always = Rate(1e9, 10**9)
    monkeypatch.setattr("hubbub.dialects.request.HTTP_RATES", dict.fromkeys(("account", "password", "guest"), always))
    with open_site(tmp_path_factory.mktemp("any"), videos="off") as site:
        ada = Browser(site).log_in("Ada")
        club = add_room(site, "Club", ada)
        ids = {"user": ada.id, "other": ada.id, "recipient": ada.id, "room": club.name}

        @settings(max_examples=150, suppress_health_check=list(HealthCheck))
        @given(place=st.sampled_from(WRITES), body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6) | JSON)
        def run(place: tuple[str, str], body: Any) -> None:
            if place[1] == "/user/logout":
                return
            check(ada.ask(place[0], f"/api{fill(place[1], ids, 'x')}", json=body), (place, body))

        run()
        assert ada.get("/api/status").text == "OK"
