"""Which dialect a request is for: by host, by prefix, or all at one place; and what clashes."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, Request, get
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler

from hubbub.app import Application
from hubbub.cli.doctor import check_settings
from hubbub.cli.serve import greeting
from hubbub.dialects.dm.option import DmOptions
from hubbub.dialects.place import Place
from hubbub.dialects.request import PREFIX_KEY
from hubbub.settings import Settings, SettingsError
from hubbub.web.entrance import Dialect, Entrance
from hubbub.wire.socket_io.option import Options
from hubbub.wire.socket_io.server import SocketServer

ROOMS = "rooms.example.org"


class Sockets:
    """Stands for the Socket.IO server of some dialects: answers with their names."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self.options = Options()

    def serves(self, path: str) -> bool:
        return path == self.options.path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        text = "+".join(sorted(self.names))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})


def word(name: str, path: str) -> HTTPRouteHandler:
    """Give a route that says whose it is, where it was reached, and what of the path was left."""

    @get(path, media_type="text/plain", sync_to_thread=False, name=f"{name} {path}")
    def answer(request: Request[Any, Any, Any]) -> str:
        raw = request.scope["raw_path"].decode()
        return f"{name} at {request.scope.get(PREFIX_KEY, '')} {request.scope['path']} {raw}"

    return answer


def make_http(routes: Sequence[ControllerRouterHandler], pages: bool) -> Litestar:
    shown = [word("page", "/"), word("page", "/schema/openapi.json")] if pages else []
    return Litestar([*shown, *routes], openapi_config=None, logging_config=None)


SERVED = frozenset({"jumpin", "dm"})


def make(places: Mapping[str, Place], **routes: Sequence[str]) -> Entrance:
    """Give an entrance of three dialects with these paths."""
    paths = {"venueless": ("/api/v1/worlds/{world:str}",), "jumpin": ("/api/rooms",), "dm": ("/users",)}
    servers = {
        names: cast(SocketServer, Sockets(names)) for names in (SERVED, frozenset({"jumpin"}), frozenset({"dm"}))
    }
    dialects = {
        name: Dialect(routes=[word(name, path) for path in found]) for name, found in {**paths, **routes}.items()
    }
    return Entrance(dialects, places, sockets=lambda names: servers.get(names & SERVED), http=make_http)


Ask = Callable[..., str]


@pytest.fixture
def ask() -> Iterator[Ask]:
    with asyncio.Runner() as runner:

        def ask(entrance: Entrance, path: str, host: str = "hubbub.test") -> str:
            async def fetch() -> httpx.Response:
                transport = httpx.ASGITransport(app=cast(Any, entrance))
                async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                    return await client.get(path)

            answer = runner.run(fetch())
            return answer.text if answer.status_code == 200 else str(answer.status_code)

        yield ask


# Where they are


def test_all_are_at_the_root_of_every_host(ask: Ask) -> None:
    entrance = make({})
    for host in ("hubbub.test", ROOMS, "[::1]:8420", "localhost"):
        assert ask(entrance, "/users", host) == "dm at  /users /users"
        assert ask(entrance, "/api/rooms", host) == "jumpin at  /api/rooms /api/rooms"
        assert ask(entrance, "/socket.io/", host) == "dm+jumpin"
        assert ask(entrance, "/", host) == "page at  / /"
    assert len(entrance.servers) == 1


def test_a_prefix_is_left_out_of_the_path(ask: Ask) -> None:
    entrance = make({"dm": Place(prefix="/talk/here")})
    assert ask(entrance, "/talk/here/users") == "dm at /talk/here /users /users"
    assert ask(entrance, "/talk/here/socket.io/") == "dm"
    assert ask(entrance, "/socket.io/") == "jumpin"
    assert ask(entrance, "/users") == "404"
    assert ask(entrance, "/talk/here/api/rooms") == ask(entrance, "/talk/here/") == "404"
    assert ask(entrance, "/talk/hereafter/users") == ask(entrance, "/talk/users") == "404"
    assert len(entrance.servers) == 2


def test_a_prefix_is_as_it_is_written(ask: Ask) -> None:
    entrance = make({"dm": Place(prefix="/dm")}, dm=("/users/{name:str}",))
    assert ask(entrance, "/dm/users/a%20b") == "dm at /dm /users/a b /users/a%20b"
    assert ask(entrance, "/DM/users/a") == ask(entrance, "/dm//dm/users/a") == "404"


