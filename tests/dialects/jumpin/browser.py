"""Clients that keep cookies, each at an address of its own, as this dialect's have them."""

import itertools
from datetime import timedelta
from typing import Any, Self

import httpx
from tests.web.site import Site

from hubbub.core.account import Register
from hubbub.core.login import LogIn, digest
from hubbub.core.model import Room, User
from hubbub.core.room import AddRoom, RoomSettings
from hubbub.core.visit import JoinRoom
from hubbub.dialects.jumpin.id import Kind, render
from hubbub.live.session import Session

PASSWORD = "correct horse"
OPEN: dict[str, Any] = {"viewer": [], "participant": []}
CHAT = ({"type": "chat.native", "config": {"volatile": True}},)

_numbers = itertools.count(1)


class Browser:
    """A client, and short words for what it asks; `user` is set once it has logged in."""

    def __init__(self, site: Site, *, https: bool = False, address: str = "") -> None:
        self.site = site
        number = next(_numbers)
        self.address = address or f"198.51.{number // 250 % 250}.{number % 250 + 1}"
        transport = httpx.ASGITransport(app=site.application, client=(self.address, 50_000))
        self.client = httpx.AsyncClient(transport=transport, base_url=f"http{'s' if https else ''}://hubbub.test")
        self.user: User | None = None

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.site.runner.run(self.client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        return self.ask("POST", path, json=json, **more)

    def put(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        return self.ask("PUT", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("DELETE", path, **more)

    @property
    def id(self) -> str:
        assert self.user
        return render(self.user.id, Kind.USER)

    def open_session(self) -> Self:
        assert self.post("/api/user/session").status_code == 200
        return self

    def log_in(self, name: str, *, register: bool = True) -> Self:
        """Log in to an account, a new one unless told otherwise, and open a session."""
        if register:
            self.site.do(Register(username=name, password=PASSWORD), user=0)
        answer = self.post("/api/user/login", {"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.user = self.site.world.users[self.site.world.by_login[name.lower()]]
        return self.open_session()

    def guest(self) -> User | None:
        """Give the guest that the world knows this client as, if it does."""
        from hubbub.dialects.jumpin.identity import read_session

        visitor = read_session(self.site.world, self.client.cookies["jic.activity"], self.site.community.clock())
        return self.site.world.users.get(self.site.world.by_client_id.get(visitor.client_id, 0))

    def access(self) -> str:
        """Give the digest of the access token."""
        return digest(self.client.cookies["jic.ident"])


def add_room(site: Site, name: str = "Club", owner: Browser | None = None, **settings: Any) -> Room:
    given = {"modules": CHAT, "trait_grants": OPEN, **settings}
    how = {"user": owner.user.id} if owner and owner.user else {"operator": True}
    room: Room = site.do(AddRoom(settings=RoomSettings(name=name, **given)), **how)
    return room


class Nobody:
    """An outbox, an encoder and whatever else a connection needs that is told nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_more: None


def enter(site: Site, user: int, room: int) -> str:
    """Let a user be in a room with a connection that hears nothing, and give the id of their place in its user list."""
    site.do(LogIn(client_id=f"tab of {user}"), operator=True)
    session = Session(site.community.new_id(), site.world, Nobody(), Nobody())  # type: ignore[arg-type]
    session.user = user
    done = site.runner.get_loop().create_future()

    async def join() -> Any:
        site.community.execute(site.world, JoinRoom(room=room), done.set_result, session=session)
        return await done

    arrival = site.runner.run(join())
    return render(arrival.visit.id, Kind.VISIT)


def pass_time(site: Site, delay: timedelta) -> None:
    site.community.clock.now += delay  # type: ignore[attr-defined]