def test_two_at_one_prefix_share_it(ask: Ask) -> None:
    entrance = make({"dm": Place(prefix="/old"), "jumpin": Place(prefix="/old")})
    assert ask(entrance, "/old/users") == "dm at /old /users /users"
    assert ask(entrance, "/old/api/rooms") == "jumpin at /old /api/rooms /api/rooms"
    assert ask(entrance, "/old/socket.io/") == "dm+jumpin"
    assert ask(entrance, "/socket.io/") == "404"


def test_a_prefix_within_a_prefix(ask: Ask) -> None:
    entrance = make({"jumpin": Place(prefix="/old"), "dm": Place(prefix="/old/dm")})
    assert ask(entrance, "/old/dm/users") == "dm at /old/dm /users /users"
    assert ask(entrance, "/old/api/rooms") == "jumpin at /old /api/rooms /api/rooms"


@pytest.mark.parametrize("host", [ROOMS, f"{ROOMS}:8420", ROOMS.upper()])
def test_a_host_is_a_dialects_and_the_dialect_is_nowhere_else(ask: Ask, host: str) -> None:
    entrance = make({"jumpin": Place(host="Rooms.Example.org")})
    assert ask(entrance, "/api/rooms", host) == "jumpin at  /api/rooms /api/rooms"
    assert ask(entrance, "/socket.io/", host) == "jumpin", "what is tied to a host gets its sockets"
    assert ask(entrance, "/users", host) == "dm at  /users /users", "what is tied to none is here, too"
    assert ask(entrance, "/api/rooms") == "404"
    assert ask(entrance, "/socket.io/") == "dm"


def test_a_host_and_a_prefix(ask: Ask) -> None:
    entrance = make({"dm": Place(host="talk.example.org", prefix="/dm"), "jumpin": Place(host=ROOMS)})
    assert ask(entrance, "/dm/users", "talk.example.org") == "dm at /dm /users /users"
    assert ask(entrance, "/dm/users", ROOMS) == ask(entrance, "/dm/users") == "404"
    assert ask(entrance, "/socket.io/", "talk.example.org") == ask(entrance, "/socket.io/") == "404"
    assert ask(entrance, "/dm/socket.io/", "talk.example.org") == "dm"
    assert ask(entrance, "/socket.io/", ROOMS) == "jumpin"


def test_two_at_one_host_share_it(ask: Ask) -> None:
    entrance = make({"jumpin": Place(host=ROOMS), "dm": Place(host=ROOMS)})
    assert ask(entrance, "/socket.io/", ROOMS) == "dm+jumpin"
    assert ask(entrance, "/socket.io/") == "404"


@pytest.mark.parametrize("host", ["", "[::1]", "[::1]:80", ":80", "a b", "x" * 5000, "rooms.example.org."])
def test_hosts_that_are_nobodys(ask: Ask, host: str) -> None:
    entrance = make({"jumpin": Place(host=ROOMS)})
    scope: Any = {"type": "http", "path": "/socket.io/", "raw_path": b""}
    named: list[Any] = [(b"host", host.encode())]
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    for headers in (named, []):
        sent.clear()
        asyncio.run(cast(Any, entrance)({**scope, "headers": headers}, None, send))
        assert sent[1]["body"] == b"dm"


# What clashes


def test_two_that_want_one_path(ask: Ask) -> None:
    with pytest.raises(SettingsError) as caught:
        make({}, jumpin=("/users",))
    text = str(caught.value)
    assert "venueless, jumpin, dm want the same path" in text and "/users" in text
    assert "[dialects.<name>]" in text and "prefix" in text and "host" in text
    make({"dm": Place(prefix="/dm")}, jumpin=("/users",))
    make({"dm": Place(host=ROOMS), "jumpin": Place(host="other.example.org")}, jumpin=("/users",))
    with pytest.raises(SettingsError):
        make({"dm": Place(host=ROOMS)}, jumpin=("/users",))  # jumpin is at that host, too


@pytest.mark.parametrize("prefix", ["/api", "/api/v1", "/api/v1/worlds", "/schema", "/socket.io", "/api/rooms"])
def test_a_prefix_that_hides_others(prefix: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make({"dm": Place(prefix=prefix)})
    text = str(caught.value)
    assert text.startswith(f"The prefix {prefix} of dm would hide {prefix}")
    assert "Give dm another prefix" in text


@pytest.mark.parametrize("prefix", ["/apis", "/worlds", "/v1", "/api/v2", "/users", "/socket"])
def test_a_prefix_that_hides_nothing(prefix: str) -> None:
    make({"dm": Place(prefix=prefix)})


def test_a_prefix_may_hide_what_is_at_another_host() -> None:
    make({"dm": Place(prefix="/api/rooms", host="talk.example.org"), "jumpin": Place(host=ROOMS)})
    with pytest.raises(SettingsError):
        make({"dm": Place(prefix="/api/rooms", host=ROOMS), "jumpin": Place(host=ROOMS)})


def test_a_prefix_hides_nothing_of_a_longer_one() -> None:
    with pytest.raises(SettingsError, match="would hide /old/api/rooms"):
        make({"jumpin": Place(prefix="/old"), "dm": Place(prefix="/old/api")})


@pytest.mark.parametrize("host", ["http://x", "x:80", "x/y", "a b", "[::1]:80", "*", "é.example.org"])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(SettingsError, match=r"host of dialects\.dm is a name"):
        make({"dm": Place(host=host)})


def test_our_own_mistakes_are_not_called_a_clash() -> None:
    @get("/wrong", status_code=204, sync_to_thread=False)
    def wrong() -> str:
        return ""

    dialects = {"dm": Dialect(routes=[wrong])}
    with pytest.raises(ImproperlyConfiguredException):
        Entrance(dialects, {}, sockets=lambda names: None, http=make_http)


# The whole application


@pytest.mark.parametrize(
    "places",
    [
        {"dm": Place(prefix="/dm"), "jumpin": Place(prefix="/jumpin"), "venueless": Place(prefix="/venueless")},
        {"dm": Place(host="dm.example.org"), "jumpin": Place(host=ROOMS)},
        {"dm": Place(prefix="/dm"), "jumpin": Place(host=ROOMS), "venueless": Place(host="v.example.org", prefix="/v")},
    ],
)
def test_the_dialects_that_there_are_can_be_anywhere(tmp_path: Path, places: dict[str, Place]) -> None:
    opened(tmp_path, dialects=places)


@pytest.mark.parametrize("prefix", ["/api", "/ws", "/ws/world", "/media", "/login", "/healthcheck", "/schema"])
def test_prefixes_that_the_others_need(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(SettingsError, match=f"The prefix {prefix} of dm would hide {prefix}"):
        opened(tmp_path, dialects={"dm": Place(prefix=prefix)})


def opened(directory: Path, **settings: Any) -> None:
    """Open an application, and close it."""
    given = {"database": f"sqlite:///{directory}/hubbub.db", "media": str(directory / "media"), "push": False}

    async def run() -> None:
        application = Application(Settings(**{**given, **settings}))
        await application.open()
        await application.close()

    asyncio.run(run())


def test_a_clash_ends_the_server_at_its_start(tmp_path: Path) -> None:
    (tmp_path / "hubbub.toml").write_text('port = 0\n[dialects.dm]\nprefix = "/api"\n', "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "hubbub", "serve"], cwd=tmp_path, capture_output=True, text=True, timeout=40, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("hubbub: The prefix /api of dm would hide /api/")


# What operators are told


def test_the_server_says_where_the_dialects_are() -> None:
    lines = list(greeting(Settings(), "http://127.0.0.1:8420", ["main"], ""))
    assert "  dm          http://127.0.0.1:8420/socket.io/   REST http://127.0.0.1:8420/new and others" in lines
    moved = Settings(dialects={"dm": Place(prefix="/dm")})
    (line,) = (line for line in greeting(moved, "https://x.example", [], "") if line.startswith("  dm"))
    assert line == "  dm          https://x.example/dm/socket.io/   REST https://x.example/dm/new and others"


@pytest.mark.parametrize("on", [False, True])
def test_the_old_way_to_log_in_is_warned_of(on: bool) -> None:
    settings = Settings(dm=DmOptions(legacy_login=on))
    assert any("legacy_login is on" in line for line in greeting(settings, "http://x", [], "")) is on
    found = [finding for finding in check_settings(settings) if "legacy_login is on" in finding.what]
    assert [(finding.level, bool(finding.advice)) for finding in found] == [("warning", True)] * on
